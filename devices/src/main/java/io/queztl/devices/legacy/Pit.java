package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;
import io.queztl.machine.time.Clock;
import io.queztl.machine.time.Timers;
import java.util.List;

/**
 * The 8254 programmable interval timer of a PC (Intel 8254 data sheet): four ports, and port 0x61
 * with the gate and output of channel 2 as {@link #systemControl()}. OUT of channel 0 is ISA
 * interrupt 0; in the periodic modes its low phase is shortened to an instant on the wire.
 */
public final class Pit implements BusDevice {
    /** Number of ports. */
    public static final int PORTS = 4;

    /** The input clock. */
    public static final int FREQUENCY_HZ = 1_193_182;

    /** Shortest time between two interrupts, so that a guest cannot keep the timer thread busy. */
    private static final long MIN_INTERVAL_NANOS = 50_000;

    /** Half a period of the refresh clock that port 0x61 shows. */
    private static final long REFRESH_NANOS = 15_085;

    private final IrqLine line;
    private final Clock clock;
    private final Timers.Timer timer;
    private final Object lock = new Object();
    private final PitChannel[] channels = {
        new PitChannel(true), new PitChannel(true), new PitChannel(false)
    };
    private boolean speaker;
    private long riseAt = -1;

    /**
     * @param line ISA interrupt 0
     * @param timers time channel 0
     */
    public Pit(IrqLine line, Timers timers) {
        this.line = line;
        clock = timers.clock();
        timer = timers.timer(this::expired);
    }

    @Override
    public long read(long offset, int size) {
        synchronized (lock) {
            int value = offset < 3 ? channels[(int) offset].read(clock.nanos()) : 0xff;
            return size == 1 ? value : value | -1L << 8;
        }
    }

    @Override
    public void write(long offset, int size, long value) {
        synchronized (lock) {
            long now = clock.nanos();
            int data = (int) value & 0xff;
            if (offset < 3) {
                channels[(int) offset].write(data, now);
                if (offset == 0) {
                    schedule(now);
                }
            } else if (offset == 3) {
                control(data, now);
            }
        }
    }

    private void control(int value, long now) {
        int select = value >>> 6;
        if (select == 3) {
            for (int i = 0; i < 3; i++) {
                if ((value >>> 1 + i & 1) != 0) {
                    if ((value & 0x10) == 0) {
                        channels[i].latchStatus(now);
                    }
                    if ((value & 0x20) == 0) {
                        channels[i].latchCount(now);
                    }
                }
            }
        } else if ((value & 0x30) == 0) {
            channels[select].latchCount(now);
        } else {
            channels[select].control(value, now);
            if (select == 0) {
                schedule(now);
            }
        }
    }

    /** Sets the wire of channel 0 to OUT and arms the timer for its next rise. */
    private void schedule(long now) {
        line.set(channels[0].out(now));
        riseAt = channels[0].nextRise(now);
        if (riseAt < 0) {
            timer.disarm();
        } else {
            riseAt = Math.max(riseAt, now + MIN_INTERVAL_NANOS);
            timer.arm(riseAt);
        }
    }

    private void expired() {
        synchronized (lock) {
            long now = clock.nanos();
            if (riseAt < 0 || now < riseAt) {
                return;
            }
            line.set(false);
            line.set(true);
            riseAt = channels[0].nextRise(now);
            if (riseAt >= 0) {
                riseAt = Math.max(riseAt, now + MIN_INTERVAL_NANOS);
                timer.arm(riseAt);
            }
        }
    }

    /** Port 0x61: gate, speaker, refresh toggle and output of channel 2. */
    public BusDevice systemControl() {
        return new SystemControl();
    }

    private final class SystemControl implements BusDevice {
        @Override
        public long read(long offset, int size) {
            synchronized (lock) {
                long now = clock.nanos();
                int value = channels[2].gate() ? 1 : 0;
                value |= speaker ? 2 : 0;
                value |= (now / REFRESH_NANOS & 1) != 0 ? 0x10 : 0;
                value |= channels[2].out(now) ? 0x20 : 0;
                return size == 1 ? value : value | -1L << 8;
            }
        }

        @Override
        public void write(long offset, int size, long value) {
            synchronized (lock) {
                channels[2].gate((value & 1) != 0, clock.nanos());
                speaker = (value & 2) != 0;
            }
        }
    }

    /** A copy of the registers. */
    public PitState state() {
        synchronized (lock) {
            return new PitState(
                    List.of(channels[0].state(), channels[1].state(), channels[2].state()),
                    speaker);
        }
    }

    /** Replaces the registers. The VM's clock must go on from where the state was taken. */
    public void restore(PitState state) {
        synchronized (lock) {
            for (int i = 0; i < 3; i++) {
                channels[i].restore(state.channels().get(i));
            }
            speaker = state.speaker();
            schedule(clock.nanos());
        }
    }
}
