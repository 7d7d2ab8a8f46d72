package io.queztl.server.cli;

import io.queztl.server.control.Arguments;
import io.queztl.server.control.ControlClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code queztl stats}: the counters of {@code --stats} while the VM runs. */
@Command(
        name = "stats",
        description = "Prints what a running VM has executed, translated and handled so far.",
        mixinStandardHelpOptions = true)
final class StatsCommand extends VmCommand {
    @Option(names = "--json", description = "one JSON object instead of a table")
    private boolean json;

    StatsCommand(HostIo io) {
        super(io, "stats");
    }

    @Override
    Map<String, ?> serve(RunningVm target, Arguments arguments) {
        return target.statistics();
    }

    @Override
    int show(Arguments result, ControlClient client) throws IOException {
        Map<String, Map<String, Number>> sections = new LinkedHashMap<>();
        result.values().forEach((name, value) -> sections.put(name, numbers(value)));
        StatisticsReport report = StatisticsReport.of(sections);
        String text = json ? report.json() : report.table();
        io.out().write(text.getBytes(StandardCharsets.UTF_8));
        return 0;
    }

    private static Map<String, Number> numbers(@Nullable Object section) {
        Map<String, Number> numbers = new LinkedHashMap<>();
        if (section instanceof Map<?, ?> map) {
            map.forEach((name, value) -> {
                if (value instanceof Number n) {
                    numbers.put(String.valueOf(name), n);
                }
            });
        }
        return numbers;
    }
}
