package io.queztl.vmm.bootdisk;

import io.queztl.vmm.disk.DiskFormatException;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a GRUB script into words (GRUB manual, "Shell-like scripting"). An empty word, which a
 * script cannot have, is the end of a command.
 */
final class GrubLexer {
    private static final int MAX_WORDS = 200_000;

    private final String text;
    private final List<GrubWord> words = new ArrayList<>();
    private final List<GrubWord.Piece> pieces = new ArrayList<>();
    private final StringBuilder plain = new StringBuilder();
    private boolean open;
    private int at;
    private int line = 1;

    private GrubLexer(String text) {
        this.text = text;
    }

    static List<GrubWord> words(String text) throws DiskFormatException {
        GrubLexer lexer = new GrubLexer(text);
        lexer.run();
        return lexer.words;
    }

    private void run() throws DiskFormatException {
        while (at < text.length()) {
            char c = text.charAt(at++);
            switch (c) {
                case '\n', ';', '&', '|' -> {
                    endWord();
                    endCommand();
                    line += c == '\n' ? 1 : 0;
                }
                case ' ', '\t', '\r' -> endWord();
                case '#' -> {
                    if (open) {
                        plain.append(c);
                    } else {
                        int end = text.indexOf('\n', at);
                        at = end < 0 ? text.length() : end;
                    }
                }
                case '{', '}' -> {
                    // A word of its own unless it is within one.
                    if (open) {
                        plain.append(c);
                    } else {
                        add(
                                new GrubWord(
                                        List.of(
                                                new GrubWord.Piece(
                                                        String.valueOf(c), false, false)),
                                        line));
                    }
                }
                case '\'' -> single();
                case '"' -> doubled();
                case '\\' -> escape(false);
                case '$' -> variable(false);
                default -> {
                    plain.append(c);
                    open = true;
                }
            }
        }
        endWord();
        endCommand();
    }

    private void add(GrubWord word) throws DiskFormatException {
        if (words.size() >= MAX_WORDS) {
            throw new DiskFormatException("it has more than %d words", MAX_WORDS);
        }
        words.add(word);
    }

    private void endPlain(boolean quoted) {
        if (!plain.isEmpty() || quoted) {
            pieces.add(new GrubWord.Piece(plain.toString(), false, quoted));
            plain.setLength(0);
        }
    }

    private void endWord() throws DiskFormatException {
        if (open) {
            endPlain(false);
            add(new GrubWord(List.copyOf(pieces), line));
            pieces.clear();
            open = false;
        }
    }

    private void endCommand() throws DiskFormatException {
        if (!words.isEmpty() && !words.getLast().pieces().isEmpty()) {
            add(new GrubWord(List.of(), line));
        }
    }

    private void single() throws DiskFormatException {
        endPlain(false);
        open = true;
        int end = text.indexOf('\'', at);
        if (end < 0) {
            throw unfinished();
        }
        plain.append(text, at, end);
        for (int i = at; i < end; i++) {
            line += text.charAt(i) == '\n' ? 1 : 0;
        }
        at = end + 1;
        endPlain(true);
    }

    private void doubled() throws DiskFormatException {
        endPlain(false);
        open = true;
        int began = pieces.size();
        while (at < text.length()) {
            char c = text.charAt(at++);
            switch (c) {
                case '"' -> {
                    endPlain(!plain.isEmpty() || pieces.size() == began);
                    return;
                }
                case '\\' -> escape(true);
                case '$' -> variable(true);
                default -> {
                    line += c == '\n' ? 1 : 0;
                    plain.append(c);
                }
            }
        }
        throw unfinished();
    }

    private void escape(boolean quoted) {
        if (at >= text.length()) {
            return;
        }
        char c = text.charAt(at++);
        if (c == '\n') {
            // The line goes on in the next one.
            line++;
            return;
        }
        open = true;
        if (quoted && "\"\\$".indexOf(c) < 0) {
            plain.append('\\').append(c);
        } else {
            plain.append(c);
        }
    }

    private void variable(boolean quoted) throws DiskFormatException {
        int start = at;
        boolean braced = at < text.length() && text.charAt(at) == '{';
        if (braced) {
            start++;
            at = text.indexOf('}', start);
            if (at < 0) {
                throw unfinished();
            }
        } else if (at < text.length() && "?@*#".indexOf(text.charAt(at)) >= 0) {
            at++;
        } else {
            while (at < text.length()
                    && (Character.isLetterOrDigit(text.charAt(at)) || text.charAt(at) == '_')) {
                at++;
            }
        }
        if (at == start) {
            plain.append('$');
            open = true;
            return;
        }
        endPlain(quoted && !plain.isEmpty());
        pieces.add(new GrubWord.Piece(text.substring(start, at), true, quoted));
        open = true;
        at += braced ? 1 : 0;
    }

    private DiskFormatException unfinished() {
        return new DiskFormatException("something that begins in line %d has no end", line);
    }
}
