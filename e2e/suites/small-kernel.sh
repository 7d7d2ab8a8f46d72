# A small bzImage of Debian's linux-source: 64 bits, SMP, serial console, initramfs. Its tools are
# unpacked into the cache folder too.

build_kernel() {
    tools=$cache/kernel-tools
    packages "$tools" flex bison m4 libelf-dev libelf1 zlib1g bc
    packages "$1" "$(apt-cache show --no-all-versions linux-source |
        sed -n 's/^Depends: \(linux-source-[^ ,]*\).*/\1/p')"
    say "unpacking and building a small kernel; this takes a while"
    tar xJf "$1"/usr/src/linux-source-*.tar.xz -C "$1" --strip-components=1
    libraries=$tools/usr/lib/x86_64-linux-gnu:$tools/lib/x86_64-linux-gnu
    (
        export PATH="$tools/usr/bin:$PATH" BISON_PKGDATADIR="$tools/usr/share/bison"
        export M4="$tools/usr/bin/m4" C_INCLUDE_PATH="$tools/usr/include"
        export LIBRARY_PATH="$libraries" LD_LIBRARY_PATH="$libraries"
        cd "$1"
        make -s allnoconfig "KCONFIG_ALLCONFIG=$suites/small-kernel/config"
        nice -n 19 make -s -j "$jobs" bzImage
    ) >"$cache/small-kernel.log" 2>&1 || fail "the kernel does not build: $cache/small-kernel.log"
    mv "$1/arch/x86/boot/bzImage" "$built.bzImage"
}
