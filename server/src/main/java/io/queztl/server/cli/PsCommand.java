package io.queztl.server.cli;

import io.queztl.server.CommandException;
import io.queztl.server.control.Arguments;
import io.queztl.server.control.ControlClient;
import io.queztl.server.control.Json;
import io.queztl.server.control.RuntimeFolder;
import io.queztl.vmm.config.MemorySize;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code queztl ps}: the VMs that run. */
@Command(
        name = "ps",
        description = "Lists this user's running virtual machines.",
        mixinStandardHelpOptions = true)
final class PsCommand implements Callable<Integer> {
    /** What the request is called. */
    static final String INFO = "info";

    private static final int SECONDS = 5;
    private static final String SILENT = "silent";
    private static final String FORMAT = "%-20s %8s %-8s %5s %8s %10s%n";

    private final HostIo io;

    @Option(names = "--json", description = "one JSON array instead of a table")
    private boolean json;

    PsCommand(HostIo io) {
        this.io = io;
    }

    @Override
    public Integer call() throws IOException {
        RuntimeFolder folder = RuntimeFolder.of(System.getenv());
        List<Map<String, @Nullable Object>> all = new ArrayList<>();
        for (String name : folder.names()) {
            Map<String, @Nullable Object> summary = summary(folder, name);
            if (summary != null) {
                all.add(summary);
            }
        }
        PrintStream out = new PrintStream(io.out(), true, StandardCharsets.UTF_8);
        if (json) {
            out.println(Json.write(all));
            return 0;
        }
        out.printf(FORMAT, "NAME", "PID", "STATE", "CPUS", "MEMORY", "UPTIME");
        for (Map<String, @Nullable Object> vm : all) {
            out.printf(
                    FORMAT,
                    vm.get("name"),
                    text(vm.get("pid")),
                    vm.get("state"),
                    text(vm.get("cpus")),
                    vm.get("memoryBytes") instanceof Long n ? MemorySize.format(n) : "-",
                    vm.get("uptimeSeconds") instanceof Long n ? uptime(n) : "-");
        }
        return 0;
    }

    /** What a VM says of itself; null if it has ended meanwhile. */
    private static @Nullable Map<String, @Nullable Object> summary(
            RuntimeFolder folder, String name) {
        try (ControlClient client = ControlClient.connect(folder, name)) {
            Arguments result = client.request(INFO, Map.of(), SECONDS);
            return result.values();
        } catch (CommandException e) {
            if (String.valueOf(e.getMessage()).contains("has not answered")) {
                Map<String, @Nullable Object> unknown = new LinkedHashMap<>();
                unknown.put("name", name);
                unknown.put("state", SILENT);
                return unknown;
            }
            return null;
        }
    }

    private static String text(@Nullable Object value) {
        return value == null ? "-" : value.toString();
    }

    /** Such as {@code 75s}, {@code 12m05s}, {@code 3h04m}. */
    static String uptime(long seconds) {
        if (seconds < 100) {
            return seconds + "s";
        }
        return seconds < 6000
                ? "%dm%02ds".formatted(seconds / 60, seconds % 60)
                : "%dh%02dm".formatted(seconds / 3600, seconds / 60 % 60);
    }
}
