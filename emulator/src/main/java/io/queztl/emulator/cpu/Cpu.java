package io.queztl.emulator.cpu;

import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.mmu.Mmu;
import io.queztl.emulator.sight.Counters;
import io.queztl.emulator.translate.Region;
import io.queztl.emulator.translate.RegionEntry;
import io.queztl.emulator.translate.RegionTable;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.irq.LocalInterrupts;
import io.queztl.machine.time.Clock;
import org.jspecify.annotations.Nullable;

/**
 * The state of one software vCPU. All fields belong to the vCPU's own thread, except {@link
 * #attention}. Fields are public: this is the register file that instruction semantics work on.
 *
 * <p>General registers live in {@link #r}: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 … r15, then
 * {@link #ZERO}, which always holds 0 (no base or index register), and {@link #BLOCK_RIP}, the RIP
 * of the first instruction of the running block, so that RIP-relative addresses need no special
 * case. Vector registers live in {@link #vec}, four longs each: ready for 256 bits.
 */
public final class Cpu {
    /** Index in {@link #r} of rsp. */
    public static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;

    /** Index in {@link #r} of a register that is always 0. */
    public static final int ZERO = 16;

    /** Index in {@link #r} of the RIP of the running block's first instruction. */
    public static final int BLOCK_RIP = 17;

    /** Segment register numbers, as encoded, then LDTR, TR and one that is always flat. */
    public static final int ES = 0,
            CS = 1,
            SS = 2,
            DS = 3,
            FS = 4,
            GS = 5,
            LDTR = 6,
            TR = 7,
            FLAT = 8;

    /** Longs in {@link #vec} per vector register. */
    public static final int VEC_STRIDE = 4;

    /** Offset in {@link #vec} of the scratch register that holds a vector memory operand. */
    public static final int VEC_SCRATCH = 16 * VEC_STRIDE;

    /** Bit of {@link #attention}: the local interrupt controller may have something. */
    public static final int ATTENTION_INTERRUPT = 1;

    /** Bit of {@link #attention}: an NMI was latched. */
    public static final int ATTENTION_NMI = 2;

    /** Bit of {@link #attention}: INIT was latched. */
    public static final int ATTENTION_INIT = 4;

    /** Bit of {@link #attention}: the thread must leave {@code run()}. */
    public static final int ATTENTION_KICK = 8;

    /** Bit of {@link #attention}: another vCPU wants to run alone. */
    public static final int ATTENTION_EXCLUSIVE = 16;

    /** Bit of {@link #attention}: single-step, breakpoints, traps or a shadow: the slow loop. */
    public static final int ATTENTION_DEBUG = 32;

    /** Bit of {@link #attention}: SIPI was latched in {@link #sipiVector}. */
    public static final int ATTENTION_SIPI = 64;

    /** Bit of {@link #attention}: translated code was invalidated: leave it and look again. */
    public static final int ATTENTION_CODE = 128;

    /** Bit of {@link #attention}: a profiler wants to know RIP. */
    public static final int ATTENTION_SAMPLE = 256;

    /** Bit of {@link #attention}: guest-physical pages have other memory behind them. */
    public static final int ATTENTION_MAPPING = 512;

    /** General registers; see the class comment. */
    public final long[] r = new long[18];

    /**
     * The next instruction to run. While a block runs this is its start; semantics that need their
     * own address use {@link #nextRip}.
     */
    public long rip;

    /** See {@link Flags}. */
    public long flagResult = 1;

    /** See {@link Flags}. */
    public long flagCarry;

    /** RFLAGS without the six arithmetic flags; bit 1 is always set. */
    public int systemFlags = 2;

    // --- segments -------------------------------------------------------------------------------
    /** Selectors of the eight segment registers. */
    public final int[] selector = new int[9];

    /** Bases as loaded from descriptors or MSRs. */
    public final long[] base = new long[9];

    /** The bases that apply now: in 64-bit mode 0 except for FS and GS. Kept by updateMode. */
    public final long[] effectiveBase = new long[9];

    /** Byte limits, scaled (unsigned). */
    public final int[] limit = new int[9];

    /**
     * Descriptor attributes: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15; 0 means the
     * register holds a null or unusable segment.
     */
    public final int[] attributes = new int[9];

    /** Linear base of the GDT. */
    public long gdtBase;

