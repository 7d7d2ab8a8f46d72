package io.queztl.emulator.oracle;

import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Feature;
import io.queztl.testkit.oracle.CaseLayout;
import io.queztl.testkit.oracle.NativeOracle;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Many cases through the software CPU and the host CPU, and what came of it by instruction family.
 * Two native processes take turns, so that the host runs one batch while the other is compared.
 */
final class Campaign implements AutoCloseable {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final int STACK_POINTER = 4 * 8;
    private static final long USER_ADDRESSES = (1L << 47) - 1;
    private static final int BATCH = 1024;
    private static final int REPORTED_PER_ROW = 2;
    private static final int REPORTED = Integer.getInteger("queztl.reports", 40);

    private static final class Tally {
        long cases;
        long faults;
        long differences;
    }

    private static final class Batch {
        final NativeOracle oracle;
        final Form[] forms = new Form[BATCH];

        Batch() throws IOException {
            oracle = NativeOracle.start(BATCH);
        }
    }

    private final Dice dice;
    private final StateMaker maker;
    private final Comparison comparison = new Comparison(new UndefinedFlags());
    private final boolean translate;
    private final int statesPerForm;
    private final SoftwareRunner soft;
    private final Batch[] batches = {new Batch(), new Batch()};
    private final List<IsaRow> rows = new ArrayList<>();
    private final Map<String, List<String>> skipped = new TreeMap<>();
    private final Map<String, Tally> tallies = new TreeMap<>();
    private final Map<IsaRow, Integer> differing = new HashMap<>();
    private final List<String> reports = new ArrayList<>();
    private final boolean mode32;
    private final boolean anyStackPointer;
    private int nextRow;
    private boolean next32;

    Campaign(long seed, String filter) throws IOException {
        this(seed, filter, false);
    }

    /** Runs forms in 64-bit mode only if {@code translate}, as translated code. */
    Campaign(long seed, String filter, boolean translate) throws IOException {
        this.translate = translate;
        // Translation costs as much as a hundred cases.
        statesPerForm = translate ? 24 : 8;
        soft = new SoftwareRunner(translate);
        dice = new Dice(seed);
        maker = new StateMaker(dice, new ValuePools(dice));
        Map<String, String> skips = new HashMap<>();
        for (String line : UndefinedFlags.resource("native-skips.txt")) {
            String[] t = line.split("\\s+", 2);
            skips.put(t[0], t[1]);
        }
        Set<String> host = hostFeatures();
        mode32 = batches[0].oracle.runs32BitCode();
        anyStackPointer = batches[0].oracle.takesAnyStackPointer();
        for (IsaRow r : IsaRow.all()) {
            if (!filter.isEmpty() && !(r + " " + r.semantics()).matches(filter)) {
                continue;
            }
            String reason = reason(r, skips, host);
            if (reason == null && !mode32 && r.has("no64")) {
                reason = "the host runs no 32-bit code";
            }
            if (reason == null) {
                rows.add(r);
            } else {
                skipped.computeIfAbsent(reason, k -> new ArrayList<>()).add(r.mnemonic());
            }
        }
    }

    private static @Nullable String reason(IsaRow r, Map<String, String> skips, Set<String> host) {
        for (Map.Entry<String, String> e : skips.entrySet()) {
            String key = e.getKey();
            if (key.endsWith("*")
                    ? r.mnemonic().startsWith(key.substring(0, key.length() - 1))
                    : r.mnemonic().equals(key)) {
                return e.getValue();
            }
        }
        String last = r.operands().isEmpty() ? "" : r.operands().getFirst();
        if (last.equals("Sw")
                || r.mnemonic().equals("POP") && r.operands().isEmpty()
                || r.operands().contains("Ap")) {
            return "loads segments of the host's GDT";
        }
        for (String f : r.features()) {
            if (!host.contains(f)) {
                return "the host CPU lacks " + f;
            }
            if (!CpuModel.max().has(Feature.valueOf(f.toUpperCase(Locale.ROOT)))) {
                return "the CPU model lacks " + f;
            }
        }
        return null;
    }

