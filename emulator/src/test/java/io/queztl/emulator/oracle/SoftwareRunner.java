package io.queztl.emulator.oracle;

import static io.queztl.testkit.oracle.CaseLayout.CODE_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.CODE_BYTES;
import static io.queztl.testkit.oracle.CaseLayout.DATA_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.DATA_BYTES;
import static io.queztl.testkit.oracle.CaseLayout.FXSAVE;
import static io.queztl.testkit.oracle.CaseLayout.MODE32;
import static io.queztl.testkit.oracle.CaseLayout.READ_ONLY_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.RFLAGS;
import static io.queztl.testkit.oracle.CaseLayout.RIP;
import static io.queztl.testkit.oracle.CaseLayout.WINDOW;
import static io.queztl.testkit.oracle.CaseLayout.WINDOW_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.WINDOW_BYTES;
import static io.queztl.testkit.oracle.CaseLayout.YMM_HIGH;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.cpu.X87;
import io.queztl.emulator.interpret.OneInstruction;
import io.queztl.emulator.interpret.OneRegion;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.VmClock;
import io.queztl.testkit.vector.QuietInterrupts;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Runs cases on the software CPU: user mode under a flat GDT and 4-level page tables that map the
 * same addresses as the native oracle has.
 */
final class SoftwareRunner implements AutoCloseable {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    static final long CODE_PHYSICAL = 0x10000;
    static final long DATA_PHYSICAL = 0x20000;
    private static final long READ_ONLY_PHYSICAL = 0x30000;
    private static final long WINDOW_PHYSICAL = DATA_PHYSICAL + WINDOW_ADDRESS - DATA_ADDRESS;

    final Cpu cpu;
    final GuestMemory memory = new GuestMemory(1 << 20);
    private final OneInstruction one;
    private final boolean translate;
    private @Nullable Form lastForm;
    private @Nullable OneRegion lastRegion;

    /** Vector of the fault of the last case, or -1. */
    int fault;

    /** Its error code, or {@link GuestException#NO_ERROR_CODE}. */
    int errorCode;

    /** What the software CPU threw that is no guest exception. */
    @Nullable RuntimeException broken;

    /**
     * Makes a CPU and its memory.
     *
     * @param translate run 64-bit code as translated regions
     */
    SoftwareRunner(boolean translate) {
        this.translate = translate;
        Shared shared = new Shared(memory, new Bus(), 1);
        cpu = new Cpu(0, shared, new Bus(), new QuietInterrupts(), new VmClock(), CpuModel.max());
        one = new OneInstruction(cpu);
        long present = 1;
        long write = 2;
        long user = 4;
        long noExecute = 1L << 63;
        memory.write64(0x1000, 0x2000 | present | write | user);
        memory.write64(0x2000, 0x3000 | present | write | user);
        memory.write64(0x3000 + 8 * (CODE_ADDRESS >> 21), 0x4000 | present | write | user);
        map(CODE_ADDRESS, CODE_PHYSICAL, CODE_BYTES, present | user);
        map(DATA_ADDRESS, DATA_PHYSICAL, DATA_BYTES, present | write | user | noExecute);
        map(READ_ONLY_ADDRESS, READ_ONLY_PHYSICAL, 0x1000, present | user | noExecute);
        memory.fill(CODE_PHYSICAL, CODE_BYTES, (byte) 0xCC);
        cpu.cr0 = 0x8005_0033L;
        cpu.cr3 = 0x1000;
        // PAE, OSFXSR, OSXMMEXCPT, OSXSAVE.
        cpu.cr4 = 1 << 5 | 1 << 9 | 1 << 10 | 1 << 18;
        cpu.xcr0 = 7;
        // SCE, LME, LMA, NXE.
        cpu.efer = 1 | 1 << 8 | 1 << 10 | 1 << 11;
        for (int s : new int[] {Cpu.ES, Cpu.SS, Cpu.DS}) {
            segment(s, 0x2b, 0, 0xC0F3);
        }
        segment(Cpu.FS, 0, 0, 0);
        segment(Cpu.GS, 0, DATA_ADDRESS, 0);
        segment(Cpu.FLAT, 0, 0, 0xC093);
        cpu.updateMode();
    }

    private void map(long linear, long physical, int bytes, long bits) {
        for (int p = 0; p < bytes; p += 4096) {
            long entry = 0x4000 + 8 * ((linear + p >> 12) & 511);
            // Accessed and dirty from the start: their setting is not what is tested here.
            memory.write64(entry, physical + p | bits | 0x60);
        }
    }

