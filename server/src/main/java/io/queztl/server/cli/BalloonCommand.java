package io.queztl.server.cli;

import io.queztl.devices.virtio.balloon.BalloonStatistics;
import io.queztl.devices.virtio.balloon.VirtioBalloon;
import io.queztl.server.control.Arguments;
import io.queztl.server.control.ControlClient;
import io.queztl.server.control.ControlException;
import io.queztl.vmm.config.MemorySize;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code queztl balloon}: shows and changes how much memory a running VM does without. */
@Command(
        name = "balloon",
        description = {
            "Shows what a running VM's balloon holds and what its guest says of its memory.",
            "With a size, asks the guest to do without that much; it may take its time."
        },
        mixinStandardHelpOptions = true)
final class BalloonCommand extends VmCommand {
    private static final long STATISTICS_MILLIS = 3000;
    private static final String BYTES = "bytes";

    @Parameters(
            index = "1",
            arity = "0..1",
            paramLabel = "SIZE",
            description = "what the balloon should hold, such as 256M; 0 to give all back")
    private @Nullable String size;

    BalloonCommand(HostIo io) {
        super(io, "balloon");
    }

    @Override
    Map<String, Object> arguments() {
        String s = size;
        return s == null ? Map.of() : Map.of(BYTES, s.equals("0") ? 0L : MemorySize.parse(s));
    }

    @Override
    Map<String, ?> serve(RunningVm target, Arguments arguments)
            throws ControlException, InterruptedException {
        List<VirtioBalloon> balloons = target.machine().devices(VirtioBalloon.class);
        if (balloons.isEmpty()) {
            throw new ControlException("the VM has no balloon; start it with --balloon 0.");
        }
        VirtioBalloon balloon = balloons.getFirst();
        if (arguments.values().containsKey(BYTES)) {
            long bytes = arguments.number(BYTES);
            if (bytes < 0 || bytes >= target.config().memoryBytes()) {
                throw new ControlException(
                        "the balloon cannot hold all of the guest's %s; give a smaller size."
                                .formatted(MemorySize.format(target.config().memoryBytes())));
            }
            balloon.target(bytes);
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("target", balloon.target());
        result.put("actual", balloon.actual());
        BalloonStatistics s = balloon.statistics(STATISTICS_MILLIS);
        if (s != null) {
            result.put("guestTotal", s.totalBytes());
            result.put("guestFree", s.freeBytes());
            result.put("guestAvailable", s.availableBytes());
            result.put("guestCaches", s.cachesBytes());
        }
        return result;
    }

    @Override
    int show(Arguments result, ControlClient client) throws IOException {
        StringBuilder text = new StringBuilder();
        result.values()
                .forEach((name, value) -> {
                    if (value instanceof Long bytes) {
                        boolean known = bytes >= 0;
                        String shown = known ? (bytes >> 20) + " MiB" : "unknown";
                        text.append("%-15s %s%n".formatted(name, shown));
                    }
                });
        io.out().write(text.toString().getBytes(StandardCharsets.UTF_8));
        return 0;
    }
}
