package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Feature;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/**
 * CR0, CR2, CR3, CR4, CR8, XCR0 and PKRU, and what follows from writing them (SDM volume 3, 2.5 and
 * 4.1; APM volume 2, 3.1).
 */
public final class ControlRegisters {
    private static final long PE = 1, MP = 2, EM = 4, TS = 8, ET = 16, NE = 32;
    private static final long WP = 1 << 16, AM = 1 << 18, NW = 1 << 29, CD = 1 << 30;
    private static final long PG = 1L << 31;
    private static final long CR0_WRITABLE = PE | MP | EM | TS | NE | WP | AM | NW | CD | PG;

    private static final long PSE = 1 << 4, PAE = 1 << 5, PGE = 1 << 7;
    private static final long LA57 = 1 << 12, PCIDE = 1 << 17, OSXSAVE = 1 << 18;
    private static final long SMEP = 1 << 20, SMAP = 1 << 21, PKE = 1 << 22;

    /** CR4 bits that every model has: VME, PVI, TSD, DE, PSE, PAE, PGE, PCE, OSFXSR, OSXMMEXCPT. */
    private static final long CR4_ALWAYS = 0x7bf & ~(1L << 6);

    private static final long LME = 1 << 8, LMA = 1 << 10;

    private static final long NO_FLUSH = 1L << 63;

    private ControlRegisters() {}

    /** Throws #GP(0) unless CPL is 0. */
    static void requireSupervisor(Cpu c) {
        if (c.cpl != 0) {
            throw c.gp(0);
        }
    }

    private static int register(Insn i) {
        return i.modrm & 7 | (i.rex & 1) << 3;
    }

    /** MOV r, CRn. */
    public static void movFromControl(Cpu c, Insn i) {
        long value;
        switch (i.reg) {
            case 0 -> value = c.cr0;
            case 2 -> value = c.cr2;
            case 3 -> value = c.cr3;
            case 4 -> value = c.cr4;
            case 8 -> value = c.interrupts.taskPriority() & 15;
            default -> throw c.ud();
        }
        requireSupervisor(c);
        c.reg(register(i), c.mode64 ? 8 : 4, value);
    }

    /** MOV CRn, r. */
    public static void movToControl(Cpu c, Insn i) {
        if (i.reg != 0 && i.reg != 2 && i.reg != 3 && i.reg != 4 && i.reg != 8) {
            throw c.ud();
        }
        requireSupervisor(c);
        long value = c.reg(register(i), c.mode64 ? 8 : 4);
        switch (i.reg) {
            case 0 -> writeCr0(c, value);
            case 2 -> c.cr2 = value;
            case 3 -> writeCr3(c, value);
            case 4 -> writeCr4(c, value);
            default -> {
                if ((value & ~15L) != 0) {
                    throw c.gp(0);
                }
                c.interrupts.taskPriority((int) value);
                c.attend(Cpu.ATTENTION_INTERRUPT);
            }
        }
    }

    /** Writes CR0 with the checks of MOV; #GP(0) for what is not allowed. */
    static void writeCr0(Cpu c, long value) {
        if (value >>> 32 != 0 || (value & (PG | PE)) == PG || (value & (NW | CD)) == NW) {
            throw c.gp(0);
        }
        value = value & CR0_WRITABLE | ET;
        long changed = value ^ c.cr0;
        long efer = c.efer;
        if ((changed & PG) != 0) {
            if ((value & PG) != 0) {
                if ((efer & LME) != 0) {
                    boolean tss16 =
                            (c.attributes[Cpu.TR] & Segmentation.PRESENT) != 0
                                    && (c.attributes[Cpu.TR] & 8) == 0;
                    if ((c.cr4 & PAE) == 0
                            || (c.attributes[Cpu.CS] & Segmentation.LONG) != 0
                            || tss16) {
                        throw c.gp(0);
                    }
                    efer |= LMA;
                }
            } else {
                if (c.mode64 || (c.cr4 & PCIDE) != 0) {
                    throw c.gp(0);
                }
                efer &= ~LMA;
            }
        }
        if ((value & PG) != 0
                && (efer & LMA) == 0
                && (c.cr4 & PAE) != 0
                && (changed & (PG | CD | NW)) != 0) {
            loadPdptes(c, c.cr3);
        }
        c.cr0 = value;
        c.efer = efer;
        // Without paging PE changes no translation: boot loaders flip it for every BIOS call.
        if ((changed & PG) != 0 || (value & PG) != 0 && (changed & WP) != 0) {
            c.mem.flushAll();
        }
        c.updateMode();
    }

