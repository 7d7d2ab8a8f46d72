package io.queztl.emulator.decode;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.ops.Semantics;

/**
 * One decoded instruction: what a row of the instruction table became with these bytes.
 *
 * <p>There are hundreds of thousands of them, and code that is not hot waits for each to come from
 * memory: so numbers are as small as they can be, and there are no arrays.
 */
public final class Insn {
    /** The table row. */
    public final Row row;

    /** Which case of the interpreter's loop runs it; 0 if {@link #exec} must. */
    public byte form;

    /** Runs it. */
    public Semantics.Exec exec;

    /** Offset of its first byte from the start of its block. */
    public short offset;

    /** Offset of the byte after it from the start of its block. */
    public short end;

    /** Size of the first operand in bytes where it has one, else the operand size. */
    public byte size;

    /** Operand size in bytes: 2, 4 or 8, as prefixes and mode give it. */
    public byte operandSize;

    /** Sizes of the operands in bytes, a byte each, the first one lowest. */
    private int operandSizes;

    /** Address size in bytes: 2, 4 or 8. */
    public byte addressSize;

    /** Decoded for 64-bit mode. */
    public boolean mode64;

    /** ModRM byte, or -1. */
    public short modrm = -1;

    /** ModRM.reg with REX.R. */
    public byte reg;

    /** ModRM.rm with REX.B where it is a register; for +r forms the opcode's register. */
    public byte rm;

    /** VEX.vvvv. */
    public byte vvvv;

    /** True if the ModRM operand is memory (or there is a memory offset operand). */
    public boolean mem;

    /** Base register: an index into {@link Cpu#r}. */
    public byte base = Cpu.ZERO;

    /** Index register: an index into {@link Cpu#r}. */
    public byte index = Cpu.ZERO;

    /** Vector of indices of a gather: an index into {@link Cpu#vec}. */
    public byte vectorIndex;

    /** Shift of the index register, 0–3. */
    public byte scale;

    /** Segment of the memory operand, an index into {@link Cpu#selector}. */
    public byte segment = Cpu.DS;

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
    public short rep;

    /** Prefix 0x66 was given. */
    public boolean operandPrefix;

    /** REX byte with W, R, X, B in bits 3:0, or 0. */
    public byte rex;

    /** True if VEX-encoded. */
    public boolean vex;

    /** VEX.L: 256 bits. */
    public boolean wide;

    /** Register numbers of the operands, a byte each, the first one lowest. */
    private int registers;

    /** Register of operand 1, as {@link #register} gives it, for the hot path. */
    public byte r1;

    /** Register of operand 2. */
    public byte r2;

    /** Makes an empty instruction for the decoder to fill. */
    public Insn(Row row) {
        this.row = row;
        this.exec =
                (c, i) -> {
                    throw c.ud();
                };
    }

    /** Size in bytes of operand {@code n}, counted from 0; 0 where there is none. */
    public int operandSize(int n) {
        return operandSizes >>> 8 * n & 0xff;
    }

    void operandSize(int n, int bytes) {
        operandSizes = operandSizes & ~(0xff << 8 * n) | bytes << 8 * n;
    }

    /** Register number of operand {@code n}, counted from 0, as {@link Cpu#reg} takes it. */
    public int register(int n) {
        return registers >>> 8 * n & 0xff;
    }

    void register(int n, int number) {
        registers = registers & ~(0xff << 8 * n) | number << 8 * n;
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
