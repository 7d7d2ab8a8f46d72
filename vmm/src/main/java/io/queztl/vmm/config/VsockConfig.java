package io.queztl.vmm.config;

import java.nio.file.Path;

/**
 * Sockets between guest and host.
 *
 * @param cid the guest's address, 3 to 2^32 - 2
 * @param socket the host's Unix socket
 */
public record VsockConfig(long cid, Path socket) implements DeviceConfig {
    private static final long FIRST_CID = 3;
    private static final long LAST_CID = 0xffff_fffeL;

    /** Checks the address. */
    public VsockConfig {
        if (cid < FIRST_CID || cid > LAST_CID) {
            throw invalid(
                    "a guest's vsock address is a number from %d to %d, not %d; choose another cid."
                            .formatted(FIRST_CID, LAST_CID, cid));
        }
    }

    /**
     * Reads {@code cid=N,uds=PATH}.
     *
     * @throws VmException if it is written differently
     */
    public static VsockConfig parse(String text) {
        String cid = "";
        String path = "";
        for (String part : text.split(",", -1)) {
            if (part.matches("cid=\\d{1,10}")) {
                cid = part.substring("cid=".length());
            } else if (part.startsWith("uds=")) {
                path = part.substring("uds=".length());
            } else {
                cid = "";
                break;
            }
        }
        if (cid.isEmpty() || path.isEmpty()) {
            throw invalid(
                    "--vsock takes cid=N,uds=PATH, such as cid=3,uds=/run/vm.vsock, not '%s'."
                            .formatted(text));
        }
        return new VsockConfig(Long.parseLong(cid), Path.of(path));
    }

    private static VmException invalid(String message) {
        return new VmException(VmException.Code.CONFIGURATION, message);
    }
}
