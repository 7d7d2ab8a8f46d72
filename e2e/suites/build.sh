#!/bin/sh
# Builds the guest of a suite: 'build.sh SUITE' prints KEY=VALUE lines: kernel, initrd, and note for
# what could not be built; 'build.sh small-kernel' a kernel only. Everything lives in the user's
# cache folder; a second call is quick.
# 'build.sh --call SUITE FUNCTION ARGUMENTS' calls a function of a suite's script, for xargs.
set -eu
call=
if [ "$1" = --call ]; then
    call=yes
    shift
fi
suite=$1
shift
. "$(dirname "$0")/lib.sh"
. "$suites/$suite.sh"
if [ -n "$call" ]; then
    "$@"
    exit 0
fi
# Its script has done it all.
[ "$suite" != debian-rootfs ] || exit 0
need gcc make
mkdir -p "$cache"

key=$(cat "$suites/$suite.sh" "$suites/$suite"/* 2>/dev/null | cksum | cut -d ' ' -f 1)
built=$cache/$suite.$key
if [ "$suite" = small-kernel ]; then
    if [ ! -s "$built.bzImage" ]; then
        need xz make perl
        apt_setup
        rm -f "$cache/$suite".*.bzImage
        work=$(mktemp -d "$cache/$suite.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        build_kernel "$work" >&2
    fi
    echo "kernel=$built.bzImage"
    exit 0
fi

kernel=$(kernel)
if [ ! -s "$built.cpio" ]; then
    say "building the guest of $suite"
    rm -f "$cache/$suite".*.cpio "$cache/$suite".*.notes
    work=$(mktemp -d "$cache/$suite.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    notes=$built.notes
    : >"$notes"
    mkdir -p "$work/guest/suite/expected"
    build "$work" "$work/guest" >&2
    pack "$work/guest" "$built.cpio"
fi
# The kernel takes archives one behind the other: the suite's and that of init.
initrd=$cache/$suite.initrd
init=$(mktemp -d "$cache/init.XXXXXX")
gcc -O1 -Wall -static -o "$init/init" "$suites/init.c"
pack "$init" "$initrd.init"
cat "$built.cpio" "$initrd.init" >"$initrd"
rm "$initrd.init"
echo "kernel=$kernel"
echo "initrd=$initrd"
sed 's/^/note=/' "$built.notes"
