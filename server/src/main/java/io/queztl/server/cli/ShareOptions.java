package io.queztl.server.cli;

import io.queztl.vmm.config.ShareConfig;
import io.queztl.vmm.config.VmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/** The option of {@code queztl run} that shares folders. */
final class ShareOptions {
    @Option(
            names = "--share",
            paramLabel = "FOLDER:TAG[:ro|:rw]",
            description =
                    "a folder of this host for the guest, by 9P; read-only unless ':rw' is said;"
                            + " the stock guest has it at /mnt/TAG")
    private List<String> shares = new ArrayList<>();

    /** For picocli. */
    ShareOptions() {}

    /** What the options ask for. */
    List<ShareConfig> configs() {
        List<ShareConfig> configs = new ArrayList<>();
        Set<String> tags = new HashSet<>();
        for (String share : shares) {
            ShareConfig config = ShareConfig.parse(share);
            if (!tags.add(config.tag())) {
                throw new VmException(
                        VmException.Code.CONFIGURATION,
                        "--share: two folders have the tag '%s'; choose another for one of them."
                                .formatted(config.tag()));
            }
            configs.add(config);
        }
        return configs;
    }

    /** What the stock guest mounts: tags and modes, such as {@code src:ro out:rw}. */
    String mounts() {
        return configs().stream()
                .map(c -> c.tag() + (c.writable() ? ":rw" : ":ro"))
                .collect(Collectors.joining(" "));
    }
}
