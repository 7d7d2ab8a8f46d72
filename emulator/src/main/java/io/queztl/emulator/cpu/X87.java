package io.queztl.emulator.cpu;

import io.queztl.emulator.fpu.FloatStatus;

/**
 * x87 state (SDM volume 1, chapter 8). Registers are indexed physically, R0–R7; ST(i) is R((top+i)
 * mod 8). The MMX registers MM0–MM7 are the significands of R0–R7.
 */
public final class X87 {
    /** The x87 unit's arithmetic. */
    public final FloatStatus floatStatus = new FloatStatus();

    /** 64-bit significands of R0–R7, explicit integer bit included; MM0–MM7. */
    public final long[] significand = new long[8];

    /** Sign (bit 15) and exponent (bits 14:0) of R0–R7. */
    public final int[] signExponent = new int[8];

    /** Control word. */
    public int control = 0x37F;

    /** Status word without TOP. */
    public int status;

    /** TOP, 0–7. */
    public int top;

    /** Bit i is set if Ri is empty: the abridged tag word, inverted. */
    public int empty = 0xFF;

    /** Opcode of the last non-control instruction, 11 bits. */
    public int lastOpcode;

    /** Its address. */
    public long lastInstruction;

    /** Its code segment selector. */
    public int lastInstructionSelector;

    /** Its memory operand's address. */
    public long lastData;

    /** Its data segment selector. */
    public int lastDataSelector;
}
