package io.queztl.server.control;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The members of a JSON object that somebody sent, each looked at only when it is asked for.
 *
 * @param values by name
 */
public record Arguments(Map<String, @Nullable Object> values) {
    /** None. */
    public static final Arguments NONE = new Arguments(Map.of());

    /**
     * A JSON object.
     *
     * @throws ControlException if the text is something else
     */
    @SuppressWarnings("unchecked") // the parser makes no other maps
    public static Arguments parse(String text) throws ControlException {
        try {
            if (Json.parse(text) instanceof Map<?, ?> map) {
                return new Arguments((Map<String, @Nullable Object>) map);
            }
        } catch (Json.SyntaxException e) {
            throw new ControlException("this is no JSON: " + e.getMessage() + ".", e);
        }
        throw new ControlException("this is no JSON object.");
    }

    /** A string that must be there. */
    public String string(String name) throws ControlException {
        if (values.get(name) instanceof String s) {
            return s;
        }
        throw new ControlException("the argument '%s' must be a string.".formatted(name));
    }

    /** A whole number that must be there. */
    public long number(String name) throws ControlException {
        if (values.get(name) instanceof Long n) {
            return n;
        }
        throw new ControlException("the argument '%s' must be a whole number.".formatted(name));
    }

    /** True or false; false if it is not there. */
    public boolean flag(String name) throws ControlException {
        Object value = values.get(name);
        if (value == null) {
            return false;
        }
        if (value instanceof Boolean b) {
            return b;
        }
        throw new ControlException("the argument '%s' must be true or false.".formatted(name));
    }

    /** An array of strings that must be there. */
    public List<String> strings(String name) throws ControlException {
        if (values.get(name) instanceof List<?> list
                && list.stream().allMatch(String.class::isInstance)) {
            return list.stream().map(String.class::cast).toList();
        }
        throw new ControlException(
                "the argument '%s' must be an array of strings.".formatted(name));
    }

    /** An object; empty if it is not there. */
    @SuppressWarnings("unchecked") // the parser makes no other maps
    public Arguments object(String name) throws ControlException {
        Object value = values.get(name);
        if (value == null) {
            return NONE;
        }
        if (value instanceof Map<?, ?> map) {
            return new Arguments((Map<String, @Nullable Object>) map);
        }
        throw new ControlException("the argument '%s' must be an object.".formatted(name));
    }
}
