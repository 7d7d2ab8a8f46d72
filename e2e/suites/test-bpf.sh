# The kernel's own tests of BPF, module test_bpf of Debian's stock kernel: its interpreter is off
# there, so every program runs as translated by the kernel's JIT.

build() {
    module=$(find "$cache/kernel/lib/modules" -name 'test_bpf.ko*')
    case $module in
        *.ko) cp "$module" "$2/suite/test_bpf.ko" ;;
        *.xz) xz -dc "$module" >"$2/suite/test_bpf.ko" ;;
        *) fail "Debian's kernel has no test_bpf module" ;;
    esac
    gcc -O1 -Wall -static -o "$2/suite/load" "$suites/test-bpf/load.c"
    echo "- /suite/load /suite/test_bpf.ko" >"$2/suite/commands"
}
