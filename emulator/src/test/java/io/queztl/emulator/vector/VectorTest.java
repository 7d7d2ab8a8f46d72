package io.queztl.emulator.vector;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.SoftwareAccelerator;
import io.queztl.testkit.vector.Vector;
import io.queztl.testkit.vector.VectorMachine;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The text vectors on the software CPU. */
@ParameterizedClass
@EnumSource
class VectorTest {
    private final VectorMachine machine;

    VectorTest(ExecutionMode mode) {
        machine = new VectorMachine(new SoftwareAccelerator(mode), "max");
    }

    static List<Vector> system() throws IOException {
        return Vector.resource("system.txt");
    }

    @ParameterizedTest
    @MethodSource
    void system(Vector vector) {
        assertThat(machine.run(vector)).as(vector.name()).isEmpty();
    }
}
