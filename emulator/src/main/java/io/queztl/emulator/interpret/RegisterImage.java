package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/** A copy of all registers of a vCPU that guest code changes without help from outside. */
final class RegisterImage {
    private interface Setter {
        void set(Cpu c, long value);
    }

    private record Register(String name, ToLongFunction<Cpu> get, Setter set, boolean compared) {}

    private static final List<Register> ALL = new ArrayList<>();
    private static final int INSTRUCTIONS;

    private static void add(String name, ToLongFunction<Cpu> get, Setter set) {
        ALL.add(new Register(name, get, set, true));
    }

    private static void state(String name, ToLongFunction<Cpu> get, Setter set) {
        ALL.add(new Register(name, get, set, false));
    }

    private static void flag(String name, ToLongFunction<Cpu> get, Setter set) {
        add(name, get, set);
    }

    private static void longs(Function<Cpu, long[]> array, String... names) {
        for (int k = 0; k < names.length; k++) {
            int at = k;
            add(names[k], c -> array.apply(c)[at], (c, v) -> array.apply(c)[at] = v);
        }
    }

    private static void ints(Function<Cpu, int[]> array, String... names) {
        for (int k = 0; k < names.length; k++) {
            int at = k;
            add(names[k], c -> array.apply(c)[at], (c, v) -> array.apply(c)[at] = (int) v);
        }
    }

    private static String[] names(String suffix, String... names) {
        String[] all = names.clone();
        for (int k = 0; k < all.length; k++) {
            all[k] += suffix;
        }
        return all;
    }

    private static String[] numbered(String prefix, int count) {
        String[] all = new String[count];
        for (int k = 0; k < count; k++) {
            all[k] = prefix + k;
        }
        return all;
    }

    static {
        add("rip", c -> c.rip, (c, v) -> c.rip = v);
        longs(c -> c.r, "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi");
        for (int k = 8; k < 16; k++) {
            int at = k;
            add("r" + k, c -> c.r[at], (c, v) -> c.r[at] = v);
        }
        state("block rip", c -> c.r[Cpu.BLOCK_RIP], (c, v) -> c.r[Cpu.BLOCK_RIP] = v);
        state("flag result", c -> c.flagResult, (c, v) -> c.flagResult = v);
        state("flag carry", c -> c.flagCarry, (c, v) -> c.flagCarry = v);
        add("rflags", c -> c.systemFlags | Flags.arithmetic(c), (c, v) -> {});
        state("system flags", c -> c.systemFlags, (c, v) -> c.systemFlags = (int) v);
        INSTRUCTIONS = ALL.size();
        state("instructions", c -> c.instructions, (c, v) -> c.instructions = v);
        vectors();
        segments();
        system();
        x87();
        flag("halted", c -> c.halted ? 1 : 0, (c, v) -> c.halted = v != 0);
        flag("NMI blocked", c -> c.nmiBlocked ? 1 : 0, (c, v) -> c.nmiBlocked = v != 0);
        flag(
                "interrupt shadow",
                c -> c.interruptShadow ? 1 : 0,
                (c, v) -> c.interruptShadow = v != 0);
        flag("debug shadow", c -> c.debugShadow ? 1 : 0, (c, v) -> c.debugShadow = v != 0);
        add("pending #DB", c -> c.pendingDebug, (c, v) -> c.pendingDebug = v);
        state("paused at", c -> c.pausedAt, (c, v) -> c.pausedAt = v);
        state("pauses", c -> c.pauses, (c, v) -> c.pauses = (int) v);
        state("raised", c -> c.raised, (c, v) -> c.raised = (int) v);
        state("gathering", c -> c.gathering ? 1 : 0, (c, v) -> c.gathering = v != 0);
    }

    private RegisterImage(int size) {
        words = new long[size];
    }

    private static void vectors() {
        for (int k = 0; k < 16 * Cpu.VEC_STRIDE; k++) {
            int at = k;
            String name = "ymm%d bits %d:%d".formatted(k / 4, k % 4 * 64 + 63, k % 4 * 64);
            add(name, c -> c.vec[at], (c, v) -> c.vec[at] = v);
        }
        add("mxcsr", c -> c.mxcsr, (c, v) -> c.mxcsr = (int) v);
    }

    private static void segments() {
        String[] names = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
        ints(c -> c.selector, names);
        longs(c -> c.base, names(" base", names));
        ints(c -> c.limit, names(" limit", names));
        ints(c -> c.attributes, names(" attributes", names));
        add("gdt base", c -> c.gdtBase, (c, v) -> c.gdtBase = v);
        add("gdt limit", c -> c.gdtLimit, (c, v) -> c.gdtLimit = (int) v);
        add("idt base", c -> c.idtBase, (c, v) -> c.idtBase = v);
        add("idt limit", c -> c.idtLimit, (c, v) -> c.idtLimit = (int) v);
    }

