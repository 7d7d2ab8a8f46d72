# Sourced by dev, queztl and mvnw: sets JAVA_HOME to a JDK that is new enough.
#
# Looks at JAVA_HOME, java on PATH, the distributions' folders, SDKMAN, ~/.jdks and macOS, in this
# order, and takes the first that fits. QUEZTL_JDK overrides all of it.

QUEZTL_JAVA=25

# Prints the feature version of the JDK in folder $1, nothing if there is none.
jdk_version() {
    [ -x "$1/bin/javac" ] && [ -f "$1/release" ] || return 0
    sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
}

find_jdk() {
    path_java=$(command -v javac || true)
    if [ -n "$path_java" ]; then
        path_java=$(readlink -f "$path_java" 2>/dev/null || echo "$path_java")
        path_java=${path_java%/bin/javac}
    fi
    mac_home=
    if [ -x /usr/libexec/java_home ]; then
        mac_home=$(/usr/libexec/java_home -v "$QUEZTL_JAVA+" 2>/dev/null || true)
    fi
    for candidate in "${QUEZTL_JDK:-}" "${JAVA_HOME:-}" "$path_java" "$mac_home" \
        /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* \
        "${SDKMAN_DIR:-${HOME:-/root}/.sdkman}"/candidates/java/* "${HOME:-/root}"/.jdks/* \
        /Library/Java/JavaVirtualMachines/*/Contents/Home; do
        [ -n "$candidate" ] || continue
        version=$(jdk_version "$candidate")
        if [ -n "$version" ] && [ "$version" -ge "$QUEZTL_JAVA" ]; then
            JAVA_HOME=$candidate
            export JAVA_HOME
            return 0
        fi
    done
    echo "queztl: no JDK $QUEZTL_JAVA or newer found; install one or set JAVA_HOME to it." >&2
    return 1
}
