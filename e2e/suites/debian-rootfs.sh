#!/bin/sh
# A small Debian 12 with systemd, as an initramfs for Debian's stock kernel.
#
#   debian-rootfs.sh          builds it (once) and prints kernel=FILE and initrd=FILE
#   debian-rootfs.sh time [CPUS]
#                             boots it under Queztl and under QEMU's TCG in turn and prints the
#                             seconds from start to multi-user, with CPU seconds and ratio
#
# With queztl.report on the kernel's command line the guest reports once multi-user.target is
# reached, "QUEZTL-..." a line, and powers off; without it, the console has a root shell.
# RUNS=N times N boots of each (default: 1), QUEZTL_OPTIONS adds options to 'queztl run'.
set -eu
. "$(dirname "$0")/lib.sh"

release_name=debian-12
include=systemd,systemd-sysv,udev,dbus,login,passwd,procps,iproute2,kmod,cron
append=queztl.report
memory=2G

# Prints the host's first source of Debian 12, main.
mirror() {
    apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT) $(REPO_URI)' \
        'Created-By: Packages' |
        sed -n 's/^[^ ]* bookworm main \(.*\)$/\1/p' | grep -v -e security -e updates | head -n 1
}

rootfs() {
    [ "$(id -u)" = 0 ] || fail "debootstrap needs root"
    need debootstrap
    source=$(mirror)
    [ -n "$source" ] || fail "this host's apt has no source of Debian 12 (bookworm)"
    mkdir -p "$cache/$release_name.packages"
    say "building Debian 12 with debootstrap from $source"
    debootstrap --variant=minbase --include="$include" --cache-dir="$cache/$release_name.packages" \
        bookworm "$1" "$source" >"$cache/$release_name.log" 2>&1 ||
        fail "debootstrap failed; see $cache/$release_name.log"
}

