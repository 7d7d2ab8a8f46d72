package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.mmu.Mmu;
import io.queztl.emulator.ops.Alu;
import io.queztl.emulator.ops.Branch;
import io.queztl.emulator.ops.Shift;
import io.queztl.emulator.ops.Stack;

/**
 * The loop over a block's instructions. The forms that make up nine tenths of what guests run are
 * cases of one {@code switch}, each a call of the semantics that HotSpot inlines; all others go by
 * their executor, which costs an interface call of some dozens of possible targets. Which case an
 * instruction is, {@link Forms} says.
 */
final class BlockLoop {
    private static final long LOW32 = 0xffff_ffffL;
    private static final long NOT_CANONICAL = 1L << 63;

    /** The next instruction raised the CPU's last fault. */
    static final int FAULTED = 1 << 16;

    /** The next instruction is no longer what memory holds. */
    static final int STOPPED = 1 << 17;

    private BlockLoop() {}

    /** The offset of a memory operand in its segment. */
    private static long offset(long[] r, long w, long d) {
        return r[Words.base(w)] + (r[Words.index(w)] << Words.scale(w)) + (int) d;
    }

    /** The linear address of a memory operand. */
    private static long address(Cpu c, long[] r, long w, long d) {
        long a = offset(r, w, d);
        return w < 0 ? a + c.effectiveBase[Words.segment(w)] : a;
    }

    /** True if a linear address is canonical with 48 bits, and so with 57. */
    private static boolean canonical(long linear) {
        return linear << 16 >> 16 == linear;
    }

    /** Runs an instruction by its executor. */
    private static void general(Cpu c, Insn n) {
        n.exec.exec(c, n);
    }

