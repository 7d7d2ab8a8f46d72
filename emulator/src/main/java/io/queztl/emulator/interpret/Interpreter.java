package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Decoder;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.ops.DebugRegisters;
import io.queztl.emulator.ops.Delivery;
import io.queztl.emulator.ops.Reset;
import io.queztl.emulator.translate.Region;
import io.queztl.emulator.translate.RegionEntry;
import io.queztl.emulator.translate.RegionTable;
import io.queztl.machine.cpu.VcpuExit;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Runs one vCPU: finds the block at RIP, runs its instructions, delivers faults and interrupts
 * between instructions. Used by the vCPU's thread alone.
 *
 * <p>Blocks are found in a cache of this vCPU by physical address, behind it in the {@link
 * CodeCache} of the VM; a block also remembers its successors in the same page, which is valid as
 * long as no translation changed ({@code Mmu.fetchGeneration}).
 */
public final class Interpreter {
    private static final int CACHE = 1 << 15;
    private static final VcpuExit KICKED = new VcpuExit.Kicked();
    private static final VcpuExit HALTED = new VcpuExit.Halted();
    private static final VcpuExit DEBUG = new VcpuExit.Debug();

    private final Cpu c;
    private final Decoder decoder;
    private final CodeCache codeCache;
    private final Block[] cache = new Block[CACHE];
    private final int threshold;
    private final byte[] buffer = new byte[4096 + 16];

    /** Breakpoints of the debugger. */
    private volatile long[] breakpoints = new long[0];

    private volatile boolean singleStep;
    private long steppingOver = -1;
    private boolean stoppedAtBreakpoint;

    /** The next block holds a breakpoint: go through it by single instructions. */
    private boolean atBreakpoint;

    /** Checks translated code, or null. */
    private @Nullable LockStep lockStep;

    private volatile @Nullable String difference;

    /** Makes the interpreter of a vCPU. */
    public Interpreter(Cpu c) {
        this.c = c;
        this.decoder = new Decoder(c.model);
        this.codeCache = c.shared.codeCache;
        this.threshold = codeCache.translator.threshold();
        c.regions.dispatcher(this::until);
        c.regions.source(physical -> {
            Block b = codeCache.find(physical << 2 | Block.sizeCode(8));
            return b == null ? null : b.entry;
        });
    }

    /** See {@link io.queztl.machine.cpu.Vcpu#breakpoints}. */
    public void breakpoints(long[] addresses) {
        breakpoints = addresses.clone();
    }

    /**
     * From now on runs translated code and interpreter side by side, {@code all} of it or samples.
     */
    public void check(boolean all) {
        lockStep = new LockStep(c, all, this::find);
        // With the empty TLBs that a comparison starts with, hot regions leave all to the
        // interpreter.
        codeCache.translator.stayPlain();
    }

    /** One line of what {@link #check} did so far, or null. */
    public @Nullable String checked() {
        LockStep l = lockStep;
        return l == null ? null : l.summary();
    }

    /** What translated code does otherwise than the interpreter, or null. */
    public @Nullable String difference() {
        return difference;
    }

    /** See {@link io.queztl.machine.cpu.Vcpu#singleStep}. */
    public void singleStep(boolean on) {
        singleStep = on;
        c.attend(Cpu.ATTENTION_DEBUG);
    }

    /** Runs until something needs the caller. */
    public VcpuExit run() {
        // Going on from a breakpoint must not stop at it again.
        steppingOver = stoppedAtBreakpoint ? c.rip : -1;
        stoppedAtBreakpoint = false;
        while (true) {
            try {
                if (atBreakpoint) {
                    atBreakpoint = false;
                    VcpuExit exit = step();
                    if (exit != null) {
                        return exit;
                    }
                } else if (c.attention != 0 || c.halted || c.waitForSipi) {
                    VcpuExit exit = attend();
                    if (exit != null) {
                        return exit;
                    }
                }
                blocks();
            } catch (GuestException e) {
                // A fault while fetching: RIP is that of the instruction.
                try {
                    c.mem.nonCanonical = false;
                    Delivery.exception(c, e.vector, e.errorCode);
                } catch (Delivery.TripleFault t) {
                    return shutdown();
                }
            } catch (Delivery.TripleFault e) {
                return shutdown();
            } catch (LockStep.Difference e) {
                difference = e.report;
                return new VcpuExit.Failure(Objects.requireNonNull(e.getMessage()));
            }
        }
    }

