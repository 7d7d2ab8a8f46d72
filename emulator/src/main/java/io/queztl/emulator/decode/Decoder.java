package io.queztl.emulator.decode;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Feature;
import org.jspecify.annotations.Nullable;

/**
 * Turns bytes into an {@link Insn} by the instruction table (SDM volume 2, chapter 2). Knows
 * nothing of what instructions do.
 */
public final class Decoder {
    /** More bytes are needed than were given. */
    public static final int TRUNCATED = -1;

    /** The instruction is longer than 15 bytes: #GP(0). */
    public static final int TOO_LONG = -2;

    private static final Row INVALID_ROW = Row.parse("0F 0B | UD | | insn | Operands.ud | end");

    private static final int MAX_LENGTH = 15;

    private final InstructionTable table = InstructionTable.get();
    private final CpuModel model;

    // State of one decode.
    private byte[] code = new byte[0];
    private int position;
    private int limit;
    private int status;

    /** A decoder for a CPU model. */
    public Decoder(CpuModel model) {
        this.model = model;
    }

    /** 0 after a successful {@link #decode}, else {@link #TRUNCATED} or {@link #TOO_LONG}. */
    public int status() {
        return status;
    }

    /**
     * Decodes one instruction. An undefined opcode gives an instruction that raises #UD.
     *
     * @param bytes holds the code
     * @param start index of the instruction's first byte
     * @param end index after the last byte that may be looked at
     * @param codeSize 2, 4 or 8: the default size of the code segment
     * @return null if {@link #status} is not 0
     */
    public @Nullable Insn decode(byte[] bytes, int start, int end, int codeSize) {
        code = bytes;
        position = start;
        limit = Math.min(end, start + MAX_LENGTH);
        status = 0;
        try {
            Insn i = decode(codeSize);
            i.end = (short) (position - start);
            return i;
        } catch (Truncated e) {
            status = end - start >= MAX_LENGTH ? TOO_LONG : TRUNCATED;
            return null;
        }
    }

    private static final class Truncated extends RuntimeException {
        private static final long serialVersionUID = 1L;

        static final Truncated INSTANCE = new Truncated();

        private Truncated() {
            super(null, null, false, false);
        }
    }

    private int next() {
        if (position >= limit) {
            throw Truncated.INSTANCE;
        }
        return code[position++] & 0xff;
    }

    private int peek() {
        if (position >= limit) {
            throw Truncated.INSTANCE;
        }
        return code[position] & 0xff;
    }

    private long signed(int bytes) {
        long v = 0;
        for (int k = 0; k < bytes; k++) {
            v |= (long) next() << 8 * k;
        }
        int shift = 64 - 8 * bytes;
        return v << shift >> shift;
    }