    /**
     * Runs instructions one after the other.
     *
     * @return how many ran to their end, and if the next one did not, why: {@link #FAULTED} or
     *     {@link #STOPPED}
     */
    static int run(Cpu c, Block b) {
        long[] words = b.words;
        long[] r = c.r;
        Mmu m = c.mem;
        int k = 0;
        int at = 0;
        try {
            do {
                long w = words[at];
                long d = words[at + 1];
                at += 2;
                k++;
                int x = Words.first(w);
                int y = Words.second(w);
                switch (Words.form(w)) {
                    case Forms.MOV_64 -> r[x] = r[y];
                    case Forms.MOV_32 -> r[x] = r[y] & LOW32;
                    case Forms.MOV_IMMEDIATE -> r[x] = d;
                    case Forms.LOAD_64 -> r[x] = m.load64(address(c, r, w, d));
                    case Forms.LOAD_32 -> r[x] = m.load32(address(c, r, w, d));
                    case Forms.LOAD_16 -> r[x] = m.load16(address(c, r, w, d));
                    case Forms.LOAD_8 -> r[x] = m.load8(address(c, r, w, d));
                    case Forms.STORE_64 -> m.store64(address(c, r, w, d), r[y]);
                    case Forms.STORE_32 -> m.store32(address(c, r, w, d), r[y]);
                    case Forms.STORE_16 -> m.store16(address(c, r, w, d), r[y]);
                    case Forms.STORE_8 -> m.store8(address(c, r, w, d), c.reg(y, 1));
                    case Forms.STORE_64_IMMEDIATE -> m.store64(address(c, r, w, d), d >> 32);
                    case Forms.STORE_32_IMMEDIATE -> m.store32(address(c, r, w, d), d >> 32);
                    case Forms.STORE_8_IMMEDIATE -> m.store8(address(c, r, w, d), d >> 32);
                    case Forms.MOVZX_16 -> r[x] = r[y] & 0xffff;
                    case Forms.MOVZX_8 -> r[x] = c.reg(y, 1);
                    case Forms.MOVSX_32 -> r[x] = (int) r[y];
                    case Forms.MOVSX_32_LOAD -> r[x] = (int) m.load32(address(c, r, w, d));
                    case Forms.ADD_64 -> r[x] = Alu.add(c, r[x], r[y], 8);
                    case Forms.ADD_64_IMMEDIATE -> r[x] = Alu.add(c, r[x], d, 8);
                    case Forms.ADD_64_LOAD ->
                            r[x] = Alu.add(c, r[x], m.load64(address(c, r, w, d)), 8);
                    case Forms.ADD_32 -> r[x] = Alu.add(c, r[x] & LOW32, r[y] & LOW32, 4) & LOW32;
                    case Forms.ADD_32_IMMEDIATE -> r[x] = Alu.add(c, r[x] & LOW32, d, 4) & LOW32;
                    case Forms.ADD_32_LOAD ->
                            r[x] =
                                    Alu.add(c, r[x] & LOW32, m.load32(address(c, r, w, d)), 4)
                                            & LOW32;
                    case Forms.SUB_64 -> r[x] = Alu.sub(c, r[x], r[y], 8);
                    case Forms.SUB_64_IMMEDIATE -> r[x] = Alu.sub(c, r[x], d, 8);
                    case Forms.SUB_64_LOAD ->
                            r[x] = Alu.sub(c, r[x], m.load64(address(c, r, w, d)), 8);
                    case Forms.SUB_32 -> r[x] = Alu.sub(c, r[x] & LOW32, r[y] & LOW32, 4) & LOW32;
                    case Forms.SUB_32_IMMEDIATE -> r[x] = Alu.sub(c, r[x] & LOW32, d, 4) & LOW32;
                    case Forms.SUB_32_LOAD ->
                            r[x] =
                                    Alu.sub(c, r[x] & LOW32, m.load32(address(c, r, w, d)), 4)
                                            & LOW32;
                    case Forms.AND_64 -> r[x] = Alu.and(c, r[x], r[y], 8);
                    case Forms.AND_64_IMMEDIATE -> r[x] = Alu.and(c, r[x], d, 8);
                    case Forms.AND_64_LOAD ->
                            r[x] = Alu.and(c, r[x], m.load64(address(c, r, w, d)), 8);
                    case Forms.AND_32 -> r[x] = Alu.and(c, r[x] & LOW32, r[y] & LOW32, 4) & LOW32;
                    case Forms.AND_32_IMMEDIATE -> r[x] = Alu.and(c, r[x] & LOW32, d, 4) & LOW32;
                    case Forms.AND_32_LOAD ->
                            r[x] =
                                    Alu.and(c, r[x] & LOW32, m.load32(address(c, r, w, d)), 4)
                                            & LOW32;
                    case Forms.OR_64 -> r[x] = Alu.or(c, r[x], r[y], 8);
                    case Forms.OR_64_IMMEDIATE -> r[x] = Alu.or(c, r[x], d, 8);
                    case Forms.OR_64_LOAD ->
                            r[x] = Alu.or(c, r[x], m.load64(address(c, r, w, d)), 8);
                    case Forms.OR_32 -> r[x] = Alu.or(c, r[x] & LOW32, r[y] & LOW32, 4) & LOW32;
                    case Forms.OR_32_IMMEDIATE -> r[x] = Alu.or(c, r[x] & LOW32, d, 4) & LOW32;
                    case Forms.OR_32_LOAD ->
                            r[x] =
                                    Alu.or(c, r[x] & LOW32, m.load32(address(c, r, w, d)), 4)
                                            & LOW32;
                    case Forms.XOR_64 -> r[x] = Alu.xor(c, r[x], r[y], 8);
                    case Forms.XOR_64_IMMEDIATE -> r[x] = Alu.xor(c, r[x], d, 8);
                    case Forms.XOR_64_LOAD ->
                            r[x] = Alu.xor(c, r[x], m.load64(address(c, r, w, d)), 8);
                    case Forms.XOR_32 -> r[x] = Alu.xor(c, r[x] & LOW32, r[y] & LOW32, 4) & LOW32;
                    case Forms.XOR_32_IMMEDIATE -> r[x] = Alu.xor(c, r[x] & LOW32, d, 4) & LOW32;
                    case Forms.XOR_32_LOAD ->
                            r[x] =
                                    Alu.xor(c, r[x] & LOW32, m.load32(address(c, r, w, d)), 4)
                                            & LOW32;
                    case Forms.CMP_64 -> Alu.cmp(c, r[x], r[y], 8);
                    case Forms.CMP_64_IMMEDIATE -> Alu.cmp(c, r[x], d, 8);
                    case Forms.CMP_64_LOAD -> Alu.cmp(c, r[x], m.load64(address(c, r, w, d)), 8);
                    case Forms.CMP_64_MEMORY -> Alu.cmp(c, m.load64(address(c, r, w, d)), r[y], 8);
                    case Forms.CMP_64_MEMORY_IMMEDIATE ->
                            Alu.cmp(c, m.load64(address(c, r, w, d)), d >> 32, 8);
                    case Forms.CMP_32 -> Alu.cmp(c, r[x] & LOW32, r[y] & LOW32, 4);
                    case Forms.CMP_32_IMMEDIATE -> Alu.cmp(c, r[x] & LOW32, d, 4);
                    case Forms.CMP_32_LOAD ->
                            Alu.cmp(c, r[x] & LOW32, m.load32(address(c, r, w, d)), 4);
                    case Forms.CMP_32_MEMORY ->
                            Alu.cmp(c, m.load32(address(c, r, w, d)), r[y] & LOW32, 4);
                    case Forms.CMP_32_MEMORY_IMMEDIATE ->
                            Alu.cmp(c, m.load32(address(c, r, w, d)), d >>> 32, 4);
                    case Forms.CMP_8 -> Alu.cmp(c, c.reg(x, 1), c.reg(y, 1), 1);
                    case Forms.CMP_8_IMMEDIATE -> Alu.cmp(c, c.reg(x, 1), d, 1);
                    case Forms.CMP_8_LOAD ->
                            Alu.cmp(c, c.reg(x, 1), m.load8(address(c, r, w, d)), 1);
                    case Forms.CMP_8_MEMORY ->
                            Alu.cmp(c, m.load8(address(c, r, w, d)), c.reg(y, 1), 1);
                    case Forms.CMP_8_MEMORY_IMMEDIATE ->
                            Alu.cmp(c, m.load8(address(c, r, w, d)), d >>> 32, 1);
                    case Forms.TEST_64 -> Alu.test(c, r[x], r[y], 8);
                    case Forms.TEST_64_IMMEDIATE -> Alu.test(c, r[x], d, 8);
                    case Forms.TEST_64_LOAD -> Alu.test(c, r[x], m.load64(address(c, r, w, d)), 8);
                    case Forms.TEST_64_MEMORY ->
                            Alu.test(c, m.load64(address(c, r, w, d)), r[y], 8);
                    case Forms.TEST_64_MEMORY_IMMEDIATE ->
                            Alu.test(c, m.load64(address(c, r, w, d)), d >> 32, 8);
                    case Forms.TEST_32 -> Alu.test(c, r[x] & LOW32, r[y] & LOW32, 4);
                    case Forms.TEST_32_IMMEDIATE -> Alu.test(c, r[x] & LOW32, d, 4);
                    case Forms.TEST_32_LOAD ->
                            Alu.test(c, r[x] & LOW32, m.load32(address(c, r, w, d)), 4);
                    case Forms.TEST_32_MEMORY ->
                            Alu.test(c, m.load32(address(c, r, w, d)), r[y] & LOW32, 4);
                    case Forms.TEST_32_MEMORY_IMMEDIATE ->
                            Alu.test(c, m.load32(address(c, r, w, d)), d >>> 32, 4);
                    case Forms.TEST_8 -> Alu.test(c, c.reg(x, 1), c.reg(y, 1), 1);
                    case Forms.TEST_8_IMMEDIATE -> Alu.test(c, c.reg(x, 1), d, 1);
                    case Forms.TEST_8_LOAD ->
                            Alu.test(c, c.reg(x, 1), m.load8(address(c, r, w, d)), 1);
                    case Forms.TEST_8_MEMORY ->
                            Alu.test(c, m.load8(address(c, r, w, d)), c.reg(y, 1), 1);
                    case Forms.TEST_8_MEMORY_IMMEDIATE ->
                            Alu.test(c, m.load8(address(c, r, w, d)), d >>> 32, 1);
                    case Forms.SHL_64 -> r[x] = Shift.shl(c, r[x], d, 8);
                    case Forms.SHL_32 -> r[x] = Shift.shl(c, r[x] & LOW32, d, 4) & LOW32;
                    case Forms.SHR_64 -> r[x] = Shift.shr(c, r[x], d, 8);
                    case Forms.SHR_32 -> r[x] = Shift.shr(c, r[x] & LOW32, d, 4) & LOW32;
                    case Forms.SAR_64 -> r[x] = Shift.sar(c, r[x], d, 8);
                    case Forms.SAR_32 -> r[x] = Shift.sar(c, r[x] & LOW32, d, 4) & LOW32;
                    case Forms.LEA_64 -> r[x] = offset(r, w, d);
                    case Forms.LEA_32 -> r[x] = offset(r, w, d) & LOW32;
                    case Forms.NOP -> {}
                    case Forms.PUSH -> {
                        long sp = r[Cpu.RSP] - 8;
                        if (canonical(sp)) {
                            m.store64(sp, r[x]);
                            r[Cpu.RSP] = sp;
                        } else {
                            Stack.push(c, r[x], 8);
                        }
                    }
                    case Forms.POP -> {
                        long sp = r[Cpu.RSP];
                        if (canonical(sp)) {
                            long value = m.load64(sp);
                            r[Cpu.RSP] = sp + 8;
                            r[x] = value;
                        } else {
                            r[x] = Stack.pop(c, 8);
                        }
                    }
                    case Forms.CALL -> {
                        long sp = r[Cpu.RSP] - 8;
                        long target = c.rip + d;
                        if (canonical(sp) && canonical(target)) {
                            m.store64(sp, c.rip);
                            r[Cpu.RSP] = sp;
                            c.rip = target;
                        } else {
                            general(c, b.decoded[k - 1]);
                        }
                    }
                    case Forms.CALL_INDIRECT -> Branch.callIndirect(c, b.decoded[k - 1]);
                    case Forms.JMP_INDIRECT -> Branch.jmpIndirect(c, b.decoded[k - 1]);
                    case Forms.RET -> {
                        long sp = r[Cpu.RSP];
                        long target = canonical(sp) ? m.load64(sp) : NOT_CANONICAL;
                        if (canonical(target)) {
                            r[Cpu.RSP] = sp + 8;
                            c.rip = target;
                        } else {
                            general(c, b.decoded[k - 1]);
                        }
                    }
                    case Forms.JMP -> {
                        long target = c.rip + d;
                        if (canonical(target)) {
                            c.rip = target;
                        } else {
                            general(c, b.decoded[k - 1]);
                        }
                    }
                    case Forms.JCC -> {
                        long target = c.rip + (d & -Words.holds(c, w));
                        if (canonical(target)) {
                            c.rip = target;
                        } else {
                            general(c, b.decoded[k - 1]);
                        }
                    }
                    case Forms.STOP -> {
                        return k - 1 | STOPPED;
                    }
                    default -> general(c, b.decoded[k - 1]);
                }
            } while (at < words.length);
            return k;
        } catch (GuestException e) {
            return k - 1 | FAULTED;
        }
    }
}
