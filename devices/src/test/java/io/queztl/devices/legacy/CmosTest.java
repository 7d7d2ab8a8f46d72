package io.queztl.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.ManualTimers;
import io.queztl.devices.RecordingLine;
import io.queztl.devices.SnapshotContract;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class CmosTest {
    private static final long SECOND = 1_000_000_000L;

    private final ManualTimers timers = new ManualTimers();
    private final RecordingLine line = new RecordingLine();
    private final Cmos cmos = new Cmos(line, timers, 512L << 20, 1L << 32);

    private static int read(Cmos cmos, int at) {
        cmos.write(0, 1, at);
        return (int) cmos.read(1, 1);
    }

    private static void write(Cmos cmos, int at, int value) {
        cmos.write(0, 1, at);
        cmos.write(1, 1, value);
    }

    private String time() {
        return "%02x%02x-%02x-%02x %02x:%02x:%02x"
                .formatted(
                        read(cmos, 0x32),
                        read(cmos, 9),
                        read(cmos, 8),
                        read(cmos, 7),
                        read(cmos, 4),
                        read(cmos, 2),
                        read(cmos, 0));
    }

    @Test
    void time_isTheHostsInBcd() {
        assertThat(time()).isEqualTo("2001-09-09 01:46:40");
        assertThat(read(cmos, 6)).isEqualTo(1); // Sunday
        timers.advance(20 * SECOND);
        assertThat(time()).isEqualTo("2001-09-09 01:47:00");
    }

    @Test
    void binaryAnd12Hours_areHonoured() {
        write(cmos, 0x0b, 0x06);
        assertThat(read(cmos, 2)).isEqualTo(46);
        write(cmos, 0x0b, 0x00);
        timers.advance(12 * 3600 * SECOND);
        assertThat(read(cmos, 4)).isEqualTo(0x81); // 1 pm
    }

    @Test
    void settingTheTime_keepsRunningFromThere() {
        write(cmos, 0x0b, 0x82);
        write(cmos, 0x32, 0x20);
        write(cmos, 9, 0x24);
        write(cmos, 8, 0x02);
        write(cmos, 7, 0x29);
        write(cmos, 4, 0x23);
        write(cmos, 2, 0x59);
        write(cmos, 0, 0x58);
        timers.advance(10 * SECOND);
        assertThat(read(cmos, 0)).isEqualTo(0x58);
        write(cmos, 0x0b, 0x02);
        timers.advance(3 * SECOND);
        assertThat(time()).isEqualTo("2024-03-01 00:00:01");
    }

    @Test
    void nonsenseTimes_areHarmless() {
        java.util.Random random = new java.util.Random(146818);
        for (int i = 0; i < 100_000; i++) {
            write(cmos, random.nextInt(128), random.nextInt(256));
            read(cmos, random.nextInt(128));
            timers.advance(random.nextInt(1_000_000));
        }
        write(cmos, 0x0b, 0x02);
        assertThat(read(cmos, 0) & 0x0f).isLessThan(10);
    }

    @Test
    void updateInProgress_showsJustBeforeTheSecond() {
        timers.advance(SECOND / 2);
        assertThat(read(cmos, 0x0a)).isEqualTo(0x26);
        timers.advance(SECOND / 2 - 200_000);
        assertThat(read(cmos, 0x0a)).isEqualTo(0xa6);
        timers.advance(200_000);
        assertThat(read(cmos, 0x0a)).isEqualTo(0x26);
    }

    @Test
    void updateInterrupt_comesEachSecond() {
        write(cmos, 0x0b, 0x12);
        timers.advance(SECOND);
        assertThat(line.high()).isTrue();
        assertThat(read(cmos, 0x0c) & 0xb0).isEqualTo(0x90);
        assertThat(line.high()).isFalse();
        timers.advance(SECOND);
        assertThat(line.takeRises()).isEqualTo(2);
        assertThat(read(cmos, 0x0c) & 0x10).isEqualTo(0x10);
        assertThat(read(cmos, 0x0c)).isZero();
    }

    @Test
    void updateFlag_canBePolled() {
        read(cmos, 0x0c);
        timers.advance(SECOND);
        assertThat(read(cmos, 0x0c) & 0x90).isEqualTo(0x10);
        assertThat(line.takeRises()).isZero();
    }

    @Test
    void alarm_comesAtItsTime() {
        write(cmos, 5, 0xff);
        write(cmos, 3, 0x47);
        write(cmos, 1, 0x05);
        write(cmos, 0x0b, 0x22);
        timers.advance(24 * SECOND);
        assertThat(line.high()).isFalse();
        timers.advance(2 * SECOND);
        assertThat(line.high()).isTrue();
        assertThat(read(cmos, 0x0c) & 0xa0).isEqualTo(0xa0);
    }

    @Test
    void periodicInterrupt_hasTheSelectedRate() {
        write(cmos, 0x0a, 0x26); // 1024 Hz
        write(cmos, 0x0b, 0x42);
        int count = 0;
        for (int i = 0; i < 10_000; i++) {
            timers.advance(100_000);
            if (line.high()) {
                count++;
                read(cmos, 0x0c);
            }
        }
        assertThat(count).isBetween(1022, 1025);
    }

    @Test
    void memorySize_isInTheCmosBytes() {
        assertThat(read(cmos, 0x15) | read(cmos, 0x16) << 8).isEqualTo(640);
        assertThat(read(cmos, 0x34) | read(cmos, 0x35) << 8).isEqualTo((512 - 16) * 16);
        assertThat(read(cmos, 0x5b) | read(cmos, 0x5c) << 8 | read(cmos, 0x5d) << 16)
                .isEqualTo(65536);
        write(cmos, 0x40, 0x99);
        assertThat(read(cmos, 0x40)).isEqualTo(0x99);
        assertThat(read(cmos, 0x0d)).isEqualTo(0x80);
    }

    @Nested
    class Snapshot extends SnapshotContract<Cmos, CmosState> {
        @Override
        protected Cmos create() {
            return new Cmos(new RecordingLine(), timers, 1 << 20, 0);
        }

        @Override
        protected void use(Cmos device) {
            write(device, 0x40, 5);
            write(device, 9, 0x30);
            write(device, 0x0b, 0x72);
            timers.advance(SECOND);
        }

        @Override
        protected void change(Cmos device) {
            read(device, 0x0c);
            write(device, 0x0b, 0x82);
            write(device, 9, 0x31);
        }

        @Override
        protected CmosState state(Cmos device) {
            return device.state();
        }

        @Override
        protected void restore(Cmos device, CmosState state) {
            device.restore(state);
        }
    }
}
