package io.queztl.server.cli;

import io.queztl.server.control.Arguments;
import io.queztl.server.control.ControlException;
import io.queztl.vmm.config.VmException;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code queztl disk resize}: a disk grows while the guest uses it. */
@Command(
        name = "disk resize",
        description = {
            "Makes a disk of a running VM larger, and its image with it.",
            "The guest is told; its partitions and file systems are its own business."
        },
        mixinStandardHelpOptions = true)
final class DiskResizeCommand extends VmCommand {
    @Parameters(
            index = "1",
            paramLabel = "INDEX",
            description = "which disk, in the order of --disk: 0 for the first")
    private int index;

    @Parameters(index = "2", paramLabel = "SIZE", description = "the new size, such as 10G")
    private String size = "";

    DiskResizeCommand(HostIo io) {
        super(io, "disk resize");
    }

    @Override
    Map<String, Object> arguments() {
        return Map.of("disk", (long) index, "bytes", ImageCommand.bytes(size));
    }

    @Override
    Map<String, ?> serve(RunningVm target, Arguments arguments) throws ControlException {
        long disk = arguments.number("disk");
        try {
            target.machine()
                    .resizeDisk(Math.clamp(disk, -1, Integer.MAX_VALUE), arguments.number("bytes"));
        } catch (VmException e) {
            throw new ControlException(String.valueOf(e.getMessage()), e);
        }
        return Map.of();
    }
}
