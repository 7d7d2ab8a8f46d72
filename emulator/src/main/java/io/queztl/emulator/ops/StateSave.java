package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Feature;
import io.queztl.emulator.cpu.X87;
import io.queztl.emulator.decode.Insn;

/**
 * Saving and restoring x87, SSE and extended state: FXSAVE and the XSAVE family (SDM volume 1, 10.5
 * and chapter 13).
 *
 * <pre>
 *   0 FCW  2 FSW  4 abridged FTW  6 FOP  8 FIP  16 FDP  24 MXCSR  28 MXCSR_MASK
 *  32 ST0–ST7, 16 bytes each     160 XMM0–XMM15     416 not touched
 * 512 XSTATE_BV  520 XCOMP_BV    528 reserved, 0    576 extended components
 * </pre>
 */
public final class StateSave {
    /** Bits of MXCSR that may be set. */
    public static final int MXCSR_MASK = 0xFFFF;

    /** MXCSR after reset. */
    public static final int MXCSR_DEFAULT = 0x1F80;

    /** State component numbers (SDM volume 1, 13.1). */
    public static final int COMPONENT_X87 = 0,
            COMPONENT_SSE = 1,
            COMPONENT_AVX = 2,
            COMPONENT_PKRU = 9;

    private static final int X87_BIT = 1 << COMPONENT_X87;
    private static final int SSE_BIT = 1 << COMPONENT_SSE;
    private static final int AVX_BIT = 1 << COMPONENT_AVX;
    private static final int PKRU_BIT = 1 << COMPONENT_PKRU;
    private static final int LAST_COMPONENT = COMPONENT_PKRU;

    private static final int HEADER = 512;
    private static final int EXTENDED = 576;
    private static final long COMPACTED = 1L << 63;
    private static final int CR4_OSXSAVE = 1 << 18;

    private StateSave() {}

    // --- the component table, which CPUID leaf 0DH reports too
    // ------------------------------------------

    /** Bytes of an extended component; 0 if there is none of this number. */
    public static int componentSize(int component) {
        return switch (component) {
            case COMPONENT_AVX -> 256;
            case COMPONENT_PKRU -> 8;
            default -> 0;
        };
    }

    /** Offset in bytes of an extended component in the standard format; 0 if there is none. */
    public static int componentOffset(int component) {
        return switch (component) {
            case COMPONENT_AVX -> EXTENDED;
            case COMPONENT_PKRU -> 2688;
            default -> 0;
        };
    }

    /** XCR0 bits that a CPU model supports. */
    public static long supported(CpuModel model) {
        return X87_BIT
                | SSE_BIT
                | (model.has(Feature.AVX) ? AVX_BIT : 0)
                | (model.has(Feature.PKU) ? PKRU_BIT : 0);
    }

    /** Bytes of an XSAVE area in the standard format that has these components. */
    public static int standardSize(long components) {
        int size = EXTENDED;
        for (int n = 2; n <= LAST_COMPONENT; n++) {
            if ((components >> n & 1) != 0) {
                size = Math.max(size, componentOffset(n) + componentSize(n));
            }
        }
        return size;
    }

    /** Bytes of an XSAVE area in the compacted format that has these components. */
    public static int compactedSize(long components) {
        return compactedOffset(components, LAST_COMPONENT + 1);
    }

    /** Offset of a component in the compacted format: those before it follow without gaps. */
    private static int compactedOffset(long components, int component) {
        int offset = EXTENDED;
        for (int n = 2; n < component; n++) {
            if ((components >> n & 1) != 0) {
                offset += componentSize(n);
            }
        }
        return offset;
    }

    // --- MXCSR
    // ----------------------------------------------------------------------------------------------

    /** LDMXCSR: #GP if a reserved bit would be set. */
    public static void ldmxcsr(Cpu c, Insn i) {
        c.checkSse();
        int value = (int) c.mem.load32(Operands.address(c, i, 4, false));
        checkMxcsr(c, value);
        c.mxcsr = value;
    }

    /** STMXCSR. */
    public static void stmxcsr(Cpu c, Insn i) {
        c.checkSse();
        c.mem.store32(Operands.address(c, i, 4, true), c.mxcsr);
    }

    private static void checkMxcsr(Cpu c, int value) {
        if ((value & ~MXCSR_MASK) != 0) {
            throw c.gp(0);
        }
    }

    // --- FXSAVE, FXRSTOR
    // ------------------------------------------------------------------------------------

    /** FXSAVE, FXSAVE64 with REX.W. */
    public static void fxsave(Cpu c, Insn i) {
        long area = fxArea(c, i, true);
        saveX87(c, i, area);
        saveMxcsr(c, area);
        saveXmm(c, area);
    }

