package io.queztl.vmm.builder;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How much memory the host has, as {@code /proc/meminfo} says. */
final class HostMemory {
    private static final Pattern TOTAL = Pattern.compile("(?m)^MemTotal: +([0-9]+) kB$");

    private HostMemory() {}

    /** Bytes of physical memory; {@link Long#MAX_VALUE} where that cannot be known. */
    static long total() {
        try {
            Matcher m = TOTAL.matcher(Files.readString(Path.of("/proc/meminfo")));
            return m.find() ? Long.parseLong(m.group(1)) << 10 : Long.MAX_VALUE;
        } catch (IOException e) {
            return Long.MAX_VALUE;
        }
    }
}
