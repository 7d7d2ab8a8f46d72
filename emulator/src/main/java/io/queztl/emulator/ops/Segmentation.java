package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.GuestException;

/**
 * From a segment and an offset to a linear address: limit and type checks outside 64-bit mode,
 * canonical form in it (SDM volume 3, 5.3 and 5.5; APM volume 2, 4.12).
 */
public final class Segmentation {
    /** Descriptor attribute: segment present. */
    static final int PRESENT = 1 << 7;

    /** Descriptor attribute: code or data, not a system descriptor. */
    static final int NOT_SYSTEM = 1 << 4;

    /** Descriptor attribute: executable. */
    static final int CODE = 1 << 3;

    /** Descriptor attribute of code: conforming; of data: expand-down. */
    static final int CONFORMING = 1 << 2, EXPAND_DOWN = 1 << 2;

    /** Descriptor attribute of data: writable; of code: readable. */
    static final int WRITABLE = 1 << 1, READABLE = 1 << 1;

    /** Descriptor attribute: 64-bit code. */
    static final int LONG = 1 << 13;

    /** Descriptor attribute: 32-bit default size, or upper bound of an expand-down segment. */
    static final int BIG = 1 << 14;

    private Segmentation() {}

    /**
     * The linear address of an access.
     *
     * @throws GuestException #SS(0) for the stack segment, else #GP(0), if the access is not
     *     allowed
     */
    public static long linear(Cpu c, int segment, long offset, int size, boolean write) {
        if (c.mode64) {
            long linear = c.effectiveBase[segment] + offset;
            long last = linear + size - 1;
            int shift = canonicalShift(c);
            if (linear << shift >> shift != linear || last << shift >> shift != last) {
                throw segment == Cpu.SS ? c.ss(0) : c.gp(0);
            }
            return linear;
        }
        return linearSlow(c, segment, offset, size, write);
    }

    private static long linearSlow(Cpu c, int segment, long offset, int size, boolean write) {
        if (segment == Cpu.FLAT) {
            return offset & 0xffff_ffffL;
        }
        if (!allowed(c, segment, offset, size, write)) {
            throw segment == Cpu.SS ? c.ss(0) : c.gp(0);
        }
        return c.base[segment] + offset & 0xffff_ffffL;
    }

    private static boolean allowed(Cpu c, int segment, long offset, int size, boolean write) {
        int a = c.attributes[segment];
        if (c.protectedMode) {
            if ((a & PRESENT) == 0) {
                return false;
            }
            boolean code = (a & CODE) != 0;
            if (write ? code || (a & WRITABLE) == 0 : code && (a & READABLE) == 0) {
                return false;
            }
        }
        return inLimit(c.limit[segment], a, offset & 0xffff_ffffL, size);
    }

    /** True if a segment with this limit and these attributes holds {@code size} bytes here. */
    static boolean inLimit(int limit, int attributes, long offset, int size) {
        long last = offset + size - 1;
        if ((attributes & (CODE | EXPAND_DOWN)) == EXPAND_DOWN) {
            long upper = (attributes & BIG) != 0 ? 0xffff_ffffL : 0xffff;
            return offset > (limit & 0xffff_ffffL) && last <= upper;
        }
        return last <= (limit & 0xffff_ffffL);
    }

    /** How far a linear address is shifted up to find its sign bit: 57 or 48 bits count. */
    private static int canonicalShift(Cpu c) {
        return (c.cr4 & 1 << 12) != 0 ? 7 : 16;
    }

    /** True if the bits above the implemented linear address repeat its highest bit. */
    public static boolean canonical(Cpu c, long linear) {
        int shift = canonicalShift(c);
        return linear << shift >> shift == linear;
    }

    /** True if IA32_EFER.LMA is set: long mode, 64-bit or compatibility. */
    static boolean longMode(Cpu c) {
        return (c.efer & 1 << 10) != 0;
    }

    /**
     * Checks that a branch target lies in the code segment that is loaded.
     *
     * @throws GuestException #GP(0) if it does not
     */
    static void checkTarget(Cpu c, long rip) {
        if (c.mode64
                ? !canonical(c, rip)
                : (rip & 0xffff_ffffL) > (c.limit[Cpu.CS] & 0xffff_ffffL)) {
            throw c.gp(0);
        }
    }

    /** Reads {@code size} bytes of the stack, {@code offset} bytes above its top. */
    static long peek(Cpu c, int offset, int size) {
        long sp = c.r[Cpu.RSP] + offset & c.stackMask;
        return c.mem.load(linear(c, Cpu.SS, sp, size, false), size);
    }

    /** Writes {@code size} bytes {@code offset} bytes above the top of the stack. */
    static void poke(Cpu c, int offset, int size, long value) {
        long sp = c.r[Cpu.RSP] + offset & c.stackMask;
        c.mem.store(linear(c, Cpu.SS, sp, size, true), size, value);
    }

    /** Adds to the stack pointer, in the part of it that the stack segment's size selects. */
    static void moveStack(Cpu c, long bytes) {
        stackPointer(c, c.r[Cpu.RSP] + bytes);
    }

    /** Sets the stack pointer: SP, ESP or RSP as the stack segment's size selects. */
    static void stackPointer(Cpu c, long value) {
        if (c.stackMask == 0xffff) {
            c.r[Cpu.RSP] = c.r[Cpu.RSP] & ~0xffffL | value & 0xffff;
        } else {
            c.r[Cpu.RSP] = value & c.stackMask;
        }
    }
}