    /** Byte limit of the GDT. */
    public int gdtLimit;

    /** Linear base of the IDT. */
    public long idtBase;

    /** Byte limit of the IDT. */
    public int idtLimit;

    // --- control --------------------------------------------------------------------------------
    /** CR0. */
    public long cr0;

    /** CR2, the last page-fault address. */
    public long cr2;

    /** CR3. */
    public long cr3;

    /** CR4. */
    public long cr4;

    /** The page-directory-pointer entries that PAE paging goes by (SDM volume 3, 4.4.1). */
    public final long[] pdptes = new long[4];

    /** False if {@link #pdptes} must first be loaded from memory: after the state was replaced. */
    public boolean pdptesLatched;

    /** IA32_EFER. */
    public long efer;

    /** XCR0. */
    public long xcr0 = 1;

    /** PKRU. */
    public int pkru;

    /** DR0–DR3, unused, unused, DR6, DR7. */
    public final long[] dr = new long[8];

    /** Model-specific registers that are plain storage. */
    public final Msrs msrs = new Msrs();

    // --- derived mode, kept by updateMode
    // ---------------------------------------------------------
    /** Current privilege level, 0–3. */
    public int cpl;

    /** True in 64-bit mode (EFER.LMA and CS.L). */
    public boolean mode64;

    /** Default operand and address size of code: 2, 4, or 8 for 64-bit mode. */
    public int codeSize = 2;

    /** Mask of RIP: 0xffff, 0xffffffff or -1. */
    public long ripMask = 0xffff;

    /** Mask of the stack pointer: 0xffff, 0xffffffff or -1. */
    public long stackMask = 0xffff;

    /** True in protected mode without VM: CR0.PE and not RFLAGS.VM. */
    public boolean protectedMode;

    /** Not 0 if SSE instructions must fault now: CR0.EM, CR0.TS or not CR4.OSFXSR. */
    public int sseTrap;

    // --- floating point and vectors
    // -----------------------------------------------------------------
    /** Vector registers 0–15, {@link #VEC_STRIDE} longs each, then scratch registers. */
    public final long[] vec = new long[(16 + 4) * VEC_STRIDE];

    /** MXCSR. */
    public int mxcsr = 0x1F80;

    /** Flags of both lanes of a 256-bit operation are gathered before they are raised. */
    public boolean gathering;

    /** For what is not in the host's arithmetic: fused multiply-add, half precision. */
    public final io.queztl.emulator.fpu.FloatStatus floatStatus =
            new io.queztl.emulator.fpu.FloatStatus();

    /** MXCSR exception flags raised by the instruction under way; 0 between instructions. */
    public int raised;

    /** x87 and MMX state. */
    public final X87 x87 = new X87();

    /** The region that runs, or null: for whoever decides what deserves more compilation. */
    public @Nullable Region running;

    /** Where translated code that ended with {@link Region#JUMPED} goes on. */
    public @Nullable RegionEntry next;

    // --- events ---------------------------------------------------------------------------------
    /** ATTENTION bits; set by any thread through {@link #attend}. */
    public volatile int attention;

    /** Vector of the last SIPI. */
    public volatile int sipiVector;

    /** In HLT. */
    public boolean halted;

    /**
     * The present or next HLT ends at once: KVM_HC_KICK_CPU. Set by any vCPU, cleared by this one.
     */
    public volatile boolean unhalted;

    /** The host thread that runs this vCPU, to be unparked after {@link #unhalted} was set. */
    public volatile @Nullable Thread thread;

    /** After INIT, before SIPI. */
    public boolean waitForSipi;

    /** Between NMI delivery and IRET. */
    public boolean nmiBlocked;

    /** The next instruction runs before interrupts are looked at (STI, MOV SS, POP SS). */
    public boolean interruptShadow;

    /** As {@link #interruptShadow}, for MOV SS and POP SS, which hold back #DB too. */
    public boolean debugShadow;

    /** #DB conditions (DR6 bits) to be delivered after the current instruction. */
    public long pendingDebug;

    /** Instructions executed so far, brought up to date at the end of each block. */
    public long instructions;

    /** {@link #instructions} at the last PAUSE. */
    public long pausedAt;

    /** How many PAUSE instructions with hardly anything between them came before this one. */
    public int pauses;

    /** Regions of translated code that called each other and are not done yet. */
    public int depth;

