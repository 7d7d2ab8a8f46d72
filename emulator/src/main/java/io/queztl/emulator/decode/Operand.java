package io.queztl.emulator.decode;

/**
 * One operand of a table row.
 *
 * @param kind where it comes from
 * @param size bytes: 1 … 64, or one of the negative codes below
 * @param fixed the register number of a {@link Kind#FIXED} operand, or the value of {@link
 *     Kind#ONE}
 * @param aligned a vector memory operand that must be aligned in legacy encodings
 * @param signed an immediate that is sign-extended
 */
public record Operand(Kind kind, int size, int fixed, boolean aligned, boolean signed) {
    /** Operand size: 2, 4 or 8 bytes. */
    public static final int V = -1;

    /** 4 bytes, or 8 with REX.W. */
    public static final int Y = -2;

    /** Stack operand size. */
    public static final int S = -3;

    /** Immediate of operand size, at most 4 bytes. */
    public static final int Z = -4;

    /** Where an operand comes from; see {@code docs/emulator.md}. */
    public enum Kind {
        /** ModRM r/m, general register or memory. */
        RM,
        /** ModRM.reg, general register. */
        REG,
        /** VEX.vvvv, general register. */
        VVVV,
        /** Register in the opcode byte. */
        OPCODE_REG,
        /** A register named by the row. */
        FIXED,
        /** The constant 1. */
        ONE,
        /** Immediate. */
        IMMEDIATE,
        /** Relative branch target. */
        JUMP,
        /** Far pointer. */
        FAR,
        /** Memory at an immediate offset. */
        OFFSET,
        /** Memory only. */
        MEMORY,
        /** Vector register by ModRM.reg. */
        VEC_REG,
        /** Vector register by VEX.vvvv. */
        VEC_VVVV,
        /** Vector register or memory by ModRM r/m. */
        VEC_RM,
        /** MMX register by ModRM.reg. */
        MMX_REG,
        /** MMX register or memory by ModRM r/m. */
        MMX_RM,
        /** Segment register. */
        SEGMENT,
        /** Control register. */
        CONTROL,
        /** Debug register. */
        DEBUG
    }

    static Operand parse(String text) {
        switch (text) {
            case "AL":
                return fixed(0, 1);
            case "CL":
                return fixed(1, 1);
            case "AX":
                return fixed(0, 2);
            case "DX":
                return fixed(2, 2);
            case "eAX":
                return fixed(0, 4);
            case "rAX":
                return fixed(0, V);
            case "One":
                return new Operand(Kind.ONE, 1, 1, false, false);
            case "M":
                return of(Kind.MEMORY, 0);
            case "V":
                return of(Kind.VEC_REG, 16);
            case "H":
                return of(Kind.VEC_VVVV, 16);
            case "P":
                return of(Kind.MMX_REG, 8);
            case "Ibu":
                return new Operand(Kind.IMMEDIATE, 1, 0, false, false);
            case "Ib":
                return new Operand(Kind.IMMEDIATE, 1, 0, false, true);
            case "Iw":
                return new Operand(Kind.IMMEDIATE, 2, 0, false, false);
            case "Iz":
                return new Operand(Kind.IMMEDIATE, Z, 0, false, true);
            case "Iv":
                return new Operand(Kind.IMMEDIATE, V, 0, false, true);
            case "Jb":
                return new Operand(Kind.JUMP, 1, 0, false, true);
            case "Jz":
                return new Operand(Kind.JUMP, Z, 0, false, true);
            case "Ap":
                return of(Kind.FAR, Z);
            case "Sw":
                return of(Kind.SEGMENT, 2);
            case "Cd":
                return of(Kind.CONTROL, 8);
            case "Dd":
                return of(Kind.DEBUG, 8);
            default:
                break;
        }
        String rest = text.substring(1);
        return switch (text.charAt(0)) {
            case 'E' -> of(Kind.RM, letter(text));
            case 'G' -> of(Kind.REG, letter(text));
            case 'B' -> of(Kind.VVVV, letter(text));
            case 'Z' -> of(Kind.OPCODE_REG, letter(text));
            case 'O' -> of(Kind.OFFSET, letter(text));
            case 'M' -> of(Kind.MEMORY, Integer.parseInt(rest));
            case 'W' ->
                    rest.endsWith("u")
                            ? of(
                                    Kind.VEC_RM,
                                    Integer.parseInt(rest.substring(0, rest.length() - 1)))
                            : new Operand(
                                    Kind.VEC_RM,
                                    Integer.parseInt(rest),
                                    0,
                                    Integer.parseInt(rest) >= 16,
                                    false);
            case 'Q' -> of(Kind.MMX_RM, Integer.parseInt(rest));
            default -> throw new IllegalArgumentException("operand " + text);
        };
    }

    private static int letter(String text) {
        return switch (text.substring(1)) {
            case "b" -> 1;
            case "w" -> 2;
            case "d" -> 4;
            case "q" -> 8;
            case "v" -> V;
            case "y" -> Y;
            case "s" -> S;
            default -> throw new IllegalArgumentException("operand " + text);
        };
    }

    private static Operand of(Kind kind, int size) {
        return new Operand(kind, size, 0, false, false);
    }

    private static Operand fixed(int register, int size) {
        return new Operand(Kind.FIXED, size, register, false, false);
    }

    /** True if the operand needs a ModRM byte. */
    boolean needsModrm() {
        return switch (kind) {
            case RM, REG, MEMORY, VEC_REG, VEC_RM, MMX_REG, MMX_RM, SEGMENT, CONTROL, DEBUG -> true;
            default -> false;
        };
    }
}
