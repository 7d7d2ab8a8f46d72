package io.queztl.emulator.decode;

import io.queztl.emulator.cpu.Feature;
import io.queztl.emulator.ops.AvxLanes;
import io.queztl.emulator.ops.Semantics;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One row of the instruction table: one encoding. {@code docs/emulator.md} has the format. */
public final class Row {
    /** Which mandatory prefix a row asks for. */
    public enum Prefix {
        /** Any or none. */
        ANY,
        /** None of 66, F2, F3. */
        NONE,
        /** 66. */
        P66,
        /** F3. */
        PF3,
        /** F2. */
        PF2
    }

    /** What fetches the operands; see {@link Semantics}. */
    public enum Kind {
        INSN(Semantics.Exec.class),
        BIN(Semantics.Bin.class),
        CMP(Semantics.Cmp.class),
        UN(Semantics.Un.class),
        MOV(Semantics.Mov.class),
        MOV3(Semantics.Mov3.class),
        TRI(Semantics.Tri.class),
        VEC(Semantics.Vec.class),
        VECI(Semantics.VecI.class),
        VEC1(Semantics.Vec1.class),
        VEC1I(Semantics.Vec1I.class),
        MMX(Semantics.Mmx.class),
        MMXI(Semantics.MmxI.class);

        /** The interface that the semantics method is bound to. */
        public final Class<?> shape;

        Kind(Class<?> shape) {
            this.shape = shape;
        }
    }

    /** The row as written, for listings. */
    public final String text;

    /** Opcode column. */
    public final String encoding;

    /** Mnemonic, upper case. */
    public final String mnemonic;

    /** Operands in Intel order. */
    public final List<Operand> operands;

    /** Shape of the semantics. */
    public final Kind kind;

    /** {@code Class.method} in package {@code ops}. */
    public final String semantics;

    /** LOCK is allowed. */
    public final boolean lock;

    /** Ends a block. */
    public final boolean end;

    /** #UD in 64-bit mode. */
    public final boolean no64;

    /** #UD outside 64-bit mode. */
    public final boolean only64;

    /** Operand size is 64 in 64-bit mode unless prefixed. */
    public final boolean default64;

    /** Operand size is always 64 in 64-bit mode. */
    public final boolean force64;

    /** #UD outside protected mode. */
    public final boolean protectedOnly;

    /** Features the CPU model must have. */
    public final Set<Feature> features;

    /** Opcode map: 0 one-byte, 1 0F, 2 0F38, 3 0F3A. */
    public final int map;

    /** Opcode byte. */
    public final int opcode;

    /** Mandatory prefix. */
    public final Prefix prefix;

    /** Required REX.W or VEX.W: 0, 1, or -1 for any. */
    public final int w;

    /** ModRM.reg must be this, or -1. */
    public final int digit;

    /** Register in the opcode. */
    public final boolean plusR;

    /** The ModRM byte must be this, or -1. */
    public final int exact;

    /** ModRM must be memory (1), register (2) or either (0). */
    public final int form;

    /** VEX-encoded. */
    public final boolean vex;

    /** VEX.L must be this, or -1. */
    public final int vexL;

    /** VEX.L is ignored: scalars. */
    public final boolean vexLig;

    /** Memory is addressed by a vector of indices. */
    public final boolean vsib;

    /** An operand is in VEX.vvvv, which must be 1111 otherwise. */
    public final boolean hasVvvv;

    /** A ModRM byte follows the opcode. */
    public final boolean hasModrm;

    /** ModRM.mod is ignored: the operand is a register always. */
    public final boolean registerOnly;

    /** ModRM.mod is ignored, r/m is a register: moves to and from control and debug registers. */
    public final boolean registersOnly;

    private @Nullable Object bound;

    /** Executors by form, filled by the interpreter. */
    public final Semantics.@Nullable Exec[] executors = new Semantics.Exec[16];