    /** Translated code ended before an instruction that it leaves to the interpreter. */
    public boolean passing;

    /** The instruction that ended translated code with a fault. */
    public @Nullable Insn faulted;

    // --- collaborators
    // ----------------------------------------------------------------------------
    /** Index of this vCPU. */
    public final int index;

    /** Guest-linear memory. */
    public final Mmu mem;

    /** I/O ports. */
    public final Bus ports;

    /** The local APIC. */
    public final LocalInterrupts interrupts;

    /** The VM's time. */
    public final Clock clock;

    /** The CPU model: what CPUID says and which instructions exist. */
    public final CpuModel model;

    /** What all vCPUs of the VM share. */
    public final Shared shared;

    /** What it has done so far. */
    public final Counters counters = new Counters();

    /** Answers {@link #ATTENTION_SAMPLE}. */
    public Runnable sampler = () -> {};

    /** Translated code, as this vCPU knows it. */
    public final RegionTable regions = new RegionTable(this);

    private final GuestException exception = new GuestException();

    /** Makes a vCPU in an all-zero state; see {@code Reset}. */
    public Cpu(
            int index,
            Shared shared,
            Bus ports,
            LocalInterrupts interrupts,
            Clock clock,
            CpuModel model) {
        this.index = index;
        this.shared = shared;
        this.ports = ports;
        this.interrupts = interrupts;
        this.clock = clock;
        this.model = model;
        this.mem = new Mmu(this);
    }

    // --- registers
    // --------------------------------------------------------------------------------

    /**
     * Reads a general register, zero-extended.
     *
     * @param register 0–15; for byte access 20–23 mean AH, CH, DH, BH
     * @param size 1, 2, 4 or 8 bytes
     */
    public long reg(int register, int size) {
        return switch (size) {
            case 8 -> r[register];
            case 4 -> r[register] & 0xffff_ffffL;
            case 2 -> r[register] & 0xffff;
            default -> register < 20 ? r[register] & 0xff : r[register - 20] >>> 8 & 0xff;
        };
    }

    /** Writes a general register; 32-bit writes clear the upper half, smaller ones merge. */
    public void reg(int register, int size, long value) {
        switch (size) {
            case 8 -> r[register] = value;
            case 4 -> r[register] = value & 0xffff_ffffL;
            case 2 -> r[register] = r[register] & ~0xffffL | value & 0xffff;
            default -> {
                if (register < 20) {
                    r[register] = r[register] & ~0xffL | value & 0xff;
                } else {
                    r[register - 20] = r[register - 20] & ~0xff00L | (value & 0xff) << 8;
                }
            }
        }
    }

    /** All of RFLAGS. */
    public int rflags() {
        return systemFlags | Flags.arithmetic(this);
    }

    /** Replaces all of RFLAGS without checks; reserved bits are forced. */
    public void rflags(int value) {
        Flags.arithmetic(this, value);
        int old = systemFlags;
        systemFlags = value & ~Flags.ARITHMETIC & 0x3F7FD7 | 2;
        if (((old ^ systemFlags) & (Flags.VM | Flags.AC)) != 0) {
            updateMode();
        }
        if ((systemFlags & (Flags.TF | Flags.RF)) != 0) {
            attend(ATTENTION_DEBUG);
        }
        if ((systemFlags & ~old & Flags.IF) != 0) {
            attend(ATTENTION_INTERRUPT);
        }
    }

    /** Replaces single bits of RFLAGS above the arithmetic ones, with what follows from them. */
    public void systemFlag(int bit, boolean on) {
        int old = systemFlags;
        systemFlags = on ? old | bit : old & ~bit;
        if ((bit & (Flags.VM | Flags.AC)) != 0 && old != systemFlags) {
            updateMode();
        }
        if (bit == Flags.IF && on) {
            attend(ATTENTION_INTERRUPT);
        }
    }

    /** RIP of the instruction after {@code end} bytes from the start of the running block. */
    public long nextRip(int end) {
        return r[BLOCK_RIP] + end & ripMask;
    }

    /** I/O privilege level, 0–3. */
    public int iopl() {
        return systemFlags >> 12 & 3;
    }

    // --- mode
    // -------------------------------------------------------------------------------------