    /** FXRSTOR, FXRSTOR64 with REX.W. */
    public static void fxrstor(Cpu c, Insn i) {
        long area = fxArea(c, i, false);
        int mxcsr = (int) c.mem.load32(area + 24);
        checkMxcsr(c, mxcsr);
        loadX87(c, i, area);
        c.mxcsr = mxcsr;
        loadXmm(c, area);
    }

    private static long fxArea(Cpu c, Insn i, boolean write) {
        if ((c.cr0 & 0xC) != 0) {
            throw c.nm();
        }
        return area(c, i, 512, 15, write);
    }

    /** Checks all of a state area, so that no fault can come halfway. */
    private static long area(Cpu c, Insn i, int size, int alignment, boolean write) {
        long linear = Operands.address(c, i, size, write);
        if ((linear & alignment) != 0) {
            throw c.gp(0);
        }
        check(c, linear, size, write);
        return linear;
    }

    private static void check(Cpu c, long linear, int size, boolean write) {
        for (int at = 0; at < size; ) {
            int part = Math.min(size - at, 4096 - (int) (linear + at & 0xfff));
            if (write) {
                c.mem.checkWrite(linear + at, part);
            } else {
                c.mem.checkRead(linear + at, part);
            }
            at += part;
        }
    }

    private static void saveX87(Cpu c, Insn i, long area) {
        X87 x = c.x87;
        c.mem.store16(area, x.control);
        c.mem.store16(area + 2, x.status & ~0x3800 | x.top << 11);
        c.mem.store16(area + 4, ~x.empty & 0xff);
        c.mem.store16(area + 6, x.lastOpcode & 0x7ff);
        if ((i.rex & 8) != 0) {
            c.mem.store64(area + 8, x.lastInstruction);
            c.mem.store64(area + 16, x.lastData);
        } else {
            c.mem.store64(
                    area + 8,
                    x.lastInstruction & 0xffff_ffffL | (x.lastInstructionSelector & 0xffffL) << 32);
            c.mem.store64(
                    area + 16, x.lastData & 0xffff_ffffL | (x.lastDataSelector & 0xffffL) << 32);
        }
        for (int n = 0; n < 8; n++) {
            int register = x.top + n & 7;
            c.mem.store64(area + 32 + n * 16, x.significand[register]);
            c.mem.store64(area + 40 + n * 16, x.signExponent[register] & 0xffff);
        }
    }

    private static void loadX87(Cpu c, Insn i, long area) {
        X87 x = c.x87;
        x.control = (int) c.mem.load16(area) & 0x1F3F | 0x40;
        int status = (int) c.mem.load16(area + 2);
        boolean pending = (status & ~x.control & 0x3f) != 0;
        x.status = status & ~0xB880 | (pending ? 0x8080 : 0);
        x.top = status >> 11 & 7;
        x.empty = ~(int) c.mem.load8(area + 4) & 0xff;
        x.lastOpcode = (int) c.mem.load16(area + 6) & 0x7ff;
        long instruction = c.mem.load64(area + 8);
        long data = c.mem.load64(area + 16);
        if ((i.rex & 8) != 0) {
            x.lastInstruction = instruction;
            x.lastData = data;
            x.lastInstructionSelector = 0;
            x.lastDataSelector = 0;
        } else {
            x.lastInstruction = instruction & 0xffff_ffffL;
            x.lastInstructionSelector = (int) (instruction >>> 32) & 0xffff;
            x.lastData = data & 0xffff_ffffL;
            x.lastDataSelector = (int) (data >>> 32) & 0xffff;
        }
        for (int n = 0; n < 8; n++) {
            int register = x.top + n & 7;
            x.significand[register] = c.mem.load64(area + 32 + n * 16);
            x.signExponent[register] = (int) c.mem.load16(area + 40 + n * 16);
        }
    }

    private static void initX87(Cpu c) {
        X87 x = c.x87;
        x.control = 0x37F;
        x.status = 0;
        x.top = 0;
        x.empty = 0xff;
        x.lastOpcode = 0;
        x.lastInstruction = 0;
        x.lastInstructionSelector = 0;
        x.lastData = 0;
        x.lastDataSelector = 0;
        for (int n = 0; n < 8; n++) {
            x.significand[n] = 0;
            x.signExponent[n] = 0;
        }
    }

    private static boolean x87InUse(Cpu c) {
        X87 x = c.x87;
        long any = x.control ^ 0x37F | x.status | x.top | x.empty ^ 0xff | x.lastOpcode;
        any |= x.lastInstruction | x.lastInstructionSelector | x.lastData | x.lastDataSelector;
        for (int n = 0; n < 8; n++) {
            any |= x.significand[n] | x.signExponent[n];
        }
        return any != 0;
    }

