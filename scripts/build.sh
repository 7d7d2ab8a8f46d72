#!/bin/sh
# Builds the jars into target/dist; one line of progress, the rest in target/build.log.
set -eu
cd "$(dirname "$0")/.."
. scripts/jdk.sh
find_jdk || exit 125
mkdir -p target
exec 9>target/build.lock
if command -v flock >/dev/null 2>&1; then flock 9; fi

# Somebody else may have built while we waited for the lock.
if [ "${1:-}" = --if-needed ]; then
    shift
    if scripts/is-built.sh; then exit 0; fi
fi
start=$(date +%s)
printf 'Building Queztl with %s ... ' "$JAVA_HOME" >&2
touch target/build.started
rm -rf target/dist
if MAVEN_OPTS="${MAVEN_OPTS:--XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto}" \
    ./mvnw -B -ntp -Dstyle.color=never package -DskipTests -Dmaven.test.skip=true "$@" \
    >target/build.log 2>&1; then
    cp hotspot/src/main/directives/regions.json target/dist/boot/
    # Sources changed while Maven ran must count as newer than the build.
    # The AOT cache refers to the jars by path, size and time.
    { pwd; ls -ln target/dist target/dist/boot; cat target/dist/*.jar target/dist/boot/*; } | cksum >target/dist/.checksum
    mv target/build.started target/dist/.built
    echo "done in $(($(date +%s) - start)) s." >&2
else
    rm -f target/build.started
    echo "failed; the end of target/build.log:" >&2
    grep -E '^\[ERROR\]' target/build.log | head -n 5 >&2 || tail -n 20 target/build.log >&2
    exit 125
fi
