package io.queztl.server.control;

import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * JSON (RFC 8259) as plain Java: maps, lists, strings, longs, doubles, booleans, null. What it
 * reads may come from anybody.
 */
public final class Json {
    private static final int MAX_DEPTH = 32;

    private static final JsonMapper MAPPER =
            JsonMapper.builder(
                            JsonFactory.builder()
                                    .streamReadConstraints(
                                            StreamReadConstraints.builder()
                                                    .maxNestingDepth(MAX_DEPTH)
                                                    .build())
                                    .build())
                    .enable(DeserializationFeature.USE_LONG_FOR_INTS)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();

    private Json() {}

    /** A text that is no JSON. */
    public static final class SyntaxException extends Exception {
        private static final long serialVersionUID = 1L;

        SyntaxException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /**
     * Reads one value. Whole numbers beyond 64 bits are {@code BigInteger}s.
     *
     * @throws SyntaxException if the text is anything else, or nested deeper than 32
     */
    public static @Nullable Object parse(String text) throws SyntaxException {
        try {
            return MAPPER.readValue(text, Object.class);
        } catch (JacksonException e) {
            throw new SyntaxException(e.getOriginalMessage(), e);
        }
    }

    /** The text of a value, on one line. */
    public static String write(@Nullable Object value) {
        return MAPPER.writeValueAsString(value);
    }
}