    private VcpuExit shutdown() {
        return new VcpuExit.Shutdown("triple fault at rip 0x%x, cr3 0x%x".formatted(c.rip, c.cr3));
    }

    // --- blocks
    // -----------------------------------------------------------------------------------

    private Block find() {
        Cpu c = this.c;
        long linear = c.effectiveBase[Cpu.CS] + c.rip;
        if (!c.mode64) {
            linear &= 0xffff_ffffL;
            if (Long.compareUnsigned(c.rip, c.limit[Cpu.CS] & 0xffff_ffffL) > 0) {
                throw c.gp(0);
            }
        }
        long physical = c.mem.fetch(linear);
        long key = physical << 2 | Block.sizeCode(c.codeSize);
        int x = (int) (physical ^ physical >>> 15) & CACHE - 1;
        Block b = cache[x];
        if (b != null && b.key == key && b.valid && b.secondPage < 0) {
            return b;
        }
        return findSlow(linear, physical, key, x);
    }

    private Block findSlow(long linear, long physical, long key, int x) {
        Block b = codeCache.find(key);
        if (b != null && b.secondPage >= 0) {
            long second = c.mem.fetch((linear | 0xfff) + 1 & (c.mode64 ? -1 : 0xffff_ffffL));
            if ((second & ~0xfffL) != b.secondPage) {
                b = null;
            }
        }
        if (b == null) {
            b = codeCache.decode(c, decoder, buffer, linear, physical, Integer.MAX_VALUE);
        }
        cache[x] = b;
        return b;
    }

    /** Runs blocks until attention is needed. */
    private void blocks() {
        c.depth = 0;
        boolean ignored = blocks(false, 0, 0);
    }

    /** As {@link RegionTable.Dispatcher#until}. */
    private boolean until(long rip, long stack, boolean faulted) {
        if (faulted) {
            deliver();
        }
        while (c.attention == 0 && !atBreakpoint) {
            try {
                if (blocks(true, rip, stack)) {
                    return true;
                }
            } catch (GuestException e) {
                // A fault while fetching: RIP is that of the instruction.
                c.mem.nonCanonical = false;
                Delivery.exception(c, e.vector, e.errorCode);
            }
        }
        return false;
    }

    /**
     * Runs blocks until attention is needed.
     *
     * @param nested whether to stop where RIP is {@code stopRip} and RSP above {@code stack}
     * @return true if it stopped there
     */
    private boolean blocks(boolean nested, long stopRip, long stack) {
        Cpu c = this.c;
        if (nested && c.rip == stopRip && Long.compareUnsigned(c.r[Cpu.RSP], stack) > 0) {
            return true;
        }
        Block b = find();
        int generation = c.mem.fetchGeneration;
        boolean watch = breakpoints.length != 0;
        while (c.attention == 0) {
            long start = c.rip;
            if (nested && start == stopRip && Long.compareUnsigned(c.r[Cpu.RSP], stack) > 0) {
                return true;
            }
            if (watch && holdsBreakpoint(b, start)) {
                atBreakpoint = true;
                return false;
            }
            RegionEntry entry = b.entry;
            if (entry != null && !watch && !c.passing && enter(b, entry, start)) {
                b = find();
                generation = c.mem.fetchGeneration;
                continue;
            }
            if (++b.count == threshold) {
                codeCache.translator.hot(c, b, start);
                if (b.entry != null && !c.passing) {
                    continue;
                }
            }
            c.passing = false;
            run(b, start);
            long rip = c.rip;
            if (c.mem.fetchGeneration == generation && ((rip ^ start) & ~0xfffL) == 0 && c.mode64) {
                // A successor in the same page, at an offset that its key tells.
                Block s = b.successor0;
                if (s != null && s.valid && ((s.key >>> 2 ^ rip) & 0xfff) == 0) {
                    b = s;
                    continue;
                }
                s = b.successor1;
                if (s != null && s.valid && ((s.key >>> 2 ^ rip) & 0xfff) == 0) {
                    b = s;
                    continue;
                }
                s = find();
                if (s.secondPage < 0
                        && b.valid
                        && b.secondPage < 0
                        && c.mem.fetchGeneration == generation) {
                    b.successor1 = b.successor0;
                    b.successor0 = s;
                }
                b = s;
            } else {
                b = find();
                generation = c.mem.fetchGeneration;
            }
        }
        return false;
    }

