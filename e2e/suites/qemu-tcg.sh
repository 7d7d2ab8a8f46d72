# QEMU's tests/tcg for x86_64 and i386, without its build system. A test passes if it exits with 0
# and prints what it prints on the host's CPU, where that is the same twice.

# The C library is not to choose instructions that the guest's CPU has not.
tunables=glibc.cpu.hwcaps=-FMA,-FMA4,-AVX,-AVX2

# Links test $3 as $2-$3 in folder $1 from the options and files behind; notes why not.
program() {
    folder=$1
    name=$2-$3
    flags=-m64
    shift 3
    case $name in
        i386-*) flags=$flags32 ;;
    esac
    if ! nice gcc $flags -w -g0 -fno-strict-aliasing "$@" -o "$folder/$name" \
        >/dev/null 2>"$folder/$name.log"; then
        echo "not built: $name: $(grep -m 1 -o 'error: .*\|undefined.*\|cannot.*' "$folder/$name.log")"
        rm -f "$folder/$name"
        return 0
    fi
    for run in 1 2; do
        if ! (cd "$expected" && GLIBC_TUNABLES=$tunables timeout 60 "$folder/$name") >"$expected/$name.$run" 2>&1 </dev/null
        then
            echo "does not pass on the host: $name"
            rm -f "$folder/$name" "$expected/$name".*
            return 0
        fi
    done
    case $name in
        # Threads print in any order; the time of day.
        *-testthread | *-vsyscall) ;;
        *) ! cmp -s "$expected/$name.1" "$expected/$name.2" ||
            mv "$expected/$name.1" "$expected/$name" ;;
    esac
    rm -f "$expected/$name".[12]
    echo "$name /suite/$name" >>"$folder/commands"
}

build() {
    expected=$2/suite/expected
    packages "$cache/i386" libc6-dev-i386 "lib32gcc-$(gcc -dumpversion)-dev" libc6-i386 lib32gcc-s1
    root32=$cache/i386/usr
    # The headers are those of 64-bit programs and one more.
    headers=include/x86_64-linux-gnu
    flags32="-m32 -B$root32/lib32/ -L$root32/lib32 -idirafter /usr/$headers -idirafter $root32/$headers"
    libgcc32=$(echo "$root32"/lib/gcc/x86_64-linux-gnu/*/32)
    flags32="$flags32 -B$libgcc32/ -L$libgcc32"
    tar xJf "$(source_package qemu)"/qemu_*.orig.tar.xz -C "$1" --wildcards \
        --strip-components=3 '*/tests/tcg/multiarch/*' '*/tests/tcg/i386/*' '*/tests/tcg/x86_64/*'
    python3 "$1/i386/test-mmx.py" "$1/i386/x86.csv" "$1/i386/test-mmx.h" MMX SSE SSE2 SSE3 SSSE3
    programs "$1" "$2/suite" >>"$notes"
    rm -f "$2"/suite/*.log
}

programs() {
    for machine in x86_64 i386; do
        for file in "$1"/multiarch/*.c "$1"/multiarch/linux/*.c; do
            test=$(basename "$file" .c)
            helpers=
            case $test in
                float_*) helpers=$1/multiarch/libs/float_helpers.c ;;
            esac
            program "$2" $machine "$test" -O0 -static -pthread "$file" $helpers -lm -lrt
        done
        program "$2" $machine sha512-sse -O3 -msse4.1 -static "$1/multiarch/sha512.c"
        program "$2" $machine test-i386-bmi2 -O2 -static "$1/i386/test-i386-bmi2.c"
    done
    # These two use registers of 64-bit mode.
    program "$2" x86_64 test-mmx -O -masm=intel -static -I "$1/i386" "$1/i386/test-mmx.c"
    program "$2" x86_64 test-i386-ssse3 -O0 -mssse3 -static "$1/i386/test-i386-ssse3.c"
    for file in "$1"/x86_64/*.c; do
        program "$2" x86_64 "$(basename "$file" .c)" -O0 -static "$file"
    done
    program "$2" x86_64 test-x86_64 -O0 -static "$1/i386/test-i386.c" -lm
    for file in "$1"/i386/*.c; do
        test=$(basename "$file" .c)
        options="-O0 -static"
        more=
        case $test in
            test-i386-bmi2 | test-i386-ssse3 | test-mmx) continue ;;
            test-avx | test-3dnow)
                echo "not built: i386-$test: the CPU has no ${test#test-}"
                continue
                ;;
            test-i386-fprem)
                echo "not run: i386-$test: prints 66 MB; QEMU's own build leaves it out by default too"
                continue
                ;;
            hello-i386) options="-ffreestanding -nostdlib -static -no-pie" ;;
            test-i386) more="-fno-pie -no-pie $1/i386/test-i386-code16.S $1/i386/test-i386-vm86.S" ;;
            test-i386-sse-exceptions) options="$options -msse4.1 -mfpmath=sse" ;;
            test-i386-pcmpistri) options="$options -msse4.2" ;;
        esac
        program "$2" i386 "$test" $options "$file" $more -lm
    done
}
