package io.queztl.emulator.oracle;

import static io.queztl.testkit.oracle.CaseLayout.CODE_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.DATA_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.WINDOW_ADDRESS;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One encoded instruction of a table row: prefixes, register and memory operands and immediates are
 * drawn at random. {@link StateMaker} then makes register states that suit it.
 */
final class Form {
    static final int NONE = -1;

    final IsaRow row;
    final boolean mode32;
    final byte[] code = new byte[24];
    int length;
    long rip;

    /** The ModRM operand is memory. */
    boolean memory;

    int modrmReg;
    int modrmRm;
    int base = NONE;
    int index = NONE;
    int scale;

    /** Vector register of indices, or NONE. */
    int vectorIndex = NONE;

    long displacement;
    boolean ripRelative;
    boolean segmentGs;
    boolean operandPrefix;
    int addressSize;
    int operandSize;
    boolean rexW;
    int rep;
    boolean lock;

    /** Offset in the window that a fixed (absolute or RIP-relative) memory operand has. */
    int fixedOffset;

    /** First immediate, as encoded. */
    long immediate;

    private Form(IsaRow row, boolean mode32) {
        this.row = row;
        this.mode32 = mode32;
    }

    private void put(long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            code[length++] = (byte) (value >>> 8 * i);
        }
    }

    byte[] bytes() {
        return Arrays.copyOf(code, length);
    }

    /** Encodes the row, or returns null if it has no form in this mode. */
    static @Nullable Form encode(IsaRow row, boolean mode32, Dice dice) {
        return encode(row, mode32, dice, CODE_ADDRESS + 0x1000 + dice.between(-20, 40));
    }

    /** Encodes the row for an address. */
    static @Nullable Form encode(IsaRow row, boolean mode32, Dice dice, long rip) {
        if (mode32 ? row.has("only64") : row.has("no64")) {
            return null;
        }
        Form f = new Form(row, mode32);
        f.rip = rip;
        f.encode(dice);
        return f.length <= 15 ? f : null;
    }

    private void encode(Dice dice) {
        boolean mode64 = !mode32;
        int form = row.exact() >= 0 ? row.exact() >= 0xC0 ? 'r' : 'm' : row.form();
        boolean hasModrm = row.modrm() || row.operands().stream().anyMatch(Form::needsModrm);
        boolean onlyMemory = row.operands().stream().anyMatch(o -> o.charAt(0) == 'M');
        boolean onlyRegister = row.operands().contains("Cd") || row.operands().contains("Dd");
        memory =
                hasModrm
                        && !onlyRegister
                        && row.exact() < 0
                        && (form == 'm' || form == 'b' && (onlyMemory || dice.percent(50)));
        boolean offset = row.operands().stream().anyMatch(o -> o.charAt(0) == 'O');
        addressSize = mode64 ? 8 : 4;
        boolean addressPrefix =
                (memory || offset || row.string()) && dice.percent(mode64 ? 8 : 2)
                        || row.mnemonic().startsWith("LOOP") && dice.percent(20)
                        || row.mnemonic().endsWith("CXZ") && dice.percent(50);
        if (addressPrefix) {
            put(0x67, 1);
            addressSize = mode64 ? 4 : 2;
        }
        if (mode64 && (memory || row.string()) && dice.percent(4)) {
            put(0x65, 1);
            segmentGs = true;
        }
        if (row.has("lock") && memory && dice.percent(25)) {
            put(0xF0, 1);
            lock = true;
        } else if (dice.percent(1) && !(row.map() == 1 && (row.opcode() & 0xFD) == 0x20)) {
            // LOCK MOV CR0 is CR8 on AMD's CPUs.
            put(0xF0, 1); // #UD, or stray but allowed
            lock = true;
        }
        rexW = mode64 && (row.rexW() == 1 || row.rexW() < 0 && dice.percent(35));
        boolean rexForm = !row.vex() && mode64;
        if (row.vex()) {
            operandPrefix = false;
        } else if (row.mandatoryPrefix() < 0) {
            // A 66 on near branches makes them 16 bits wide on some CPUs only.
            if (!row.has("f64") && dice.percent(20)) {
                put(0x66, 1);
                operandPrefix = true;
            }
        } else if (row.mandatoryPrefix() != 0) {
            rep = row.mandatoryPrefix() == 0x66 ? 0 : row.mandatoryPrefix();
            boolean width66 = rep != 0 && (row.string() || wide(row)) && dice.percent(25);
            if (width66) {
                put(0x66, 1);
            }
            put(row.mandatoryPrefix(), 1);
            operandPrefix = width66 || row.mandatoryPrefix() == 0x66;
        }
        operandSize =
                mode64 && (rexW || row.has("f64"))
                        ? 8
                        : operandPrefix ? 2 : mode64 && row.has("d64") ? 8 : 4;

        int reg = row.extension() >= 0 ? row.extension() : dice.below(8);
        int rex = mode64 ? dice.pick(0, 0, dice.below(8)) : 0;
        if (row.extension() >= 0) {
            rex &= ~4;
        }
        if (row.exact() >= 0) {
            rex &= ~5;
        }
        if (row.x87()) {
            rex &= ~5;
        }
        int modrm = 0;
        int sib = NONE;
        int displacementBytes = 0;
        if (row.exact() >= 0) {
            modrm = row.exact();
            modrmReg = modrm >> 3 & 7;
            modrmRm = modrm & 7;
        } else if (hasModrm && !memory) {
            int rm = dice.below(8);
            modrm = 0xC0 | reg << 3 | rm;
            modrmRm = rm | (rex & 1) << 3;
            modrmReg = reg | (rex & 4) << 1;
        } else if (hasModrm) {
            modrmReg = reg | (rex & 4) << 1;
            int mod = dice.below(3);
            boolean vsib = row.has("vsib") && addressSize != 2;
            int rm = vsib ? 4 : dice.below(8);
            if (addressSize == 2) {
                modrm = mod << 6 | reg << 3 | rm;
                displacementBytes = mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0;
                displacement = displacementBytes == 1 ? (byte) dice.next() : (short) dice.next();
            } else {
                modrm = mod << 6 | reg << 3 | rm;
                if (rm == 4) {
                    int i = dice.below(8);
                    int b = dice.below(8);
                    scale = dice.below(4);
                    sib = scale << 6 | i << 3 | b;
                    if (vsib) {
                        vectorIndex = i | (rex & 2) << 2;
                    } else if ((i | (rex & 2) << 2) != 4) {
                        index = i | (rex & 2) << 2;
                    }
                    if (b == 5 && mod == 0) {
                        base = NONE;
                        displacementBytes = 4;
                    } else {
                        base = b | (rex & 1) << 3;
                    }
                } else if (rm == 5 && mod == 0) {
                    displacementBytes = 4;
                    ripRelative = mode64;
                } else {
                    base = rm | (rex & 1) << 3;
                }
                if (mod == 1) {
                    displacementBytes = 1;
                    displacement = (byte) dice.next();
                } else if (mod == 2) {
                    displacementBytes = 4;
                    displacement = dice.percent(80) ? dice.between(-4096, 4096) : (int) dice.next();
                }
                if (base == NONE) {
                    fixedOffset = StateMaker.targetOffset(row, dice);
                    displacement = WINDOW_ADDRESS + fixedOffset;
                    if (segmentGs) {
                        displacement -= DATA_ADDRESS;
                    }
                }
            }
        } else if (row.plusRegister()) {
            modrmRm = dice.below(8) | (rex & 1) << 3;
        }

        if (row.vex()) {
            vex(dice, rex);
        } else {
            int r = rex | (rexW ? 8 : 0);
            if (rexForm && (r != 0 || dice.percent(10))) {
                put(0x40 | r, 1);
            } else if (!rexForm) {
                rexW = false;
            }
            switch (row.map()) {
                case 1 -> put(0x0F, 1);
                case 2 -> put(0x380F, 2);
                case 3 -> put(0x3A0F, 2);
                default -> {}
            }
        }
        put(row.opcode() | (row.plusRegister() ? modrmRm & 7 : 0), 1);
        int displacementAt = -1;
        if (hasModrm) {
            put(modrm, 1);
            if (sib >= 0) {
                put(sib, 1);
            }
            displacementAt = length;
            put(displacement, displacementBytes);
        }
        boolean first = true;
        for (String o : row.operands()) {
            int bytes = immediateBytes(o);
            if (bytes > 0) {
                long v = immediateValue(dice, o, bytes);
                if (first) {
                    immediate = v;
                    first = false;
                }
                put(v, bytes);
            }
        }
        if (ripRelative) {
            displacement -= rip + length;
            int end = length;
            length = displacementAt;
            put(displacement, 4);
            length = end;
        }
    }

    /** Whether an operand's size follows the operand size (CRC32, POPCNT and their like). */
    private static boolean wide(IsaRow row) {
        return row.operands().stream().anyMatch(o -> o.equals("Ev") || o.equals("Gv"));
    }

    private void vex(Dice dice, int rex) {
        int vvvv =
                row.operands().stream().anyMatch(o -> o.charAt(0) == 'B' || o.charAt(0) == 'H')
                        ? dice.below(mode32 ? 8 : 16)
                        : 0;
        int l = row.vexLength() >= 0 ? row.vexLength() : dice.below(2);
        int pp =
                switch (row.mandatoryPrefix()) {
                    case 0x66 -> 1;
                    case 0xF3 -> 2;
                    case 0xF2 -> 3;
                    default -> 0;
                };
        boolean w = row.rexW() >= 0 ? row.rexW() == 1 : rexW;
        if (mode32 && row.rexW() < 0) {
            w = dice.percent(20);
        }
        rexW = w;
        int last = (w ? 0x80 : 0) | (~vvvv & 15) << 3 | l << 2 | pp;
        if (row.map() == 1 && !w && (rex & 3) == 0 && dice.percent(60)) {
            put(0xC5, 1);
            put(((rex & 4) != 0 ? 0 : 0x80) | last & 0x7f, 1);
        } else {
            put(0xC4, 1);
            put((~rex & 7) << 5 | row.map(), 1);
            put(last, 1);
        }
        rexW &= !mode32;
    }

    private int immediateBytes(String o) {
        return switch (o) {
            case "Ib", "Ibu", "Jb" -> 1;
            case "Iw" -> 2;
            case "Iz" -> operandSize == 2 ? 2 : 4;
            case "Iv" -> operandSize;
            case "Jz" -> !mode32 ? 4 : operandSize == 2 ? 2 : 4;
            case "Ap" -> (operandSize == 2 ? 2 : 4) + 2;
            case "Ob", "Ov" -> addressSize;
            default -> 0;
        };
    }

    private long immediateValue(Dice dice, String o, int bytes) {
        switch (o.charAt(0)) {
            case 'O':
                fixedOffset = StateMaker.targetOffset(row, dice);
                return WINDOW_ADDRESS + fixedOffset - (segmentGs ? DATA_ADDRESS : 0);
            case 'J':
                long d = bytes == 1 ? (byte) dice.next() : dice.between(-0x800, 0x800);
                // Never into the instruction itself.
                return d < 0 && d >= -20 ? -d : d;
            default:
                break;
        }
        if (row.mnemonic().equals("ENTER")) {
            return bytes == 2 ? dice.below(64) : dice.percent(60) ? 0 : dice.below(5);
        }
        if (row.mnemonic().startsWith("RET")) {
            return dice.below(64);
        }
        return ValuePools.integer(dice);
    }

    static boolean needsModrm(String o) {
        return switch (o.charAt(0)) {
            case 'E', 'G', 'V', 'W', 'P', 'Q', 'M' -> true;
            case 'S', 'C', 'D' -> o.equals("Sw") || o.equals("Cd") || o.equals("Dd");
            default -> false;
        };
    }
}