    /** Writes CR3 with the checks of MOV. */
    static void writeCr3(Cpu c, long value) {
        if (Segmentation.longMode(c)) {
            if ((c.cr4 & PCIDE) != 0) {
                value &= ~NO_FLUSH;
            }
            if (value >>> Cpuid.PHYSICAL_BITS != 0) {
                throw c.gp(0);
            }
        } else {
            value &= 0xffff_ffffL;
            if ((c.cr0 & PG) != 0 && (c.cr4 & PAE) != 0) {
                loadPdptes(c, value);
            }
        }
        c.cr3 = value;
        c.mem.flushNonGlobal();
    }

    /** PAE paging loads its four page-directory-pointer entries with CR3: reserved bits are #GP. */
    private static void loadPdptes(Cpu c, long cr3) {
        long reserved = ~0L << Cpuid.PHYSICAL_BITS | 0x1e6;
        for (int k = 0; k < 4; k++) {
            long address = (cr3 & 0xffff_ffe0L) + k * 8L;
            long entry = c.shared.memory.isRam(address, 8) ? c.shared.memory.read64(address) : -1;
            if ((entry & 1) != 0 && (entry & reserved) != 0) {
                throw c.gp(0);
            }
        }
        c.mem.latchPdptes(cr3);
    }

    /** The CR4 bits that a model lets be set. */
    static long cr4Writable(Cpu c) {
        return CR4_ALWAYS
                | bit(c, Feature.MCE, 6)
                | bit(c, Feature.UMIP, 11)
                | bit(c, Feature.LA57, 12)
                | bit(c, Feature.FSGSBASE, 16)
                | bit(c, Feature.PCID, 17)
                | bit(c, Feature.XSAVE, 18)
                | bit(c, Feature.SMEP, 20)
                | bit(c, Feature.SMAP, 21)
                | bit(c, Feature.PKU, 22);
    }

    private static long bit(Cpu c, Feature feature, int bit) {
        return c.model.has(feature) ? 1L << bit : 0;
    }

    /** Writes CR4 with the checks of MOV. */
    static void writeCr4(Cpu c, long value) {
        if ((value & ~cr4Writable(c)) != 0) {
            throw c.gp(0);
        }
        long changed = value ^ c.cr4;
        boolean longMode = Segmentation.longMode(c);
        if (longMode && ((value & PAE) == 0 || (changed & LA57) != 0)) {
            throw c.gp(0);
        }
        if ((changed & value & PCIDE) != 0 && (!longMode || (c.cr3 & 0xfff) != 0)) {
            throw c.gp(0);
        }
        if ((c.cr0 & PG) != 0
                && !longMode
                && (value & PAE) != 0
                && (changed & (PAE | PSE | PGE | SMEP)) != 0) {
            loadPdptes(c, c.cr3);
        }
        c.cr4 = value;
        if ((changed & (PSE | PAE | PGE | PCIDE | SMEP | SMAP | PKE | LA57)) != 0) {
            c.mem.flushAll();
        }
        c.updateMode();
    }

    /** CLTS. */
    public static void clts(Cpu c, Insn i) {
        requireSupervisor(c);
        c.cr0 &= ~TS;
        c.updateMode();
    }

    /** SMSW r/m16: a register gets as much of CR0 as it is wide. */
    public static void smsw(Cpu c, Insn i) {
        SystemSegments.checkUmip(c);
        Operands.write(c, i, 1, c.cr0);
    }

    /** LMSW r/m16: loads PE, MP, EM and TS; cannot clear PE. */
    public static void lmsw(Cpu c, Insn i) {
        requireSupervisor(c);
        long value = Operands.read(c, i, 1);
        writeCr0(c, c.cr0 & ~(MP | EM | TS) | value & (PE | MP | EM | TS));
    }

    // --- TLB
    // ----------------------------------------------------------------------------------------

    /** INVLPG m. */
    public static void invlpg(Cpu c, Insn i) {
        requireSupervisor(c);
        long linear = c.effectiveBase[i.segment] + i.effectiveAddress(c);
        c.mem.flushPage(c.mode64 ? linear : linear & 0xffff_ffffL);
    }

    /** INVPCID r, m128: the TLB has no PCIDs, so types 1 and 3 drop all non-global entries. */
    public static void invpcid(Cpu c, Insn i) {
        requireSupervisor(c);
        long type = c.reg(i.reg, c.mode64 ? 8 : 4);
        long linear = Operands.address(c, i, 16, false);
        long pcid = c.mem.load64(linear);
        long address = c.mem.load64(linear + 8);
        boolean wrongPcid = type < 2 && (c.cr4 & PCIDE) == 0 && pcid != 0;
        if (type < 0
                || type > 3
                || pcid >>> 12 != 0
                || wrongPcid
                || type == 0 && !Segmentation.canonical(c, address)) {
            throw c.gp(0);
        }
        switch ((int) type) {
            case 0 -> c.mem.flushPage(address);
            case 1, 3 -> c.mem.flushNonGlobal();
            default -> c.mem.flushAll();
        }
    }

