package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.GuestException;

/**
 * Segment descriptors and the tables they live in (SDM volume 3, 3.4.5 and 3.5). A descriptor is
 * handled as the eight bytes it is in memory:
 *
 * <pre>
 * 63      56 55 54 53  52 51   48 47 46 45 44 43  40 39                16 15       0
 *  base 31:24 G D/B L AVL lim19:16 P  DPL   S  type    base 23:0             limit 15:0
 * </pre>
 */
final class Descriptors {
    /** Types of system descriptors. */
    static final int TSS16 = 1, LDT = 2, TSS16_BUSY = 3, CALL_GATE16 = 4, TASK_GATE = 5;

    /** Types of system descriptors. */
    static final int INTERRUPT_GATE16 = 6, TRAP_GATE16 = 7, TSS32 = 9, TSS32_BUSY = 11;

    /** Types of system descriptors. */
    static final int CALL_GATE32 = 12, INTERRUPT_GATE32 = 14, TRAP_GATE32 = 15;

    private Descriptors() {}

    /** True for selectors 0 to 3. */
    static boolean isNull(int selector) {
        return (selector & 0xfffc) == 0;
    }

    /**
     * Linear address of the descriptor a selector names, or -1 if its {@code bytes} are not all
     * inside the table, or the table is an unusable LDT.
     */
    static long address(Cpu c, int selector, int bytes) {
        int offset = selector & 0xfff8;
        long base;
        long limit;
        if ((selector & 4) != 0) {
            if ((c.attributes[Cpu.LDTR] & Segmentation.PRESENT) == 0) {
                return -1;
            }
            base = c.base[Cpu.LDTR];
            limit = c.limit[Cpu.LDTR] & 0xffff_ffffL;
        } else {
            base = c.gdtBase;
            limit = c.gdtLimit & 0xffff;
        }
        if (offset + bytes - 1 > limit) {
            return -1;
        }
        long linear = base + offset;
        return Segmentation.longMode(c) ? linear : linear & 0xffff_ffffL;
    }

    /**
     * Reads the descriptor of a selector.
     *
     * @param vector the fault if the selector is outside its table
     * @throws GuestException of that vector, with the selector as error code
     */
    static long load(Cpu c, int selector, int vector) {
        long linear = address(c, selector, 8);
        if (linear == -1) {
            throw c.fault(vector, selector & 0xfffc);
        }
        return c.mem.loadSystem(linear, 8);
    }

    /** The upper eight bytes of a 16-byte system descriptor. */
    static long loadUpper(Cpu c, int selector, int vector) {
        long linear = address(c, selector, 16);
        if (linear == -1) {
            throw c.fault(vector, selector & 0xfffc);
        }
        return c.mem.loadSystem(linear + 8, 8);
    }

    static long base(long descriptor) {
        return descriptor >>> 16 & 0xff_ffff | descriptor >>> 56 << 24;
    }

    /** Byte limit, scaled. */
    static int limit(long descriptor) {
        int limit = (int) (descriptor & 0xffff | descriptor >>> 32 & 0xf_0000);
        return descriptor << 8 < 0 ? limit << 12 | 0xfff : limit;
    }

    /** As in {@link Cpu#attributes}. */
    static int attributes(long descriptor) {
        return (int) (descriptor >>> 40) & 0xf0ff;
    }

    static int dpl(int attributes) {
        return attributes >> 5 & 3;
    }

    /** Type 3:0 with S as bit 4. */
    static int typeAndS(int attributes) {
        return attributes & 0x1f;
    }

    static boolean isCode(int attributes) {
        return (attributes & (Segmentation.NOT_SYSTEM | Segmentation.CODE))
                == (Segmentation.NOT_SYSTEM | Segmentation.CODE);
    }

    static boolean isConforming(int attributes) {
        return (attributes & Segmentation.CONFORMING) != 0;
    }

    static boolean isWritableData(int attributes) {
        return (attributes & (Segmentation.NOT_SYSTEM | Segmentation.CODE | Segmentation.WRITABLE))
                == (Segmentation.NOT_SYSTEM | Segmentation.WRITABLE);
    }

    static boolean isPresent(int attributes) {
        return (attributes & Segmentation.PRESENT) != 0;
    }

    /** Selector or offset fields of a gate. */
    static int gateSelector(long gate) {
        return (int) (gate >>> 16) & 0xffff;
    }

    /** 32-bit offset of a gate. */
    static long gateOffset(long gate) {
        return gate & 0xffff | gate >>> 48 << 16;
    }

    /** Sets the accessed bit of a code or data descriptor in its table. */
    static long markAccessed(Cpu c, int selector, long descriptor) {
        if ((descriptor & 1L << 40) == 0) {
            c.mem.changeSystem8(address(c, selector, 8) + 5, 1, 0);
        }
        return descriptor | 1L << 40;
    }

