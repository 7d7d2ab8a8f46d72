package io.queztl.server.cli;

import java.lang.management.ClassLoadingMXBean;
import java.lang.management.CompilationMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryUsage;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;

/** What {@code --stats} prints: the CPU's counters, then the JVM's. */
final class StatisticsReport {
    private static final String INDENT = "  ";

    private final Map<String, Map<String, Number>> sections;

    /** Takes the CPU's counters, and asks the JVM for its own. */
    StatisticsReport(Map<String, Map<String, Number>> cpu) {
        sections = new LinkedHashMap<>(cpu);
        sections.put("jvm", jvm());
    }

    private StatisticsReport(Map<String, Map<String, Number>> sections, boolean whole) {
        this.sections = sections;
    }

    /** Of counters that another process has sent, the JVM's among them. */
    static StatisticsReport of(Map<String, Map<String, Number>> sections) {
        return new StatisticsReport(sections, true);
    }

    /** All counters, by section and name. */
    Map<String, Map<String, Number>> sections() {
        return sections;
    }

    private static Map<String, Number> jvm() {
        Map<String, Number> s = new LinkedHashMap<>();
        CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
        if (compiler != null && compiler.isCompilationTimeMonitoringSupported()) {
            s.put("jitCompileSeconds", compiler.getTotalCompilationTime() / 1e3);
        }
        long gc = 0;
        long collections = 0;
        for (GarbageCollectorMXBean b : ManagementFactory.getGarbageCollectorMXBeans()) {
            gc += Math.max(0, b.getCollectionTime());
            collections += Math.max(0, b.getCollectionCount());
        }
        s.put("gcSeconds", gc / 1e3);
        s.put("gcCollections", collections);
        long code = 0;
        for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
            String name = pool.getName();
            if (name.startsWith("CodeHeap") || name.equals("CodeCache")) {
                code += used(pool);
            } else if (name.equals("Metaspace")) {
                s.put("metaspaceBytes", used(pool));
            }
        }
        s.put("codeCacheBytes", code);
        s.put("heapBytes", ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        ClassLoadingMXBean classes = ManagementFactory.getClassLoadingMXBean();
        s.put("classesLoaded", classes.getLoadedClassCount());
        s.put("classesUnloaded", classes.getUnloadedClassCount());
        s.put("uptimeSeconds", ManagementFactory.getRuntimeMXBean().getUptime() / 1e3);
        return s;
    }

    private static long used(MemoryPoolMXBean pool) {
        MemoryUsage usage = pool.getUsage();
        return usage == null ? 0 : usage.getUsed();
    }

    /** Lines for people. */
    String table() {
        StringBuilder s = new StringBuilder();
        sections.forEach((section, values) -> {
            if (!values.isEmpty()) {
                s.append(section).append('\n');
                values.forEach((name, value) ->
                        s.append(
                                "%s%-24s %16s%n"
                                        .formatted(INDENT, words(name), number(value, "%,d"))));
            }
        });
        return s.toString();
    }

    /** One line: an object of objects of numbers. */
    String json() {
        StringJoiner all = new StringJoiner(",", "{", "}\n");
        sections.forEach((section, values) -> {
            StringJoiner object = new StringJoiner(",", "\"" + section + "\":{", "}");
            values.forEach((name, value) -> object.add("\"" + name + "\":" + number(value, "%d")));
            all.add(object.toString());
        });
        return all.toString();
    }

    private static String number(Number value, String integer) {
        return value instanceof Double d
                ? String.format(Locale.ROOT, "%.3f", d)
                : String.format(Locale.ROOT, integer, value.longValue());
    }

    /** {@code readFills} as {@code read fills}; names in capitals stay. */
    private static String words(String name) {
        return name.equals(name.toUpperCase(Locale.ROOT))
                ? "#" + name
                : name.replaceAll("([A-Z])", " $1").toLowerCase(Locale.ROOT);
    }
}
