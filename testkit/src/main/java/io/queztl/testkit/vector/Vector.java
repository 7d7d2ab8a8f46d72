package io.queztl.testkit.vector;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * A test of a few instructions as text: what user mode of the host cannot run, for any accelerator.
 * The machine around it is {@link VectorMachine}.
 *
 * <pre>
 * vector cli_atCpl3_faults           starts a vector
 * mode long                          real, protected16, protected32, compatibility or long
 * cpl 3                              0 if not given
 * set rax=1 cr4=0x620                registers, rflags, cr0, cr3, cr4, efer, dr0–dr7, msr:NUMBER
 * memory 0xd000 11 22 33             bytes at a guest-physical address
 * page 0xd000 0x5                    low bits of a page's PTE; bit 63 as "nx": page 0xd000 0x5 nx
 * code 0F 20 C0                      the code; what ends it is added by the machine
 * expect rax=1 cf=0 msr:0x10=5       registers and flags after
 * expect memory 0xd000 11            bytes after
 * exception 13 error 0 at 3 cr2 0xd000   a fault: its vector, error code, code offset, CR2
 * shutdown                           a triple fault
 * </pre>
 *
 * @param name what is tested and what should happen
 * @param mode CPU mode the code runs in
 * @param cpl privilege level
 * @param sets registers before
 * @param memory bytes before
 * @param pages page table entries changed
 * @param code machine code
 * @param expects registers after
 * @param expectedMemory bytes after
 * @param exception vector of the fault, or -1
 * @param errorCode error code of the fault, or -1 if it has none
 * @param at offset in the code of the saved RIP
 * @param cr2 CR2 after the fault, or -1 if it does not matter
 * @param shutdown a triple fault is expected
 */
public record Vector(
        String name,
        Mode mode,
        int cpl,
        List<Setting> sets,
        List<Bytes> memory,
        List<Setting> pages,
        byte[] code,
        List<Setting> expects,
        List<Bytes> expectedMemory,
        int exception,
        int errorCode,
        int at,
        long cr2,
        boolean shutdown) {

    /** The CPU mode. */
    public enum Mode {
        /** Real-address mode. */
        REAL,
        /** 16-bit protected mode. */
        PROTECTED16,
        /** 32-bit protected mode without paging. */
        PROTECTED32,
        /** 32-bit code in long mode. */
        COMPATIBILITY,
        /** 64-bit mode. */
        LONG
    }

    /**
     * @param name register or address
     * @param value its value
     */
    public record Setting(String name, long value) {}

    /**
     * @param address guest-physical
     * @param bytes what is there
     */
    public record Bytes(long address, byte[] bytes) {}

    @Override
    public String toString() {
        return name;
    }

    /** Reads a file of vectors beside this class. */
    public static List<Vector> resource(String file) throws IOException {
        try (InputStream in = Vector.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new IOException("no vectors " + file);
            }
            return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    /** Reads vectors from text. */
    public static List<Vector> parse(String text) {
        List<Vector> vectors = new ArrayList<>();
        Parser p = null;
        for (String line : text.lines().toList()) {
            String l = line.replaceFirst("#.*", "").strip();
            if (l.isEmpty()) {
                continue;
            }
            String[] t = l.split("\\s+");
            if (t[0].equals("vector")) {
                if (p != null) {
                    vectors.add(p.vector());
                }
                p = new Parser(t[1]);
            } else if (p == null) {
                throw new IllegalArgumentException("line before the first vector: " + line);
            } else {
                try {
                    p.line(t);
                } catch (RuntimeException e) {
                    throw new IllegalArgumentException("vector line: " + line, e);
                }
            }
        }
        if (p != null) {
            vectors.add(p.vector());
        }
        return vectors;
    }

    static long number(String text) {
        return text.startsWith("0x")
                ? Long.parseUnsignedLong(text.substring(2), 16)
                : Long.parseLong(text);
    }

    private static final class Parser {
        private final String name;
        private Mode mode = Mode.LONG;
        private int cpl;
        private final List<Setting> sets = new ArrayList<>();
        private final List<Bytes> memory = new ArrayList<>();
        private final List<Setting> pages = new ArrayList<>();
        private byte[] code = {};
        private final List<Setting> expects = new ArrayList<>();
        private final List<Bytes> expectedMemory = new ArrayList<>();
        private int exception = -1;
        private int errorCode = -1;
        private int at;
        private long cr2 = -1;
        private boolean shutdown;

        Parser(String name) {
            this.name = name;
        }

        void line(String[] t) {
            switch (t[0]) {
                case "mode" -> mode = Mode.valueOf(t[1].toUpperCase(java.util.Locale.ROOT));
                case "cpl" -> cpl = Integer.parseInt(t[1]);
                case "set" -> settings(t, sets);
                case "memory" -> memory.add(bytes(t, 1));
                case "page" ->
                        pages.add(
                                new Setting(
                                        t[1], number(t[2]) | (t.length > 3 ? Long.MIN_VALUE : 0)));
                case "code" -> code = hex(t, 1);
                case "expect" -> {
                    if (t[1].equals("memory")) {
                        expectedMemory.add(bytes(t, 2));
                    } else {
                        settings(t, expects);
                    }
                }
                case "exception" -> {
                    exception = Integer.parseInt(t[1]);
                    for (int i = 2; i < t.length; i += 2) {
                        switch (t[i]) {
                            case "error" -> errorCode = (int) number(t[i + 1]);
                            case "at" -> at = (int) number(t[i + 1]);
                            case "cr2" -> cr2 = number(t[i + 1]);
                            default -> throw new IllegalArgumentException(t[i]);
                        }
                    }
                }
                case "shutdown" -> shutdown = true;
                default -> throw new IllegalArgumentException(t[0]);
            }
        }

        private static void settings(String[] t, List<Setting> to) {
            for (int i = 1; i < t.length; i++) {
                int equals = t[i].indexOf('=');
                to.add(new Setting(t[i].substring(0, equals), number(t[i].substring(equals + 1))));
            }
        }

        private static Bytes bytes(String[] t, int from) {
            return new Bytes(number(t[from]), hex(t, from + 1));
        }

        private static byte[] hex(String[] t, int from) {
            return HexFormat.of().parseHex(String.join("", List.of(t).subList(from, t.length)));
        }

        Vector vector() {
            return new Vector(
                    name,
                    mode,
                    cpl,
                    sets,
                    memory,
                    pages,
                    code,
                    expects,
                    expectedMemory,
                    exception,
                    errorCode,
                    at,
                    cr2,
                    shutdown);
        }
    }
}
