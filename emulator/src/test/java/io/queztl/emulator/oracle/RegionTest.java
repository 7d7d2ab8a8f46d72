package io.queztl.emulator.oracle;

import static io.queztl.testkit.oracle.CaseLayout.CODE_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.DATA_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.DATA_BYTES;
import static io.queztl.testkit.oracle.CaseLayout.READ_ONLY_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.WINDOW_ADDRESS;
import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.interpret.OneInstruction;
import io.queztl.emulator.interpret.OneRegion;
import io.queztl.testkit.random.Seeds;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Random basic blocks as one translated region against the same instructions one by one in the
 * interpreter: the flags at the end and at faults in the middle, the count of instructions, and
 * everything else that a CPU holds.
 *
 * <p>System properties: {@code queztl.seed} replays a run, {@code queztl.cases} sets how many
 * regions, {@code queztl.rows} is a regular expression that chooses rows.
 */
class RegionTest {
    private static final int REGIONS = 1_500;
    private static final int ALL_REGIONS = 200_000;
    private static final int STATES = 12;
    private static final int REPORTED = Integer.getInteger("queztl.reports", 10);
    private static final int RUNAWAY = 100_000;
    private static final String[] NAMES = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15"
    };

    /** The CPU that runs a region, which is told to leave if it is found running twice. */
    private static final AtomicReference<@Nullable Cpu> WATCHED = new AtomicReference<>();

    private static void watch(AtomicInteger run) {
        int seen = -1;
        while (true) {
            LockSupport.parkNanos(3_000_000_000L);
            Cpu c = WATCHED.get();
            if (c != null && run.get() == seen) {
                c.attend(Cpu.ATTENTION_KICK);
            }
            seen = run.get();
        }
    }

    private record Fault(int vector, int errorCode, long cr2) {}

    @Test
    void straightLines_inARegion_doWhatTheInterpreterDoes() throws IOException {
        run("straight lines", 1, 1);
    }

    @Test
    void blocksWithJumps_inARegion_doWhatTheInterpreterDoes() throws IOException {
        run("blocks with jumps", 2, 6);
    }

    private static void run(String what, int least, int most) throws IOException {
        long seed = Seeds.seed("regions of " + what);
        int count = Integer.getInteger("queztl.cases", Seeds.all() ? ALL_REGIONS : REGIONS);
        List<IsaRow> all = new ArrayList<>(IsaRow.all());
        String filter = System.getProperty("queztl.rows", "");
        if (!filter.isEmpty()) {
            all.removeIf(r -> !(r + " " + r.semantics()).matches(filter));
        }
        RandomBlocks.Rows rows = new RandomBlocks.Rows(all);
        Dice pool = new Dice(seed);
        ValuePools pools = new ValuePools(pool);
        int differences = 0;
        long instructions = 0;
        int faults = 0;
        int tooLong = 0;
        AtomicInteger runs = new AtomicInteger();
        Thread watchdog = new Thread(() -> watch(runs));
        watchdog.setDaemon(true);
        watchdog.start();
        try (SoftwareRunner one = new SoftwareRunner(false);
                SoftwareRunner two = new SoftwareRunner(true)) {
            for (int n = 0; n < count; n++) {
                Dice dice = new Dice(seed + 1_000_003L * n);
                RandomBlocks blocks = new RandomBlocks(rows, dice, dice.between(least, most));
                OneRegion region = blocks.translate(two.cpu, n % 3 != 0);
                if (region == null) {
                    tooLong++;
                    continue;
                }
                Pair pair = new Pair(blocks, one, two);
                for (int k = 0; k < STATES; k++) {
                    long stateSeed = dice.next();
                    state(one, stateSeed, pools, blocks);
                    state(two, stateSeed, pools, blocks);
                    String before = registers(two.cpu);
                    runs.incrementAndGet();
                    String difference = pair.compare(region);
                    instructions += two.cpu.instructions;
                    if (pair.fault != null) {
                        faults++;
                    }
                    if (difference != null) {
                        if (differences++ < REPORTED) {
                            System.out.printf(
                                    "region %d, state %d%n%sbefore: %s%n%s%n",
                                    n, k, pair.listing(), before, difference);
                        }
                        break;
                    }
                }
            }
        }
        System.out.printf(
                "%s: %d regions, %d too long, %d instructions, %d faults, %d differences%n",
                what, count, tooLong, instructions, faults, differences);
        assertThat(differences).as("differences, listed above").isZero();
        assertThat(faults).isPositive();
    }

    /** The same blocks on two CPUs. */
    private static final class Pair {
        private final RandomBlocks blocks;
        private final SoftwareRunner one;
        private final SoftwareRunner two;
        private final OneInstruction interpreter;
        private final Map<Long, byte[]> bytes = new HashMap<>();
        private @Nullable Fault fault;

        Pair(RandomBlocks blocks, SoftwareRunner one, SoftwareRunner two) {
            this.blocks = blocks;
            this.one = one;
            this.two = two;
            this.interpreter = new OneInstruction(one.cpu);
        }

        private @Nullable String compare(OneRegion region) {
            Cpu c = two.cpu;
            c.instructions = 0;
            fault = null;
            try {
                WATCHED.set(c);
                region.run(false);
                WATCHED.set(null);
            } catch (GuestException e) {
                fault = new Fault(e.vector, e.errorCode, e.vector == 14 ? c.cr2 : 0);
            } catch (RuntimeException | Error e) {
                return "translated code threw " + e + " at " + Arrays.toString(e.getStackTrace());
            }
            if (c.instructions > RUNAWAY) {
                return "ran away: " + c.instructions;
            }
            Fault expected = null;
            long done = 0;
            try {
                while (done < c.instructions) {
                    step();
                    done++;
                }
                if (fault != null) {
                    step();
                    return "a fault where none should be: " + fault + state();
                }
            } catch (GuestException e) {
                expected = new Fault(e.vector, e.errorCode, e.vector == 14 ? one.cpu.cr2 : 0);
            }
            if (done != c.instructions) {
                return "interpreter: %s after %d instructions; region: %s after %d%s"
                        .formatted(expected, done, fault, c.instructions, state());
            }
            if (expected != null && !expected.equals(fault)) {
                return "interpreter: %s, region: %s%s".formatted(expected, fault, state());
            }
            String s = state();
            return s.isEmpty() ? null : s + (fault == null ? "" : "  at fault " + fault);
        }

        private void step() {
            long rip = one.cpu.rip;
            byte[] code =
                    bytes.computeIfAbsent(
                            rip,
                            k -> {
                                int at = (int) (rip - blocks.base);
                                return Arrays.copyOfRange(blocks.code, at, at + 16);
                            });
            interpreter.run(code, 15, 8);
        }

        private String state() {
            Cpu a = one.cpu;
            Cpu b = two.cpu;
            StringBuilder d = new StringBuilder();
            note(d, "rip", a.rip, b.rip);
            for (int r = 0; r < 16; r++) {
                note(d, NAMES[r], a.r[r], b.r[r]);
            }
            note(d, "rflags", a.rflags(), b.rflags());
            note(d, "mxcsr", a.mxcsr, b.mxcsr);
            for (int v = 0; v < 16 * Cpu.VEC_STRIDE; v++) {
                note(d, "ymm" + v / 4 + "[" + v % 4 + "]", a.vec[v], b.vec[v]);
            }
            note(d, "fsw", one.statusWord(), two.statusWord());
            note(d, "fcw", a.x87.control, b.x87.control);
            note(d, "tags", a.x87.empty & 0xff, b.x87.empty & 0xff);
            for (int k = 0; k < 8; k++) {
                note(d, "significand" + k, a.x87.significand[k], b.x87.significand[k]);
                note(d, "exponent" + k, a.x87.signExponent[k], b.x87.signExponent[k]);
            }
            MemorySegment x = one.memory.ram();
            MemorySegment y = two.memory.ram();
            long from = SoftwareRunner.DATA_PHYSICAL;
            long at =
                    MemorySegment.mismatch(x, from, from + DATA_BYTES, y, from, from + DATA_BYTES);
            if (at >= 0) {
                note(
                        d,
                        "memory+0x%x".formatted(at),
                        x.get(ValueLayout.JAVA_BYTE, from + at),
                        y.get(ValueLayout.JAVA_BYTE, from + at));
            }
            return d.toString();
        }

        private static void note(StringBuilder d, String what, long a, long b) {
            if (a != b) {
                d.append("  %s: interpreter %x region %x%n".formatted(what, a, b));
            }
        }

        private String listing() {
            StringBuilder b = new StringBuilder();
            for (RandomBlocks.Span s : blocks.spans()) {
                b.append("%x:%n".formatted(blocks.base + s.start()));
                int at = s.start();
                while (at < s.start() + s.length()) {
                    byte[] code = Arrays.copyOfRange(blocks.code, at, at + 16);
                    int length = Math.max(1, OneRegion.length(code));
                    byte[] exact = Arrays.copyOf(code, length);
                    StringBuilder hex = new StringBuilder();
                    for (byte x : exact) {
                        hex.append("%02x".formatted(x & 0xff));
                    }
                    b.append("  %x %s%s%n".formatted(blocks.base + at, hex, Objdump.one(exact, 8)));
                    at += length;
                }
            }
            return b.append("code at %x, entry %x%n".formatted(CODE_ADDRESS, blocks.entryAddress()))
                    .toString();
        }
    }

    // --- states
    // -----------------------------------------------------------------------------------

    private static void state(SoftwareRunner runner, long seed, ValuePools pools, RandomBlocks b) {
        Dice dice = new Dice(seed);
        Cpu c = runner.cpu;
        runner.mode(false);
        for (int r = 0; r < 16; r++) {
            c.r[r] = ValuePools.integer(dice);
            if (RandomBlocks.POINTERS.contains(r)) {
                c.r[r] = WINDOW_ADDRESS + 256 + dice.below(64) * 8;
                if (dice.percent(4)) {
                    c.r[r] = badAddress(dice);
                }
            } else if (RandomBlocks.SMALL.contains(r) && dice.percent(60)) {
                c.r[r] = dice.below(16);
            }
        }
        c.r[Cpu.RSP] = dice.percent(3) ? badAddress(dice) : WINDOW_ADDRESS + 512;
        c.r[Cpu.RCX] = dice.percent(60) ? dice.below(70) : c.r[Cpu.RCX];
        c.r[RandomBlocks.COUNTER] = 1 + dice.below(12);
        c.attention = 0;
        c.rflags((int) (0x202 | dice.next() & 0x8D5 | (dice.percent(10) ? 0x400 : 0)));
        c.attention = 0;
        // Hot regions leave what the TLB does not have to the interpreter.
        for (long page = DATA_ADDRESS; page < DATA_ADDRESS + DATA_BYTES; page += 4096) {
            c.mem.checkRead(page, 1);
            c.mem.checkWrite(page, 1);
        }
        c.cr2 = 0;
        c.pendingDebug = 0;
        c.interruptShadow = false;
        c.debugShadow = false;
        c.rip = b.entryAddress();
        c.mxcsr = dice.percent(90) ? 0x1F80 : 0x1F80 & ~(dice.below(64) << 7) | dice.below(4) << 13;
        // A program's first inexact operation sets PE, and then arithmetic is quick.
        c.mxcsr |= dice.percent(60) ? 0x20 : 0;
        byte[] values = dice.percent(50) ? pools.doubles : pools.floats;
        int from = dice.below((ValuePools.BYTES - 1024) / 16) * 16;
        MemorySegment pool = MemorySegment.ofArray(values);
        for (int v = 0; v < 16 * Cpu.VEC_STRIDE; v++) {
            c.vec[v] = pool.get(ValueLayout.JAVA_LONG_UNALIGNED, from + 8L * v);
        }
        c.x87.control = 0x37f;
        c.x87.status = 0;
        c.x87.top = dice.below(8);
        c.x87.empty = dice.percent(50) ? 0 : (int) dice.next() & 0xff;
        for (int k = 0; k < 8; k++) {
            c.x87.significand[k] = dice.next() | 1L << 63;
            c.x87.signExponent[k] = 0x3fff + dice.between(-40, 40);
        }
        byte[] data = dice.percent(50) ? pools.integers : values;
        MemorySegment.copy(
                data,
                dice.below(ValuePools.BYTES - DATA_BYTES),
                runner.memory.ram(),
                ValueLayout.JAVA_BYTE,
                runner.memory.offset(SoftwareRunner.DATA_PHYSICAL, DATA_BYTES),
                DATA_BYTES);
    }

    private static long badAddress(Dice dice) {
        return switch (dice.below(4)) {
            case 0 -> READ_ONLY_ADDRESS + 1024;
            case 1 -> DATA_ADDRESS + DATA_BYTES - dice.below(32);
            case 2 -> 0x8000_0000_0000L << dice.below(16) | dice.below(0x1000);
            default -> dice.below(0x1000);
        };
    }

    // --- reports
    // ----------------------------------------------------------------------------------

    private static String registers(Cpu c) {
        StringBuilder b = new StringBuilder();
        for (int r = 0; r < 16; r++) {
            b.append("%s=%x ".formatted(NAMES[r], c.r[r]));
        }
        return b.append("rflags=%x".formatted(c.rflags())).toString();
    }
}