    private static void system() {
        add("cr0", c -> c.cr0, (c, v) -> c.cr0 = v);
        add("cr2", c -> c.cr2, (c, v) -> c.cr2 = v);
        add("cr3", c -> c.cr3, (c, v) -> c.cr3 = v);
        add("cr4", c -> c.cr4, (c, v) -> c.cr4 = v);
        longs(c -> c.pdptes, numbered("pdpte", 4));
        flag("pdptes latched", c -> c.pdptesLatched ? 1 : 0, (c, v) -> c.pdptesLatched = v != 0);
        add("efer", c -> c.efer, (c, v) -> c.efer = v);
        add("xcr0", c -> c.xcr0, (c, v) -> c.xcr0 = v);
        add("pkru", c -> c.pkru, (c, v) -> c.pkru = (int) v);
        longs(c -> c.dr, numbered("dr", 8));
        add("star", c -> c.msrs.star, (c, v) -> c.msrs.star = v);
        add("lstar", c -> c.msrs.lstar, (c, v) -> c.msrs.lstar = v);
        add("cstar", c -> c.msrs.cstar, (c, v) -> c.msrs.cstar = v);
        add("fmask", c -> c.msrs.fmask, (c, v) -> c.msrs.fmask = v);
        add("kernel gs base", c -> c.msrs.kernelGsBase, (c, v) -> c.msrs.kernelGsBase = v);
    }

    private static void x87() {
        longs(c -> c.x87.significand, numbered("x87 significand R", 8));
        ints(c -> c.x87.signExponent, numbered("x87 exponent R", 8));
        add("x87 control", c -> c.x87.control, (c, v) -> c.x87.control = (int) v);
        add("x87 status", c -> c.x87.status, (c, v) -> c.x87.status = (int) v);
        add("x87 top", c -> c.x87.top, (c, v) -> c.x87.top = (int) v);
        add("x87 empty", c -> c.x87.empty, (c, v) -> c.x87.empty = (int) v);
        add("x87 opcode", c -> c.x87.lastOpcode, (c, v) -> c.x87.lastOpcode = (int) v);
        add("x87 ip", c -> c.x87.lastInstruction, (c, v) -> c.x87.lastInstruction = v);
        add(
                "x87 cs",
                c -> c.x87.lastInstructionSelector,
                (c, v) -> c.x87.lastInstructionSelector = (int) v);
        add("x87 dp", c -> c.x87.lastData, (c, v) -> c.x87.lastData = v);
        add("x87 ds", c -> c.x87.lastDataSelector, (c, v) -> c.x87.lastDataSelector = (int) v);
    }

    private final long[] words;

    /** An image of zeroes. */
    RegisterImage() {
        this(ALL.size());
    }

    /** Copies the registers of a CPU. */
    void take(Cpu c) {
        for (int k = 0; k < words.length; k++) {
            words[k] = ALL.get(k).get.applyAsLong(c);
        }
    }

    /** Replaces the registers of a CPU. */
    void restore(Cpu c) {
        for (int k = 0; k < words.length; k++) {
            ALL.get(k).set.set(c, words[k]);
        }
        c.updateMode();
    }

    long rip() {
        return words[0];
    }

    long instructions() {
        return words[INSTRUCTIONS];
    }

    /** True if the two show the guest the same. */
    boolean same(RegisterImage o) {
        for (int k = 0; k < words.length; k++) {
            if (words[k] != o.words[k] && ALL.get(k).compared) {
                return false;
            }
        }
        return true;
    }

    /** One line for each register that differs. */
    void describe(RegisterImage o, String here, String there, StringBuilder to) {
        for (int k = 0; k < words.length; k++) {
            Register r = ALL.get(k);
            if (words[k] != o.words[k] && r.compared) {
                to.append(
                        "  %s: %s 0x%x, %s 0x%x%n"
                                .formatted(r.name, here, words[k], there, o.words[k]));
            }
        }
    }

    /** What became of registers between two images, in one line. */
    String changes(RegisterImage before) {
        StringBuilder s = new StringBuilder();
        for (int k = 1; k < words.length; k++) {
            Register r = ALL.get(k);
            if (words[k] != before.words[k] && r.compared) {
                s.append(s.isEmpty() ? "" : ", ").append("%s=%x".formatted(r.name, words[k]));
            }
        }
        return s.toString();
    }
}