    /** Runs translated code; false if it cannot be entered here. */
    private boolean enter(Block b, RegionEntry entry, long start) {
        Cpu c = this.c;
        if (!entry.at(c, start)) {
            if (!entry.valid()) {
                b.entry = null;
                b.count = 0;
            }
            return false;
        }
        LockStep l = lockStep;
        int result = l != null && l.due(entry.region()) ? l.run(entry, start) : entry.run(c);
        c.running = null;
        if (result == Region.FAULTED) {
            deliver();
        }
        return true;
    }

    /** Delivers the fault that translated code ended with. */
    private void deliver() {
        GuestException e = c.lastFault();
        Insn i = Objects.requireNonNull(c.faulted);
        Delivery.exception(c, vector(c, i, e.vector), e.errorCode);
    }

    private boolean holdsBreakpoint(Block b, long start) {
        long linear = c.effectiveBase[Cpu.CS] + start;
        for (long s : breakpoints) {
            if (Long.compareUnsigned(s - linear, b.bytes) < 0) {
                return true;
            }
        }
        return false;
    }

    /** Runs one block from its start at RIP {@code start}. */
    private void run(Block b, long start) {
        Cpu c = this.c;
        c.r[Cpu.BLOCK_RIP] = start;
        c.rip = start + b.bytes & c.ripMask;
        int done = BlockLoop.run(c, b);
        if (done >= BlockLoop.FAULTED) {
            ended(b, start, done);
            return;
        }
        c.instructions += done;
        c.counters.interpreted += done;
    }

    /** Ends a block before its last instruction. */
    private void ended(Block b, long start, int how) {
        Cpu c = this.c;
        int done = how & BlockLoop.FAULTED - 1;
        c.instructions += done;
        c.counters.interpreted += done;
        Insn i = b.decoded[done];
        c.rip = start + i.offset & c.ripMask;
        if ((how & BlockLoop.FAULTED) != 0) {
            GuestException e = c.lastFault();
            Delivery.exception(c, vector(c, i, e.vector), e.errorCode);
        }
    }

    /** The vector of a fault in {@code i}: non-canonical stack addresses are #SS, not #GP. */
    static int vector(Cpu c, Insn i, int vector) {
        if (c.mem.nonCanonical) {
            c.mem.nonCanonical = false;
            boolean stackOnly = usesStack(i) && (!i.mem || canonical(c, i));
            boolean ofStack = stackOnly || i.mem && i.segment == Cpu.SS;
            if (vector == 13 && ofStack) {
                return 12;
            }
        }
        return vector;
    }

    private static boolean usesStack(Insn i) {
        String m = i.row.mnemonic;
        return m.startsWith("PUSH")
                || m.equals("POP")
                || m.startsWith("POPF")
                || m.startsWith("POPA")
                || m.startsWith("CALL")
                || m.startsWith("RET")
                || m.startsWith("ENTER")
                || m.startsWith("LEAVE");
    }

    /** Whether the memory operand itself is at a canonical address. */
    private static boolean canonical(Cpu c, Insn i) {
        long linear = c.effectiveBase[i.segment] + i.effectiveAddress(c);
        int shift = (c.cr4 & 1 << 12) != 0 ? 7 : 16;
        return linear << shift >> shift == linear;
    }

    // --- attention
    // --------------------------------------------------------------------------------

    /** True if {@link #run} would do more than return Halted; any thread may ask. */
    public boolean hasWork() {
        int a = c.attention;
        if (!c.halted && !c.waitForSipi) {
            return true;
        }
        if ((a & (Cpu.ATTENTION_KICK | Cpu.ATTENTION_INIT | Cpu.ATTENTION_SIPI)) != 0) {
            return true;
        }
        if (c.waitForSipi) {
            return false;
        }
        return (a & Cpu.ATTENTION_NMI) != 0 && !c.nmiBlocked
                || (c.systemFlags & Flags.IF) != 0 && c.interrupts.pending();
    }

