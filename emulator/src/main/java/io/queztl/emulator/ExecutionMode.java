package io.queztl.emulator;

import java.util.Arrays;
import java.util.Locale;

/** How the software CPU runs guest code. */
public enum ExecutionMode {
    /** Every instruction is interpreted. */
    INTERPRETER,

    /** 64-bit code is translated before it runs for the first time. */
    TRANSLATOR,

    /** Code is interpreted until it is hot, then translated in the background. */
    MIXED;

    /** System property that names the mode where nobody else does. */
    public static final String PROPERTY = "queztl.cpu.mode";

    /** The mode of {@link #PROPERTY}, or {@link #MIXED}. */
    public static ExecutionMode byDefault() {
        return named(System.getProperty(PROPERTY, "mixed"));
    }

    /**
     * A mode by its name in lower case.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static ExecutionMode named(String name) {
        for (ExecutionMode m : values()) {
            if (m.toString().equals(name)) {
                return m;
            }
        }
        throw new IllegalArgumentException(
                "no CPU mode '" + name + "': take one of " + Arrays.toString(values()));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
