package io.queztl.emulator.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.decode.Decoder;
import io.queztl.emulator.decode.Insn;
import io.queztl.testkit.random.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The decoder against GNU objdump: instruction lengths and names over random bytes and over the
 * code of real programs.
 */
class DecoderTest {
    private static final int SLOT = 64;
    private static final int SLOTS = 20_000;
    private static final Set<String> PREFIX_WORDS =
            Set.of(
                    "rep",
                    "repz",
                    "repnz",
                    "repe",
                    "repne",
                    "lock",
                    "data16",
                    "data32",
                    "addr32",
                    "addr16",
                    "addr64",
                    "cs",
                    "ds",
                    "es",
                    "ss",
                    "fs",
                    "gs",
                    "notrack",
                    "xacquire",
                    "xrelease",
                    "bnd");

    private record Expected(Pattern text, String reason) {}

    private final Decoder decoder = new Decoder(CpuModel.max());
    private final List<Expected> expected = new ArrayList<>();
    private final Map<String, Set<String>> names = new HashMap<>();
    private final Map<String, Integer> differences = new TreeMap<>();
    private final Map<String, String> examples = new HashMap<>();
    private final Map<String, Integer> excused = new TreeMap<>();
    private int compared;

    DecoderTest() throws IOException {
        for (String line : UndefinedFlags.resource("objdump-differences.txt")) {
            String[] t = line.split(" \\| ", 2);
            expected.add(new Expected(Pattern.compile(t[0].strip()), t[1].strip()));
        }
        for (String line : UndefinedFlags.resource("objdump-names.txt")) {
            String[] t = line.split("\\s+");
            names.put(t[0], Set.copyOf(Arrays.asList(t).subList(1, t.length)));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 4, 2})
    void decode_randomBytes_agreesWithObjdump(int codeSize) throws IOException {
        assumeObjdump();
        Dice dice = new Dice(Seeds.seed("decoder test, code size " + codeSize));
        int rounds = Seeds.all() ? 20 : 2;
        for (int round = 0; round < rounds; round++) {
            byte[] code = new byte[SLOTS * SLOT];
            Arrays.fill(code, (byte) 0x90);
            for (int i = 0; i < SLOTS; i++) {
                randomInstruction(dice, code, i * SLOT, codeSize);
            }
            for (Objdump.Line line : Objdump.raw(code, codeSize)) {
                if (line.offset() % SLOT == 0) {
                    int at = (int) line.offset();
                    byte[] slot = Arrays.copyOfRange(code, at, at + SLOT);
                    compare(slot, line, codeSize);
                }
            }
        }
        finish("random bytes, code size " + codeSize);
    }

