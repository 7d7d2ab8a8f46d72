package io.queztl.e2e;

import io.queztl.emulator.ExecutionMode;
import java.util.stream.Stream;

/** The modes of the software CPU that suites run in. */
final class Modes {
    private Modes() {}

    /** The mode of the system property if it names one, or else all. */
    static Stream<ExecutionMode> wanted() {
        return System.getProperty(ExecutionMode.PROPERTY) == null
                ? Stream.of(ExecutionMode.values())
                : Stream.of(ExecutionMode.byDefault());
    }
}
