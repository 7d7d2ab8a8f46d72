package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.decode.Insn;
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

    /** The next instruction raised the CPU's last fault. */
    static final int FAULTED = 1 << 16;

    /** The next instruction is no longer what memory holds. */
    static final int STOPPED = 1 << 17;

    private BlockLoop() {}

    private static long address(Cpu c, long[] r, Insn n) {
        return r[n.base] + (r[n.index] << n.scale) + n.displacement + c.effectiveBase[n.segment];
    }

    /**
     * Runs instructions one after the other.
     *
     * @return how many ran to their end, and if the next one did not, why: {@link #FAULTED} or
     *     {@link #STOPPED}
     */
    static int run(Cpu c, Insn[] insns) {
        long[] r = c.r;
        int k = 0;
        try {
            do {
                Insn n = insns[k++];
                switch (n.form) {
                    case Forms.MOV_64 -> r[n.r1] = r[n.r2];
                    case Forms.MOV_32 -> r[n.r1] = r[n.r2] & LOW32;
                    case Forms.MOV_IMMEDIATE -> r[n.r1] = n.immediate;
                    case Forms.LOAD_64 -> r[n.r1] = c.mem.load64(address(c, r, n));
                    case Forms.LOAD_32 -> r[n.r1] = c.mem.load32(address(c, r, n));
                    case Forms.LOAD_16 -> r[n.r1] = c.mem.load16(address(c, r, n));
                    case Forms.LOAD_8 -> r[n.r1] = c.mem.load8(address(c, r, n));
                    case Forms.STORE_64 -> c.mem.store64(address(c, r, n), r[n.r2]);
                    case Forms.STORE_32 -> c.mem.store32(address(c, r, n), r[n.r2]);
                    case Forms.STORE_16 -> c.mem.store16(address(c, r, n), r[n.r2]);
                    case Forms.STORE_8 -> c.mem.store8(address(c, r, n), c.reg(n.r2, 1));
                    case Forms.STORE_64_IMMEDIATE -> c.mem.store64(address(c, r, n), n.immediate);
                    case Forms.STORE_32_IMMEDIATE -> c.mem.store32(address(c, r, n), n.immediate);
                    case Forms.STORE_8_IMMEDIATE -> c.mem.store8(address(c, r, n), n.immediate);
                    case Forms.MOVZX_16 -> r[n.r1] = r[n.r2] & 0xffff;
                    case Forms.MOVZX_8 -> r[n.r1] = c.reg(n.r2, 1);
                    case Forms.MOVSX_32 -> r[n.r1] = (int) r[n.r2];
                    case Forms.MOVSX_32_LOAD -> r[n.r1] = (int) c.mem.load32(address(c, r, n));
                    case Forms.LEA_64 -> r[n.r1] = n.effectiveAddress(c);
                    case Forms.LEA_32 -> r[n.r1] = n.effectiveAddress(c) & LOW32;
                    case Forms.PUSH -> Stack.push(c, r[n.r1], 8);
                    case Forms.POP -> r[n.r1] = Stack.pop(c, 8);
                    case Forms.NOP -> {}
                    case Forms.CALL -> Branch.call(c, n);
                    case Forms.CALL_INDIRECT -> Branch.callIndirect(c, n);
                    case Forms.RET -> Branch.ret(c, n);
                    case Forms.JMP -> Branch.jmp(c, n);
                    case Forms.JE -> Branch.je(c, n);
                    case Forms.JNE -> Branch.jne(c, n);
                    case Forms.JB -> Branch.jb(c, n);
                    case Forms.JAE -> Branch.jae(c, n);
                    case Forms.JA -> Branch.ja(c, n);
                    case Forms.JBE -> Branch.jbe(c, n);
                    case Forms.JL -> Branch.jl(c, n);
                    case Forms.JGE -> Branch.jge(c, n);
                    case Forms.JG -> Branch.jg(c, n);
                    case Forms.JLE -> Branch.jle(c, n);
                    case Forms.JS -> Branch.js(c, n);
                    case Forms.JNS -> Branch.jns(c, n);
                    case Forms.ADD_64 -> r[n.r1] = Alu.add(c, r[n.r1], r[n.r2], 8);
                    case Forms.ADD_64_IMMEDIATE -> r[n.r1] = Alu.add(c, r[n.r1], n.immediate, 8);
                    case Forms.ADD_64_LOAD ->
                            r[n.r1] = Alu.add(c, r[n.r1], c.mem.load64(address(c, r, n)), 8);
                    case Forms.ADD_32 ->
                            r[n.r1] = Alu.add(c, r[n.r1] & LOW32, r[n.r2] & LOW32, 4) & LOW32;
                    case Forms.ADD_32_IMMEDIATE ->
                            r[n.r1] = Alu.add(c, r[n.r1] & LOW32, n.immediate, 4) & LOW32;
                    case Forms.ADD_32_LOAD ->
                            r[n.r1] =
                                    Alu.add(c, r[n.r1] & LOW32, c.mem.load32(address(c, r, n)), 4)
                                            & LOW32;
                    case Forms.SUB_64 -> r[n.r1] = Alu.sub(c, r[n.r1], r[n.r2], 8);
                    case Forms.SUB_64_IMMEDIATE -> r[n.r1] = Alu.sub(c, r[n.r1], n.immediate, 8);
                    case Forms.SUB_64_LOAD ->
                            r[n.r1] = Alu.sub(c, r[n.r1], c.mem.load64(address(c, r, n)), 8);
                    case Forms.SUB_32 ->
                            r[n.r1] = Alu.sub(c, r[n.r1] & LOW32, r[n.r2] & LOW32, 4) & LOW32;
                    case Forms.SUB_32_IMMEDIATE ->
                            r[n.r1] = Alu.sub(c, r[n.r1] & LOW32, n.immediate, 4) & LOW32;
                    case Forms.SUB_32_LOAD ->
                            r[n.r1] =
                                    Alu.sub(c, r[n.r1] & LOW32, c.mem.load32(address(c, r, n)), 4)
                                            & LOW32;
                    case Forms.AND_64 -> r[n.r1] = Alu.and(c, r[n.r1], r[n.r2], 8);
                    case Forms.AND_64_IMMEDIATE -> r[n.r1] = Alu.and(c, r[n.r1], n.immediate, 8);
                    case Forms.AND_64_LOAD ->
                            r[n.r1] = Alu.and(c, r[n.r1], c.mem.load64(address(c, r, n)), 8);
                    case Forms.AND_32 ->
                            r[n.r1] = Alu.and(c, r[n.r1] & LOW32, r[n.r2] & LOW32, 4) & LOW32;
                    case Forms.AND_32_IMMEDIATE ->
                            r[n.r1] = Alu.and(c, r[n.r1] & LOW32, n.immediate, 4) & LOW32;
                    case Forms.AND_32_LOAD ->
                            r[n.r1] =
                                    Alu.and(c, r[n.r1] & LOW32, c.mem.load32(address(c, r, n)), 4)
                                            & LOW32;
                    case Forms.OR_64 -> r[n.r1] = Alu.or(c, r[n.r1], r[n.r2], 8);
                    case Forms.OR_64_IMMEDIATE -> r[n.r1] = Alu.or(c, r[n.r1], n.immediate, 8);
                    case Forms.OR_64_LOAD ->
                            r[n.r1] = Alu.or(c, r[n.r1], c.mem.load64(address(c, r, n)), 8);
                    case Forms.OR_32 ->
                            r[n.r1] = Alu.or(c, r[n.r1] & LOW32, r[n.r2] & LOW32, 4) & LOW32;
                    case Forms.OR_32_IMMEDIATE ->
                            r[n.r1] = Alu.or(c, r[n.r1] & LOW32, n.immediate, 4) & LOW32;
                    case Forms.OR_32_LOAD ->
                            r[n.r1] =
                                    Alu.or(c, r[n.r1] & LOW32, c.mem.load32(address(c, r, n)), 4)
                                            & LOW32;
                    case Forms.XOR_64 -> r[n.r1] = Alu.xor(c, r[n.r1], r[n.r2], 8);
                    case Forms.XOR_64_IMMEDIATE -> r[n.r1] = Alu.xor(c, r[n.r1], n.immediate, 8);
                    case Forms.XOR_64_LOAD ->
                            r[n.r1] = Alu.xor(c, r[n.r1], c.mem.load64(address(c, r, n)), 8);
                    case Forms.XOR_32 ->
                            r[n.r1] = Alu.xor(c, r[n.r1] & LOW32, r[n.r2] & LOW32, 4) & LOW32;
                    case Forms.XOR_32_IMMEDIATE ->
                            r[n.r1] = Alu.xor(c, r[n.r1] & LOW32, n.immediate, 4) & LOW32;
                    case Forms.XOR_32_LOAD ->
                            r[n.r1] =
                                    Alu.xor(c, r[n.r1] & LOW32, c.mem.load32(address(c, r, n)), 4)
                                            & LOW32;
                    case Forms.CMP_64 -> Alu.cmp(c, r[n.r1], r[n.r2], 8);
                    case Forms.CMP_64_IMMEDIATE -> Alu.cmp(c, r[n.r1], n.immediate, 8);
                    case Forms.CMP_64_LOAD ->
                            Alu.cmp(c, r[n.r1], c.mem.load64(address(c, r, n)), 8);
                    case Forms.CMP_64_MEMORY ->
                            Alu.cmp(c, c.mem.load64(address(c, r, n)), r[n.r2], 8);
                    case Forms.CMP_64_MEMORY_IMMEDIATE ->
                            Alu.cmp(c, c.mem.load64(address(c, r, n)), n.immediate, 8);
                    case Forms.CMP_32 -> Alu.cmp(c, r[n.r1] & LOW32, r[n.r2] & LOW32, 4);
                    case Forms.CMP_32_IMMEDIATE -> Alu.cmp(c, r[n.r1] & LOW32, n.immediate, 4);
                    case Forms.CMP_32_LOAD ->
                            Alu.cmp(c, r[n.r1] & LOW32, c.mem.load32(address(c, r, n)), 4);
                    case Forms.CMP_32_MEMORY ->
                            Alu.cmp(c, c.mem.load32(address(c, r, n)), r[n.r2] & LOW32, 4);
                    case Forms.CMP_32_MEMORY_IMMEDIATE ->
                            Alu.cmp(c, c.mem.load32(address(c, r, n)), n.immediate, 4);
                    case Forms.CMP_8 -> Alu.cmp(c, c.reg(n.r1, 1), c.reg(n.r2, 1), 1);
                    case Forms.CMP_8_IMMEDIATE -> Alu.cmp(c, c.reg(n.r1, 1), n.immediate, 1);
                    case Forms.CMP_8_LOAD ->
                            Alu.cmp(c, c.reg(n.r1, 1), c.mem.load8(address(c, r, n)), 1);
                    case Forms.CMP_8_MEMORY ->
                            Alu.cmp(c, c.mem.load8(address(c, r, n)), c.reg(n.r2, 1), 1);
                    case Forms.CMP_8_MEMORY_IMMEDIATE ->
                            Alu.cmp(c, c.mem.load8(address(c, r, n)), n.immediate, 1);
                    case Forms.TEST_64 -> Alu.test(c, r[n.r1], r[n.r2], 8);
                    case Forms.TEST_64_IMMEDIATE -> Alu.test(c, r[n.r1], n.immediate, 8);
                    case Forms.TEST_64_LOAD ->
                            Alu.test(c, r[n.r1], c.mem.load64(address(c, r, n)), 8);
                    case Forms.TEST_64_MEMORY ->
                            Alu.test(c, c.mem.load64(address(c, r, n)), r[n.r2], 8);
                    case Forms.TEST_64_MEMORY_IMMEDIATE ->
                            Alu.test(c, c.mem.load64(address(c, r, n)), n.immediate, 8);
                    case Forms.TEST_32 -> Alu.test(c, r[n.r1] & LOW32, r[n.r2] & LOW32, 4);
                    case Forms.TEST_32_IMMEDIATE -> Alu.test(c, r[n.r1] & LOW32, n.immediate, 4);
                    case Forms.TEST_32_LOAD ->
                            Alu.test(c, r[n.r1] & LOW32, c.mem.load32(address(c, r, n)), 4);
                    case Forms.TEST_32_MEMORY ->
                            Alu.test(c, c.mem.load32(address(c, r, n)), r[n.r2] & LOW32, 4);
                    case Forms.TEST_32_MEMORY_IMMEDIATE ->
                            Alu.test(c, c.mem.load32(address(c, r, n)), n.immediate, 4);
                    case Forms.TEST_8 -> Alu.test(c, c.reg(n.r1, 1), c.reg(n.r2, 1), 1);
                    case Forms.TEST_8_IMMEDIATE -> Alu.test(c, c.reg(n.r1, 1), n.immediate, 1);
                    case Forms.TEST_8_LOAD ->
                            Alu.test(c, c.reg(n.r1, 1), c.mem.load8(address(c, r, n)), 1);
                    case Forms.TEST_8_MEMORY ->
                            Alu.test(c, c.mem.load8(address(c, r, n)), c.reg(n.r2, 1), 1);
                    case Forms.TEST_8_MEMORY_IMMEDIATE ->
                            Alu.test(c, c.mem.load8(address(c, r, n)), n.immediate, 1);
                    case Forms.SHL_64 -> r[n.r1] = Shift.shl(c, r[n.r1], n.immediate, 8);
                    case Forms.SHL_32 ->
                            r[n.r1] = Shift.shl(c, r[n.r1] & LOW32, n.immediate, 4) & LOW32;
                    case Forms.SHR_64 -> r[n.r1] = Shift.shr(c, r[n.r1], n.immediate, 8);
                    case Forms.SHR_32 ->
                            r[n.r1] = Shift.shr(c, r[n.r1] & LOW32, n.immediate, 4) & LOW32;
                    case Forms.SAR_64 -> r[n.r1] = Shift.sar(c, r[n.r1], n.immediate, 8);
                    case Forms.SAR_32 ->
                            r[n.r1] = Shift.sar(c, r[n.r1] & LOW32, n.immediate, 4) & LOW32;
                    default -> n.exec.exec(c, n);
                }
            } while (k < insns.length);
            return k;
        } catch (GuestException e) {
            return k - 1 | FAULTED;
        } catch (Block.Stopped e) {
            return k - 1 | STOPPED;
        }
    }
}
