package io.queztl.emulator.oracle;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** GNU objdump as a disassembler of raw bytes. */
final class Objdump {
    private static final Pattern LINE =
            Pattern.compile("^\\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\\s*(?:\t(.*))?$");

    /** One line of its output. */
    record Line(long offset, byte[] bytes, String text) {}

    private Objdump() {}

    static boolean available() {
        for (String d : System.getenv().getOrDefault("PATH", "").split(":")) {
            if (Files.isExecutable(Path.of(d, "objdump"))) {
                return true;
            }
        }
        return false;
    }

    /** The instruction in words, or nothing where there is no objdump. */
    static String one(byte[] code, int codeSize) {
        try {
            List<Line> lines = available() ? raw(code, codeSize) : List.of();
            return lines.isEmpty() ? "" : " (" + lines.getFirst().text + ")";
        } catch (IOException e) {
            return "";
        }
    }

    /** Disassembles raw bytes from offset 0 on. */
    static List<Line> raw(byte[] code, int codeSize) throws IOException {
        Path file = Files.createTempFile("queztl", ".bin");
        try {
            Files.write(file, code);
            String machine =
                    switch (codeSize) {
                        case 2 -> "i8086";
                        case 4 -> "i386";
                        default -> "i386:x86-64";
                    };
            return run(
                    List.of(
                            "objdump",
                            "-D",
                            "-z",
                            "-w",
                            "--insn-width=16",
                            "-M",
                            "intel,intel64",
                            "-b",
                            "binary",
                            "-m",
                            machine,
                            file.toString()));
        } finally {
            Files.delete(file);
        }
    }

    /** Disassembles the code of a program or library. */
    static List<Line> file(Path program) throws IOException {
        return run(
                List.of(
                        "objdump",
                        "-d",
                        "-w",
                        "--insn-width=16",
                        "-M",
                        "intel,intel64",
                        program.toString()));
    }

    /** Runs objdump and reads the instructions it lists. */
    private static List<Line> run(List<String> command) throws IOException {
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        p.getOutputStream().close();
        List<Line> lines = new ArrayList<>();
        try (var in = p.inputReader(StandardCharsets.ISO_8859_1)) {
            String line;
            while ((line = in.readLine()) != null) {
                Matcher m = LINE.matcher(line);
                if (m.matches()) {
                    byte[] bytes = HexFormat.of().parseHex(m.group(2).replace(" ", ""));
                    String text = m.group(3) == null ? "" : m.group(3);
                    lines.add(new Line(Long.parseUnsignedLong(m.group(1), 16), bytes, text));
                }
            }
        }
        return lines;
    }
}
