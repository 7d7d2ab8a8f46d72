package io.queztl.emulator.oracle;

import io.queztl.emulator.cpu.Flags;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** Which flags the SDM leaves undefined after an instruction: {@code undefined-flags.txt}. */
final class UndefinedFlags {
    private record Entry(int always, boolean ofIfMany, boolean cfIfAll) {}

    private static final Map<String, Integer> NAMES =
            Map.of(
                    "CF", Flags.CF, "PF", Flags.PF, "AF", Flags.AF, "ZF", Flags.ZF, "SF", Flags.SF,
                    "OF", Flags.OF);

    private final Map<String, Entry> entries = new HashMap<>();

    UndefinedFlags() throws IOException {
        for (String line : resource("undefined-flags.txt")) {
            String[] t = line.split("\\s+");
            int always = 0;
            boolean of = false;
            boolean cf = false;
            for (int i = 1; i < t.length; i++) {
                if (t[i].equals("OF>1")) {
                    of = true;
                } else if (t[i].equals("CF>size")) {
                    cf = true;
                } else {
                    always |= NAMES.getOrDefault(t[i], 0);
                }
            }
            entries.put(t[0], new Entry(always, of, cf));
        }
    }

    /** Lines of a text resource beside this class, without comments. */
    static java.util.List<String> resource(String name) throws IOException {
        try (InputStream in = UndefinedFlags.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IOException("missing test resource " + name);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(l -> !l.isBlank() && !l.startsWith("#"))
                    .toList();
        }
    }

    /** The undefined flags after this instruction, with {@code cl} the count register before. */
    int mask(Form f, long cl) {
        Entry e = entries.get(f.row.mnemonic());
        if (e == null) {
            return 0;
        }
        int m = e.always;
        if (e.ofIfMany || e.cfIfAll) {
            int count = count(f, cl);
            if (count == 0) {
                return 0;
            }
            if (e.ofIfMany && count > 1) {
                m |= Flags.OF;
            }
            int bits = size(f) * 8;
            if (e.cfIfAll && count >= bits) {
                m |= Flags.CF;
            }
        }
        return m;
    }

    /** The masked count of a shift or rotate. */
    static int count(Form f, long cl) {
        String last = f.row.operands().getLast();
        long count = last.equals("CL") ? cl : last.equals("One") ? 1 : f.immediate;
        return (int) count & (size(f) == 8 ? 63 : 31);
    }

    static int size(Form f) {
        return f.row.operands().getFirst().equals("Eb") ? 1 : f.operandSize;
    }
}
