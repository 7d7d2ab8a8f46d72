package io.queztl.emulator.interpret;

import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import java.util.List;

/**
 * The forms of instructions that {@link BlockLoop} knows: moves, arithmetic and branches of 64-bit
 * code with plain 64-bit addresses. {@link Insn#form} holds one of these numbers.
 */
final class Forms {
    /** Whatever has no form of its own. */
    static final int GENERAL = 0;

    static final int MOV_64 = 1;
    static final int MOV_32 = 2;
    static final int MOV_IMMEDIATE = 3;
    static final int LOAD_64 = 4;
    static final int LOAD_32 = 5;
    static final int LOAD_16 = 6;
    static final int LOAD_8 = 7;
    static final int STORE_64 = 8;
    static final int STORE_32 = 9;
    static final int STORE_16 = 10;
    static final int STORE_8 = 11;
    static final int STORE_64_IMMEDIATE = 12;
    static final int STORE_32_IMMEDIATE = 13;
    static final int STORE_8_IMMEDIATE = 14;
    static final int MOVZX_16 = 15;
    static final int MOVZX_8 = 16;
    static final int MOVSX_32 = 17;
    static final int MOVSX_32_LOAD = 18;
    static final int LEA_64 = 19;
    static final int LEA_32 = 20;
    static final int PUSH = 21;
    static final int POP = 22;
    static final int NOP = 23;
    static final int CALL = 24;
    static final int CALL_INDIRECT = 25;
    static final int RET = 26;
    static final int JMP = 27;

    /** Conditional jumps but for those on PF. */
    static final int JCC = 28;

    static final int JMP_INDIRECT = 29;
    static final int ADD_64 = 40;
    static final int ADD_64_IMMEDIATE = 41;
    static final int ADD_64_LOAD = 42;
    static final int ADD_32 = 43;
    static final int ADD_32_IMMEDIATE = 44;
    static final int ADD_32_LOAD = 45;
    static final int SUB_64 = 46;
    static final int SUB_64_IMMEDIATE = 47;
    static final int SUB_64_LOAD = 48;
    static final int SUB_32 = 49;
    static final int SUB_32_IMMEDIATE = 50;
    static final int SUB_32_LOAD = 51;
    static final int AND_64 = 52;
    static final int AND_64_IMMEDIATE = 53;
    static final int AND_64_LOAD = 54;
    static final int AND_32 = 55;
    static final int AND_32_IMMEDIATE = 56;
    static final int AND_32_LOAD = 57;
    static final int OR_64 = 58;
    static final int OR_64_IMMEDIATE = 59;
    static final int OR_64_LOAD = 60;
    static final int OR_32 = 61;
    static final int OR_32_IMMEDIATE = 62;
    static final int OR_32_LOAD = 63;
    static final int XOR_64 = 64;
    static final int XOR_64_IMMEDIATE = 65;
    static final int XOR_64_LOAD = 66;
    static final int XOR_32 = 67;
    static final int XOR_32_IMMEDIATE = 68;
    static final int XOR_32_LOAD = 69;
    static final int CMP_64 = 70;
    static final int CMP_64_IMMEDIATE = 71;
    static final int CMP_64_LOAD = 72;
    static final int CMP_64_MEMORY = 73;
    static final int CMP_64_MEMORY_IMMEDIATE = 74;
    static final int CMP_32 = 75;
    static final int CMP_32_IMMEDIATE = 76;
    static final int CMP_32_LOAD = 77;
    static final int CMP_32_MEMORY = 78;
    static final int CMP_32_MEMORY_IMMEDIATE = 79;
    static final int CMP_8 = 80;
    static final int CMP_8_IMMEDIATE = 81;
    static final int CMP_8_LOAD = 82;
    static final int CMP_8_MEMORY = 83;
    static final int CMP_8_MEMORY_IMMEDIATE = 84;
    static final int TEST_64 = 85;
    static final int TEST_64_IMMEDIATE = 86;
    static final int TEST_64_LOAD = 87;
    static final int TEST_64_MEMORY = 88;
    static final int TEST_64_MEMORY_IMMEDIATE = 89;
    static final int TEST_32 = 90;
    static final int TEST_32_IMMEDIATE = 91;
    static final int TEST_32_LOAD = 92;
    static final int TEST_32_MEMORY = 93;
    static final int TEST_32_MEMORY_IMMEDIATE = 94;
    static final int TEST_8 = 95;
    static final int TEST_8_IMMEDIATE = 96;
    static final int TEST_8_LOAD = 97;
    static final int TEST_8_MEMORY = 98;
    static final int TEST_8_MEMORY_IMMEDIATE = 99;
    static final int SHL_64 = 100;
    static final int SHL_32 = 101;
    static final int SHR_64 = 102;
    static final int SHR_32 = 103;
    static final int SAR_64 = 104;
    static final int SAR_32 = 105;