    private static Set<String> hostFeatures() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"))) {
            if (line.startsWith("flags")) {
                Set<String> all = new HashSet<>(Arrays.asList(line.split("[\\s:]+")));
                if (all.contains("3dnowprefetch")) {
                    all.add("prefetchw");
                }
                return all;
            }
        }
        return Set.of();
    }

    int rowCount() {
        return rows.size();
    }

    /** Runs at least {@code cases} cases. */
    void run(long cases) {
        if (rows.isEmpty()) {
            return;
        }
        Deque<Batch> running = new ArrayDeque<>();
        long started = 0;
        for (Batch b : batches) {
            start(b);
            running.add(b);
            started += BATCH;
        }
        while (!running.isEmpty()) {
            Batch b = running.remove();
            b.oracle.finish(BATCH);
            compare(b);
            if (started < cases) {
                start(b);
                running.add(b);
                started += BATCH;
            }
        }
    }

    private void start(Batch b) {
        int n = 0;
        MemorySegment m = b.oracle.cases();
        while (n < BATCH) {
            Form f = nextForm();
            for (int k = 0; k < statesPerForm && n < BATCH; k++) {
                b.forms[n] = f;
                long s = CaseLayout.HEADER + (long) n * CaseLayout.CASE;
                maker.make(f, m, s);
                if (!anyStackPointer) {
                    m.set(LONG, s + STACK_POINTER, m.get(LONG, s + STACK_POINTER) & USER_ADDRESSES);
                }
                n++;
            }
        }
        b.oracle.begin(BATCH);
    }

    private Form nextForm() {
        while (true) {
            if (nextRow == rows.size()) {
                nextRow = 0;
                next32 = mode32 && !translate && dice.percent(35);
            }
            Form f = Form.encode(rows.get(nextRow++), next32, dice);
            if (f != null) {
                return f;
            }
        }
    }

    private void compare(Batch b) {
        MemorySegment m = b.oracle.cases();
        for (int n = 0; n < BATCH; n++) {
            Form f = b.forms[n];
            long s = CaseLayout.HEADER + (long) n * CaseLayout.CASE;
            soft.run(f, m, s);
            String difference = comparison.compare(f, soft, m, s);
            Tally t =
                    tallies.computeIfAbsent(f.row.table() + "/" + f.row.family(), k -> new Tally());
            t.cases++;
            if (soft.fault >= 0) {
                t.faults++;
            }
            if (difference != null) {
                t.differences++;
                int before = differing.merge(f.row, 1, Integer::sum);
                if (before <= REPORTED_PER_ROW && reports.size() < REPORTED) {
                    reports.add(report(f, difference, m, s));
                }
            }
        }
    }

    private static String report(Form f, String difference, MemorySegment m, long s) {
        StringBuilder hex = new StringBuilder();
        for (byte x : f.bytes()) {
            hex.append("%02x ".formatted(x & 0xff));
        }
        return "%s in %d-bit mode: %s%s%nbefore: %s%n%s"
                .formatted(
                        f.row,
                        f.mode32 ? 32 : 64,
                        hex,
                        Objdump.one(f.bytes(), f.mode32 ? 4 : 8),
                        Comparison.state(f, m, s),
                        difference);
    }

    long cases() {
        return tallies.values().stream().mapToLong(t -> t.cases).sum();
    }

    long differences() {
        return tallies.values().stream().mapToLong(t -> t.differences).sum();
    }

    /** The table of families, the skips and the first differences in full. */
    String report() {
        StringBuilder b = new StringBuilder();
        b.append("%-28s %10s %10s %11s%n".formatted("family", "cases", "faults", "differences"));
        tallies.forEach((k, t) ->
                b.append("%-28s %10d %10d %11d%n".formatted(k, t.cases, t.faults, t.differences)));
        b.append("%-28s %10d %10s %11d%n".formatted("all", cases(), "", differences()));
        skipped.forEach((reason, names) ->
                b.append(
                        "not run, %s: %s%n"
                                .formatted(
                                        reason,
                                        names.stream()
                                                .distinct()
                                                .collect(Collectors.joining(" ")))));
        if (!mode32) {
            b.append("not run, the host runs no 32-bit code: all rows in 32-bit mode\n");
        }
        if (!anyStackPointer) {
            b.append("not run, the host refuses them: stack pointers that are not canonical\n");
        }
        for (Batch x : batches) {
            if (x.oracle.crashes() > 0) {
                b.append("native process died %d times%n".formatted(x.oracle.crashes()));
            }
        }
        if (!differing.isEmpty()) {
            b.append("rows that differ:%n".formatted());
            differing.entrySet().stream()
                    .sorted(Map.Entry.<IsaRow, Integer>comparingByValue().reversed())
                    .limit(80)
                    .forEach(e ->
                            b.append(
                                    "  %6d  %s  %s%n"
                                            .formatted(
                                                    e.getValue(),
                                                    e.getKey(),
                                                    e.getKey().semantics())));
        }
        for (String r : reports) {
            b.append("%n%s".formatted(r));
        }
        return b.toString();
    }

    @Override
    public void close() throws IOException {
        for (Batch b : batches) {
            b.oracle.close();
        }
        soft.close();
    }
}
