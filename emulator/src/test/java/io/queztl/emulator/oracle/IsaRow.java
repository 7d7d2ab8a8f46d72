package io.queztl.emulator.oracle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A row of the instruction table as the oracle reads it: from the text, independently of the
 * decoder under test. Columns and codes: docs/emulator.md.
 *
 * @param table file the row is in, without extension
 * @param text the opcode column
 * @param mandatoryPrefix 0x66, 0xF3, 0xF2; 0 for NP; -1 if any prefix is accepted
 * @param rexW required W bit, or -1
 * @param vex VEX-encoded
 * @param vexLength required VEX.L, or -1
 * @param map 0 one-byte opcodes, 1 0F, 2 0F38, 3 0F3A
 * @param opcode the opcode byte
 * @param plusRegister the low three opcode bits name a register
 * @param modrm there is a ModRM byte
 * @param extension required ModRM.reg, or -1
 * @param exact required ModRM byte, or -1
 * @param form 'm' memory forms only, 'r' register forms only, 'b' both
 */
record IsaRow(
        String table,
        String text,
        int mandatoryPrefix,
        int rexW,
        boolean vex,
        int vexLength,
        int map,
        int opcode,
        boolean plusRegister,
        boolean modrm,
        int extension,
        int exact,
        char form,
        String mnemonic,
        List<String> operands,
        String kind,
        String semantics,
        Set<String> attributes) {

    private static final Path TABLES = Path.of("src/main/resources/io/queztl/emulator/isa");
    private static final Set<String> NOT_FEATURES =
            Set.of("lock", "end", "no64", "only64", "d64", "f64", "prot", "vsib");

    /** The semantics class, by which results are reported. */
    String family() {
        return semantics.substring(0, semantics.indexOf('.'));
    }

    boolean has(String attribute) {
        return attributes.contains(attribute);
    }

    /** CPU features the row needs, as /proc/cpuinfo names them. */
    List<String> features() {
        return attributes.stream().filter(a -> !NOT_FEATURES.contains(a)).toList();
    }

    boolean x87() {
        return !vex && map == 0 && (opcode & 0xF8) == 0xD8 || opcode == 0x9B && map == 0;
    }

    /** True if an operand is a vector or MMX register, or all of them are. */
    boolean vector() {
        return mnemonic.equals("EMMS")
                || operands.stream().anyMatch(o -> "VHWPQ".indexOf(o.charAt(0)) >= 0);
    }

    boolean string() {
        return !vex
                && map == 0
                && !modrm
                && (opcode >= 0xA4 && opcode <= 0xA7
                        || opcode >= 0xAA && opcode <= 0xAF
                        || opcode >= 0x6C && opcode <= 0x6F);
    }

    @Override
    public String toString() {
        return text + " " + mnemonic + " " + String.join(",", operands);
    }

    /** Reads all tables. */
    static List<IsaRow> all() throws IOException {
        List<IsaRow> rows = new ArrayList<>();
        try (Stream<Path> files = Files.list(TABLES)) {
            for (Path p : files.filter(f -> f.toString().endsWith(".isa")).sorted().toList()) {
                String table = p.getFileName().toString().replace(".isa", "");
                for (String line : Files.readAllLines(p)) {
                    if (!line.isBlank() && !line.startsWith("#")) {
                        rows.add(parse(table, line));
                    }
                }
            }
        }
        return rows;
    }

    static IsaRow parse(String table, String line) {
        String[] column = line.split("\\|", -1);
        int prefix = -1;
        int w = -1;
        boolean vex = false;
        int length = -1;
        int map = 0;
        int opcode = -1;
        boolean plus = false;
        boolean modrm = false;
        int extension = -1;
        int exact = -1;
        char form = 'b';
        String text = column[0].strip();
        for (String t : text.split("\\s+")) {
            if (t.startsWith("VEX.")) {
                vex = true;
                for (String v : t.substring(4).split("\\.")) {
                    switch (v) {
                        case "128", "LZ", "L0" -> length = 0;
                        case "256", "L1" -> length = 1;
                        case "LIG" -> length = -1;
                        case "NP" -> prefix = 0;
                        case "66", "F3", "F2" -> prefix = Integer.parseInt(v, 16);
                        case "0F" -> map = 1;
                        case "0F38" -> map = 2;
                        case "0F3A" -> map = 3;
                        case "W0" -> w = 0;
                        case "W1" -> w = 1;
                        case "WIG" -> w = -1;
                        default -> throw new IllegalArgumentException("VEX part " + v);
                    }
                }
            } else if (t.equals("W0") || t.equals("W1")) {
                w = t.charAt(1) - '0';
            } else if (t.equals("NP")) {
                prefix = 0;
            } else if (t.equals("/r")) {
                modrm = true;
            } else if (t.matches("/[0-7]")) {
                modrm = true;
                extension = t.charAt(1) - '0';
            } else if (t.equals("+r")) {
                plus = true;
            } else if (t.startsWith("=")) {
                modrm = true;
                exact = Integer.parseInt(t.substring(1), 16);
            } else if (t.equals("mem") || t.equals("reg")) {
                form = t.charAt(0);
            } else if (t.equals("0F38") || t.equals("0F3A")) {
                map = t.equals("0F38") ? 2 : 3;
            } else {
                int b = Integer.parseInt(t, 16);
                if (map == 0 && b == 0x0F && !vex) {
                    map = 1;
                } else if (map == 1 && !vex && (b == 0x38 || b == 0x3A) && opcode < 0) {
                    map = b == 0x38 ? 2 : 3;
                } else if (map == 0
                        && prefix < 0
                        && opcode < 0
                        && (b == 0x66 || b == 0xF3 || b == 0xF2)) {
                    prefix = b;
                } else {
                    opcode = b;
                }
            }
        }
        if (opcode < 0) {
            throw new IllegalArgumentException("no opcode in: " + line);
        }
        String operands = column[2].strip();
        String attributes = column.length > 5 ? column[5].strip() : "";
        return new IsaRow(
                table,
                text,
                prefix,
                w,
                vex,
                length,
                map,
                opcode,
                plus,
                modrm,
                extension,
                exact,
                form,
                column[1].strip().toUpperCase(Locale.ROOT),
                operands.isEmpty() ? List.of() : List.of(operands.split("\\s+")),
                column[3].strip(),
                column[4].strip(),
                attributes.isEmpty() ? Set.of() : Set.of(attributes.split("\\s+")));
    }
}
