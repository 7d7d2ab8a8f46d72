package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Feature;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import io.queztl.emulator.decode.Row;
import io.queztl.emulator.mmu.Mmu;
import io.queztl.emulator.ops.AvxLanes;
import io.queztl.emulator.ops.MmxState;
import io.queztl.emulator.ops.Operands;
import io.queztl.emulator.ops.Semantics;
import io.queztl.emulator.ops.Semantics.Exec;
import java.util.List;
import java.util.Set;

/**
 * Puts operand fetch and write-back around the semantics of a table row. One executor serves all
 * instructions of a row that have the same form: memory or register, operand size, LOCK.
 */
final class Executors {
    private static final long LOW32 = 0xffff_ffffL;

    /** Whose first operand is a vector register that is only read. */
    private static final Set<String> NO_RESULT =
            Set.of(
                    "VCOMISS",
                    "VCOMISD",
                    "VUCOMISS",
                    "VUCOMISD",
                    "VPTEST",
                    "VTESTPS",
                    "VTESTPD",
                    "VMASKMOVDQU",
                    "VPCMPESTRI",
                    "VPCMPESTRM",
                    "VPCMPISTRI",
                    "VPCMPISTRM");

    /** Of what did not run yet: most of what is decoded has a form that {@link BlockLoop} knows. */
    private static final Exec FIRST = (c, i) -> of(i).exec(c, i);

    private Executors() {}

    /** Gives a freshly decoded instruction what runs it. */
    static void bind(Insn i) {
        Row row = i.row;
        i.form = (byte) Forms.of(i);
        if (row.kind != Row.Kind.INSN) {
            List<Operand> ops = row.operands;
            if (ops.size() > 1 && ops.getLast().kind() == Operand.Kind.IMMEDIATE) {
                i.immediate &= Flags.mask(i.operandSize(0) > 8 ? 8 : i.operandSize(0));
            }
        }
        i.exec = FIRST;
    }

    /** The executor of an instruction, by which it runs from now on. */
    private static Exec of(Insn i) {
        Row row = i.row;
        int form =
                row.kind == Row.Kind.INSN
                        ? 0
                        : (i.lock ? 8 : 0)
                                | (i.mem ? 4 : 0)
                                | (i.size == 8 ? 3 : i.size == 4 ? 2 : i.size == 2 ? 1 : 0);
        Exec e = row.executors[form];
        if (e == null) {
            e = make(i);
            if (row.kind == Row.Kind.INSN && row.protectedOnly) {
                e = inProtectedMode(e);
            }
            row.executors[form] = e;
        }
        i.exec = e;
        return e;
    }

    private static Exec inProtectedMode(Exec e) {
        return (c, n) -> {
            if (!c.protectedMode) {
                throw c.ud();
            }
            e.exec(c, n);
        };
    }

    private static Exec make(Insn i) {
        Object f = i.row.bound();
        return switch (i.row.kind) {
            case INSN ->
                    i.row.vex
                            ? vex(i.row, (Exec) f)
                            : hasVector(i.row) ? checked((Exec) f) : (Exec) f;
            case BIN -> bin(i, (Semantics.Bin) f);
            case CMP -> cmp(i, (Semantics.Cmp) f);
            case UN -> un(i, (Semantics.Un) f);
            case MOV -> mov(i, (Semantics.Mov) f);
            case MOV3 -> mov3((Semantics.Mov3) f);
            case TRI -> tri(i, (Semantics.Tri) f);
            case VEC -> vec(i, (Semantics.Vec) f);
            case VECI -> vecI(i, (Semantics.VecI) f);
            case VEC1 -> vec1(i, (Semantics.Vec1) f);
            case VEC1I -> vec1I(i, (Semantics.Vec1I) f);
            case MMX -> mmx((Semantics.Mmx) f);
            case MMXI -> mmxI((Semantics.MmxI) f);
        };
    }

    private static boolean hasVector(Row row) {
        return row.operands.stream()
                .map(Operand::kind)
                .anyMatch(k ->
                        k == Operand.Kind.VEC_REG
                                || k == Operand.Kind.VEC_VVVV
                                || k == Operand.Kind.VEC_RM);
    }

    private static Exec checked(Exec f) {
        return (c, n) -> {
            c.checkSse();
            f.exec(c, n);
        };
    }

    /** BMI rows have no vectors and need no AVX state; a 128-bit result clears the upper half. */
    private static Exec vex(Row row, Exec f) {
        if (row.features.contains(Feature.BMI1) || row.features.contains(Feature.BMI2)) {
            return f;
        }
        boolean clears =
                !row.operands.isEmpty()
                        && row.operands.getFirst().kind() == Operand.Kind.VEC_REG
                        && !NO_RESULT.contains(row.mnemonic);
        return (c, n) -> {
            c.checkAvx();
            f.exec(c, n);
            if (clears) {
                finish(c, n, n.r1);
            }
        };
    }

