package io.queztl.emulator.decode;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.ops.Semantics;

/** One decoded instruction: what a row of the instruction table became with these bytes. */
public final class Insn {
    /** The table row. */
    public final Row row;

    /** Runs it. */
    public Semantics.Exec exec;

    /** Offset of its first byte from the start of its block. */
    public int offset;

    /** Offset of the byte after it from the start of its block. */
    public int end;

    /** Size of the first operand in bytes where it has one, else the operand size. */
    public int size;

    /** Operand size in bytes: 2, 4 or 8, as prefixes and mode give it. */
    public int operandSize;

    /** Sizes of the operands in bytes, in order. */
    public final int[] sizes = new int[4];

    /** Address size in bytes: 2, 4 or 8. */
    public int addressSize;

    /** Decoded for 64-bit mode. */
    public boolean mode64;

    /** ModRM byte, or -1. */
    public int modrm = -1;

    /** ModRM.reg with REX.R. */
    public int reg;

    /** ModRM.rm with REX.B where it is a register; for +r forms the opcode's register. */
    public int rm;

    /** VEX.vvvv. */
    public int vvvv;

    /** True if the ModRM operand is memory (or there is a memory offset operand). */
    public boolean mem;

    /** Base register: an index into {@link Cpu#r}. */
    public int base = Cpu.ZERO;

    /** Index register: an index into {@link Cpu#r}. */
    public int index = Cpu.ZERO;

    /** Vector of indices of a gather: an index into {@link Cpu#vec}. */
    public int vectorIndex;

    /** Shift of the index register, 0–3. */
    public int scale;

    /** Segment of the memory operand, an index into {@link Cpu#selector}. */
    public int segment = Cpu.DS;

    /** True if a segment override prefix was given. */
    public boolean segmentOverride;

    /** Displacement, sign-extended. */
    public long displacement;

    /** First immediate, sign-extended, or the relative branch displacement. */
    public long immediate;

    /** Second immediate (ENTER, far pointers' selector). */
    public int immediate2;

    /** LOCK prefix. */
    public boolean lock;

    /** 0, 0xF2 (REPNE) or 0xF3 (REP). */
    public int rep;

    /** Prefix 0x66 was given. */
    public boolean operandPrefix;

    /** REX byte with W, R, X, B in bits 3:0, or 0. */
    public int rex;

    /** True if VEX-encoded. */
    public boolean vex;

    /** VEX.L: 256 bits. */
    public boolean wide;

    /** Register numbers of the operands 1–4 that are registers, as {@link Cpu#reg} takes them. */
    public final int[] registers = new int[4];

    /** Register of operand 1, copied from {@link #registers} for the hot path. */
    public int r1;

    /** Register of operand 2. */
    public int r2;

    /** Makes an empty instruction for the decoder to fill. */
    public Insn(Row row) {
        this.row = row;
        this.exec =
                (c, i) -> {
                    throw c.ud();
                };
    }

    /** Instruction length in bytes, 1–15. */
    public int length() {
        return end - offset;
    }

    /** Effective address: offset in its segment, wrapped to the address size. */
    public long effectiveAddress(Cpu c) {
        long a = c.r[base] + (c.r[index] << scale) + displacement;
        return addressSize == 8 ? a : addressSize == 4 ? a & 0xffff_ffffL : a & 0xffff;
    }
}