    private void segment(int s, int selector, long base, int attributes) {
        cpu.selector[s] = selector;
        cpu.base[s] = base;
        cpu.limit[s] = attributes == 0 ? 0 : -1;
        cpu.attributes[s] = attributes;
    }

    /** Goes to 32-bit or 64-bit mode. */
    void mode(boolean mode32) {
        if (mode32 == cpu.mode64) {
            segment(Cpu.CS, mode32 ? 0x23 : 0x33, 0, mode32 ? 0xC0FB : 0xA0FB);
            cpu.updateMode();
        }
    }

    /** Runs the state before at {@code s} in {@code m}; the result is in {@link #cpu}. */
    void run(Form f, MemorySegment m, long s) {
        Cpu c = cpu;
        boolean mode32 = m.get(LONG, s + MODE32) != 0;
        mode(mode32);
        for (int i = 0; i < 16; i++) {
            c.r[i] = m.get(LONG, s + 8 * i);
        }
        c.rip = m.get(LONG, s + RIP);
        c.rflags((int) m.get(LONG, s + RFLAGS));
        c.attention = 0;
        c.cr2 = 0;
        c.pendingDebug = 0;
        c.interruptShadow = false;
        c.debugShadow = false;
        c.halted = false;
        loadFp(m, s + FXSAVE, s + YMM_HIGH);
        // Operands may lie around the window too.
        memory.ram().asSlice(DATA_PHYSICAL, DATA_BYTES).fill((byte) 0);
        MemorySegment.copy(
                m,
                s + WINDOW,
                memory.ram(),
                memory.offset(WINDOW_PHYSICAL, WINDOW_BYTES),
                WINDOW_BYTES);
        fault = -1;
        broken = null;
        try {
            if (translate && !mode32) {
                region(f).run(f.rep != 0);
            } else {
                one.run(f.code, f.length, mode32 ? 4 : 8);
            }
        } catch (GuestException e) {
            fault = e.vector;
            errorCode = e.errorCode;
        } catch (RuntimeException e) {
            broken = e;
        }
    }

    /** The caller runs the same form with many states. */
    private OneRegion region(Form f) {
        OneRegion r = lastRegion;
        if (r == null || lastForm != f) {
            r = OneRegion.of(cpu, f.rip, f.code, f.length);
            lastRegion = r;
            lastForm = f;
        }
        return r;
    }

    private void loadFp(MemorySegment m, long fx, long high) {
        Cpu c = cpu;
        X87 x = c.x87;
        long first = m.get(LONG, fx);
        x.control = (int) first & 0xffff;
        int status = (int) (first >>> 16) & 0xffff;
        x.top = status >> 11 & 7;
        x.status = status & ~0x3800;
        x.empty = ~(int) (first >>> 32) & 0xff;
        x.lastOpcode = 0;
        x.lastInstruction = 0;
        x.lastInstructionSelector = 0;
        x.lastData = 0;
        x.lastDataSelector = 0;
        c.mxcsr = m.get(INT, fx + 24);
        for (int i = 0; i < 8; i++) {
            int k = x.top + i & 7;
            x.significand[k] = m.get(LONG, fx + 32 + 16 * i);
            x.signExponent[k] = (int) m.get(LONG, fx + 40 + 16 * i) & 0xffff;
        }
        for (int i = 0; i < 16; i++) {
            int v = i * Cpu.VEC_STRIDE;
            c.vec[v] = m.get(LONG, fx + 160 + 16 * i);
            c.vec[v + 1] = m.get(LONG, fx + 168 + 16 * i);
            c.vec[v + 2] = m.get(LONG, high + 16 * i);
            c.vec[v + 3] = m.get(LONG, high + 16 * i + 8);
        }
    }

    /** Status word with TOP. */
    int statusWord() {
        return cpu.x87.status & ~0x3800 | cpu.x87.top << 11;
    }

    /** True if the window in guest memory is equal to the one at {@code w} in {@code m}. */
    boolean windowEquals(MemorySegment m, long w) {
        long at = memory.offset(WINDOW_PHYSICAL, WINDOW_BYTES);
        return MemorySegment.mismatch(memory.ram(), at, at + WINDOW_BYTES, m, w, w + WINDOW_BYTES)
                < 0;
    }

    byte window(int offset) {
        return memory.ram().get(ValueLayout.JAVA_BYTE, WINDOW_PHYSICAL + offset);
    }

    @Override
    public void close() {
        memory.close();
    }
}