    private static void saveMxcsr(Cpu c, long area) {
        c.mem.store32(area + 24, c.mxcsr);
        c.mem.store32(area + 28, MXCSR_MASK);
    }

    /** Longs of {@link Cpu#vec} that the state instructions see: XMM0–7 outside 64-bit mode. */
    private static int vectorLongs(Cpu c) {
        return (c.mode64 ? 16 : 8) * Cpu.VEC_STRIDE;
    }

    private static void saveXmm(Cpu c, long area) {
        saveHalves(c, area + 160, 0);
    }

    private static void loadXmm(Cpu c, long area) {
        loadHalves(c, area + 160, 0);
    }

    private static void saveHalves(Cpu c, long at, int half) {
        int end = vectorLongs(c);
        for (int n = half; n < end; n += Cpu.VEC_STRIDE) {
            c.mem.store64(at, c.vec[n]);
            c.mem.store64(at + 8, c.vec[n + 1]);
            at += 16;
        }
    }

    private static void loadHalves(Cpu c, long at, int half) {
        int end = vectorLongs(c);
        for (int n = half; n < end; n += Cpu.VEC_STRIDE) {
            c.vec[n] = c.mem.load64(at);
            c.vec[n + 1] = c.mem.load64(at + 8);
            at += 16;
        }
    }

    private static void clearHalves(Cpu c, int half) {
        int end = vectorLongs(c);
        for (int n = half; n < end; n += Cpu.VEC_STRIDE) {
            c.vec[n] = 0;
            c.vec[n + 1] = 0;
        }
    }

    private static boolean halvesInUse(Cpu c, int half) {
        long any = 0;
        int end = vectorLongs(c);
        for (int n = half; n < end; n += Cpu.VEC_STRIDE) {
            any |= c.vec[n] | c.vec[n + 1];
        }
        return any != 0;
    }

    // --- XSAVE
    // ------------------------------------------------------------------------------------------------

    /** XINUSE: which components are not in their initial configuration. MXCSR does not count. */
    public static long inUse(Cpu c) {
        return (x87InUse(c) ? X87_BIT : 0)
                | (halvesInUse(c, 0) ? SSE_BIT : 0)
                | (halvesInUse(c, 2) ? AVX_BIT : 0)
                | (c.pkru != 0 ? PKRU_BIT : 0);
    }

    private static void checkXsave(Cpu c) {
        if ((c.cr4 & CR4_OSXSAVE) == 0) {
            throw c.ud();
        }
        if ((c.cr0 & 8) != 0) {
            throw c.nm();
        }
    }

    /** RFBM: components that XCR0 enables and EDX:EAX asks for. */
    private static long requested(Cpu c) {
        return c.xcr0 & (c.r[Cpu.RDX] << 32 | c.r[Cpu.RAX] & 0xffff_ffffL);
    }

    /** XSAVE. */
    public static void xsave(Cpu c, Insn i) {
        standardSave(c, i, -1L);
    }

    /** XSAVEOPT: leaves out what is in its initial configuration. */
    public static void xsaveopt(Cpu c, Insn i) {
        standardSave(c, i, inUse(c));
    }

    private static void standardSave(Cpu c, Insn i, long worthSaving) {
        checkXsave(c);
        long components = requested(c);
        long area = area(c, i, standardSize(components), 63, true);
        long save = components & worthSaving;
        if ((components & (SSE_BIT | AVX_BIT)) != 0) {
            saveMxcsr(c, area);
        }
        saveLegacy(c, i, area, save);
        for (int n = 2; n <= LAST_COMPONENT; n++) {
            if ((save >> n & 1) != 0) {
                saveComponent(c, n, area + componentOffset(n));
            }
        }
        long old = c.mem.load64(area + HEADER);
        c.mem.store64(area + HEADER, old & ~components | inUse(c) & components);
    }

    private static void saveLegacy(Cpu c, Insn i, long area, long components) {
        if ((components & X87_BIT) != 0) {
            saveX87(c, i, area);
        }
        if ((components & SSE_BIT) != 0) {
            saveXmm(c, area);
        }
    }

    private static void saveComponent(Cpu c, int component, long at) {
        if (component == COMPONENT_AVX) {
            saveHalves(c, at, 2);
        } else if (component == COMPONENT_PKRU) {
            c.mem.store64(at, c.pkru & 0xffff_ffffL);
        }
    }

