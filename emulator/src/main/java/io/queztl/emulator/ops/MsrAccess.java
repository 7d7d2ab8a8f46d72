package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Feature;
import io.queztl.emulator.decode.Insn;
import java.util.Map;

/**
 * RDMSR and WRMSR (SDM volume 4; APM volume 2, appendix A). An MSR that is not here is #GP(0), as
 * on hardware.
 */
public final class MsrAccess {
    private static final int TSC = 0x10, APIC_BASE = 0x1b, TSC_ADJUST = 0x3b;
    private static final int MTRR_CAP = 0xfe, MTRR_DEFAULT_TYPE = 0x2ff, PAT = 0x277;
    private static final int SYSENTER_CS = 0x174, SYSENTER_ESP = 0x175, SYSENTER_EIP = 0x176;
    private static final int MISC_ENABLE = 0x1a0, PATCH_LEVEL = 0x8b, TSC_DEADLINE = 0x6e0;
    private static final int EFER = 0xc000_0080, STAR = 0xc000_0081, LSTAR = 0xc000_0082;
    private static final int CSTAR = 0xc000_0083, FMASK = 0xc000_0084;
    private static final int FS_BASE = 0xc000_0100, GS_BASE = 0xc000_0101;
    private static final int KERNEL_GS_BASE = 0xc000_0102, TSC_AUX = 0xc000_0103;
    private static final int HWCR = 0xc001_0015, DE_CFG = 0xc001_1029;

    /** IA32_EFER: SCE, LME, LMA, NXE, AUTOIBRS. */
    private static final long EFER_SCE = 1, EFER_LME = 1 << 8, EFER_LMA = 1 << 10;

    private static final long EFER_NXE = 1 << 11, EFER_AUTOIBRS = 1 << 21;

    /** Eight variable ranges, fixed ranges, write-combining. */
    private static final long MTRR_CAPABILITIES = 0x508;

    private static final int VARIABLE_MTRRS = 8;

    /**
     * Storage: MSRs of AMD CPUs that kernels read, and may write, without asking first, with their
     * values after reset. They change nothing here.
     */
    private static final Map<Integer, Long> STORAGE =
            Map.ofEntries(
                    Map.entry(MISC_ENABLE, 1L),
                    Map.entry(0xc001_0010, 0L), // SYSCFG
                    Map.entry(HWCR, 1L << 24), // TSC counts at the P0 frequency
                    Map.entry(0xc001_001a, 0L), // TOP_MEM
                    Map.entry(0xc001_001d, 0L), // TOP_MEM2
                    Map.entry(0xc001_001f, 0L), // NB_CFG
                    Map.entry(0xc001_0055, 0L), // INT_PENDING
                    Map.entry(0xc001_0058, 0L), // MMIO_CONF_BASE
                    Map.entry(0xc001_0061, 0L), // P-state limit
                    Map.entry(0xc001_0062, 0L), // P-state control
                    Map.entry(0xc001_0063, 0L), // P-state status
                    Map.entry(0xc001_0114, 0L), // VM_CR
                    Map.entry(0xc001_0140, 0L), // OSVW length
                    Map.entry(0xc001_0141, 0L), // OSVW status
                    Map.entry(0xc001_1002, 0L), // CPUID feature overrides
                    Map.entry(0xc001_1004, 0L),
                    Map.entry(0xc001_1005, 0L),
                    Map.entry(0xc001_1020, 0L), // LS_CFG
                    Map.entry(0xc001_1021, 0L), // IC_CFG
                    Map.entry(0xc001_1022, 0L), // DC_CFG
                    Map.entry(0xc001_1023, 0L), // TW_CFG
                    Map.entry(0xc001_102a, 0L), // CU_CFG2
                    Map.entry(0xc001_102c, 0L), // FP_CFG
                    Map.entry(DE_CFG, 2L)); // LFENCE is serializing

    /** Read-only, as hardware has it; writes of microcode loaders are dropped. */
    private static final long MICROCODE_LEVEL = 0x0b00_21ffL;

    private MsrAccess() {}

    /** Puts the MSRs that are plain storage into their state after power-on. */
    static void powerOn(Cpu c) {
        c.msrs.others.putAll(STORAGE);
        // Write-back everywhere, as firmware would leave it.
        c.msrs.others.put(MTRR_DEFAULT_TYPE, 0x806L);
    }

    private static boolean isMtrr(int msr) {
        return msr >= 0x200 && msr < 0x200 + 2 * VARIABLE_MTRRS
                || msr == 0x250
                || msr == 0x258
                || msr == 0x259
                || msr >= 0x268 && msr <= 0x26f
                || msr == MTRR_DEFAULT_TYPE;
    }

    /** RDMSR. */
    public static void rdmsr(Cpu c, Insn i) {
        ControlRegisters.requireSupervisor(c);
        long value = read(c, (int) c.r[Cpu.RCX]);
        c.r[Cpu.RAX] = value & 0xffff_ffffL;
        c.r[Cpu.RDX] = value >>> 32;
    }