    /** Sets the busy bit of a TSS descriptor in the GDT; false if it was set already. */
    static boolean markBusy(Cpu c, int selector) {
        return (c.mem.changeSystem8(address(c, selector, 8) + 5, 2, 0) & 2) == 0;
    }

    /** Clears the busy bit of a TSS descriptor in the GDT. */
    static void clearBusy(Cpu c, int selector) {
        c.mem.changeSystem8(address(c, selector, 8) + 5, 0, 2);
    }

    /** Loads the hidden part of a segment register; no checks, nothing else follows. */
    static void set(Cpu c, int segment, int selector, long descriptor) {
        c.selector[segment] = selector;
        c.base[segment] = base(descriptor);
        c.limit[segment] = limit(descriptor);
        c.attributes[segment] = attributes(descriptor);
    }

    /** Loads a null selector; SS keeps {@code dpl}, which is the CPL. */
    static void setNull(Cpu c, int segment, int selector, int dpl) {
        c.selector[segment] = selector;
        c.base[segment] = 0;
        c.limit[segment] = 0;
        c.attributes[segment] = dpl << 5;
    }

    /** Loads a segment register as real and virtual-8086 mode have it after an IRET to v86. */
    static void setVirtual8086(Cpu c, int segment, int selector) {
        c.selector[segment] = selector & 0xffff;
        c.base[segment] = (selector & 0xffffL) << 4;
        c.limit[segment] = 0xffff;
        c.attributes[segment] = 0xf3;
    }

    /** Loads a flat segment, as SYSCALL and its kin do. */
    static void setFlat(Cpu c, int segment, int selector, int attributes) {
        c.selector[segment] = selector & 0xffff;
        c.base[segment] = 0;
        c.limit[segment] = -1;
        c.attributes[segment] = attributes;
    }

    // --- stack segments in a TSS and inner-level checks
    // -------------------------------------------

    /**
     * Reads and checks the descriptor of a stack segment that is loaded with a change to privilege
     * {@code cpl}.
     *
     * @param vector the fault for all but a segment that is not present: #TS or #GP
     */
    static long stackDescriptor(Cpu c, int selector, int cpl, int vector) {
        if (isNull(selector)) {
            throw c.fault(vector, 0);
        }
        long descriptor = load(c, selector, vector);
        int a = attributes(descriptor);
        if ((selector & 3) != cpl || dpl(a) != cpl || !isWritableData(a)) {
            throw c.fault(vector, selector & 0xfffc);
        }
        if (!isPresent(a)) {
            throw c.ss(selector & 0xfffc);
        }
        return descriptor;
    }

    /** The SS:ESP of a privilege level in a 16- or 32-bit TSS: selector in bits 47:32. */
    static long stackOf(Cpu c, int level) {
        boolean wide = (c.attributes[Cpu.TR] & 8) != 0;
        int offset = wide ? level * 8 + 4 : level * 4 + 2;
        if (offset + (wide ? 5 : 3) > (c.limit[Cpu.TR] & 0xffff_ffffL)) {
            throw c.ts(c.selector[Cpu.TR] & 0xfffc);
        }
        long linear = c.base[Cpu.TR] + offset & 0xffff_ffffL;
        return wide
                ? c.mem.loadSystem(linear, 4) & 0xffff_ffffL
                        | (c.mem.loadSystem(linear + 4, 2) & 0xffff) << 32
                : c.mem.loadSystem(linear, 2) & 0xffff
                        | (c.mem.loadSystem(linear + 2, 2) & 0xffff) << 32;
    }

    /** A stack pointer of the 64-bit TSS, by its offset in it. */
    static long stackOf64(Cpu c, int offset) {
        if (offset + 7 > (c.limit[Cpu.TR] & 0xffff_ffffL)) {
            throw c.ts(c.selector[Cpu.TR] & 0xfffc);
        }
        long rsp = c.mem.loadSystem(c.base[Cpu.TR] + offset, 8);
        if (!Segmentation.canonical(c, rsp)) {
            throw c.ss(0);
        }
        return rsp;
    }

    /** After a return to an outer level: data segments it may not use become null. */
    static void dropInnerSegments(Cpu c, int cpl) {
        for (int s = 0; s < 6; s++) {
            if (s == Cpu.CS || s == Cpu.SS) {
                continue;
            }
            int a = c.attributes[s];
            if (dpl(a) < cpl && (!isCode(a) || !isConforming(a))) {
                if (isNull(c.selector[s])) {
                    continue;
                }
                setNull(c, s, 0, 0);
            }
        }
    }
}
