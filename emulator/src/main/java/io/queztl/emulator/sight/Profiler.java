package io.queztl.emulator.sight;

import io.queztl.emulator.cpu.Cpu;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Samples the guest's RIP. A thread of its own sets {@link Cpu#ATTENTION_SAMPLE} at a fixed rate,
 * and each vCPU answers where it looks at its attention word next: at the begin of a block, at a
 * loop's end in translated code. Samples that a vCPU could not answer in time count with the next.
 * A vCPU takes 192 KiB for its table; addresses beyond that are counted together.
 */
public final class Profiler {
    /** Samples a second if nothing is said. */
    public static final int DEFAULT_RATE = 100;

    private static final int TABLE = 1 << 14;
    private static final int PROBES = 16;
    private static final long PAGE = 4096;

    /** Bits of a key that is a page: who runs it. */
    private static final int USER = 1, SYSTEM = 2;

    private static final String ENTRY = "entry_SYSCALL_64";

    private final long nanos;
    private final List<Samples> all = new CopyOnWriteArrayList<>();
    private volatile boolean stopped;
    private @Nullable Thread thread;

    /** One line of a profile: a function, or a page. */
    public record Line(String name, long samples) {}

    /**
     * What was sampled.
     *
     * @param samples all samples of running vCPUs
     * @param kernel those at negative addresses or with a privilege level below 3
     * @param idle samples that found a vCPU halted
     * @param lines hottest first
     */
    public record Profile(long samples, long kernel, long idle, List<Line> lines) {}

    /** What one vCPU answered. */
    private static final class Samples {
        final Cpu cpu;

        /** Requests so far; written by the profiler's thread alone. */
        volatile int requested;

        /** Those that found the vCPU halted; as {@link #requested}. */
        volatile long idle;

        /** Requests answered; written by the vCPU alone, as all that follows. */
        int answered;

        final long[] keys = new long[TABLE];
        final int[] counts = new int[TABLE];
        long others;

        Samples(Cpu cpu) {
            this.cpu = cpu;
        }

        /** On the vCPU's thread. */
        void take() {
            int weight = requested - answered;
            answered += weight;
            long rip = cpu.rip;
            long key = rip < 0 ? rip : rip & -PAGE | (cpu.cpl == 3 ? USER : SYSTEM);
            int x = (int) ((key * 0x9e37_79b9_7f4a_7c15L) >>> 50);
            for (int n = 0; n < PROBES; n++, x = x + 1 & TABLE - 1) {
                if (keys[x] == key || keys[x] == 0) {
                    keys[x] = key;
                    counts[x] += weight;
                    return;
                }
            }
            others += weight;
        }
    }

    /** Samples {@code rate} times a second, 1 to 1,000. */
    public Profiler(int rate) {
        if (rate < 1 || rate > 1000) {
            throw new IllegalArgumentException("a rate of " + rate + " samples a second");
        }
        nanos = 1_000_000_000L / rate;
    }

    synchronized void add(Cpu cpu) {
        Samples s = new Samples(cpu);
        cpu.sampler = s::take;
        all.add(s);
        if (thread == null) {
            Thread t = new Thread(this::run, "queztl-profiler");
            t.setDaemon(true);
            t.start();
            thread = t;
        }
    }

    /** Ends the sampling. */
    public void stop() {
        stopped = true;
    }

    private void run() {
        long next = System.nanoTime();
        while (!stopped) {
            next += nanos;
            for (long left; (left = next - System.nanoTime()) > 0; ) {
                LockSupport.parkNanos(left);
            }
            for (Samples s : all) {
                request(s);
            }
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate")
    private static void request(Samples s) {
        if (s.cpu.halted || s.cpu.waitForSipi) {
            s.idle++;
        } else {
            s.requested++;
            s.cpu.attend(Cpu.ATTENTION_SAMPLE);
        }
    }

    /** What was found so far, with the names of a kernel's symbols if there are any. */
    public Profile profile(@Nullable SymbolMap symbols) {
        long shift = symbols == null ? 0 : shift(symbols);
        TreeMap<String, Long> names = new TreeMap<>();
        long total = 0;
        long kernel = 0;
        long idle = 0;
        for (Samples s : all) {
            idle += s.idle;
            total += s.others;
            if (s.others != 0) {
                names.merge("[other addresses]", s.others, Long::sum);
            }
            for (int x = 0; x < TABLE; x++) {
                int count = s.counts[x];
                if (count != 0) {
                    long key = s.keys[x];
                    total += count;
                    kernel += key < 0 || (key & SYSTEM) != 0 ? count : 0;
                    names.merge(name(key, symbols, shift), (long) count, Long::sum);
                }
            }
        }
        List<Line> lines = new ArrayList<>();
        names.forEach((name, count) -> lines.add(new Line(name, count)));
        lines.sort((a, b) -> Long.compare(b.samples, a.samples));
        return new Profile(total, kernel, idle, List.copyOf(lines));
    }

    private static String name(long key, @Nullable SymbolMap symbols, long shift) {
        if (key >= 0) {
            return "%s page 0x%x".formatted((key & USER) != 0 ? "[user]" : "[boot]", key & -PAGE);
        }
        // Modules are moved by another distance, which nothing tells.
        boolean module = SymbolMap.inModule(key);
        String symbol = symbols == null || module && shift != 0 ? null : symbols.name(key - shift);
        return symbol != null
                ? symbol
                : "[%s] page 0x%x".formatted(module ? "module" : "kernel", key & -PAGE);
    }

    /** How far KASLR has moved the kernel: the entry of SYSCALL tells. */
    private long shift(SymbolMap symbols) {
        long linked = symbols.address(ENTRY);
        for (Samples s : all) {
            long now = s.cpu.msrs.lstar;
            if (linked != 0 && now < 0) {
                return now - linked;
            }
        }
        return 0;
    }
}