    /**
     * Recomputes everything derived from CR0, CR4, EFER, RFLAGS.VM/AC, CS and SS. To be called
     * after any of them changed.
     */
    public void updateMode() {
        boolean pe = (cr0 & 1) != 0;
        boolean vm = (systemFlags & Flags.VM) != 0;
        protectedMode = pe && !vm;
        boolean lma = (efer & 1 << 10) != 0;
        mode64 = lma && (attributes[CS] & 1 << 13) != 0;
        if (mode64) {
            codeSize = 8;
            ripMask = -1;
            stackMask = -1;
        } else {
            boolean d = (attributes[CS] & 1 << 14) != 0;
            codeSize = d ? 4 : 2;
            ripMask = d ? 0xffff_ffffL : 0xffff;
            stackMask = (attributes[SS] & 1 << 14) != 0 ? 0xffff_ffffL : 0xffff;
        }
        for (int s = 0; s < 8; s++) {
            effectiveBase[s] = mode64 && s < FS ? 0 : base[s];
        }
        cpl = !pe ? 0 : vm ? 3 : attributes[SS] >> 5 & 3;
        sseTrap = (int) (cr0 & 0xC) | ((cr4 & 1 << 9) == 0 ? 1 : 0);
        mem.updateContext();
    }

    // --- faults: throw c.gp(0);
    // -------------------------------------------------------------------

    /** The exception thrown last. */
    public GuestException lastFault() {
        return exception;
    }

    /** An exception to throw. */
    public GuestException fault(int vector, int errorCode) {
        exception.vector = vector;
        exception.errorCode = errorCode;
        return exception;
    }

    /** #UD, invalid opcode. */
    public GuestException ud() {
        return fault(6, GuestException.NO_ERROR_CODE);
    }

    /** #NM, device not available. */
    public GuestException nm() {
        return fault(7, GuestException.NO_ERROR_CODE);
    }

    /** #TS, invalid TSS. */
    public GuestException ts(int errorCode) {
        return fault(10, errorCode);
    }

    /** #NP, segment not present. */
    public GuestException np(int errorCode) {
        return fault(11, errorCode);
    }

    /** #SS, stack fault. */
    public GuestException ss(int errorCode) {
        return fault(12, errorCode);
    }

    /** #GP, general protection. */
    public GuestException gp(int errorCode) {
        return fault(13, errorCode);
    }

    /** #PF; sets CR2. */
    public GuestException pf(long linear, int errorCode) {
        cr2 = linear;
        return fault(14, errorCode);
    }

    /** #DE, divide error. */
    public GuestException de() {
        return fault(0, GuestException.NO_ERROR_CODE);
    }

    /** Throws what CR0 and CR4 ask for before an SSE instruction; does nothing if they allow it. */
    public void checkSse() {
        if (sseTrap != 0) {
            throw (cr0 & 4) != 0 || (cr4 & 1 << 9) == 0 ? ud() : nm();
        }
    }

    /**
     * Throws what CR0, CR4 and XCR0 ask for before a VEX-encoded vector instruction (SDM volume 2,
     * 2.4); does nothing if they allow it.
     */
    public void checkAvx() {
        if (avxForbidden()) {
            checkAvxSlow();
        }
    }

    /** True if {@link #checkAvx} would throw. */
    public boolean avxForbidden() {
        return (xcr0 & 6) != 6 || (cr4 & 1 << 18) == 0 || !protectedMode || (cr0 & 8) != 0;
    }

    private void checkAvxSlow() {
        if ((xcr0 & 6) != 6 || (cr4 & 1 << 18) == 0 || !protectedMode) {
            throw ud();
        }
        if ((cr0 & 8) != 0) {
            throw nm();
        }
    }

    // --- attention
    // --------------------------------------------------------------------------------

    private static final java.lang.invoke.VarHandle ATTENTION;

    static {
        try {
            ATTENTION =
                    java.lang.invoke.MethodHandles.lookup()
                            .findVarHandle(Cpu.class, "attention", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** {@link #attention}, some time after it was set: what loops look at. */
    public int attentionOpaque() {
        return (int) ATTENTION.getOpaque(this);
    }

    /** Sets attention bits; any thread. */
    public void attend(int bits) {
        int ignored = (int) ATTENTION.getAndBitwiseOr(this, bits);
    }

    /** Clears attention bits; returns all bits as they were. */
    public int unattend(int bits) {
        return (int) ATTENTION.getAndBitwiseAnd(this, ~bits);
    }
}