    private static boolean isMemory(Insn i, int n) {
        Operand.Kind k = i.row.operands.get(n).kind();
        return i.mem
                && (k == Operand.Kind.RM || k == Operand.Kind.MEMORY || k == Operand.Kind.OFFSET);
    }

    private static boolean isImmediate(Insn i, int n) {
        Operand.Kind k = i.row.operands.get(n).kind();
        return k == Operand.Kind.IMMEDIATE || k == Operand.Kind.ONE;
    }

    // --- integer
    // ----------------------------------------------------------------------------------

    private static Exec bin(Insn i, Semantics.Bin f) {
        int size = i.size;
        if (isMemory(i, 0)) {
            if (i.lock && i.row.lock) {
                return (c, n) -> locked(c, n, f, Operands.read(c, n, 2));
            }
            if (isImmediate(i, 1)) {
                return (c, n) -> toMemory(c, n, f, n.immediate);
            }
            return (c, n) -> toMemory(c, n, f, c.reg(n.r2, n.operandSize(1)));
        }
        if (isMemory(i, 1)) {
            return switch (size) {
                case 8 ->
                        (c, n) -> {
                            long b = c.mem.load64(Operands.address(c, n, 8, false));
                            c.r[n.r1] = f.apply(c, c.r[n.r1], b, 8);
                        };
                case 4 ->
                        (c, n) -> {
                            long b = c.mem.load32(Operands.address(c, n, 4, false));
                            c.r[n.r1] = f.apply(c, c.r[n.r1] & LOW32, b, 4) & LOW32;
                        };
                default ->
                        (c, n) -> {
                            int s = n.size;
                            long b = c.mem.load(Operands.address(c, n, s, false), s);
                            c.reg(n.r1, s, f.apply(c, c.reg(n.r1, s), b, s));
                        };
            };
        }
        if (isImmediate(i, 1)) {
            return switch (size) {
                case 8 -> (c, n) -> c.r[n.r1] = f.apply(c, c.r[n.r1], n.immediate, 8);
                case 4 ->
                        (c, n) -> c.r[n.r1] = f.apply(c, c.r[n.r1] & LOW32, n.immediate, 4) & LOW32;
                default ->
                        (c, n) -> {
                            int s = n.size;
                            c.reg(n.r1, s, f.apply(c, c.reg(n.r1, s), n.immediate, s));
                        };
            };
        }
        if (size == 8 && i.operandSize(1) == 8) {
            return (c, n) -> {
                long[] r = c.r;
                r[n.r1] = f.apply(c, r[n.r1], r[n.r2], 8);
            };
        }
        if (size == 4 && i.operandSize(1) == 4) {
            return (c, n) -> {
                long[] r = c.r;
                r[n.r1] = f.apply(c, r[n.r1] & LOW32, r[n.r2] & LOW32, 4) & LOW32;
            };
        }
        return (c, n) -> {
            int s = n.size;
            c.reg(n.r1, s, f.apply(c, c.reg(n.r1, s), c.reg(n.r2, n.operandSize(1)), s));
        };
    }

    private static void toMemory(Cpu c, Insn n, Semantics.Bin f, long b) {
        int s = n.size;
        long va = Operands.address(c, n, s, true);
        Mmu mem = c.mem;
        long offset = mem.writeOffset(va, s);
        if (offset >= 0) {
            mem.ramStore(offset, s, f.apply(c, mem.ramLoad(offset, s), b, s));
        } else {
            mem.store(va, s, f.apply(c, mem.load(va, s), b, s));
        }
    }

    private static void locked(Cpu c, Insn n, Semantics.Bin f, long b) {
        if (!c.shared.smp) {
            toMemory(c, n, f, b);
            return;
        }
        int s = n.size;
        Mmu mem = c.mem;
        long offset = mem.writeOffset(Operands.address(c, n, s, true), s);
        if (offset >= 0 && Mmu.atomic(offset, s)) {
            // ADC and SBB read the flags that the attempt before has changed.
            long flagResult = c.flagResult;
            long flagCarry = c.flagCarry;
            while (true) {
                long old = mem.ramLoad(offset, s);
                if (mem.compareAndSet(offset, s, old, f.apply(c, old, b, s))) {
                    return;
                }
                c.flagResult = flagResult;
                c.flagCarry = flagCarry;
            }
        }
        c.shared.exclusive.begin(c);
        try {
            toMemory(c, n, f, b);
        } finally {
            c.shared.exclusive.end(c);
        }
    }

