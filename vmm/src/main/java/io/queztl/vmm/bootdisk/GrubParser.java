package io.queztl.vmm.bootdisk;

import io.queztl.vmm.disk.DiskFormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Makes statements of a GRUB script's words. */
final class GrubParser {
    private static final int MAX_DEPTH = 32;

    private final List<GrubWord> words;
    private int at;
    private int depth;

    private GrubParser(List<GrubWord> words) {
        this.words = words;
    }

    /**
     * The statements of a script.
     *
     * @throws DiskFormatException if it is none
     */
    static List<GrubStatement> parse(String text) throws DiskFormatException {
        GrubParser parser = new GrubParser(GrubLexer.words(text));
        List<GrubStatement> all = parser.block(Set.of());
        if (parser.at < parser.words.size()) {
            throw parser.unexpected();
        }
        return all;
    }

    private DiskFormatException unexpected() {
        return at < words.size()
                ? new DiskFormatException(
                        "line %d has something that is not understood", words.get(at).line())
                : new DiskFormatException("it ends before all that it begins");
    }

    private String bare() {
        return at < words.size() ? words.get(at).bare() : "";
    }

    private boolean ended() {
        return at >= words.size() || words.get(at).pieces().isEmpty();
    }

    private void skipEnds() {
        while (at < words.size() && words.get(at).pieces().isEmpty()) {
            at++;
        }
    }

    private void expect(String word) throws DiskFormatException {
        skipEnds();
        if (!bare().equals(word)) {
            throw unexpected();
        }
        at++;
    }

    /** Statements up to one of the words, or the script's end; the word is left. */
    private List<GrubStatement> block(Set<String> ends) throws DiskFormatException {
        if (++depth > MAX_DEPTH) {
            throw new DiskFormatException("it is nested deeper than %d", MAX_DEPTH);
        }
        List<GrubStatement> all = new ArrayList<>();
        for (skipEnds(); at < words.size() && !ends.contains(bare()); skipEnds()) {
            all.add(statement());
        }
        depth--;
        return all;
    }

    private GrubStatement statement() throws DiskFormatException {
        switch (bare()) {
            case "if" -> {
                return condition();
            }
            case "function" -> {
                at++;
                String name = bare();
                at++;
                return new GrubStatement.Function(name, braced());
            }
            case "menuentry", "submenu" -> {
                boolean submenu = bare().equals("submenu");
                at++;
                List<GrubWord> title = new ArrayList<>();
                while (!ended() && !bare().equals("{")) {
                    title.add(words.get(at++));
                }
                return new GrubStatement.Entry(submenu, title, braced());
            }
            case "for", "while", "until" -> {
                at++;
                List<GrubStatement> ignored = block(Set.of("do"));
                expect("do");
                ignored = block(Set.of("done"));
                expect("done");
                return new GrubStatement.Loop();
            }
            case "{", "}", "then", "elif", "else", "fi", "do", "done" -> throw unexpected();
            default -> {
                List<GrubWord> command = new ArrayList<>();
                while (!ended() && !bare().equals("}")) {
                    command.add(words.get(at++));
                }
                return new GrubStatement.Command(command);
            }
        }
    }

    private List<GrubStatement> braced() throws DiskFormatException {
        expect("{");
        List<GrubStatement> body = block(Set.of("}"));
        expect("}");
        return body;
    }

    private GrubStatement condition() throws DiskFormatException {
        List<GrubStatement.Case> cases = new ArrayList<>();
        List<GrubStatement> otherwise = List.of();
        do {
            at++;
            List<GrubStatement> test = block(Set.of("then"));
            expect("then");
            cases.add(new GrubStatement.Case(test, block(Set.of("elif", "else", "fi"))));
        } while (bare().equals("elif"));
        if (bare().equals("else")) {
            at++;
            otherwise = block(Set.of("fi"));
        }
        expect("fi");
        return new GrubStatement.Condition(cases, otherwise);
    }
}
