package io.queztl.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.RecordingLine;
import io.queztl.devices.SnapshotContract;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class I8042Test {
    private final RecordingLine line = new RecordingLine();
    private int resets;
    private final I8042 absent = new I8042(line, false, () -> resets++);
    private final I8042 present = new I8042(line, true, () -> resets++);

    private static void command(I8042 c, int value) {
        c.command().write(0, 1, value);
    }

    private static void data(I8042 c, int value) {
        c.data().write(0, 1, value);
    }

    private static int status(I8042 c) {
        return (int) c.command().read(0, 1);
    }

    private static int answer(I8042 c) {
        assertThat(status(c) & 1).isEqualTo(1);
        return (int) c.data().read(0, 1);
    }

    @Test
    void selfAndPortTests_pass() {
        command(absent, 0xaa);
        assertThat(answer(absent)).isEqualTo(0x55);
        command(absent, 0xab);
        assertThat(answer(absent)).isEqualTo(0x00);
        assertThat(status(absent) & 1).isZero();
        assertThat(status(absent) & 4).isEqualTo(4);
    }

    @Test
    void configuration_isReadAndWritten() {
        command(absent, 0x60);
        data(absent, 0x74);
        command(absent, 0x20);
        assertThat(answer(absent)).isEqualTo(0x74);
        command(absent, 0xae);
        command(absent, 0x20);
        assertThat(answer(absent)).isEqualTo(0x64);
    }

    @Test
    void auxiliaryPort_isSeenToBeAbsent() {
        command(absent, 0xd3);
        data(absent, 0x5a);
        assertThat(status(absent) & 0x21).isEqualTo(0x21);
        assertThat(answer(absent)).isNotEqualTo(0x5a);
        command(absent, 0xa9);
        assertThat(answer(absent)).isNotIn(0x00, 0xfa, 0xff);
    }

    @Test
    void absentKeyboard_answersTimeout() {
        data(absent, 0xf2);
        assertThat(status(absent) & 0x41).isEqualTo(0x41);
        assertThat(answer(absent)).isEqualTo(0xfe);
    }

    @Test
    void presentKeyboard_resetsAndIdentifies() {
        data(present, 0xff);
        assertThat(line.takeRises()).isEqualTo(1);
        assertThat(answer(present)).isEqualTo(0xfa);
        assertThat(line.takeRises()).isEqualTo(1);
        assertThat(answer(present)).isEqualTo(0xaa);
        assertThat(line.high()).isFalse();
        data(present, 0xf2);
        assertThat(answer(present)).isEqualTo(0xfa);
        assertThat(answer(present)).isEqualTo(0xab);
        assertThat(answer(present)).isEqualTo(0x83);
        data(present, 0xf0);
        answer(present);
        data(present, 0);
        assertThat(answer(present)).isEqualTo(0xfa);
        assertThat(answer(present)).isEqualTo(2);
    }

    @Test
    void pulseAndOutputPort_reset() {
        command(absent, 0xfe);
        assertThat(resets).isEqualTo(1);
        command(absent, 0xff);
        assertThat(resets).isEqualTo(1);
        command(absent, 0xd1);
        data(absent, 0xdf);
        assertThat(resets).isEqualTo(1);
        command(absent, 0xd1);
        data(absent, 0xde);
        assertThat(resets).isEqualTo(2);
    }

    @Test
    void anyBytes_areHarmless() {
        java.util.Random random = new java.util.Random(8042);
        for (int i = 0; i < 100_000; i++) {
            command(present, random.nextInt(256));
            data(present, random.nextInt(256));
        }
        assertThat(present.state().output()).hasSizeLessThanOrEqualTo(16);
    }

    @Nested
    class Snapshot extends SnapshotContract<I8042, I8042State> {
        @Override
        protected I8042 create() {
            return new I8042(new RecordingLine(), true, () -> {});
        }

        @Override
        protected void use(I8042 device) {
            data(device, 0xf0);
            command(device, 0x60);
            data(device, 0x61);
            command(device, 0xd1);
        }

        @Override
        protected void change(I8042 device) {
            data(device, 0xff);
            answer(device);
        }

        @Override
        protected I8042State state(I8042 device) {
            return device.state();
        }

        @Override
        protected void restore(I8042 device, I8042State state) {
            device.restore(state);
        }
    }
}