    private @Nullable VcpuExit attend() {
        Cpu c = this.c;
        int a = c.attention;
        if ((a & Cpu.ATTENTION_EXCLUSIVE) != 0) {
            c.shared.exclusive.pause(c);
        }
        if ((a & Cpu.ATTENTION_INIT) != 0) {
            c.unattend(Cpu.ATTENTION_INIT);
            Reset.init(c);
            c.interrupts.init();
        }
        if ((a & Cpu.ATTENTION_SIPI) != 0) {
            c.unattend(Cpu.ATTENTION_SIPI);
            if (c.waitForSipi) {
                Reset.startup(c, c.sipiVector);
            }
        }
        if ((a & Cpu.ATTENTION_MAPPING) != 0) {
            c.unattend(Cpu.ATTENTION_MAPPING);
            c.mem.flushAll();
        }
        if ((a & Cpu.ATTENTION_SAMPLE) != 0) {
            c.unattend(Cpu.ATTENTION_SAMPLE);
            c.sampler.run();
        }
        if ((a & Cpu.ATTENTION_CODE) != 0) {
            c.unattend(Cpu.ATTENTION_CODE);
        }
        if ((a & Cpu.ATTENTION_KICK) != 0) {
            c.unattend(Cpu.ATTENTION_KICK);
            return KICKED;
        }
        if (c.waitForSipi) {
            return HALTED;
        }
        if (c.pendingDebug != 0 && !c.debugShadow) {
            long hit = c.pendingDebug;
            c.pendingDebug = 0;
            DebugRegisters.deliver(c, hit);
        }
        if (c.halted) {
            c.interruptShadow = false;
        } else if (c.interruptShadow && (a & Cpu.ATTENTION_DEBUG) == 0) {
            // STI may be long past: one instruction more before the interrupt does no harm.
            return step();
        }
        if (!c.interruptShadow) {
            if ((a & Cpu.ATTENTION_NMI) != 0 && !c.nmiBlocked) {
                c.unattend(Cpu.ATTENTION_NMI);
                Delivery.nmi(c);
            }
            c.unattend(Cpu.ATTENTION_INTERRUPT);
            if ((c.systemFlags & Flags.IF) != 0 && c.interrupts.pending()) {
                int vector = c.interrupts.acknowledge();
                if (vector >= 0) {
                    c.halted = false;
                    Delivery.interrupt(c, vector);
                }
                c.attend(Cpu.ATTENTION_INTERRUPT);
            }
        }
        if (c.halted) {
            return HALTED;
        }
        // An NMI that is held back stays latched in attention: go on by single instructions.
        if ((c.attention & (Cpu.ATTENTION_DEBUG | Cpu.ATTENTION_NMI)) != 0) {
            return step();
        }
        return null;
    }

    /** Runs one instruction with everything that is looked at only around single instructions. */
    private @Nullable VcpuExit step() {
        Cpu c = this.c;
        long[] stops = breakpoints;
        long linear = c.effectiveBase[Cpu.CS] + c.rip & (c.mode64 ? -1 : 0xffff_ffffL);
        if (stops.length != 0 && steppingOver != c.rip) {
            for (long s : stops) {
                if (s == linear) {
                    stoppedAtBreakpoint = true;
                    return DEBUG;
                }
            }
        }
        steppingOver = -1;
        if ((c.systemFlags & Flags.RF) == 0 && !c.debugShadow) {
            long hit = DebugRegisters.instruction(c, linear);
            if (hit != 0) {
                DebugRegisters.deliver(c, hit);
                return null;
            }
        }
        c.interruptShadow = false;
        c.debugShadow = false;
        c.systemFlags &= ~Flags.RF;
        boolean trap = (c.systemFlags & Flags.TF) != 0;
        long before = c.instructions;
        if (!c.mode64 && Long.compareUnsigned(c.rip, c.limit[Cpu.CS] & 0xffff_ffffL) > 0) {
            throw c.gp(0);
        }
        Block b = codeCache.decode(c, decoder, buffer, linear, c.mem.fetch(linear), 1);
        run(b, c.rip);
        // No trap after an instruction that faulted or was an interrupt itself.
        if (trap
                && c.instructions != before
                && ((c.systemFlags & Flags.TF) != 0 || !entersHandler(b.decoded[0]))) {
            c.pendingDebug |= 1 << 14;
        }
        if (singleStep) {
            stoppedAtBreakpoint = true;
            return DEBUG;
        }
        if ((c.systemFlags & (Flags.TF | Flags.RF)) == 0
                && c.pendingDebug == 0
                && !c.interruptShadow
                && !DebugRegisters.enabled(c)) {
            c.unattend(Cpu.ATTENTION_DEBUG);
        }
        return null;
    }

    private static boolean entersHandler(Insn i) {
        return i.row.mnemonic.startsWith("INT") || i.row.mnemonic.equals("SYSCALL");
    }
}
