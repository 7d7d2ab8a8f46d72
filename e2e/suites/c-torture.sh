# GCC's C torture tests, those that are run (execute, its ieee and builtins), of the host's GCC
# version. Programs are linked with the host's shared C library: 1,700 static ones would not fit
# into the guest's memory. A test that does not build or does not pass on the host is noted.

levels='-O2'

# Compiles test $3 of kind $2 at level $4 into $1/NAME; prints why not.
compile_test() {
    file=$3
    name=$(basename "$file" .c)
    prefix=$2
    [ "$prefix" = execute ] || name=$prefix-$name
    program=$1/$name$4
    # The options that the test asks for on every target or on this one, in itself or in its .x file.
    options=$(sed -n '/ia32/d
        s/.*{ *dg-\(additional-\)\{0,1\}options *{* *"\([^"]*\)"[ }]*\(\*\/\)\{0,1\}$/\2/p
        s/.*{ *dg-\(additional-\)\{0,1\}options *"\([^"]*\)" *{ target .*x86_64.*/\2/p' "$file" |
        tr '\n' ' ')
    if [ -f "${file%.c}.x" ]; then
        options="$options $(sed -n 's/.*additional_flags "*\(-f[^"]*\)"*$/\1/p' "${file%.c}.x")"
    fi
    set -- -w "$4" $options
    case $prefix in
        ieee) set -- "$@" -ffloat-store -fno-inline ;;
        builtins)
            set -- "$@" -fno-tree-dse -fno-tree-loop-distribute-patterns -fno-ipa-ra \
                -I "$(dirname "$file")" "${file%.c}-lib.c" "$(dirname "$file")/lib/main.c"
            ;;
    esac
    if ! gcc "$@" "$file" -o "$program" -lm >/dev/null 2>"$program.log"; then
        echo "not built: $(basename "$program"): $(grep -m 1 -o 'error: .*\|undefined.*' "$program.log")"
        rm -f "$program"
    elif ! (cd "$(mktemp -d "$program.XXXXXX")" && timeout 20 "$program") >/dev/null 2>&1; then
        echo "does not pass on the host: $(basename "$program")"
        rm -f "$program"
    fi
    rm -rf "$program".*
}

build() {
    version=$(gcc -dumpversion)
    tar xzOf "$(source_package "gcc-$version")"/gcc-*.orig.tar.gz --wildcards '*/gcc-*.tar.xz' |
        tar xJ -C "$1" --wildcards --strip-components=4 '*/gcc/testsuite/gcc.c-torture/execute/*'
    mkdir "$2/suite/tests"
    for level in $levels; do
        for file in "$1"/execute/*.c; do echo "execute $file $level"; done
        for file in "$1"/execute/ieee/*.c; do echo "ieee $file $level"; done
        for file in "$1"/execute/builtins/*.c; do
            case $file in
                *-lib.c) ;;
                *) echo "builtins $file $level" ;;
            esac
        done
    done | nice xargs -P "$jobs" -L 40 sh "$suites/build.sh" --call c-torture compile_tests \
        "$2/suite/tests" >>"$notes"
    with_libraries "$2" "$(find "$2/suite/tests" -type f | head -n 1)"
    cp -L /lib/x86_64-linux-gnu/libm.so.6 "$2/lib/x86_64-linux-gnu"
    for program in "$2"/suite/tests/*; do
        echo "$(basename "$program") /suite/tests/$(basename "$program")"
    done >"$2/suite/commands"
}

# The same for many tests: KIND FILE LEVEL ...
compile_tests() {
    folder=$1
    shift
    while [ $# -ge 3 ]; do
        compile_test "$folder" "$1" "$2" "$3"
        shift 3
    done
}
