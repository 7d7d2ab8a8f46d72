package io.queztl.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.SnapshotContract;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The devices of one port: debug console, debug exit, reset control, POST code, fast A20. */
class SmallPortsTest {
    private int resets;

    @Test
    void debugConsole_writesAndIsPresent() {
        ByteArrayOutputStream host = new ByteArrayOutputStream();
        try (OutputBuffer buffer = new OutputBuffer("test", host)) {
            DebugConsole console = new DebugConsole(buffer);
            assertThat(console.read(0, 1)).isEqualTo(0xe9);
            "hello".chars().forEach(c -> console.write(0, 1, c));
            assertThat(buffer.flush(5000)).isTrue();
        }
        assertThat(host.toString()).isEqualTo("hello");
    }

    @Test
    void debugExit_makesStatusOdd() {
        List<Integer> statuses = new ArrayList<>();
        DebugExit exit = new DebugExit(statuses::add);
        exit.write(0, 1, 0);
        exit.write(0, 4, 0x10);
        assertThat(statuses).containsExactly(1, 33);
    }

    @Test
    void resetControl_resetsOnTheRiseOfItsBit() {
        ResetControl control = new ResetControl(() -> resets++);
        control.write(0, 1, 0x02);
        assertThat(resets).isZero();
        control.write(0, 1, 0x06);
        assertThat(resets).isEqualTo(1);
        assertThat(control.read(0, 1)).isEqualTo(6);
        control.write(0, 1, 0x06);
        assertThat(resets).isEqualTo(1);
    }

    @Test
    void fastA20_isOnAndResets() {
        FastA20 port = new FastA20(() -> resets++);
        assertThat(port.read(0, 1)).isEqualTo(2);
        port.write(0, 1, 3);
        assertThat(resets).isEqualTo(1);
    }

    @Test
    void postPort_keepsTheLastCode() {
        PostPort port = new PostPort();
        port.write(0, 1, 0x42);
        assertThat(port.code()).isEqualTo(0x42);
    }

    @Nested
    class ResetControlSnapshot extends SnapshotContract<ResetControl, ResetControlState> {
        @Override
        protected ResetControl create() {
            return new ResetControl(() -> {});
        }

        @Override
        protected void use(ResetControl device) {
            device.write(0, 1, 2);
        }

        @Override
        protected void change(ResetControl device) {
            device.write(0, 1, 8);
        }

        @Override
        protected ResetControlState state(ResetControl device) {
            return device.state();
        }

        @Override
        protected void restore(ResetControl device, ResetControlState state) {
            device.restore(state);
        }
    }

    @Nested
    class FastA20Snapshot extends SnapshotContract<FastA20, FastA20State> {
        @Override
        protected FastA20 create() {
            return new FastA20(() -> {});
        }

        @Override
        protected void use(FastA20 device) {
            device.write(0, 1, 0);
        }

        @Override
        protected void change(FastA20 device) {
            device.write(0, 1, 2);
        }

        @Override
        protected FastA20State state(FastA20 device) {
            return device.state();
        }

        @Override
        protected void restore(FastA20 device, FastA20State state) {
            device.restore(state);
        }
    }

    @Nested
    class PostPortSnapshot extends SnapshotContract<PostPort, PostPortState> {
        @Override
        protected PostPort create() {
            return new PostPort();
        }

        @Override
        protected void use(PostPort device) {
            device.write(0, 1, 1);
        }

        @Override
        protected void change(PostPort device) {
            device.write(0, 1, 2);
        }

        @Override
        protected PostPortState state(PostPort device) {
            return device.state();
        }

        @Override
        protected void restore(PostPort device, PostPortState state) {
            device.restore(state);
        }
    }
}
