package io.queztl.server.guest;

import java.util.Collection;
import java.util.stream.Collectors;

/** Words for a POSIX shell. */
public final class ShellText {
    private ShellText() {}

    /** One word of a shell that stands for exactly this text, which has no NUL. */
    public static String quoted(String text) {
        return "'" + text.replace("'", "'\\''") + "'";
    }

    /** Several words. */
    public static String quoted(Collection<String> words) {
        return words.stream().map(ShellText::quoted).collect(Collectors.joining(" "));
    }
}