    /** WRMSR. */
    public static void wrmsr(Cpu c, Insn i) {
        ControlRegisters.requireSupervisor(c);
        long value = c.r[Cpu.RDX] << 32 | c.r[Cpu.RAX] & 0xffff_ffffL;
        if (!write(c, (int) c.r[Cpu.RCX], value)) {
            throw c.gp(0);
        }
    }

    private static long read(Cpu c, int msr) {
        if (isLocalApic(msr)) {
            if (!c.interrupts.hasMsr(msr, false)) {
                throw c.gp(0);
            }
            long value = c.interrupts.readMsr(msr);
            return msr == TSC_DEADLINE && value != 0 ? value + c.msrs.tscOffset : value;
        }
        return switch (msr) {
            case TSC -> TimeStamp.read(c);
            case APIC_BASE -> c.interrupts.apicBase();
            case TSC_ADJUST -> c.msrs.tscAdjust;
            case PATCH_LEVEL -> MICROCODE_LEVEL;
            case MTRR_CAP -> MTRR_CAPABILITIES;
            case SYSENTER_CS -> c.msrs.sysenterCs;
            case SYSENTER_ESP -> c.msrs.sysenterEsp;
            case SYSENTER_EIP -> c.msrs.sysenterEip;
            case PAT -> c.msrs.pat;
            case EFER -> c.efer;
            case STAR -> c.msrs.star;
            case LSTAR -> c.msrs.lstar;
            case CSTAR -> c.msrs.cstar;
            case FMASK -> c.msrs.fmask;
            case FS_BASE -> c.base[Cpu.FS];
            case GS_BASE -> c.base[Cpu.GS];
            case KERNEL_GS_BASE -> c.msrs.kernelGsBase;
            case TSC_AUX -> c.msrs.tscAux;
            case KvmClock.SYSTEM_TIME, KvmClock.WALL_CLOCK -> c.msrs.others.getOrDefault(msr, 0L);
            default -> {
                if (!isMtrr(msr) && !STORAGE.containsKey(msr)) {
                    throw c.gp(0);
                }
                yield c.msrs.others.getOrDefault(msr, 0L);
            }
        };
    }

    private static boolean isLocalApic(int msr) {
        return msr >= 0x800 && msr <= 0x8ff || msr == TSC_DEADLINE;
    }

    /** Returns false for #GP(0). */
    private static boolean write(Cpu c, int msr, long value) {
        if (isLocalApic(msr)) {
            // The local APIC counts the VM's clock: a deadline in guest TSC is moved there. 0
            // disarms, so a deadline of long ago must not become 0.
            long raw =
                    msr == TSC_DEADLINE && value != 0
                            ? Math.max(1, value - c.msrs.tscOffset)
                            : value;
            boolean ok = c.interrupts.hasMsr(msr, true) && c.interrupts.writeMsr(msr, raw);
            c.attend(Cpu.ATTENTION_INTERRUPT);
            return ok;
        }
        switch (msr) {
            case TSC -> {
                long offset = value - c.clock.nanos();
                c.msrs.tscAdjust += offset - c.msrs.tscOffset;
                c.msrs.tscOffset = offset;
                KvmClock.update(c);
            }
            case TSC_ADJUST -> {
                c.msrs.tscOffset += value - c.msrs.tscAdjust;
                c.msrs.tscAdjust = value;
                KvmClock.update(c);
            }
            case APIC_BASE -> {
                boolean ok = c.interrupts.apicBase(value);
                c.mem.flushAll();
                c.attend(Cpu.ATTENTION_INTERRUPT);
                return ok;
            }
            case PATCH_LEVEL -> {}
            case 0xc001_0020 -> {} // microcode loader
            case SYSENTER_CS -> c.msrs.sysenterCs = value & 0xffff_ffffL;
            case SYSENTER_ESP -> {
                if (!Segmentation.canonical(c, value)) {
                    return false;
                }
                c.msrs.sysenterEsp = value;
            }
            case SYSENTER_EIP -> {
                if (!Segmentation.canonical(c, value)) {
                    return false;
                }
                c.msrs.sysenterEip = value;
            }
            case PAT -> {
                if (!validPat(value)) {
                    return false;
                }
                c.msrs.pat = value;
            }
            case EFER -> {
                return writeEfer(c, value);
            }
            case STAR -> c.msrs.star = value;
            case LSTAR -> {
                if (!Segmentation.canonical(c, value)) {
                    return false;
                }
                c.msrs.lstar = value;
            }
            case CSTAR -> {
                if (!Segmentation.canonical(c, value)) {
                    return false;
                }
                c.msrs.cstar = value;
            }
            case FMASK -> c.msrs.fmask = value & 0xffff_ffffL;
            case FS_BASE -> {
                if (!Segmentation.canonical(c, value)) {
                    return false;
                }
                SystemCalls.setBase(c, Cpu.FS, value);
            }
            case GS_BASE -> {
                if (!Segmentation.canonical(c, value)) {
                    return false;
                }
                SystemCalls.setBase(c, Cpu.GS, value);
            }
            case KERNEL_GS_BASE -> {
                if (!Segmentation.canonical(c, value)) {
                    return false;
                }
                c.msrs.kernelGsBase = value;
            }
            case TSC_AUX -> {
                if (value >>> 32 != 0) {
                    return false;
                }
                c.msrs.tscAux = value;
            }
            case KvmClock.SYSTEM_TIME -> {
                return KvmClock.systemTime(c, value);
            }
            case KvmClock.WALL_CLOCK -> {
                return KvmClock.wallClock(c, value);
            }
            default -> {
                if (isMtrr(msr) ? !validMtrr(msr, value) : !STORAGE.containsKey(msr)) {
                    return false;
                }
                c.msrs.others.put(msr, value);
            }
        }
        return true;
    }