    private Insn decode(int codeSize) {
        boolean mode64 = codeSize == 8;
        boolean p66 = false;
        boolean p67 = false;
        boolean lock = false;
        int rep = 0;
        int segment = -1;
        int rex = 0;
        int opcode;
        prefixes:
        while (true) {
            opcode = next();
            switch (opcode) {
                case 0x66 -> p66 = true;
                case 0x67 -> p67 = true;
                case 0xF0 -> lock = true;
                case 0xF2, 0xF3 -> rep = opcode;
                case 0x26, 0x2E, 0x36, 0x3E -> {
                    if (!mode64) {
                        segment = opcode >> 3 & 3;
                    }
                }
                case 0x64 -> segment = Cpu.FS;
                case 0x65 -> segment = Cpu.GS;
                default -> {
                    if (mode64 && (opcode & 0xF0) == 0x40) {
                        rex = opcode;
                        continue prefixes;
                    }
                    break prefixes;
                }
            }
            rex = 0;
        }

        boolean vex = false;
        int map = 0;
        int vvvv = 0;
        int vexL = 0;
        int w = rex >> 3 & 1;
        Row.Prefix prefix =
                rep == 0xF3
                        ? Row.Prefix.PF3
                        : rep == 0xF2 ? Row.Prefix.PF2 : p66 ? Row.Prefix.P66 : Row.Prefix.NONE;
        if ((opcode == 0xC4 || opcode == 0xC5) && (mode64 || (peek() & 0xC0) == 0xC0)) {
            boolean bad = p66 || rep != 0 || lock || rex != 0;
            vex = true;
            int b1 = next();
            int last = b1;
            int rxb = b1 >> 5 ^ 7;
            if (opcode == 0xC5) {
                map = 1;
                rxb &= 4;
                w = 0;
            } else {
                map = b1 & 31;
                last = next();
                w = last >> 7;
            }
            // Only eight registers outside 64-bit mode: R, X, B and bit 3 of vvvv are ignored.
            vvvv = last >> 3 & 15 ^ 15;
            if (!mode64) {
                rxb = 0;
                vvvv &= 7;
            }
            rex = mode64 ? rxb | w << 3 : 0;
            vexL = last >> 2 & 1;
            prefix =
                    switch (last & 3) {
                        case 1 -> Row.Prefix.P66;
                        case 2 -> Row.Prefix.PF3;
                        case 3 -> Row.Prefix.PF2;
                        default -> Row.Prefix.NONE;
                    };
            opcode = next();
            if (bad || map == 0 || map > 3) {
                return invalid(codeSize);
            }
        } else if (opcode == 0x0F) {
            opcode = next();
            map = 1;
            if (opcode == 0x38) {
                map = 2;
                opcode = next();
            } else if (opcode == 0x3A) {
                map = 3;
                opcode = next();
            }
        }

        Row[] rows = table.candidates(vex, map, opcode);
        if (rows == null) {
            return invalid(codeSize);
        }
        int modrm = -1;
        for (Row row : rows) {
            if (row.prefix != Row.Prefix.ANY && row.prefix != prefix) {
                continue;
            }
            if (row.w >= 0 && row.w != w
                    || row.vexL >= 0 && row.vexL != vexL
                    || mode64 && row.no64
                    || !mode64 && row.only64) {
                continue;
            }
            if (row.hasModrm) {
                modrm = peek();
                boolean register = modrm >= 0xC0;
                if (row.exact >= 0 && row.exact != modrm
                        || row.digit >= 0 && row.digit != (modrm >> 3 & 7)
                        || row.form == 1 && register
                        || row.form == 2 && !register) {
                    continue;
                }
            }
            if (!hasFeatures(row) || vex && !row.hasVvvv && vvvv != 0) {
                continue;
            }
            Insn i = new Insn(row);
            i.mode64 = mode64;
            i.lock = lock;
            i.rep = (short) rep;
            i.rex = (byte) rex;
            i.vex = vex;
            i.wide = vexL != 0 && !row.vexLig;
            i.vvvv = (byte) vvvv;
            i.operandPrefix = p66;
            i.segmentOverride = segment >= 0;
            i.addressSize = (byte) (mode64 ? (p67 ? 4 : 8) : (codeSize == 4) != p67 ? 4 : 2);
            i.operandSize = (byte) operandSize(row, codeSize, p66, w);
            if (row.hasModrm) {
                modrm(i, segment);
            } else if (segment >= 0) {
                i.segment = (byte) segment;
            }
            if (row.vsib && !vsib(i)) {
                return invalid(codeSize);
            }
            operands(i, opcode, codeSize);
            if (lock && !(row.lock && i.mem)) {
                return invalid(codeSize);
            }
            if (row.kind == Row.Kind.INSN
                    && row.operands.stream().anyMatch(o -> o.kind() == Operand.Kind.MEMORY)
                    && !i.mem) {
                continue;
            }
            return i;
        }
        return invalid(codeSize);
    }

    private boolean hasFeatures(Row row) {
        for (Feature f : row.features) {
            if (!model.has(f)) {
                return false;
            }
        }
        return true;
    }

    private Insn invalid(int codeSize) {
        Insn i = new Insn(INVALID_ROW);
        i.mode64 = codeSize == 8;
        i.operandSize = 4;
        i.size = 4;
        i.addressSize = (byte) codeSize;
        return i;
    }

    private static int operandSize(Row row, int codeSize, boolean p66, int w) {
        // A mandatory 66 selects the instruction; it is the operand size as well only without it.
        if (codeSize == 8) {
            if (row.force64 || w != 0) {
                return 8;
            }
            if (p66) {
                return 2;
            }
            return row.default64 ? 8 : 4;
        }
        return (codeSize == 4) != p66 ? 4 : 2;
    }

    private void modrm(Insn i, int segment) {
        int m = next();
        i.modrm = (short) m;
        i.reg = (byte) (m >> 3 & 7 | (i.rex & 4) << 1);
        // MOV to and from control and debug registers takes any mod for 3.
        int mod = i.row.registerOnly ? 3 : m >> 6;
        int rm = m & 7;
        if (mod == 3 || i.row.registersOnly) {
            i.rm = (byte) (rm | (i.rex & 1) << 3);
            if (segment >= 0) {
                i.segment = (byte) segment;
            }
            return;
        }
        i.mem = true;
        boolean stack;
        if (i.addressSize == 2) {
            stack = address16(i, mod, rm);
        } else {
            stack = address(i, mod, rm);
        }
        i.segment = (byte) (segment >= 0 ? segment : stack ? Cpu.SS : Cpu.DS);
    }

    /** Takes the index of a SIB byte as a vector register; false if there is no SIB byte. */
    private static boolean vsib(Insn i) {
        if (!i.mem || (i.modrm & 7) != 4 || i.addressSize == 2) {
            return false;
        }
        // Index 4 is no exception here.
        i.vectorIndex = (byte) ((i.index == Cpu.ZERO ? 4 : i.index) * Cpu.VEC_STRIDE);
        i.index = Cpu.ZERO;
        return true;
    }

