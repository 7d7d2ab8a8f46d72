package io.queztl.emulator.cpu;

import io.queztl.emulator.ops.DebugRegisters;
import io.queztl.emulator.ops.MsrAccess;
import io.queztl.emulator.ops.StateSave;
import io.queztl.machine.cpu.CpuState;
import io.queztl.machine.cpu.SegmentState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/**
 * {@link Cpu} to {@link CpuState} and back. The vector and x87 state is an XSAVE area in the
 * standard format (SDM volume 1, 13.4).
 */
public final class StateCodec {
    private static final int MXCSR = 24, MXCSR_MASK = 28, X87_REGISTERS = 32, XMM = 160;
    private static final int HEADER = 512;
    private static final int SSE = 1, AVX = 2, PKRU = 9;

    private StateCodec() {}

    /** A copy of the architectural state. */
    public static CpuState save(Cpu c) {
        List<Long> registers = new ArrayList<>(16);
        for (int k = 0; k < 16; k++) {
            registers.add(c.r[k]);
        }
        List<SegmentState> segments = new ArrayList<>(8);
        for (int s = 0; s < 8; s++) {
            segments.add(new SegmentState(c.selector[s], c.base[s], c.limit[s], c.attributes[s]));
        }
        TreeMap<Integer, Long> msrs = new TreeMap<>();
        MsrAccess.save(c, msrs);
        return new CpuState(
                List.copyOf(registers),
                c.rip,
                c.rflags(),
                List.copyOf(segments),
                c.gdtBase,
                c.gdtLimit,
                c.idtBase,
                c.idtLimit,
                List.of(c.cr0, c.cr2, c.cr3, c.cr4, (long) c.interrupts.taskPriority()),
                List.of(c.dr[0], c.dr[1], c.dr[2], c.dr[3], c.dr[6], c.dr[7]),
                c.xcr0,
                msrs,
                saveVectors(c),
                new CpuState.Events(
                        c.halted && !c.unhalted,
                        c.waitForSipi,
                        (c.attention & Cpu.ATTENTION_NMI) != 0,
                        c.nmiBlocked,
                        c.interruptShadow,
                        c.unhalted && !c.halted));
    }

    /** Replaces the architectural state. */
    public static void restore(Cpu c, CpuState s) {
        for (int k = 0; k < 16; k++) {
            c.r[k] = s.registers().get(k);
        }
        c.rip = s.rip();
        for (int k = 0; k < 8; k++) {
            SegmentState g = s.segments().get(k);
            c.selector[k] = g.selector();
            c.base[k] = g.base();
            c.limit[k] = g.limit();
            c.attributes[k] = g.attributes();
        }
        c.gdtBase = s.gdtBase();
        c.gdtLimit = s.gdtLimit();
        c.idtBase = s.idtBase();
        c.idtLimit = s.idtLimit();
        c.cr0 = s.control().get(0);
        c.cr2 = s.control().get(1);
        c.cr3 = s.control().get(2);
        c.cr4 = s.control().get(3);
        // Guest memory may be restored later, so the next page walk loads them.
        c.pdptesLatched = false;
        c.interrupts.taskPriority(s.control().get(4).intValue());
        for (int k = 0; k < 4; k++) {
            c.dr[k] = s.debug().get(k);
        }
        c.dr[6] = s.debug().get(4);
        c.dr[7] = s.debug().get(5);
        c.xcr0 = s.xcr0();
        MsrAccess.restore(c, s.msrs());
        restoreVectors(c, s.xsave());
        c.rflags((int) s.rflags());
        CpuState.Events e = s.events();
        c.halted = e.halted();
        c.waitForSipi = e.waitForSipi();
        c.nmiBlocked = e.nmiBlocked();
        c.interruptShadow = e.interruptShadow();
        c.unhalted = e.unhalted();
        c.debugShadow = false;
        c.pendingDebug = 0;
        c.unattend(Cpu.ATTENTION_NMI);
        if (e.nmiPending()) {
            c.attend(Cpu.ATTENTION_NMI);
        }
        c.updateMode();
        DebugRegisters.changed(c);
        c.attend(Cpu.ATTENTION_INTERRUPT | (e.interruptShadow() ? Cpu.ATTENTION_DEBUG : 0));
    }

