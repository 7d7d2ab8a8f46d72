# Berkeley TestFloat 3 at level 1, in QEMU's source package; its subject is testfloat/subjfloat.c.

build() {
    tar xJf "$(source_package qemu)"/qemu_*.orig.tar.xz -C "$1" --wildcards \
        --strip-components=3 '*/tests/fp/berkeley-*'
    testfloat=$1/berkeley-testfloat-3
    platform=build/Linux-x86_64-GCC
    cp -r "$suites/testfloat" "$testfloat/source/subj-x86"
    nice make -s -j "$jobs" -C "$1/berkeley-softfloat-3/$platform" SPECIALIZE_TYPE=8086-SSE \
        >/dev/null
    options='-DFLOAT16 -DFLOAT64 -DEXTFLOAT80 -DFLOAT128'
    # slowfloat_exceptionFlags: QEMU's copy names a variable that the program is not linked with.
    options="$options -Dslowfloat_exceptionFlags=softfloat_exceptionFlags"
    nice make -s -j "$jobs" -C "$testfloat/$platform" testfloat \
        SUBJ_SOURCE_DIR=../../source/subj-x86 LINK='gcc -static -o $@' TESTFLOAT_OPTS="$options" \
        >/dev/null
    cp "$testfloat/$platform/testfloat" "$2/suite"
    "$2/suite/testfloat" -list | while read -r function; do
        echo "$function /suite/testfloat -level 1 -checkAll -tininessafter -errors 4 $function"
    done >"$2/suite/commands"
}
