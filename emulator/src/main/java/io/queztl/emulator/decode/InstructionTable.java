package io.queztl.emulator.decode;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** All rows of the instruction table, indexed by encoding space, map and opcode byte. */
public final class InstructionTable {
    private static final String[] FILES = {
        "base", "bmi", "system", "x87", "mmx", "sse", "sse2", "sse4", "crypto", "xsave", "avx",
        "avx2", "fma"
    };

    private static final InstructionTable INSTANCE = new InstructionTable();

    private final List<Row> rows = new ArrayList<>();
    private final Row[][] legacy = new Row[4 * 256][];
    private final Row[][] vex = new Row[4 * 256][];

    private InstructionTable() {
        for (String file : FILES) {
            try (InputStream in =
                    InstructionTable.class.getResourceAsStream(
                            "/io/queztl/emulator/isa/" + file + ".isa")) {
                if (in != null) {
                    read(in);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private void read(InputStream in) throws IOException {
        BufferedReader reader =
                new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        String line;
        while ((line = reader.readLine()) != null) {
            if (!line.isBlank() && !line.startsWith("#")) {
                Row row = Row.parse(line);
                rows.add(row);
                Row[][] space = row.vex ? vex : legacy;
                int count = row.plusR ? 8 : 1;
                for (int k = 0; k < count; k++) {
                    int x = row.map * 256 + row.opcode + k;
                    Row[] old = space[x];
                    Row[] next =
                            old == null ? new Row[1] : java.util.Arrays.copyOf(old, old.length + 1);
                    next[next.length - 1] = row;
                    space[x] = next;
                }
            }
        }
    }

    /** The one table. */
    public static InstructionTable get() {
        return INSTANCE;
    }

    /** Every row, in order. */
    public List<Row> rows() {
        return List.copyOf(rows);
    }

    /** The candidates for an opcode, in order; null if there are none. */
    Row @org.jspecify.annotations.Nullable [] candidates(boolean vexSpace, int map, int opcode) {
        return (vexSpace ? vex : legacy)[map * 256 + opcode];
    }
}