    /** In place of the instructions of an invalidated block. */
    static final int STOP = 127;

    /** Conditional jumps by condition code. */
    private static final List<String> JUMPS =
            List.of(
                    "Branch.jo",
                    "Branch.jno",
                    "Branch.jb",
                    "Branch.jae",
                    "Branch.je",
                    "Branch.jne",
                    "Branch.jbe",
                    "Branch.ja",
                    "Branch.js",
                    "Branch.jns",
                    "Branch.jp",
                    "Branch.jnp",
                    "Branch.jl",
                    "Branch.jge",
                    "Branch.jle",
                    "Branch.jg");

    private static final int PARITY = 5;

    private static final int REGISTER = 0;
    private static final int IMMEDIATE = 1;
    private static final int LOAD = 2;
    private static final int MEMORY = 3;
    private static final int MEMORY_IMMEDIATE = 4;

    private Forms() {}

    /** The form of an instruction, its operands decoded. */
    static int of(Insn i) {
        if (!i.mode64 || i.lock || i.mem && i.addressSize != 8 || !Words.fits(i)) {
            return GENERAL;
        }
        return switch (i.row.operands.size()) {
            case 0 -> i.row.semantics.equals("Branch.ret") && i.operandSize == 8 ? RET : GENERAL;
            case 1 -> one(i);
            case 2 -> two(i);
            default -> GENERAL;
        };
    }

    /** The condition code of a conditional jump, or -1. */
    static int condition(Insn i) {
        return JUMPS.indexOf(i.row.semantics);
    }

    private static int one(Insn i) {
        if (i.row.semantics.startsWith("Branch.")) {
            return i.operandSize == 8 ? branch(i) : GENERAL;
        }
        return switch (i.row.semantics) {
            case "Hints.nop" -> NOP;
            case "Stack.pushRegister" -> i.size == 8 ? PUSH : GENERAL;
            case "Stack.popRegister" -> i.size == 8 ? POP : GENERAL;
            default -> GENERAL;
        };
    }

    private static int branch(Insn i) {
        return switch (i.row.semantics) {
            case "Branch.call" -> CALL;
            case "Branch.callIndirect" -> CALL_INDIRECT;
            case "Branch.jmp" -> JMP;
            case "Branch.jmpIndirect" -> JMP_INDIRECT;
            default -> {
                int condition = condition(i);
                yield condition >= 0 && condition >> 1 != PARITY ? JCC : GENERAL;
            }
        };
    }

