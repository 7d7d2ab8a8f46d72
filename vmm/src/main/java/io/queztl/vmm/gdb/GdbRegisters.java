package io.queztl.vmm.gdb;

import io.queztl.machine.cpu.CpuState;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The registers of a vCPU in the order and sizes of the target description {@code target.xml}:
 * GDB's {@code org.gnu.gdb.i386.core} and {@code org.gnu.gdb.i386.sse} for 64 bits.
 */
final class GdbRegisters {
    private static final int[] GENERAL = {0, 3, 1, 2, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15};
    private static final int RIP = 16;
    private static final int EFLAGS = 17;
    private static final int SEGMENTS = 18;
    // CS, SS, DS, ES, FS, GS as indices into CpuState.segments.
    private static final int[] SEGMENT_ORDER = {1, 2, 3, 0, 4, 5};
    private static final int X87 = 24;
    private static final int X87_CONTROL = 32;
    private static final int XMM = 40;
    private static final int MXCSR = 56;

    /** How many registers there are. */
    static final int COUNT = 57;

    private GdbRegisters() {}

    /** Size of a register in bytes. */
    static int size(int n) {
        if (n <= RIP) {
            return 8;
        }
        if (n >= X87 && n < X87_CONTROL) {
            return 10;
        }
        return n >= XMM && n < MXCSR ? 16 : 4;
    }

    /** The bytes of a register, in target order (little-endian). */
    static byte[] read(CpuState s, int n) {
        ByteBuffer b = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer x = ByteBuffer.wrap(s.xsave()).order(ByteOrder.LITTLE_ENDIAN);
        if (n < RIP) {
            b.putLong(s.registers().get(GENERAL[n]));
        } else if (n == RIP) {
            b.putLong(s.rip());
        } else if (n == EFLAGS) {
            b.putInt((int) s.rflags());
        } else if (n < X87) {
            b.putInt(s.segments().get(SEGMENT_ORDER[n - SEGMENTS]).selector());
        } else if (n < X87_CONTROL) {
            b.put(s.xsave(), 32 + 16 * (n - X87), 10);
        } else if (n < XMM) {
            b.putInt(x87Control(x, n - X87_CONTROL));
        } else if (n < MXCSR) {
            b.put(s.xsave(), 160 + 16 * (n - XMM), 16);
        } else {
            b.putInt(x.getInt(24));
        }
        return java.util.Arrays.copyOf(b.array(), size(n));
    }

    /** fctrl, fstat, ftag, fiseg, fioff, foseg, fooff, fop out of the FXSAVE area. */
    private static int x87Control(ByteBuffer x, int n) {
        return switch (n) {
            case 0 -> x.getShort(0) & 0xffff;
            case 1 -> x.getShort(2) & 0xffff;
            case 2 -> fullTag(x.get(4) & 0xff);
            case 4 -> x.getInt(8);
            case 6 -> x.getInt(16);
            case 7 -> x.getShort(6) & 0x7ff;
            default -> 0;
        };
    }

    private static int fullTag(int abridged) {
        int tag = 0;
        for (int r = 0; r < 8; r++) {
            if ((abridged >> r & 1) == 0) {
                tag |= 3 << 2 * r;
            }
        }
        return tag;
    }

    /** The state with one general register, RIP or EFLAGS replaced; others cannot be written. */
    static CpuState write(CpuState s, int n, byte[] value) {
        ByteBuffer b =
                ByteBuffer.wrap(java.util.Arrays.copyOf(value, 16)).order(ByteOrder.LITTLE_ENDIAN);
        List<Long> registers = s.registers();
        long rip = s.rip();
        long rflags = s.rflags();
        if (n < RIP) {
            registers = new ArrayList<>(registers);
            registers.set(GENERAL[n], b.getLong());
        } else if (n == RIP) {
            rip = b.getLong();
        } else if (n == EFLAGS) {
            rflags = b.getInt() & 0xffff_ffffL;
        }
        return new CpuState(
                registers,
                rip,
                rflags,
                s.segments(),
                s.gdtBase(),
                s.gdtLimit(),
                s.idtBase(),
                s.idtLimit(),
                s.control(),
                s.debug(),
                s.xcr0(),
                s.msrs(),
                s.xsave(),
                s.events());
    }

    /** The target description. */
    static String description() {
        try (InputStream in = GdbRegisters.class.getResourceAsStream("target.xml")) {
            return new String(
                    java.util.Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