    /** INVD, WBINVD, WBNOINVD: there is no cache to write back. */
    public static void wbinvd(Cpu c, Insn i) {
        requireSupervisor(c);
    }

    // --- XCR0, PKRU
    // -----------------------------------------------------------------------------------

    /** XCR0 bits that the model has. */
    public static long xcr0Supported(Cpu c) {
        return StateSave.supported(c.model);
    }

    /** XGETBV: ECX 0 is XCR0, ECX 1 (with XSAVEC) the state components in use. */
    public static void xgetbv(Cpu c, Insn i) {
        if ((c.cr4 & OSXSAVE) == 0) {
            throw c.ud();
        }
        int index = (int) c.r[Cpu.RCX];
        if (index != 0 && !(index == 1 && c.model.has(Feature.XSAVEC))) {
            throw c.gp(0);
        }
        c.reg(Cpu.RAX, 4, c.xcr0);
        c.reg(Cpu.RDX, 4, c.xcr0 >>> 32);
    }

    /** XSETBV. */
    public static void xsetbv(Cpu c, Insn i) {
        if ((c.cr4 & OSXSAVE) == 0) {
            throw c.ud();
        }
        requireSupervisor(c);
        long value = c.r[Cpu.RDX] << 32 | c.r[Cpu.RAX] & 0xffff_ffffL;
        if ((int) c.r[Cpu.RCX] != 0
                || (value & ~xcr0Supported(c)) != 0
                || (value & 1) == 0
                || (value & 6) == 4) {
            throw c.gp(0);
        }
        c.xcr0 = value;
        c.updateMode();
    }

    /** RDPKRU. */
    public static void rdpkru(Cpu c, Insn i) {
        if ((c.cr4 & PKE) == 0) {
            throw c.ud();
        }
        if ((int) c.r[Cpu.RCX] != 0) {
            throw c.gp(0);
        }
        c.reg(Cpu.RAX, 4, c.pkru);
        c.r[Cpu.RDX] = 0;
    }

    /** WRPKRU. */
    public static void wrpkru(Cpu c, Insn i) {
        if ((c.cr4 & PKE) == 0) {
            throw c.ud();
        }
        if ((int) c.r[Cpu.RCX] != 0 || (int) c.r[Cpu.RDX] != 0) {
            throw c.gp(0);
        }
        int pkru = (int) c.r[Cpu.RAX];
        if (pkru != c.pkru) {
            c.pkru = pkru;
            c.mem.flushAll();
        }
    }

    // --- RFLAGS.AC and IF
    // -----------------------------------------------------------------------------

    /** CLAC. */
    public static void clac(Cpu c, Insn i) {
        if (c.cpl != 0) {
            throw c.ud();
        }
        c.systemFlag(Flags.AC, false);
    }

    /** STAC. */
    public static void stac(Cpu c, Insn i) {
        if (c.cpl != 0) {
            throw c.ud();
        }
        c.systemFlag(Flags.AC, true);
    }

    /** CLI, with the virtual interrupt flag of CR4.VME and CR4.PVI. */
    public static void cli(Cpu c, Insn i) {
        if ((c.cr0 & PE) == 0 || c.iopl() >= c.cpl) {
            c.systemFlag(Flags.IF, false);
        } else if (virtualInterrupts(c)) {
            c.systemFlag(Flags.VIF, false);
        } else {
            throw c.gp(0);
        }
    }

    /** STI: interrupts are held back for one more instruction. */
    public static void sti(Cpu c, Insn i) {
        if ((c.cr0 & PE) == 0 || c.iopl() >= c.cpl) {
            if ((c.systemFlags & Flags.IF) == 0) {
                c.interruptShadow = true;
                if (c.attention == 0 && !c.interrupts.pending()) {
                    // What comes later asks for attention itself, and finds the shadow.
                    c.systemFlags |= Flags.IF;
                } else {
                    c.systemFlag(Flags.IF, true);
                    c.attend(Cpu.ATTENTION_DEBUG);
                }
            }
        } else if (virtualInterrupts(c) && (c.systemFlags & Flags.VIP) == 0) {
            c.systemFlag(Flags.VIF, true);
        } else {
            throw c.gp(0);
        }
    }

    private static boolean virtualInterrupts(Cpu c) {
        return (c.systemFlags & Flags.VM) != 0 ? (c.cr4 & 1) != 0 : c.cpl == 3 && (c.cr4 & 2) != 0;
    }

    /** HLT. */
    public static void hlt(Cpu c, Insn i) {
        requireSupervisor(c);
        c.halted = true;
        // Makes the interpreter look up from its blocks.
        c.attend(Cpu.ATTENTION_INTERRUPT);
    }
}
