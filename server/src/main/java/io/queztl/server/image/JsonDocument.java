package io.queztl.server.image;

import io.queztl.server.control.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A value of a document of a registry. What is missing or of another type is absent rather than an
 * error: the documents have many fields that do not matter here.
 */
record JsonDocument(@Nullable Object value) {
    /**
     * Reads a document in UTF-8.
     *
     * @throws IOException if it is none
     */
    static JsonDocument parse(byte[] bytes) throws IOException {
        try {
            return new JsonDocument(Json.parse(new String(bytes, StandardCharsets.UTF_8)));
        } catch (Json.SyntaxException e) {
            throw new IOException("a document of it is no JSON: " + e.getMessage(), e);
        }
    }

    /** The field of that name of an object. */
    JsonDocument get(String name) {
        return new JsonDocument(value instanceof Map<?, ?> map ? map.get(name) : null);
    }

    /** The text of a string; an empty one for anything else. */
    String text() {
        return value instanceof String s ? s : "";
    }

    /** A whole number, or -1 for anything else. */
    long number() {
        return value instanceof Long n ? n : -1;
    }

    /** The values of an array; none for anything else. */
    List<JsonDocument> items() {
        return value instanceof List<?> list
                ? list.stream().map(item -> new JsonDocument(item)).toList()
                : List.of();
    }

    /** The strings of an array. */
    List<String> texts() {
        return items().stream().map(JsonDocument::text).toList();
    }
}
