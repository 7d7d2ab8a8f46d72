package io.queztl.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.ManualTimers;
import io.queztl.devices.SnapshotContract;
import io.queztl.testkit.random.Seeds;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WatchdogTest extends SnapshotContract<Watchdog, WatchdogState> {
    private static final long SECOND = 1_000_000_000;

    private final ManualTimers timers = new ManualTimers();
    private int expired;

    @Override
    protected Watchdog create() {
        return new Watchdog(timers, () -> expired++);
    }

    @Override
    protected void use(Watchdog device) {
        device.write(Watchdog.PRESET, 4, 50);
        device.write(Watchdog.CONTROL, 4, 1);
    }

    @Override
    protected void change(Watchdog device) {
        device.write(Watchdog.CONTROL, 4, 0);
        device.write(Watchdog.PRESET, 4, 7);
    }

    @Override
    protected WatchdogState state(Watchdog device) {
        return device.state();
    }

    @Override
    protected void restore(Watchdog device, WatchdogState state) {
        device.restore(state);
    }

    @Test
    void running_expiresUnlessPatted() {
        Watchdog device = create();
        use(device);
        timers.advance(3 * SECOND);
        assertThat(device.read(Watchdog.COUNTDOWN, 4)).isEqualTo(20);
        device.write(Watchdog.COUNTDOWN, 4, 1);
        timers.advance(4 * SECOND);
        assertThat(expired).isZero();
        timers.advance(SECOND);
        assertThat(expired).isEqualTo(1);
        assertThat(device.read(Watchdog.COUNTDOWN, 4)).isEqualTo(50);
        timers.advance(5 * SECOND);
        assertThat(expired).isEqualTo(2);
    }

    @Test
    void stopped_doesNotExpire() {
        Watchdog device = create();
        timers.advance(100 * SECOND);
        use(device);
        assertThat(device.read(Watchdog.CONTROL, 4)).isEqualTo(1);
        device.write(Watchdog.CONTROL, 4, 0);
        timers.advance(100 * SECOND);
        assertThat(expired).isZero();
    }

    @Test
    void restored_expiresWhenItWouldHave() {
        Watchdog device = create();
        use(device);
        timers.advance(SECOND);
        WatchdogState state = device.state();
        change(device);
        device.restore(state);
        timers.advance(4 * SECOND);
        assertThat(expired).isEqualTo(1);
    }

    @Test
    void anyWrites_neverThrow() {
        Watchdog device = create();
        Random random = new Random(Seeds.seed("WatchdogTest"));
        int cases = Seeds.all() ? 1_000_000 : 10_000;
        for (int i = 0; i < cases; i++) {
            int offset = random.nextInt(Watchdog.PORTS);
            int size = 1 << random.nextInt(4);
            device.write(offset, size, random.nextLong() >>> random.nextInt(64));
            assertThat(device.read(offset, size)).isBetween(0L, 65535L);
            if (i % 100 == 0) {
                timers.advance(random.nextInt(1_000_000_000));
            }
        }
    }

    @Test
    void panicPort_tellsOfPanicsOnly() {
        int[] panics = new int[1];
        PvPanic port = new PvPanic(() -> panics[0]++);
        assertThat(port.read(0, 1)).isEqualTo(1);
        port.write(0, 1, 0);
        port.write(0, 1, 0xfe);
        assertThat(panics[0]).isZero();
        port.write(0, 1, 1);
        assertThat(panics[0]).isEqualTo(1);
    }
}