    /** Returns true if the default segment is SS. */
    private boolean address16(Insn i, int mod, int rm) {
        boolean stack = rm == 2 || rm == 3 || rm == 6 && mod != 0;
        switch (rm) {
            case 0, 1, 7 -> i.base = Cpu.RBX;
            case 2, 3 -> i.base = Cpu.RBP;
            case 4 -> i.base = Cpu.RSI;
            case 5 -> i.base = Cpu.RDI;
            default -> i.base = (byte) (mod == 0 ? Cpu.ZERO : Cpu.RBP);
        }
        if (rm < 4) {
            i.index = (byte) ((rm & 1) == 0 ? Cpu.RSI : Cpu.RDI);
        }
        if (mod == 0 && rm == 6 || mod == 2) {
            i.displacement = signed(2);
        } else if (mod == 1) {
            i.displacement = signed(1);
        }
        return stack;
    }

    private boolean address(Insn i, int mod, int rm) {
        boolean stack = false;
        boolean displacement32 = mod == 2;
        if (rm == 4) {
            int sib = next();
            i.scale = (byte) (sib >> 6);
            int index = sib >> 3 & 7 | (i.rex & 2) << 2;
            if (index != 4) {
                i.index = (byte) index;
            }
            int base = sib & 7;
            if (base == 5 && mod == 0) {
                displacement32 = true;
            } else {
                i.base = (byte) (base | (i.rex & 1) << 3);
                stack = i.base == Cpu.RSP || i.base == Cpu.RBP;
            }
        } else if (rm == 5 && mod == 0) {
            displacement32 = true;
            if (i.mode64) {
                i.base = Cpu.BLOCK_RIP;
            }
        } else {
            i.base = (byte) (rm | (i.rex & 1) << 3);
            stack = i.base == Cpu.RBP;
        }
        if (displacement32) {
            i.displacement = signed(4);
        } else if (mod == 1) {
            i.displacement = signed(1);
        }
        return stack;
    }

    private void operands(Insn i, int opcode, int codeSize) {
        int n = 0;
        boolean first = true;
        for (Operand o : i.row.operands) {
            int size =
                    switch (o.size()) {
                        case Operand.V -> i.operandSize;
                        case Operand.Y -> (i.rex & 8) != 0 ? 8 : 4;
                        case Operand.S -> codeSize == 8 ? (i.operandPrefix ? 2 : 8) : i.operandSize;
                        case Operand.Z -> Math.min(i.operandSize, 4);
                        default -> o.size();
                    };
            if (o.kind() == Operand.Kind.IMMEDIATE && n > 0) {
                // The immediate is extended to the size of what it is combined with.
                i.operandSize(n, i.operandSize(0));
            } else {
                i.operandSize(n, size);
            }
            switch (o.kind()) {
                case RM -> i.register(n, byteRegister(i, i.rm, size));
                case REG -> i.register(n, byteRegister(i, i.reg, size));
                case OPCODE_REG -> {
                    i.rm = (byte) (opcode & 7 | (i.rex & 1) << 3);
                    i.register(n, byteRegister(i, i.rm, size));
                }
                case VVVV -> i.register(n, i.vvvv);
                case FIXED -> i.register(n, o.fixed());
                case VEC_REG -> i.register(n, i.reg * Cpu.VEC_STRIDE);
                case VEC_VVVV -> i.register(n, i.vvvv * Cpu.VEC_STRIDE);
                case VEC_RM -> i.register(n, i.rm * Cpu.VEC_STRIDE);
                case MMX_REG -> i.register(n, i.reg & 7);
                case MMX_RM -> i.register(n, i.rm & 7);
                case SEGMENT -> i.register(n, i.reg & 7);
                case CONTROL, DEBUG -> i.register(n, i.reg);
                case ONE -> i.immediate = 1;
                case IMMEDIATE -> {
                    long v = signed(size);
                    if (!o.signed() && size < 8) {
                        v &= (1L << 8 * size) - 1;
                    }
                    if (first) {
                        i.immediate = v;
                        first = false;
                    } else {
                        i.immediate2 = (int) v;
                    }
                }
                case JUMP ->
                        // In 64-bit mode near branches take 32 bits whatever the prefixes say.
                        i.immediate = signed(size == 1 ? 1 : codeSize == 8 ? 4 : size);
                case FAR -> {
                    long offset = signed(size);
                    i.immediate = offset & (size == 2 ? 0xffff : 0xffff_ffffL);
                    i.immediate2 = (int) signed(2) & 0xffff;
                }
                case OFFSET -> {
                    i.mem = true;
                    long offset = signed(i.addressSize);
                    i.displacement = i.addressSize == 4 ? offset & 0xffff_ffffL : offset;
                }
                case MEMORY -> {}
            }
            n++;
        }
        i.r1 = (byte) i.register(0);
        i.r2 = (byte) i.register(1);
        i.size = (byte) (n > 0 && i.operandSize(0) != 0 ? i.operandSize(0) : i.operandSize);
        if (n > 0 && i.row.operands.getFirst().kind() == Operand.Kind.IMMEDIATE) {
            i.size = i.operandSize;
        }
    }

    private static int byteRegister(Insn i, int register, int size) {
        return size == 1 && i.rex == 0 && !i.vex && register >= 4 && register < 8
                ? register + 16
                : register;
    }
}
