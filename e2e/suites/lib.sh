# Sourced by build.sh: Debian's packages and sources in a cache folder of ours, without root, and
# initramfs images.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/queztl/suites
suites=$(cd "$(dirname "$0")" && pwd)
jobs=$(nproc)

say() { echo "suites: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

need() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 || fail "'$tool' is missing; './dev deps' installs it"
    done
}

# --- apt, with state and downloads in the cache folder, and sources where the host has binaries.

apt_setup() {
    need apt-get dpkg-deb
    [ -z "${APT_CONFIG:-}" ] || [ "$APT_CONFIG" != "$cache/apt/apt.conf" ] || return 0
    mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial" "$cache/download"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        grep debian | grep ' main$' | sort -u |
        while read -r site release component; do
            for kind in deb deb-src; do
                echo "$kind [signed-by=$keyring] $site $release $component"
            done
        done >"$cache/apt/sources.list"
    [ -s "$cache/apt/sources.list" ] || fail "this host's apt has no Debian sources"
    : >"$cache/apt/status"
    cat >"$cache/apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$cache/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$cache/apt/lists";
Dir::State::status "$cache/apt/status";
Dir::Cache "$cache/apt";
APT::Sandbox::User "$(id -un)";
APT::Architecture "amd64";
APT::Architectures "amd64";
Acquire::Languages "none";
Acquire::Retries "2";
Debug::NoLocking "1";
CONF
    export APT_CONFIG="$cache/apt/apt.conf"
    apt-get -q update >"$cache/apt/update.log" 2>&1 || say "apt-get update failed; trying on"
}

# Downloads packages and unpacks them into folder $1.
packages() {
    into=$1
    shift
    apt_setup
    for package in "$@"; do
        [ ! -e "$into/.$package" ] || continue
        say "getting Debian's package $package"
        folder=$(mktemp -d "$cache/download/XXXXXX")
        (cd "$folder" && apt-get -q download "$package" >log 2>&1) ||
            fail "apt cannot download $package: $(grep -m 1 '^E:' "$folder/log")"
        mkdir -p "$into"
        dpkg-deb -x "$folder"/*.deb "$into"
        : >"$into/.$package"
        rm -rf "$folder"
    done
}

# Prints the folder with the downloaded files of source package $1.
source_package() {
    apt_setup
    folder=$cache/source/$1
    if [ ! -e "$folder/.done" ]; then
        say "getting Debian's source package $1"
        mkdir -p "$folder"
        (cd "$folder" && apt-get -q source --download-only "$1" >log 2>&1) ||
            fail "apt cannot download the source of $1: $(grep -m 1 '^E:' "$folder/log")"
        : >"$folder/.done"
    fi
    echo "$folder"
}

# --- The guest: Debian's stock kernel and an initramfs with /suite.

# Prints the name of the package with the newest kernel of flavour amd64.
kernel_package() {
    apt_setup
    apt-cache show --no-all-versions linux-image-amd64 |
        sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p'
}

kernel() {
    packages "$cache/kernel" "$(kernel_package)"
    ls "$cache"/kernel/boot/vmlinuz-*
}

# Copies program $2 into guest $1 with the shared libraries it needs.
with_libraries() {
    ldd "$2" | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p' | sort -u | while read -r library; do
        mkdir -p "$1$(dirname "$library")"
        [ -e "$1$library" ] || cp -L "$library" "$1$library"
    done
}

# Packs guest $1 as the initramfs $2.
pack() {
    need cpio
    (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$2.new"
    mv "$2.new" "$2"
    rm -rf "$1"
}