    /** XSAVEC: compacted format. */
    public static void xsavec(Cpu c, Insn i) {
        checkXsave(c);
        long components = requested(c);
        long area = area(c, i, compactedSize(components), 63, true);
        long save = inUse(c) & components;
        if ((components & SSE_BIT) != 0 && c.mxcsr != MXCSR_DEFAULT) {
            save |= SSE_BIT;
        }
        saveLegacy(c, i, area, save);
        if ((save & SSE_BIT) != 0) {
            saveMxcsr(c, area);
        }
        for (int n = 2; n <= LAST_COMPONENT; n++) {
            if ((save >> n & 1) != 0) {
                saveComponent(c, n, area + compactedOffset(components, n));
            }
        }
        c.mem.store64(area + HEADER, save);
        c.mem.store64(area + HEADER + 8, components | COMPACTED);
    }

    /**
     * XSAVES: as XSAVEC, for the supervisor; there are no supervisor components (IA32_XSS is 0).
     */
    public static void xsaves(Cpu c, Insn i) {
        checkXsave(c);
        if (c.cpl != 0) {
            throw c.gp(0);
        }
        xsavec(c, i);
    }

    /** XRSTOR, from either format. */
    public static void xrstor(Cpu c, Insn i) {
        checkXsave(c);
        long area = area(c, i, EXTENDED, 63, false);
        if (c.mem.load64(area + HEADER + 8) < 0 && c.model.has(Feature.XSAVEC)) {
            compactedRestore(c, i, area);
        } else {
            standardRestore(c, i, area);
        }
    }

    /** XRSTORS: compacted format only, for the supervisor. */
    public static void xrstors(Cpu c, Insn i) {
        checkXsave(c);
        if (c.cpl != 0) {
            throw c.gp(0);
        }
        long area = area(c, i, EXTENDED, 63, false);
        if (c.mem.load64(area + HEADER + 8) >= 0) {
            throw c.gp(0);
        }
        compactedRestore(c, i, area);
    }

    private static void standardRestore(Cpu c, Insn i, long area) {
        long present = c.mem.load64(area + HEADER);
        if ((present & ~c.xcr0) != 0
                || (c.mem.load64(area + HEADER + 8) | c.mem.load64(area + HEADER + 16)) != 0) {
            throw c.gp(0);
        }
        long components = requested(c);
        int size = standardSize(components & present);
        Operands.address(c, i, size, false);
        check(c, area, size, false);
        if ((components & (SSE_BIT | AVX_BIT)) != 0) {
            int mxcsr = (int) c.mem.load32(area + 24);
            checkMxcsr(c, mxcsr);
            c.mxcsr = mxcsr;
        }
        restoreLegacy(c, i, area, components, present);
        for (int n = 2; n <= LAST_COMPONENT; n++) {
            if ((components >> n & 1) != 0) {
                restoreComponent(c, n, area + componentOffset(n), (present >> n & 1) != 0);
            }
        }
    }

    private static void compactedRestore(Cpu c, Insn i, long area) {
        long present = c.mem.load64(area + HEADER);
        long layout = c.mem.load64(area + HEADER + 8) & ~COMPACTED;
        long reserved = 0;
        for (int n = 16; n < 64; n += 8) {
            reserved |= c.mem.load64(area + HEADER + n);
        }
        if ((layout & ~c.xcr0) != 0 || (present & ~layout) != 0 || reserved != 0) {
            throw c.gp(0);
        }
        long components = requested(c);
        int size = compactedSize(layout);
        Operands.address(c, i, size, false);
        check(c, area, size, false);
        if ((components & SSE_BIT) != 0) {
            int mxcsr = (present & SSE_BIT) != 0 ? (int) c.mem.load32(area + 24) : MXCSR_DEFAULT;
            checkMxcsr(c, mxcsr);
            c.mxcsr = mxcsr;
        }
        restoreLegacy(c, i, area, components, present);
        for (int n = 2; n <= LAST_COMPONENT; n++) {
            if ((components >> n & 1) != 0) {
                restoreComponent(c, n, area + compactedOffset(layout, n), (present >> n & 1) != 0);
            }
        }
    }

    private static void restoreLegacy(Cpu c, Insn i, long area, long components, long present) {
        if ((components & X87_BIT) != 0) {
            if ((present & X87_BIT) != 0) {
                loadX87(c, i, area);
            } else {
                initX87(c);
            }
        }
        if ((components & SSE_BIT) != 0) {
            if ((present & SSE_BIT) != 0) {
                loadXmm(c, area);
            } else {
                clearHalves(c, 0);
            }
        }
    }

    private static void restoreComponent(Cpu c, int component, long at, boolean present) {
        if (component == COMPONENT_AVX) {
            if (present) {
                loadHalves(c, at, 2);
            } else {
                clearHalves(c, 2);
            }
        } else if (component == COMPONENT_PKRU) {
            int pkru = present ? (int) c.mem.load32(at) : 0;
            if (pkru != c.pkru) {
                c.pkru = pkru;
                // Protection keys are part of every cached translation's rights.
                c.mem.flushAll();
            }
        }
    }
}