    private static byte[] saveVectors(Cpu c) {
        long components = StateSave.supported(c.model);
        ByteBuffer b =
                ByteBuffer.allocate(StateSave.standardSize(components))
                        .order(ByteOrder.LITTLE_ENDIAN);
        X87 x = c.x87;
        b.putShort(0, (short) x.control);
        b.putShort(2, (short) (x.status & ~0x3800 | x.top << 11));
        b.put(4, (byte) ~x.empty);
        b.putShort(6, (short) x.lastOpcode);
        b.putLong(8, x.lastInstruction);
        b.putLong(16, x.lastData);
        b.putInt(MXCSR, c.mxcsr);
        b.putInt(MXCSR_MASK, 0xffff);
        for (int k = 0; k < 8; k++) {
            int physical = x.top + k & 7;
            b.putLong(X87_REGISTERS + 16 * k, x.significand[physical]);
            b.putShort(X87_REGISTERS + 16 * k + 8, (short) x.signExponent[physical]);
        }
        for (int k = 0; k < 16; k++) {
            b.putLong(XMM + 16 * k, c.vec[k * Cpu.VEC_STRIDE]);
            b.putLong(XMM + 16 * k + 8, c.vec[k * Cpu.VEC_STRIDE + 1]);
        }
        if ((components >> AVX & 1) != 0) {
            int at = StateSave.componentOffset(AVX);
            for (int k = 0; k < 16; k++) {
                b.putLong(at + 16 * k, c.vec[k * Cpu.VEC_STRIDE + 2]);
                b.putLong(at + 16 * k + 8, c.vec[k * Cpu.VEC_STRIDE + 3]);
            }
        }
        if ((components >> PKRU & 1) != 0) {
            b.putInt(StateSave.componentOffset(PKRU), c.pkru);
        }
        b.putLong(HEADER, components);
        return b.array();
    }

    private static void restoreVectors(Cpu c, byte[] image) {
        ByteBuffer b = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
        long components = b.getLong(HEADER);
        boolean x87 = (components & 1) != 0;
        X87 x = c.x87;
        x.control = x87 ? b.getShort(0) & 0xffff : 0x37f;
        int status = x87 ? b.getShort(2) & 0xffff : 0;
        x.status = status & ~0x3800;
        x.top = status >> 11 & 7;
        x.empty = x87 ? ~b.get(4) & 0xff : 0xff;
        x.lastOpcode = x87 ? b.getShort(6) & 0x7ff : 0;
        x.lastInstruction = x87 ? b.getLong(8) : 0;
        x.lastInstructionSelector = 0;
        x.lastData = x87 ? b.getLong(16) : 0;
        x.lastDataSelector = 0;
        for (int k = 0; k < 8; k++) {
            int physical = x.top + k & 7;
            x.significand[physical] = x87 ? b.getLong(X87_REGISTERS + 16 * k) : 0;
            x.signExponent[physical] = x87 ? b.getShort(X87_REGISTERS + 16 * k + 8) & 0xffff : 0;
        }
        Arrays.fill(c.vec, 0);
        boolean sse = (components >> SSE & 1) != 0;
        boolean avx = (components >> AVX & 1) != 0;
        c.mxcsr = sse || avx ? b.getInt(MXCSR) & 0xffff : 0x1f80;
        for (int k = 0; k < 16; k++) {
            if (sse) {
                c.vec[k * Cpu.VEC_STRIDE] = b.getLong(XMM + 16 * k);
                c.vec[k * Cpu.VEC_STRIDE + 1] = b.getLong(XMM + 16 * k + 8);
            }
            if (avx) {
                int at = StateSave.componentOffset(AVX) + 16 * k;
                c.vec[k * Cpu.VEC_STRIDE + 2] = b.getLong(at);
                c.vec[k * Cpu.VEC_STRIDE + 3] = b.getLong(at + 8);
            }
        }
        c.pkru = (components >> PKRU & 1) != 0 ? b.getInt(StateSave.componentOffset(PKRU)) : 0;
    }
}
