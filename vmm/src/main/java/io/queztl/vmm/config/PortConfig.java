package io.queztl.vmm.config;

import java.nio.file.Path;

/**
 * A port by which programs of guest and host talk.
 *
 * @param name what the guest finds it by
 * @param socket the Unix socket where the host finds it
 */
public record PortConfig(String name, Path socket) implements DeviceConfig {
    private static final String NAME = "[A-Za-z0-9._-]{1,64}";

    /** Checks the name. */
    public PortConfig {
        if (!name.matches(NAME)) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "the name of a port is 1 to 64 letters, digits, dots, dashes and underscores,"
                            + " not '%s'.".formatted(name));
        }
    }

    /**
     * Reads {@code NAME=SOCKET}.
     *
     * @throws VmException if it is written differently
     */
    public static PortConfig parse(String text) {
        int equals = text.indexOf('=');
        if (equals < 0 || equals == text.length() - 1) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "--port takes NAME=SOCKET, such as org.example.agent=/run/vm.sock, not '%s'."
                            .formatted(text));
        }
        return new PortConfig(text.substring(0, equals), Path.of(text.substring(equals + 1)));
    }
}
