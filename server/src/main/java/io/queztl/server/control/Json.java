package io.queztl.server.control;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * JSON (RFC 8259) as plain Java: maps, lists, strings, longs, doubles, booleans, null. Small, since
 * it is on the way of every {@code queztl run}; what it reads may come from anybody.
 */
public final class Json {
    private static final int MAX_DEPTH = 32;

    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    /** A text that is no JSON. */
    public static final class SyntaxException extends Exception {
        private static final long serialVersionUID = 1L;

        SyntaxException(String message) {
            super(message);
        }
    }

    /**
     * Reads one value.
     *
     * @throws SyntaxException if the text is anything else, or nested deeper than 32
     */
    public static @Nullable Object parse(String text) throws SyntaxException {
        Json json = new Json(text);
        Object value = json.value(0);
        json.skipSpace();
        if (json.at != text.length()) {
            throw json.wrong("the end");
        }
        return value;
    }

    private SyntaxException wrong(String expected) {
        return new SyntaxException("%s is missing at character %d".formatted(expected, at));
    }

    private void skipSpace() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private int peek() {
        return at < text.length() ? text.charAt(at) : -1;
    }

    private boolean take(char c) {
        skipSpace();
        if (peek() != c) {
            return false;
        }
        at++;
        return true;
    }

    private @Nullable Object value(int depth) throws SyntaxException {
        if (depth > MAX_DEPTH) {
            throw new SyntaxException("the values are nested too deeply");
        }
        skipSpace();
        switch (peek()) {
            case '{' -> {
                return object(depth);
            }
            case '[' -> {
                return array(depth);
            }
            case '"' -> {
                return string();
            }
            case 't' -> {
                return word("true", Boolean.TRUE);
            }
            case 'f' -> {
                return word("false", Boolean.FALSE);
            }
            case 'n' -> {
                return word("null", null);
            }
            default -> {
                return number();
            }
        }
    }

    private @Nullable Object word(String word, @Nullable Object value) throws SyntaxException {
        if (!text.startsWith(word, at)) {
            throw wrong("a value");
        }
        at += word.length();
        return value;
    }

    private Map<String, @Nullable Object> object(int depth) throws SyntaxException {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        at++;
        if (take('}')) {
            return map;
        }
        do {
            skipSpace();
            if (peek() != '"') {
                throw wrong("a name");
            }
            String name = string();
            if (!take(':')) {
                throw wrong("':'");
            }
            map.put(name, value(depth + 1));
        } while (take(','));
        if (!take('}')) {
            throw wrong("'}'");
        }
        return map;
    }

    private List<@Nullable Object> array(int depth) throws SyntaxException {
        List<@Nullable Object> list = new ArrayList<>();
        at++;
        if (take(']')) {
            return list;
        }
        do {
            list.add(value(depth + 1));
        } while (take(','));
        if (!take(']')) {
            throw wrong("']'");
        }
        return list;
    }

    private String string() throws SyntaxException {
        StringBuilder s = new StringBuilder();
        at++;
        for (; ; ) {
            int c = peek();
            if (c < 0x20) {
                throw wrong("'\"'");
            }
            at++;
            if (c == '"') {
                return s.toString();
            }
            s.append(c == '\\' ? escaped() : (char) c);
        }
    }

    private char escaped() throws SyntaxException {
        int c = peek();
        at++;
        return switch (c) {
            case '"', '\\', '/' -> (char) c;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> {
                int value = 0;
                for (int i = 0; i < 4; i++, at++) {
                    int digit = peek() < 0x80 ? Character.digit(peek(), 16) : -1;
                    if (digit < 0) {
                        throw wrong("a hexadecimal digit");
                    }
                    value = value << 4 | digit;
                }
                yield (char) value;
            }
            default -> throw wrong("an escape");
        };
    }

    private Number number() throws SyntaxException {
        int start = at;
        boolean whole = true;
        while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) {
            whole &= ".eE+".indexOf(text.charAt(at)) < 0;
            at++;
        }
        String digits = text.substring(start, at);
        try {
            if (whole) {
                return Long.parseLong(digits);
            }
            return Double.parseDouble(digits);
        } catch (NumberFormatException e) {
            at = start;
            throw wrong("a value");
        }
    }

    /** The text of a value, on one line. */
    public static String write(@Nullable Object value) {
        StringBuilder s = new StringBuilder();
        write(value, s);
        return s.toString();
    }

    private static void write(@Nullable Object value, StringBuilder s) {
        switch (value) {
            case Map<?, ?> map -> {
                String separator = "{";
                for (Map.Entry<?, ?> e : map.entrySet()) {
                    s.append(separator);
                    quote(String.valueOf(e.getKey()), s);
                    s.append(':');
                    write(e.getValue(), s);
                    separator = ",";
                }
                s.append(map.isEmpty() ? "{}" : "}");
            }
            case List<?> list -> {
                String separator = "[";
                for (Object element : list) {
                    s.append(separator);
                    write(element, s);
                    separator = ",";
                }
                s.append(list.isEmpty() ? "[]" : "]");
            }
            case Double d when d.isNaN() || d.isInfinite() -> s.append("null");
            case Number n -> s.append(n);
            case Boolean b -> s.append(b);
            case null -> s.append("null");
            default -> quote(value.toString(), s);
        }
    }

    private static void quote(String text, StringBuilder s) {
        s.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> s.append("\\\"");
                case '\\' -> s.append("\\\\");
                case '\n' -> s.append("\\n");
                case '\t' -> s.append("\\t");
                default -> {
                    // Half a pair has no UTF-8.
                    if (c < 0x20 || Character.isSurrogate(c)) {
                        s.append("\\u%04x".formatted((int) c));
                    } else {
                        s.append(c);
                    }
                }
            }
        }
        s.append('"');
    }
}