    private Row(String line) {
        text = line;
        String[] columns = line.split("\\|", -1);
        if (columns.length < 5) {
            throw new IllegalArgumentException("instruction table row: " + line);
        }
        encoding = columns[0].strip();
        mnemonic = columns[1].strip();
        String operandText = columns[2].strip();
        operands =
                operandText.isEmpty()
                        ? List.of()
                        : java.util.Arrays.stream(operandText.split("\\s+"))
                                .map(Operand::parse)
                                .toList();
        kind = Kind.valueOf(columns[3].strip().toUpperCase(Locale.ROOT));
        semantics = columns[4].strip();
        boolean lock = false;
        boolean end = false;
        boolean no64 = false;
        boolean only64 = false;
        boolean d64 = false;
        boolean f64 = false;
        boolean prot = false;
        boolean vsib = false;
        EnumSet<Feature> features = EnumSet.noneOf(Feature.class);
        if (columns.length > 5) {
            for (String a : columns[5].strip().split("\\s+")) {
                switch (a) {
                    case "" -> {}
                    case "lock" -> lock = true;
                    case "end" -> end = true;
                    case "no64" -> no64 = true;
                    case "only64" -> only64 = true;
                    case "d64" -> d64 = true;
                    case "f64" -> f64 = true;
                    case "prot" -> prot = true;
                    case "vsib" -> vsib = true;
                    default -> features.add(Feature.valueOf(a.toUpperCase(Locale.ROOT)));
                }
            }
        }
        this.lock = lock;
        this.end = end;
        this.no64 = no64;
        this.only64 = only64;
        this.default64 = d64;
        this.force64 = f64;
        this.protectedOnly = prot;
        this.features = features;
        this.vsib = vsib;

        Prefix prefix = Prefix.ANY;
        int w = -1;
        int map = 0;
        int opcode = -1;
        int digit = -1;
        boolean plusR = false;
        int exact = -1;
        int form = 0;
        boolean vex = false;
        int vexL = -1;
        boolean lig = false;
        boolean modrm = false;
        for (String t : encoding.split("\\s+")) {
            if (t.startsWith("VEX.")) {
                vex = true;
                prefix = Prefix.NONE;
                for (String part : t.substring(4).split("\\.")) {
                    switch (part) {
                        case "128", "LZ", "L0" -> vexL = 0;
                        case "256", "L1" -> vexL = 1;
                        case "LIG" -> lig = true;
                        case "NP", "WIG" -> {}
                        case "66" -> prefix = Prefix.P66;
                        case "F3" -> prefix = Prefix.PF3;
                        case "F2" -> prefix = Prefix.PF2;
                        case "0F" -> map = 1;
                        case "0F38" -> map = 2;
                        case "0F3A" -> map = 3;
                        case "W0" -> w = 0;
                        case "W1" -> w = 1;
                        default -> throw new IllegalArgumentException("VEX part in row: " + line);
                    }
                }
            } else if (t.equals("NP")) {
                prefix = Prefix.NONE;
            } else if (t.equals("W0") || t.equals("W1")) {
                w = t.charAt(1) - '0';
            } else if (t.equals("/r")) {
                modrm = true;
            } else if (t.startsWith("/")) {
                digit = t.charAt(1) - '0';
                modrm = true;
            } else if (t.equals("+r")) {
                plusR = true;
            } else if (t.startsWith("=")) {
                exact = Integer.parseInt(t.substring(1), 16);
                modrm = true;
            } else if (t.equals("mem")) {
                form = 1;
                modrm = true;
            } else if (t.equals("reg")) {
                form = 2;
                modrm = true;
            } else if (opcode < 0
                    && map == 0
                    && t.equals("66")
                    && prefix == Prefix.ANY
                    && !encoding.equals("66")) {
                prefix = Prefix.P66;
            } else if (opcode < 0 && map == 0 && t.equals("F3") && encoding.startsWith("F3 ")) {
                prefix = Prefix.PF3;
            } else if (opcode < 0 && map == 0 && t.equals("F2") && encoding.startsWith("F2 ")) {
                prefix = Prefix.PF2;
            } else if (opcode < 0 && map == 0 && t.equals("0F")) {
                map = 1;
            } else if (opcode < 0 && map == 0 && t.equals("0F38")) {
                map = 2;
            } else if (opcode < 0 && map == 0 && t.equals("0F3A")) {
                map = 3;
            } else if (opcode < 0
                    && map == 1
                    && !vex
                    && t.equals("38")
                    && encoding.contains("0F 38 ")) {
                map = 2;
            } else if (opcode < 0
                    && map == 1
                    && !vex
                    && t.equals("3A")
                    && encoding.contains("0F 3A ")) {
                map = 3;
            } else if (opcode < 0) {
                opcode = Integer.parseInt(t, 16);
            } else {
                throw new IllegalArgumentException("opcode part " + t + " in row: " + line);
            }
        }
        if (opcode < 0) {
            throw new IllegalArgumentException("no opcode in row: " + line);
        }
        this.prefix = prefix;
        this.w = w;
        this.map = map;
        this.opcode = opcode;
        this.digit = digit;
        this.plusR = plusR;
        this.exact = exact;
        this.form = form;
        this.vex = vex;
        this.vexL = vexL;
        this.vexLig = lig;
        this.hasVvvv =
                operands.stream()
                        .anyMatch(o ->
                                o.kind() == Operand.Kind.VVVV || o.kind() == Operand.Kind.VEC_VVVV);
        this.registersOnly =
                operands.stream()
                        .anyMatch(o ->
                                o.kind() == Operand.Kind.CONTROL || o.kind() == Operand.Kind.DEBUG);
        this.registerOnly =
                operands.stream()
                        .anyMatch(o ->
                                o.kind() == Operand.Kind.CONTROL || o.kind() == Operand.Kind.DEBUG);
        this.hasModrm = modrm || operands.stream().anyMatch(Operand::needsModrm);
    }

    static Row parse(String line) {
        try {
            return new Row(line);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("instruction table row: " + line, e);
        }
    }

    /** The semantics method, as the interface its {@link #kind} names; bound on first use. */
    public Object bound() {
        Object b = bound;
        if (b == null) {
            b = Binding.bind(this, "");
            bound = b;
        }
        return b;
    }

    /** The semantics for 256 bits of a row for which not each lane is on its own; not kept. */
    public Object boundWide() {
        return Binding.bind(this, AvxLanes.WIDE);
    }

    @Override
    public String toString() {
        return text;
    }
}