    private static Exec cmp(Insn i, Semantics.Cmp f) {
        int size = i.size;
        if (isMemory(i, 0)) {
            if (isImmediate(i, 1)) {
                return (c, n) -> {
                    int s = n.size;
                    f.apply(c, c.mem.load(Operands.address(c, n, s, false), s), n.immediate, s);
                };
            }
            return (c, n) -> {
                int s = n.size;
                long a = c.mem.load(Operands.address(c, n, s, false), s);
                f.apply(c, a, c.reg(n.r2, n.operandSize(1)), s);
            };
        }
        if (isMemory(i, 1)) {
            return (c, n) -> {
                int s = n.size;
                long b = c.mem.load(Operands.address(c, n, s, false), s);
                f.apply(c, c.reg(n.r1, s), b, s);
            };
        }
        if (isImmediate(i, 1)) {
            return switch (size) {
                case 8 -> (c, n) -> f.apply(c, c.r[n.r1], n.immediate, 8);
                case 4 -> (c, n) -> f.apply(c, c.r[n.r1] & LOW32, n.immediate, 4);
                default -> (c, n) -> f.apply(c, c.reg(n.r1, n.size), n.immediate, n.size);
            };
        }
        return switch (size) {
            case 8 -> (c, n) -> f.apply(c, c.r[n.r1], c.r[n.r2], 8);
            case 4 -> (c, n) -> f.apply(c, c.r[n.r1] & LOW32, c.r[n.r2] & LOW32, 4);
            default ->
                    (c, n) ->
                            f.apply(c, c.reg(n.r1, n.size), c.reg(n.r2, n.operandSize(1)), n.size);
        };
    }

    private static Exec un(Insn i, Semantics.Un f) {
        if (isMemory(i, 0)) {
            Semantics.Bin g = (c, a, b, s) -> f.apply(c, a, s);
            return i.lock && i.row.lock
                    ? (c, n) -> locked(c, n, g, 0)
                    : (c, n) -> toMemory(c, n, g, 0);
        }
        return (c, n) -> {
            int s = n.size;
            c.reg(n.r1, s, f.apply(c, c.reg(n.r1, s), s));
        };
    }

    private static Exec mov(Insn i, Semantics.Mov f) {
        if (isMemory(i, 0)) {
            if (isImmediate(i, 1)) {
                return (c, n) -> {
                    int s = n.size;
                    c.mem.store(Operands.address(c, n, s, true), s, f.apply(c, n.immediate, s));
                };
            }
            return (c, n) -> {
                int s = n.size;
                int from = n.operandSize(1);
                long v = f.apply(c, c.reg(n.r2, from), from);
                c.mem.store(Operands.address(c, n, s, true), s, v);
            };
        }
        if (isMemory(i, 1)) {
            return (c, n) -> {
                int from = n.operandSize(1);
                long v = c.mem.load(Operands.address(c, n, from, false), from);
                c.reg(n.r1, n.size, f.apply(c, v, from));
            };
        }
        if (isImmediate(i, 1)) {
            return (c, n) -> c.reg(n.r1, n.size, f.apply(c, n.immediate, n.size));
        }
        return (c, n) -> {
            int from = n.operandSize(1);
            c.reg(n.r1, n.size, f.apply(c, c.reg(n.r2, from), from));
        };
    }

    private static Exec mov3(Semantics.Mov3 f) {
        return (c, n) -> {
            long a = Operands.read(c, n, 2);
            long b = Operands.read(c, n, 3);
            c.reg(n.r1, n.size, f.apply(c, a, b, n.size));
        };
    }

    private static Exec tri(Insn i, Semantics.Tri f) {
        if (isMemory(i, 0)) {
            return (c, n) -> {
                long third = Operands.read(c, n, 3);
                toMemory(c, n, (cpu, a, b, s) -> f.apply(cpu, a, b, third, s), c.reg(n.r2, n.size));
            };
        }
        return (c, n) -> {
            int s = n.size;
            long b = Operands.read(c, n, 2);
            long third = Operands.read(c, n, 3);
            c.reg(n.r1, s, f.apply(c, c.reg(n.r1, s), b, third, s));
        };
    }

    // --- vectors
    // ----------------------------------------------------------------------------------

    /** Index in {@link Cpu#vec} of the last operand, loaded from memory if it is there. */
    private static int source(Cpu c, Insn n, int operand) {
        if (!n.mem) {
            return n.register(operand);
        }
        long[] v = c.vec;
        int d = Cpu.VEC_SCRATCH;
        int size = n.operandSize(operand);
        if (size < 16) {
            long va = Operands.address(c, n, size, false);
            v[d] = c.mem.load(va, size);
            v[d + 1] = 0;
            return d;
        }
        int bytes = n.wide ? 32 : 16;
        long va = Operands.address(c, n, bytes, false);
        if (!n.vex && (va & 15) != 0 && n.row.operands.get(operand).aligned()) {
            throw c.gp(0);
        }
        v[d] = c.mem.load64(va);
        v[d + 1] = c.mem.load64(va + 8);
        if (n.wide) {
            v[d + 2] = c.mem.load64(va + 16);
            v[d + 3] = c.mem.load64(va + 24);
        }
        return d;
    }

