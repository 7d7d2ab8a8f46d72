package io.queztl.vmm.config;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The firmware that boots a VM in place of a kernel.
 *
 * @param rom its code, which ends at 4 GiB: 64 KiB or more, a multiple of 4096
 * @param variables what its flash for variables holds at first; null if it has none
 * @param keep the file in which the variables are kept, made from {@code variables} if it does not
 *     exist; null to forget them with the VM
 * @param debug whether what it prints to its debug port is shown
 */
public record FirmwareConfig(
        Path rom, @Nullable Path variables, @Nullable Path keep, boolean debug) {
    /** Checks that there is a flash for variables that are to be kept. */
    public FirmwareConfig {
        if (keep != null && variables == null) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "firmware %s has no variables to keep; leave their file out.".formatted(rom));
        }
    }
}
