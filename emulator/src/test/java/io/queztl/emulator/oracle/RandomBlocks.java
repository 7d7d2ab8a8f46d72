package io.queztl.emulator.oracle;

import static io.queztl.testkit.oracle.CaseLayout.CODE_ADDRESS;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.interpret.OneRegion;
import io.queztl.emulator.translate.Part;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Random basic blocks that jump to each other: producers and consumers of flags, memory operands
 * that may fault, loops that end. {@link #COUNTER} bounds the loops; no other instruction names it.
 */
final class RandomBlocks {
    /** Registers that states point into memory. */
    static final Set<Integer> POINTERS = Set.of(3, 5, 6, 7, 13, 14);

    /** Registers that states give small values now and then, for indices. */
    static final Set<Integer> SMALL = Set.of(8, 9, 10, 11);

    /** Counts loops. */
    static final int COUNTER = 15;

    private static final int CODE_BYTES = 0x1400;
    private static final Set<String> INTEGER =
            Set.of("Alu", "Shift", "Bits", "MulDiv", "Moves", "FlagOps", "Stack", "Bmi");
    private static final Set<String> LEFT_OUT = Set.of("Random", "TimeStamp", "Hints", "SpinWait");

    /** The rows to draw from. */
    static final class Rows {
        final List<IsaRow> integer = new ArrayList<>();
        final List<IsaRow> consumers = new ArrayList<>();
        final List<IsaRow> others = new ArrayList<>();

        Rows(List<IsaRow> all) {
            for (IsaRow r : all) {
                if (r.has("end") || r.has("no64") || r.string() || LEFT_OUT.contains(r.family())) {
                    continue;
                }
                String s = r.semantics();
                if (s.startsWith("Moves.cmov")
                        || s.startsWith("FlagOps.set")
                        || s.startsWith("Alu.adc")
                        || s.startsWith("Alu.sbb")
                        || s.startsWith("Shift.rc")) {
                    consumers.add(r);
                }
                (INTEGER.contains(r.family()) ? integer : others).add(r);
            }
        }
    }

    /** A block: where it begins and how long it is, in {@link #code}. */
    record Span(int start, int length, boolean target) {}

    /** A jump to be filled in: where its displacement is and how long. */
    private record Jump(int at, int bytes, boolean backward) {}

    /** The code, from {@link #base} on. */
    final byte[] code = new byte[CODE_BYTES];

    /** Linear address of the first byte. */
    final long base;

    private final Dice dice;
    private final Rows rows;
    private final List<Span> blocks = new ArrayList<>();
    private final List<Jump> jumps = new ArrayList<>();
    private final List<Integer> boundaries = new ArrayList<>();
    private final int entry;

    /** Loops count with DEC rather than without touching flags. */
    private final boolean decrement;

    private int length;

    RandomBlocks(Rows rows, Dice dice, int count) {
        this.rows = rows;
        this.dice = dice;
        base = CODE_ADDRESS + 0xff0 + dice.below(32);
        decrement = dice.percent(50);
        for (int n = 0; n < count; n++) {
            block(n, count);
        }
        int real = blocks.size();
        // Blocks that begin inside others.
        for (int n = 0; count > 1 && !boundaries.isEmpty() && n < 2; n++) {
            int b = boundaries.get(dice.below(boundaries.size()));
            for (int k = 0; k < real; k++) {
                Span s = blocks.get(k);
                if (b > s.start && b < s.start + s.length && starts(b) < 0) {
                    blocks.add(new Span(b, s.start + s.length - b, true));
                    break;
                }
            }
        }
        for (Jump j : jumps) {
            fill(j);
        }
        int k = dice.percent(70) ? 0 : dice.below(real);
        entry = blocks.get(k).target ? k : 0;
    }

    private int starts(int at) {
        for (int k = 0; k < blocks.size(); k++) {
            if (blocks.get(k).start == at) {
                return k;
            }
        }
        return -1;
    }

    long entryAddress() {
        return base + blocks.get(entry).start;
    }

    List<Span> spans() {
        return blocks;
    }

    /** Translates all of it, in hot form or not; null if that comes out too long. */
    @Nullable OneRegion translate(Cpu c, boolean hot) {
        List<Part> parts = new ArrayList<>();
        int page = (int) entryAddress() & 0xfff;
        Part first = null;
        for (int k = 0; k < blocks.size(); k++) {
            Span s = blocks.get(k);
            int distance = s.start - blocks.get(entry).start + page;
            byte[] bytes = Arrays.copyOfRange(code, s.start, s.start + s.length);
            Part p = OneRegion.part(c, distance, bytes, bytes.length);
            parts.add(p);
            if (k == entry) {
                first = p;
            }
        }
        return OneRegion.of(c, Objects.requireNonNull(first), parts, hot);
    }

    // --- instructions
    // -----------------------------------------------------------------------------

    private void block(int n, int count) {
        int start = length;
        int instructions = count == 1 ? dice.between(2, 8) : dice.between(0, 5);
        for (int k = 0; k < instructions; k++) {
            Form f = form();
            boundaries.add(length);
            System.arraycopy(f.code, 0, code, length, f.length);
            length += f.length;
        }
        int end = n == count - 1 && length == start ? 3 : dice.below(12);
        switch (end) {
            case 0, 1, 2, 3 -> {
                put(0x0F, 0x80 | dice.below(16));
                jump(4, false);
            }
            case 4 -> {
                put(0xE9);
                jump(4, false);
            }
            case 5 -> {
                put(0xE8);
                jump(4, false);
            }
            case 6 -> {
                put(dice.pick(0xE3, 0xE2));
                jump(1, false);
            }
            case 7, 8, 9 -> {
                back(start);
                return;
            }
            case 10 -> {
                if (dice.percent(30)) {
                    put(0xC3);
                } else if (length == start) {
                    put(0x90);
                }
            }
            default -> {
                if (length == start) {
                    put(0x90);
                }
            }
        }
        if (length > start) {
            blocks.add(new Span(start, length - start, true));
        }
    }

    /** A conditional jump back that ends after {@link #COUNTER} rounds. */
    private void back(int start) {
        if (decrement) {
            put(0x49, 0xFF, 0xCF); // dec r15
            put(0x0F, 0x8F); // jg
            jump(4, true);
            blocks.add(new Span(start, length - start, true));
            return;
        }
        put(0x4D, 0x8D, 0x7F, 0xFF); // lea r15, [r15 - 1]
        put(0x49, 0x87, 0xCF); // xchg r15, rcx
        put(0xE3, 2); // jrcxz out, into the next instruction but one
        blocks.add(new Span(start, length - start, true));
        int second = length;
        put(0x49, 0x87, 0xCF);
        if (dice.percent(70)) {
            put(0x0F, 0x80 | dice.below(16));
        } else {
            put(0xE9);
        }
        jump(4, true);
        blocks.add(new Span(second, length - second, false));
        length++; // what is here never runs; the next block is elsewhere
        pad();
    }

    private void pad() {
        length += dice.below(3);
    }

    private void put(int... bytes) {
        for (int b : bytes) {
            code[length++] = (byte) b;
        }
    }

    private void jump(int bytes, boolean backward) {
        jumps.add(new Jump(length, bytes, backward));
        length += bytes;
    }

    private void fill(Jump j) {
        int from = j.at + j.bytes;
        List<Integer> targets = new ArrayList<>();
        for (Span s : blocks) {
            boolean back = s.start < from;
            if (s.target
                    && back == j.backward
                    && (j.bytes == 4 || Math.abs(s.start - from) < 120)) {
                targets.add(s.start);
            }
        }
        int to =
                targets.isEmpty() || dice.percent(8)
                        ? j.bytes == 1 ? from + 100 : from + CODE_BYTES
                        : targets.get(dice.below(targets.size()));
        int d = to - from;
        for (int k = 0; k < j.bytes; k++) {
            code[j.at + k] = (byte) (d >> 8 * k);
        }
    }

    private Form form() {
        while (true) {
            List<IsaRow> from =
                    dice.percent(25)
                            ? rows.consumers
                            : dice.percent(75) ? rows.integer : rows.others;
            Form f = Form.encode(from.get(dice.below(from.size())), false, dice, base + length);
            if (f != null && fits(f)) {
                return f;
            }
        }
    }

    private boolean fits(Form f) {
        boolean plus = f.row.plusRegister();
        boolean registers = !f.row.vector() && !f.row.x87();
        if (!registers && namesGeneral(f) && (f.modrmReg == COUNTER || f.modrmRm == COUNTER)) {
            return false;
        }
        if (registers && (f.modrmReg == COUNTER || f.modrmReg == Cpu.RSP && !dice.percent(2))) {
            return false;
        }
        if (registers && (!f.memory || plus) && f.modrmRm == COUNTER) {
            return false;
        }
        if (registers
                && !f.memory
                && (f.modrmRm == Cpu.RSP || POINTERS.contains(f.modrmRm))
                && !dice.percent(10)) {
            return false;
        }
        if (registers && POINTERS.contains(f.modrmReg) && !dice.percent(20)) {
            return false;
        }
        if (f.row.vex() && registers && writesVvvv(f)) {
            return false;
        }
        if (!f.memory) {
            return true;
        }
        if (f.base == COUNTER || f.index == COUNTER || f.vectorIndex != Form.NONE) {
            return false;
        }
        if (f.base != Form.NONE && !POINTERS.contains(f.base) && !dice.percent(5)) {
            return false;
        }
        if (f.index != Form.NONE && !SMALL.contains(f.index) && !dice.percent(5)) {
            return false;
        }
        return f.base == Form.NONE || Math.abs(f.displacement) < 200 || dice.percent(3);
    }

    /** Vector instructions that move to a general register, or compute one. */
    private static boolean namesGeneral(Form f) {
        return f.row.operands().stream().anyMatch(o -> o.startsWith("G") || o.startsWith("E"));
    }

    /** BMI instructions whose destination, of which a form does not tell, may be any register. */
    private static boolean writesVvvv(Form f) {
        return f.row.operands().stream().anyMatch(o -> o.startsWith("B"))
                        && !f.row.operands().getFirst().startsWith("G")
                || f.row.mnemonic().equals("MULX");
    }
}
