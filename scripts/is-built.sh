#!/bin/sh
# True if target/dist is newer than every source it is made of.
cd "$(dirname "$0")/.." || exit 1
[ -f target/dist/.built ] || exit 1
newer=$(find pom.xml ./*/pom.xml linux/src/main machine/src/main emulator/src/main \
    hotspot/src/main devices/src/main vmm/src/main server/src/main -newer target/dist/.built -print 2>/dev/null |
    head -n 1)
[ -z "$newer" ]
