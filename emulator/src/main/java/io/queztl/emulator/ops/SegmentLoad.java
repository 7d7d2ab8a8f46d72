package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/**
 * Loads and stores of segment registers: MOV, PUSH, POP, LDS and its kin (SDM volume 3, 5.6 and
 * 5.7).
 */
public final class SegmentLoad {
    private SegmentLoad() {}

    /** Loads ES, SS, DS, FS or GS with all checks of the mode the CPU is in. */
    public static void load(Cpu c, int segment, int selector) {
        selector &= 0xffff;
        if (!c.protectedMode) {
            if ((c.systemFlags & Flags.VM) != 0) {
                Descriptors.setVirtual8086(c, segment, selector);
            } else {
                // Limit and attributes stay: "unreal" mode.
                c.selector[segment] = selector;
                c.base[segment] = (long) selector << 4;
            }
        } else if (segment == Cpu.SS) {
            loadStack(c, selector);
        } else {
            loadData(c, segment, selector);
        }
        c.updateMode();
    }

    private static void loadStack(Cpu c, int selector) {
        int rpl = selector & 3;
        if (Descriptors.isNull(selector)) {
            if (!c.mode64 || c.cpl == 3 || rpl != c.cpl) {
                throw c.gp(0);
            }
            Descriptors.setNull(c, Cpu.SS, selector, c.cpl);
            return;
        }
        long d = Descriptors.stackDescriptor(c, selector, c.cpl, 13);
        d = Descriptors.markAccessed(c, selector, d);
        Descriptors.set(c, Cpu.SS, selector, d);
    }

    /** Loads ES, DS, FS or GS in protected mode. */
    static void loadData(Cpu c, int segment, int selector) {
        if (Descriptors.isNull(selector)) {
            Descriptors.setNull(c, segment, selector, 0);
            return;
        }
        long d = dataDescriptor(c, selector, c.cpl, 13);
        d = Descriptors.markAccessed(c, selector, d);
        Descriptors.set(c, segment, selector, d);
    }

    /** Reads and checks the descriptor of a non-null data segment. */
    static long dataDescriptor(Cpu c, int selector, int cpl, int vector) {
        long d = Descriptors.load(c, selector, vector);
        int a = Descriptors.attributes(d);
        int code = selector & 0xfffc;
        if ((a & Segmentation.NOT_SYSTEM) == 0
                || (Descriptors.isCode(a) && (a & Segmentation.READABLE) == 0)) {
            throw c.fault(vector, code);
        }
        if (!(Descriptors.isCode(a) && Descriptors.isConforming(a))) {
            int dpl = Descriptors.dpl(a);
            if ((selector & 3) > dpl || cpl > dpl) {
                throw c.fault(vector, code);
            }
        }
        if (!Descriptors.isPresent(a)) {
            throw c.np(code);
        }
        return d;
    }

    /** MOV Sreg, r/m16. */
    public static void movToSegment(Cpu c, Insn i) {
        int segment = i.modrm >> 3 & 7;
        if (segment > Cpu.GS || segment == Cpu.CS) {
            throw c.ud();
        }
        load(c, segment, (int) Operands.read(c, i, 2));
        if (segment == Cpu.SS) {
            shadow(c);
        }
    }

    /** MOV r/m, Sreg: a register gets the selector zero-extended, memory gets 16 bits. */
    public static void movFromSegment(Cpu c, Insn i) {
        int segment = i.modrm >> 3 & 7;
        if (segment > Cpu.GS) {
            throw c.ud();
        }
        Operands.write(c, i, 1, c.selector[segment]);
    }

    private static void shadow(Cpu c) {
        c.interruptShadow = true;
        c.debugShadow = true;
        c.attend(Cpu.ATTENTION_DEBUG);
    }

    private static void push(Cpu c, Insn i, int segment) {
        int size = stackSize(c, i);
        Segmentation.poke(c, -size, size, c.selector[segment]);
        Segmentation.moveStack(c, -size);
    }

    private static void pop(Cpu c, Insn i, int segment) {
        int size = stackSize(c, i);
        // Only 16 bits are accessed, as on all CPUs since the Pentium Pro.
        int selector = (int) Segmentation.peek(c, 0, 2);
        long mask = c.stackMask;
        long sp = c.r[Cpu.RSP] + size;
        load(c, segment, selector);
        // POP SS adds to the stack pointer as the old stack segment had it.
        if (mask == 0xffff) {
            c.r[Cpu.RSP] = c.r[Cpu.RSP] & ~0xffffL | sp & 0xffff;
        } else {
            c.r[Cpu.RSP] = sp & mask;
        }
        if (segment == Cpu.SS) {
            shadow(c);
        }
    }

    private static int stackSize(Cpu c, Insn i) {
        return i.mode64 ? i.operandPrefix && (i.rex & 8) == 0 ? 2 : 8 : i.operandSize;
    }

    /** PUSH ES. */
    public static void pushEs(Cpu c, Insn i) {
        push(c, i, Cpu.ES);
    }

    /** PUSH CS. */
    public static void pushCs(Cpu c, Insn i) {
        push(c, i, Cpu.CS);
    }

    /** PUSH SS. */
    public static void pushSs(Cpu c, Insn i) {
        push(c, i, Cpu.SS);
    }

    /** PUSH DS. */
    public static void pushDs(Cpu c, Insn i) {
        push(c, i, Cpu.DS);
    }

    /** PUSH FS. */
    public static void pushFs(Cpu c, Insn i) {
        push(c, i, Cpu.FS);
    }

    /** PUSH GS. */
    public static void pushGs(Cpu c, Insn i) {
        push(c, i, Cpu.GS);
    }

    /** POP ES. */
    public static void popEs(Cpu c, Insn i) {
        pop(c, i, Cpu.ES);
    }

    /** POP SS. */
    public static void popSs(Cpu c, Insn i) {
        pop(c, i, Cpu.SS);
    }

    /** POP DS. */
    public static void popDs(Cpu c, Insn i) {
        pop(c, i, Cpu.DS);
    }

    /** POP FS. */
    public static void popFs(Cpu c, Insn i) {
        pop(c, i, Cpu.FS);
    }

    /** POP GS. */
    public static void popGs(Cpu c, Insn i) {
        pop(c, i, Cpu.GS);
    }

    private static void loadFar(Cpu c, Insn i, int segment) {
        long offset = FarTransfer.readOffset(c, i);
        load(c, segment, FarTransfer.readSelector(c, i));
        c.reg(i.reg, i.operandSize, offset);
    }

    /** LES r, m16:16/32. */
    public static void les(Cpu c, Insn i) {
        loadFar(c, i, Cpu.ES);
    }

    /** LDS r, m16:16/32. */
    public static void lds(Cpu c, Insn i) {
        loadFar(c, i, Cpu.DS);
    }

    /** LSS r, m16:16/32/64. */
    public static void lss(Cpu c, Insn i) {
        loadFar(c, i, Cpu.SS);
    }

    /** LFS r, m16:16/32/64. */
    public static void lfs(Cpu c, Insn i) {
        loadFar(c, i, Cpu.FS);
    }

    /** LGS r, m16:16/32/64. */
    public static void lgs(Cpu c, Insn i) {
        loadFar(c, i, Cpu.GS);
    }
}