# The stock kernel of the cloud flavour, which 'queztl run' takes too, and its modules.
cloud_kernel() {
    apt_setup
    package=$(apt-cache show --no-all-versions linux-image-cloud-amd64 |
        sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p')
    packages "$cache/cloud-kernel" "$package"
    release=${package#linux-image-}
}

configure() {
    rm -rf "$1"/usr/share/doc "$1"/usr/share/man "$1"/usr/share/locale "$1"/var/cache/apt \
        "$1"/var/lib/apt/lists "$1"/var/log/*.log
    mkdir -p "$1/usr/lib/modules"
    cp -R "$cache/cloud-kernel/lib/modules/$release" "$1/usr/lib/modules/"
    chroot "$1" depmod "$release"
    echo queztl >"$1/etc/hostname"
    printf '127.0.0.1 localhost queztl\n' >"$1/etc/hosts"
    : >"$1/etc/fstab"
    echo 0123456789abcdef0123456789abcdef >"$1/etc/machine-id"
    ln -sf /lib/systemd/systemd "$1/init"
    units=$1/etc/systemd/system

    # A root shell on the serial console.
    mkdir -p "$units/serial-getty@ttyS0.service.d"
    cat >"$units/serial-getty@ttyS0.service.d/autologin.conf" <<'UNIT'
[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --noissue --keep-baud 115200,57600,38400,9600 - $TERM
UNIT

    # Last in the boot: what is timed is multi-user.target, with all that it wants.
    cat >"$units/queztl.target" <<'UNIT'
[Unit]
Description=Multi-user, then the report
Requires=multi-user.target
Wants=queztl-report.service
After=multi-user.target
AllowIsolate=yes
UNIT
    cat >"$units/queztl-report.service" <<'UNIT'
[Unit]
Description=Report of the boot
ConditionKernelCommandLine=queztl.report
After=multi-user.target

[Service]
ExecStart=/usr/local/sbin/queztl-report
StandardOutput=file:/dev/console
StandardError=file:/dev/console
UNIT
    ln -sf queztl.target "$units/default.target"
    cat >"$1/usr/local/sbin/queztl-report" <<'REPORT'
#!/bin/sh
# The shell on the console may have left the cursor within a line.
printf '\nQUEZTL-MULTI-USER\n'
printf '\nQUEZTL-STATE %s\n' "$(systemctl is-system-running --wait)"
printf '\nQUEZTL-TIME %s\n' "$(systemd-analyze time | head -n 1)"
printf '\nQUEZTL-CPUS %s\n' "$(nproc)"
systemctl list-units --failed --plain --no-legend | sed 's/^/\nQUEZTL-FAILED /'
printf '\nQUEZTL-FAILED-UNITS %s\n' "$(systemctl list-units --failed --no-legend | wc -l)"
dmesg | grep -E 'BUG|Oops|segfault|general protection|WARNING:|Call Trace|rcu.*stall|soft lockup|traps:' |
    sed 's/^/\nQUEZTL-DMESG /'
read -r arguments </proc/cmdline
case $arguments in
    *queztl.profile*)
        systemd-analyze blame --no-pager | head -n 25 | sed 's/^/QUEZTL-BLAME /'
        systemd-analyze critical-chain --no-pager multi-user.target | sed 's/^/QUEZTL-CHAIN /'
        dmesg | sed 's/^/QUEZTL-LOG /'
        cat /proc/interrupts /proc/stat /proc/vmstat | sed 's/^/QUEZTL-COUNT /'
        ;;
esac
printf '\nQUEZTL-END\n'
systemctl poweroff
REPORT
    chmod 755 "$1/usr/local/sbin/queztl-report"
}

build() {
    cloud_kernel
    kernel=$cache/cloud-kernel/boot/vmlinuz-$release
    key=$(cat "$suites/debian-rootfs.sh" | cksum | cut -d ' ' -f 1)
    initrd=$cache/$release_name.$key-$release.cpio
    if [ ! -s "$initrd" ]; then
        rm -f "$cache/$release_name".*.cpio
        work=$(mktemp -d "$cache/$release_name.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        base=$cache/$release_name.$(echo "$include" | cksum | cut -d ' ' -f 1).base
        if [ ! -s "$base" ]; then
            rm -f "$cache/$release_name".*.base
            # As an archive: a cache folder is no place for set-user-id programs.
            (
                unset APT_CONFIG
                rootfs "$work/base"
            )
            tar cf "$base.new" -C "$work/base" .
            mv "$base.new" "$base"
            rm -rf "$work/base"
        fi
        [ "$(id -u)" = 0 ] || fail "unpacking Debian needs root"
        mkdir "$work/guest"
        tar xpf "$base" -C "$work/guest"
        configure "$work/guest"
        need cpio
        # Owners are kept.
        (cd "$work/guest" && find . | LC_ALL=C sort | cpio --quiet -o -H newc) >"$initrd.new"
        mv "$initrd.new" "$initrd"
    fi
}

# --- Timing.

# Reads a guest's console, writes it to file $2 and prints the seconds from $1 to multi-user.
seconds_to_multi_user() {
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$2"
        case $line in
            QUEZTL-MULTI-USER*) echo "$1 $(date +%s.%N)" | awk '{ printf "%.2f\n", $2 - $1 }' ;;
        esac
    done
}

# Runs the command behind $1 and prints "wall cpu total": wall seconds to multi-user, and CPU and
# wall seconds to the end.
boot() {
    console=$cache/$release_name.$1.console
    shift
    : >"$console"
    begin=$(date +%s.%N)
    { /usr/bin/env time -o "$console.time" -f '%U %S %e' "$@" </dev/null 2>"$console.errors" || :; } |
        seconds_to_multi_user "$begin" "$console" >"$console.wall"
    wall=$(cat "$console.wall")
    [ -n "$wall" ] || fail "the guest did not reach multi-user; see $console"
    tail -n 1 "$console.time" | awk -v wall="$wall" '{ printf "%s %.1f %.1f\n", wall, $1 + $2, $3 }'
}

compare() {
    cpus=$1
    need qemu-system-x86_64 time
    # What a first run has to build is not timed.
    "$suites/../../queztl" --version >/dev/null
    line="console=ttyS0 panic=-1 $append"
    echo "kernel $(basename "$kernel"), initramfs $(($(stat -c %s "$initrd") / 1048576)) MiB, $cpus vCPUs, $memory"
    for run in $(seq "${RUNS:-1}"); do
        # shellcheck disable=SC2086
        ours=$(boot queztl "$suites/../../queztl" run -c "$cpus" -m "$memory" \
            --kernel "$kernel" --initrd "$initrd" --append "$append" ${QUEZTL_OPTIONS:-})
        theirs=$(boot qemu qemu-system-x86_64 -accel tcg -cpu max -smp "$cpus" -m "$memory" \
            -nographic -no-reboot -nic none -kernel "$kernel" -initrd "$initrd" -append "$line")
        echo "$ours $theirs" | awk '{
            printf "queztl   %7.2f s to multi-user, %7.1f s to power off, %7.1f CPU s\n", $1, $3, $2
            printf "qemu tcg %7.2f s to multi-user, %7.1f s to power off, %7.1f CPU s\n", $4, $6, $5
            printf "queztl / qemu tcg: %.2f (wall), %.2f (CPU to power off)\n", $1 / $4, $2 / $5
        }'
    done
}

mkdir -p "$cache"
build
case ${1:-build} in
    build)
        echo "kernel=$kernel"
        echo "initrd=$initrd"
        ;;
    time) compare "${2:-1}" ;;
    *) fail "'${1}': build or time" ;;
esac
