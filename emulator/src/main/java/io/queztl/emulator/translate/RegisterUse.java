package io.queztl.emulator.translate;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import io.queztl.emulator.decode.Row;
import java.util.List;

/** Which general registers an instruction wants in locals, as bits. */
final class RegisterUse {
    private RegisterUse() {}

    /** True if translated code runs it with registers in locals, and knows which. */
    static boolean direct(Insn i) {
        return switch (i.row.kind) {
            case INSN -> IntegerRows.knows(i) || Control.known(i) || CallRows.knows(i);
            case BIN, CMP, UN, MOV, MOV3, TRI -> IntegerRows.operands(i);
            case VEC, VECI, VEC1, VEC1I -> !VectorRows.setsFlags(i);
            default -> false;
        };
    }

    /** As {@link #direct(Insn)}; false for calls, behind which no local holds a register. */
    static boolean direct(Insn i, boolean after) {
        return direct(i) && !(after && Control.call(i));
    }

    /** The registers that are in locals after an instruction, of those before and those it uses. */
    static int available(Insn i, int before) {
        if (CallRows.knows(i)) {
            int r = CallRows.written(i);
            return r < 0 ? before : before & ~bit(r);
        }
        return direct(i, true) ? before | needed(i) | written(i) : 0;
    }

    /** The registers that it, or what is after it, uses before a local of them is lost. */
    static int wanted(Insn i, int after) {
        if (CallRows.knows(i)) {
            int r = CallRows.written(i);
            return r < 0 ? after : after & ~bit(r);
        }
        return direct(i, true) ? after & ~written(i) | needed(i) : needed(i);
    }

    /** The registers that are read, or written in part or on a condition. */
    static int needed(Insn i) {
        if (!direct(i) || CallRows.knows(i)) {
            return 0; // the CPU has them
        }
        int bits = 0;
        if (i.mem) {
            bits = bit(i.base) | bit(i.index);
        }
        String s = i.row.semantics;
        if (s.startsWith("Stack.") || s.startsWith("Branch.call") || s.startsWith("Branch.ret")) {
            bits |= 1 << Cpu.RSP;
        }
        switch (s) {
            case "Stack.leave" -> bits |= 1 << Cpu.RBP;
            case "Moves.cbw", "Moves.cwd", "Moves.xchgAccumulator" -> bits |= 1 << Cpu.RAX;
            case "Branch.loop", "Branch.jcxz" -> bits |= 1 << Cpu.RCX;
            default -> {}
        }
        if (s.equals("Moves.cwd") && i.operandSize < 4) {
            bits |= 1 << Cpu.RDX;
        }
        boolean first = !overwrites(i);
        List<Operand> ops = i.row.operands;
        for (int n = 0; n < ops.size(); n++) {
            boolean register =
                    switch (ops.get(n).kind()) {
                        case REG, VVVV, OPCODE_REG, FIXED -> true;
                        case RM -> !i.mem;
                        default -> false;
                    };
            if (register && (n > 0 || first)) {
                bits |= bit(i.register(n));
            }
        }
        return bits;
    }

    /** The registers of which all bits are written whatever happens. */
    private static int written(Insn i) {
        if (i.row.semantics.equals("Moves.cwd") && i.operandSize >= 4) {
            return 1 << Cpu.RDX;
        }
        return overwrites(i) ? bit(i.register(0)) : 0;
    }

    /** True if the first operand is a register that is written whole and not read. */
    private static boolean overwrites(Insn i) {
        String s = i.row.semantics;
        boolean moves =
                i.row.kind == Row.Kind.MOV
                        || i.row.kind == Row.Kind.MOV3
                        || s.equals("Moves.lea")
                        || s.equals("Stack.popRegister");
        return moves && i.size >= 4 && !Emitter.inMemory(i, 0) && !s.startsWith("Moves.cmov");
    }

    private static int bit(int register) {
        int r = register >= 20 ? register - 20 : register;
        return r < 16 ? 1 << r : 0;
    }
}