    private static int two(Insn i) {
        Operand.Kind first = i.row.operands.get(0).kind();
        Operand.Kind second = i.row.operands.get(1).kind();
        boolean immediate = second == Operand.Kind.IMMEDIATE;
        boolean toMemory = i.mem && first == Operand.Kind.RM;
        boolean fromMemory = i.mem && second == Operand.Kind.RM;
        if (i.row.semantics.equals("Moves.lea")) {
            return i.size == 8 ? LEA_64 : i.size == 4 ? LEA_32 : GENERAL;
        }
        if (!general(first)
                || !immediate && !general(second)
                || i.mem && !toMemory && !fromMemory) {
            return GENERAL;
        }
        int shape =
                toMemory
                        ? immediate ? MEMORY_IMMEDIATE : MEMORY
                        : fromMemory ? LOAD : immediate ? IMMEDIATE : REGISTER;
        return switch (i.row.semantics) {
            case "Moves.mov" -> move(i, shape);
            case "Moves.movsx" -> signed(i, shape);
            case "Alu.add" -> arithmetic(i, shape, ADD_64, ADD_32);
            case "Alu.sub" -> arithmetic(i, shape, SUB_64, SUB_32);
            case "Alu.and" -> arithmetic(i, shape, AND_64, AND_32);
            case "Alu.or" -> arithmetic(i, shape, OR_64, OR_32);
            case "Alu.xor" -> arithmetic(i, shape, XOR_64, XOR_32);
            case "Alu.cmp" -> comparison(i, shape, CMP_64, CMP_32, CMP_8);
            case "Alu.test" -> comparison(i, shape, TEST_64, TEST_32, TEST_8);
            case "Shift.shl" -> shift(i, shape, SHL_64, SHL_32);
            case "Shift.shr" -> shift(i, shape, SHR_64, SHR_32);
            case "Shift.sar" -> shift(i, shape, SAR_64, SAR_32);
            default -> GENERAL;
        };
    }

    private static boolean general(Operand.Kind kind) {
        return switch (kind) {
            case RM, REG, OPCODE_REG, FIXED -> true;
            default -> false;
        };
    }

    private static int move(Insn i, int shape) {
        int from = i.operandSize(1);
        return switch (shape) {
            case MEMORY ->
                    switch (i.size) {
                        case 8 -> STORE_64;
                        case 4 -> STORE_32;
                        case 2 -> STORE_16;
                        default -> STORE_8;
                    };
            case MEMORY_IMMEDIATE ->
                    switch (i.size) {
                        case 8 -> STORE_64_IMMEDIATE;
                        case 4 -> STORE_32_IMMEDIATE;
                        case 1 -> STORE_8_IMMEDIATE;
                        default -> GENERAL;
                    };
            // The rest writes whole registers.
            case LOAD ->
                    i.size < 4
                            ? GENERAL
                            : switch (from) {
                                case 8 -> LOAD_64;
                                case 4 -> LOAD_32;
                                case 2 -> LOAD_16;
                                default -> LOAD_8;
                            };
            case IMMEDIATE -> i.size < 4 ? GENERAL : MOV_IMMEDIATE;
            default ->
                    i.size < 4
                            ? GENERAL
                            : switch (from) {
                                case 8 -> MOV_64;
                                case 4 -> MOV_32;
                                case 2 -> MOVZX_16;
                                default -> MOVZX_8;
                            };
        };
    }

    private static int signed(Insn i, int shape) {
        if (i.size != 8 || i.operandSize(1) != 4) {
            return GENERAL;
        }
        return shape == LOAD ? MOVSX_32_LOAD : shape == REGISTER ? MOVSX_32 : GENERAL;
    }

    private static int arithmetic(Insn i, int shape, int of64, int of32) {
        if (shape > LOAD) {
            return GENERAL;
        }
        return i.size == 8 ? of64 + shape : i.size == 4 ? of32 + shape : GENERAL;
    }

    private static int comparison(Insn i, int shape, int of64, int of32, int of8) {
        return switch (i.size) {
            case 8 -> of64 + shape;
            case 4 -> of32 + shape;
            case 1 -> of8 + shape;
            default -> GENERAL;
        };
    }

    private static int shift(Insn i, int shape, int of64, int of32) {
        if (shape != IMMEDIATE) {
            return GENERAL;
        }
        return i.size == 8 ? of64 : i.size == 4 ? of32 : GENERAL;
    }
}
