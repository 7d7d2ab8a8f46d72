# Litmus tests of the memory model and of locked instructions, litmus/*.c.

build() {
    gcc -O2 -Wall -fno-builtin -static -pthread -o "$2/suite/litmus" \
        "$suites/litmus/main.c" "$suites/litmus/ordering.c" "$suites/litmus/atomicity.c"
    echo "- /suite/litmus" >"$2/suite/commands"
}
