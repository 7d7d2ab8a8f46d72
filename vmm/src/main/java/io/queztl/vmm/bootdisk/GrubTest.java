package io.queztl.vmm.bootdisk;

import io.queztl.vmm.disk.DiskFiles;
import java.io.IOException;
import java.util.List;

/** GRUB's command {@code [}: comparisons of texts and numbers, questions about files. */
final class GrubTest {
    private final DiskFiles files;
    private final List<String> words;
    private int at;

    private GrubTest(DiskFiles files, List<String> words) {
        this.files = files;
        this.words = words;
    }

    /** The answer; what is not understood is false. */
    static boolean of(DiskFiles files, List<String> words) throws IOException {
        GrubTest test = new GrubTest(files, words);
        boolean result = test.either();
        return result && test.at >= words.size();
    }

    private String next() {
        return at < words.size() ? words.get(at++) : "";
    }

    private boolean take(String word) {
        boolean there = at < words.size() && words.get(at).equals(word);
        at += there ? 1 : 0;
        return there;
    }

    private boolean either() throws IOException {
        boolean result = both();
        while (take("-o")) {
            result |= both();
        }
        return result;
    }

    private boolean both() throws IOException {
        boolean result = one();
        while (take("-a")) {
            result &= one();
        }
        return result;
    }

    private boolean one() throws IOException {
        boolean wanted = true;
        while (take("!")) {
            wanted = !wanted;
        }
        return simple() == wanted;
    }

    private boolean simple() throws IOException {
        if (at + 2 < words.size()) {
            String left = words.get(at);
            String right = words.get(at + 2);
            Boolean compared =
                    switch (words.get(at + 1)) {
                        case "=", "==" -> left.equals(right);
                        case "!=" -> !left.equals(right);
                        case "-eq" -> number(left) == number(right);
                        case "-ne" -> number(left) != number(right);
                        case "-lt" -> number(left) < number(right);
                        case "-le" -> number(left) <= number(right);
                        case "-gt" -> number(left) > number(right);
                        case "-ge" -> number(left) >= number(right);
                        default -> null;
                    };
            if (compared != null) {
                at += 3;
                return compared;
            }
        }
        String word = next();
        if (at >= words.size()) {
            return !word.isEmpty();
        }
        return switch (word) {
            case "-z" -> next().isEmpty();
            case "-n" -> !next().isEmpty();
            case "-d" -> files.isDirectory(GrubMenu.path(next()));
            case "-e" -> {
                String path = GrubMenu.path(next());
                yield files.isFile(path) || files.isDirectory(path);
            }
            case "-f", "-s" -> files.isFile(GrubMenu.path(next()));
            default -> !word.isEmpty();
        };
    }

    private static long number(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            return 0;
        }
    }
}