    private static boolean validPat(long value) {
        for (int k = 0; k < 64; k += 8) {
            int type = (int) (value >>> k) & 0xff;
            if (type > 7 || type == 2 || type == 3) {
                return false;
            }
        }
        return true;
    }

    private static boolean validType(long type) {
        return type == 0 || type == 1 || type >= 4 && type <= 6;
    }

    private static boolean validMtrr(int msr, long value) {
        if (msr == MTRR_DEFAULT_TYPE) {
            return (value & ~0xcffL) == 0 && validType(value & 0xff);
        }
        if (msr < 0x200 + 2 * VARIABLE_MTRRS) {
            if (value >>> Cpuid.PHYSICAL_BITS != 0) {
                return false;
            }
            return (msr & 1) == 0
                    ? (value & 0xf00) == 0 && validType(value & 0xff)
                    : (value & 0x7ff) == 0;
        }
        for (int k = 0; k < 64; k += 8) {
            // AMD's RdMem and WrMem bits may be there.
            if (!validType(value >>> k & 0x7)) {
                return false;
            }
        }
        return true;
    }

    private static boolean writeEfer(Cpu c, long value) {
        long allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_AUTOIBRS;
        if (c.model.has(Feature.NX)) {
            allowed |= EFER_NXE;
        }
        if ((value & ~allowed) != 0
                || ((value ^ c.efer) & EFER_LME) != 0 && (c.cr0 & 1L << 31) != 0) {
            return false;
        }
        long changed = value ^ c.efer;
        c.efer = value & ~EFER_LMA | c.efer & EFER_LMA;
        if ((changed & EFER_NXE) != 0) {
            c.mem.flushAll();
        }
        c.updateMode();
        return true;
    }

    // --- snapshots
    // ----------------------------------------------------------------------------------

    /** Collects every MSR that is not part of another register, for a snapshot. */
    public static void save(Cpu c, Map<Integer, Long> into) {
        into.putAll(c.msrs.others);
        // What the TSC showed when the VM's clock was 0: no time passes between save and restore.
        into.put(TSC, c.msrs.tscOffset);
        into.put(TSC_ADJUST, c.msrs.tscAdjust);
        into.put(APIC_BASE, c.interrupts.apicBase());
        into.put(SYSENTER_CS, c.msrs.sysenterCs);
        into.put(SYSENTER_ESP, c.msrs.sysenterEsp);
        into.put(SYSENTER_EIP, c.msrs.sysenterEip);
        into.put(PAT, c.msrs.pat);
        into.put(EFER, c.efer);
        into.put(STAR, c.msrs.star);
        into.put(LSTAR, c.msrs.lstar);
        into.put(CSTAR, c.msrs.cstar);
        into.put(FMASK, c.msrs.fmask);
        into.put(KERNEL_GS_BASE, c.msrs.kernelGsBase);
        into.put(TSC_AUX, c.msrs.tscAux);
    }

    /** Restores what {@link #save} collected; MSRs this CPU does not have are left out. */
    public static void restore(Cpu c, Map<Integer, Long> from) {
        c.msrs.others.clear();
        for (Map.Entry<Integer, Long> e : from.entrySet()) {
            long value = e.getValue();
            switch (e.getKey()) {
                case TSC -> c.msrs.tscOffset = value;
                case TSC_ADJUST -> c.msrs.tscAdjust = value;
                case SYSENTER_CS -> c.msrs.sysenterCs = value;
                case SYSENTER_ESP -> c.msrs.sysenterEsp = value;
                case SYSENTER_EIP -> c.msrs.sysenterEip = value;
                case PAT -> c.msrs.pat = value;
                case EFER -> c.efer = value;
                case STAR -> c.msrs.star = value;
                case LSTAR -> c.msrs.lstar = value;
                case CSTAR -> c.msrs.cstar = value;
                case FMASK -> c.msrs.fmask = value;
                case KERNEL_GS_BASE -> c.msrs.kernelGsBase = value;
                case TSC_AUX -> c.msrs.tscAux = value;
                case FS_BASE, GS_BASE, APIC_BASE -> {}
                default -> {
                    int msr = e.getKey();
                    if (isMtrr(msr)
                            || STORAGE.containsKey(msr)
                            || msr == KvmClock.SYSTEM_TIME
                            || msr == KvmClock.WALL_CLOCK) {
                        c.msrs.others.put(msr, value);
                    }
                }
            }
        }
    }
}