    private static void randomInstruction(Dice dice, byte[] code, int at, int codeSize) {
        for (int k = 0; k < 16; k++) {
            code[at + k] = (byte) dice.next();
        }
        int p = at;
        while (dice.percent(25)) {
            code[p++] = (byte) dice.pick(0x66, 0x67, 0xF2, 0xF3, 0xF0, 0x64, 0x65, 0x2E, 0x36);
        }
        if (codeSize == 8 && dice.percent(30)) {
            code[p++] = (byte) (0x40 | dice.below(16));
        }
        if (dice.percent(45)) {
            code[p++] = 0x0F;
            if (dice.percent(25)) {
                code[p++] = (byte) dice.pick(0x38, 0x3A);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/bin/busybox", "/lib/x86_64-linux-gnu/libc.so.6"})
    void decode_realProgram_agreesWithObjdump(String program) throws IOException {
        assumeObjdump();
        Path path = Path.of(program);
        if (!Files.exists(path)) {
            System.out.println("decoder test skipped: no " + program);
        }
        Assumptions.assumeTrue(Files.exists(path), "no " + program);
        program(path);
    }

    /** A kernel is too long for every day: {@code -Dqueztl.vmlinux=FILE}. */
    @Test
    void decode_kernel_agreesWithObjdump() throws IOException {
        assumeObjdump();
        String vmlinux = System.getProperty("queztl.vmlinux", "");
        if (vmlinux.isEmpty()) {
            System.out.println("decoder test on a kernel skipped: no -Dqueztl.vmlinux=FILE");
        }
        Assumptions.assumeFalse(vmlinux.isEmpty(), "no -Dqueztl.vmlinux=FILE");
        program(Path.of(vmlinux));
    }

    private void program(Path path) throws IOException {
        for (Objdump.Line line : Objdump.file(path)) {
            compare(line.bytes(), line, 8);
        }
        finish(path.toString());
    }

    private static void assumeObjdump() {
        if (!Objdump.available()) {
            System.out.println("decoder test skipped: no objdump (binutils)");
        }
        Assumptions.assumeTrue(Objdump.available(), "no objdump (binutils)");
    }

    private void compare(byte[] bytes, Objdump.Line line, int codeSize) {
        compared++;
        String difference = difference(bytes, line, codeSize);
        if (difference == null) {
            return;
        }
        String text = withoutPrefixes(line.text());
        for (Expected e : expected) {
            if (e.text.matcher(text).lookingAt() || e.text.matcher(difference).matches()) {
                excused.merge(e.reason, 1, Integer::sum);
                return;
            }
        }
        differences.merge(difference, 1, Integer::sum);
        examples.putIfAbsent(
                difference,
                HexFormat.ofDelimiter(" ").formatHex(bytes, 0, Math.min(16, bytes.length))
                        + "  objdump: "
                        + line.bytes().length
                        + " bytes, "
                        + line.text());
    }

    private @Nullable String difference(byte[] bytes, Objdump.Line line, int codeSize) {
        Insn i = decoder.decode(bytes, 0, bytes.length, codeSize);
        String text = withoutPrefixes(line.text());
        String name = text.split("[ \t]", 2)[0];
        boolean bad = line.text().contains("(bad)") || name.isEmpty();
        if (i == null) {
            return bad ? null : "longer than " + name;
        }
        boolean undefined = i.row.mnemonic.startsWith("UD");
        if (undefined && line.text().contains("lock ")) {
            excused.merge("objdump does not check whether LOCK is allowed", 1, Integer::sum);
            return null;
        }
        if (PREFIX_WORDS.contains(name) || name.startsWith("rex")) {
            excused.merge("objdump lists prefixes that have no effect alone", 1, Integer::sum);
            return null;
        }
        if (bad || undefined) {
            return bad && undefined || name.startsWith("ud")
                    ? null
                    : undefined ? "undefined, not " + name : i.row.mnemonic + ", not (bad)";
        }
        if (i.length() != line.bytes().length) {
            return i.row.mnemonic + " of another length than " + name;
        }
        String mine = i.row.mnemonic.toLowerCase(Locale.ROOT);
        Set<String> known = names.get(name);
        return mine.equals(name) || known != null && known.contains(i.row.mnemonic)
                ? null
                : i.row.mnemonic + ", not " + name;
    }

    private static String withoutPrefixes(String text) {
        String t = text;
        while (true) {
            String[] words = t.split("[ \t]+", 2);
            if (words.length == 2
                    && (PREFIX_WORDS.contains(words[0]) || words[0].startsWith("rex"))) {
                t = words[1];
            } else {
                return t.strip();
            }
        }
    }

    private void finish(String what) {
        System.out.printf("decoder test, %s: %d instructions compared%n", what, compared);
        excused.forEach((reason, n) -> System.out.printf("  %7d differ: %s%n", n, reason));
        differences.entrySet().stream()
                .sorted(Map.Entry.<String, Integer>comparingByValue().reversed())
                .limit(150)
                .forEach(e ->
                        System.out.printf(
                                "  %7d %s: %s%n",
                                e.getValue(), e.getKey(), examples.get(e.getKey())));
        assertThat(differences).as("differences from objdump in " + what).isEmpty();
    }
}
