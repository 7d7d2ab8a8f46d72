package io.queztl.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a running JVM has in use, in KiB, as {@code jcmd} tells it.
 *
 * @param heap objects, dead ones not yet collected among them
 * @param live objects after a full collection, if one was asked for
 * @param metaspace classes, hidden ones among them
 * @param codeCache compiled methods
 * @param resident memory of the process that the host has given it, the guest's RAM among it
 */
record JvmSample(long heap, OptionalLong live, long metaspace, long codeCache, long resident) {
    private static final Pattern HEAP = Pattern.compile("total (\\d+)K, used (\\d+)K");
    private static final Pattern METASPACE = Pattern.compile("Metaspace\\s+used (\\d+)K");
    private static final Pattern CODE_HEAP = Pattern.compile("CodeHeap .* used=(\\d+)Kb");
    private static final Pattern CODE_CACHE = Pattern.compile("CodeCache: .*? used=(\\d+)Kb");
    private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s+(\\d+) kB");

    /**
     * Asks a JVM of the same user.
     *
     * @param collect collect garbage too, to learn what is live
     */
    static JvmSample of(long pid, boolean collect) throws IOException, InterruptedException {
        long heap = sum(HEAP, 2, jcmd(pid, "GC.heap_info"));
        String metaspace = jcmd(pid, "VM.metaspace");
        String code = jcmd(pid, "Compiler.codecache");
        OptionalLong live = OptionalLong.empty();
        if (collect) {
            String ignored = jcmd(pid, "GC.run");
            live = OptionalLong.of(sum(HEAP, 2, jcmd(pid, "GC.heap_info")));
        }
        String status = Files.readString(Path.of("/proc", Long.toString(pid), "status"));
        return new JvmSample(
                heap, live, metaspace(metaspace), codeCache(code), sum(RESIDENT, 1, status));
    }

    /** Used KiB in the output of {@code GC.heap_info}, of all generations. */
    static long heap(String text) {
        return sum(HEAP, 2, text);
    }

    /** Used KiB in the output of {@code VM.metaspace}. */
    static long metaspace(String text) {
        return sum(METASPACE, 1, text);
    }

    /** Used KiB in the output of {@code Compiler.codecache}, segmented or not. */
    static long codeCache(String text) {
        return CODE_CACHE.matcher(text).find() ? sum(CODE_CACHE, 1, text) : sum(CODE_HEAP, 1, text);
    }

    private static long sum(Pattern pattern, int group, String text) {
        Matcher m = pattern.matcher(text);
        long sum = 0;
        boolean any = false;
        while (m.find()) {
            sum += Long.parseLong(m.group(group));
            any = true;
        }
        if (!any) {
            throw new IllegalArgumentException("no " + pattern + " in: " + text);
        }
        return sum;
    }

    private static String jcmd(long pid, String command) throws IOException, InterruptedException {
        String program = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
        return Tool.run(List.of(program, Long.toString(pid), command));
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "heap %6.1f MiB%s  metaspace %6.1f MiB  code cache %6.1f MiB  resident %7.1f MiB",
                heap / 1024.0,
                live.isPresent()
                        ? String.format(Locale.ROOT, " (live %6.1f)", live.getAsLong() / 1024.0)
                        : "               ",
                metaspace / 1024.0,
                codeCache / 1024.0,
                resident / 1024.0);
    }
}
