package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.decode.Insn;

/** Port input and output, and their string forms. */
public final class InOut {
    private InOut() {}

    private static int size(Insn i) {
        return Math.min(i.operandSize, 4);
    }

    private static int port(Cpu c) {
        return (int) c.r[Cpu.RDX] & 0xffff;
    }

    private static void in(Cpu c, int port, int size) {
        IoPermission.check(c, port, size);
        c.counters.ports++;
        c.reg(Cpu.RAX, size, c.ports.read(port, size));
    }

    private static void out(Cpu c, int port, int size) {
        IoPermission.check(c, port, size);
        c.counters.ports++;
        c.ports.write(port, size, c.reg(Cpu.RAX, size));
    }

    /** IN AL, imm8. */
    public static void inByteImmediate(Cpu c, Insn i) {
        in(c, (int) i.immediate & 0xff, 1);
    }

    /** IN AX or EAX, imm8. */
    public static void inImmediate(Cpu c, Insn i) {
        in(c, (int) i.immediate & 0xff, size(i));
    }

    /** OUT imm8, AL. */
    public static void outByteImmediate(Cpu c, Insn i) {
        out(c, (int) i.immediate & 0xff, 1);
    }

    /** OUT imm8, AX or EAX. */
    public static void outImmediate(Cpu c, Insn i) {
        out(c, (int) i.immediate & 0xff, size(i));
    }

    /** IN AL, DX. */
    public static void inByte(Cpu c, Insn i) {
        in(c, port(c), 1);
    }

    /** IN AX or EAX, DX. */
    public static void in(Cpu c, Insn i) {
        in(c, port(c), size(i));
    }

    /** OUT DX, AL. */
    public static void outByte(Cpu c, Insn i) {
        out(c, port(c), 1);
    }

    /** OUT DX, AX or EAX. */
    public static void out(Cpu c, Insn i) {
        out(c, port(c), size(i));
    }

    // --- strings
    // ----------------------------------------------------------------------------------

    /** One INS: the destination is checked before the device is asked. */
    private static void ins(Cpu c, Insn i, int size) {
        int port = port(c);
        IoPermission.check(c, port, size);
        long offset = Moves.truncate(c.r[Cpu.RDI], i.addressSize);
        long linear = Moves.linear(c, Cpu.ES, offset, size, true);
        c.mem.checkWrite(linear, size);
        c.counters.ports++;
        c.mem.store(linear, size, c.ports.read(port, size));
        Strings.advance(c, Cpu.RDI, i.addressSize, size);
    }

    /** One OUTS. */
    private static void outs(Cpu c, Insn i, int size) {
        int port = port(c);
        IoPermission.check(c, port, size);
        long offset = Moves.truncate(c.r[Cpu.RSI], i.addressSize);
        long value = c.mem.load(Moves.linear(c, i.segment, offset, size, false), size);
        c.counters.ports++;
        c.ports.write(port, size, value);
        Strings.advance(c, Cpu.RSI, i.addressSize, size);
    }

    private static void repeat(Cpu c, Insn i, int size, boolean input) {
        int addressSize = i.addressSize;
        // Even a count of 0 needs the permission.
        IoPermission.check(c, port(c), size);
        long count = c.r[Cpu.RCX] & Flags.mask(addressSize);
        while (count != 0) {
            if (input) {
                ins(c, i, size);
            } else {
                outs(c, i, size);
            }
            c.reg(Cpu.RCX, addressSize, --count);
            if (count != 0 && c.attention != 0) {
                c.rip = c.nextRip(i.offset);
                return;
            }
        }
    }

    /** INSB. */
    public static void insByte(Cpu c, Insn i) {
        ins(c, i, 1);
    }

    /** INSW, INSD. */
    public static void ins(Cpu c, Insn i) {
        ins(c, i, size(i));
    }

    /** OUTSB. */
    public static void outsByte(Cpu c, Insn i) {
        outs(c, i, 1);
    }

    /** OUTSW, OUTSD. */
    public static void outs(Cpu c, Insn i) {
        outs(c, i, size(i));
    }

    /** REP INSB. */
    public static void repInsByte(Cpu c, Insn i) {
        repeat(c, i, 1, true);
    }

    /** REP INSW, INSD. */
    public static void repIns(Cpu c, Insn i) {
        repeat(c, i, size(i), true);
    }

    /** REP OUTSB. */
    public static void repOutsByte(Cpu c, Insn i) {
        repeat(c, i, 1, false);
    }

    /** REP OUTSW, OUTSD. */
    public static void repOuts(Cpu c, Insn i) {
        repeat(c, i, size(i), false);
    }
}