    private static void finish(Cpu c, Insn n, int d) {
        if (n.vex && !n.wide) {
            c.vec[d + 2] = 0;
            c.vec[d + 3] = 0;
        }
    }

    private static boolean threeOperands(Insn i) {
        return i.row.operands.size() > 2 && i.row.operands.get(1).kind() == Operand.Kind.VEC_VVVV;
    }

    private static void check(Cpu c, Insn n) {
        if (n.vex) {
            c.checkAvx();
        } else {
            c.checkSse();
        }
    }

    /** True if a row has forms of 256 bits that are not done lane by lane. */
    private static boolean hasWide(Row row) {
        return row.vex && row.vexL != 0 && !row.vexLig && !AvxLanes.independent(row);
    }

    private static Exec vec(Insn i, Semantics.Vec f) {
        int last = threeOperands(i) ? 2 : 1;
        Semantics.Vec wide =
                hasWide(i.row)
                        ? (Semantics.Vec) i.row.boundWide()
                        : (c, d, a, b) -> {
                            f.apply(c, d, a, b);
                            f.apply(c, d + 2, a + 2, b + 2);
                        };
        return (c, n) -> {
            check(c, n);
            int b = source(c, n, last);
            int d = n.r1;
            int a = last == 2 ? n.r2 : d;
            if (n.wide) {
                wide.apply(c, d, a, b);
            } else {
                f.apply(c, d, a, b);
                finish(c, n, d);
            }
        };
    }

    private static Exec vecI(Insn i, Semantics.VecI f) {
        int last = threeOperands(i) ? 2 : 1;
        Semantics.VecI wide =
                hasWide(i.row)
                        ? (Semantics.VecI) i.row.boundWide()
                        : (c, d, a, b, immediate) -> {
                            f.apply(c, d, a, b, immediate);
                            f.apply(c, d + 2, a + 2, b + 2, immediate);
                        };
        return (c, n) -> {
            check(c, n);
            int b = source(c, n, last);
            int d = n.r1;
            int a = last == 2 ? n.r2 : d;
            int immediate = (int) n.immediate & 0xff;
            if (n.wide) {
                wide.apply(c, d, a, b, immediate);
            } else {
                f.apply(c, d, a, b, immediate);
                finish(c, n, d);
            }
        };
    }

    private static Exec vec1(Insn i, Semantics.Vec1 f) {
        Semantics.Vec1 wide =
                hasWide(i.row)
                        ? (Semantics.Vec1) i.row.boundWide()
                        : (c, d, b) -> {
                            f.apply(c, d, b);
                            f.apply(c, d + 2, b + 2);
                        };
        return (c, n) -> {
            check(c, n);
            int b = source(c, n, 1);
            int d = n.r1;
            if (n.wide) {
                wide.apply(c, d, b);
            } else {
                f.apply(c, d, b);
                finish(c, n, d);
            }
        };
    }

    private static Exec vec1I(Insn i, Semantics.Vec1I f) {
        Semantics.Vec1I wide =
                hasWide(i.row)
                        ? (Semantics.Vec1I) i.row.boundWide()
                        : (c, d, b, immediate) -> {
                            f.apply(c, d, b, immediate);
                            f.apply(c, d + 2, b + 2, immediate);
                        };
        return (c, n) -> {
            check(c, n);
            int b = source(c, n, 1);
            int d = n.r1;
            int immediate = (int) n.immediate & 0xff;
            if (n.wide) {
                wide.apply(c, d, b, immediate);
            } else {
                f.apply(c, d, b, immediate);
                finish(c, n, d);
            }
        };
    }

    // --- MMX
    // --------------------------------------------------------------------------------------

    private static Exec mmx(Semantics.Mmx f) {
        return (c, n) -> {
            MmxState.check(c);
            long b = Operands.read(c, n, 2);
            MmxState.set(c, n.r1, f.apply(MmxState.get(c, n.r1), b));
        };
    }

    private static Exec mmxI(Semantics.MmxI f) {
        return (c, n) -> {
            MmxState.check(c);
            long b = Operands.read(c, n, 2);
            int immediate = (int) n.immediate & 0xff;
            MmxState.set(c, n.r1, f.apply(MmxState.get(c, n.r1), b, immediate));
        };
    }
}
