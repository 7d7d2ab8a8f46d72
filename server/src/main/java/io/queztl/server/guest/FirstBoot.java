package io.queztl.server.guest;

import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a guest with a system of its own is set up with.
 *
 * @param keys public keys that may log in by ssh: lines of an {@code authorized_keys} file
 * @param hostName the guest's name, or null to leave it as it is
 */
public record FirstBoot(List<String> keys, @Nullable String hostName) {
    private static final Pattern KEY =
            Pattern.compile(
                    "(ssh-|ecdsa-sha2-|sk-)[a-z0-9@.-]{2,60} [A-Za-z0-9+/]{16,16384}={0,3}"
                            + "( [^\\p{Cntrl}]*)?");
    private static final String LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    private static final Pattern HOST_NAME = Pattern.compile(LABEL + "(\\." + LABEL + ")*");

    /** Linux's limit (sethostname(2)). */
    private static final int MAX_HOST_NAME = 64;

    /** Copies what is given. */
    public FirstBoot {
        keys = List.copyOf(keys);
    }

    /** Whether a line is a public key as ssh-keygen writes it: type, key, comment. */
    public static boolean isKey(String line) {
        return KEY.matcher(line).matches();
    }

    /** Whether Linux takes a name, and others can look it up (RFC 1123, 2.1). */
    public static boolean isHostName(String name) {
        return name.length() <= MAX_HOST_NAME && HOST_NAME.matcher(name).matches();
    }
}
