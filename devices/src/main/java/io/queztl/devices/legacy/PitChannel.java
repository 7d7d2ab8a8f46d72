package io.queztl.devices.legacy;

/**
 * One counter of an 8254 (Intel 8254 data sheet), computed from the time rather than stepped. The
 * {@link Pit} guards it and passes the time in.
 */
final class PitChannel {
    private static final long FREQUENCY = Pit.FREQUENCY_HZ;

    private int mode = 3;
    private boolean bcd;
    private int access = 3;
    private int reload;
    private int nextReload;
    private boolean started;
    private long startNanos;
    private long ticksBefore;
    private boolean gate;
    private int writeLow = -1;
    private boolean readHigh;
    private int latched = -1;
    private int latchedStatus = -1;

    PitChannel(boolean gate) {
        this.gate = gate;
    }

    // ---- time

    /** Ticks the counter has made since the count was loaded. */
    private long ticks(long now) {
        return counting() ? ticksBefore + toTicks(now - startNanos) : ticksBefore;
    }

    private static long toTicks(long nanos) {
        long seconds = nanos / 1_000_000_000;
        return seconds * FREQUENCY + nanos % 1_000_000_000 * FREQUENCY / 1_000_000_000;
    }

    /** Nanoseconds after which {@link #toTicks} reaches {@code ticks}. */
    private static long toNanos(long ticks) {
        long seconds = ticks / FREQUENCY;
        return seconds * 1_000_000_000
                + (ticks % FREQUENCY * 1_000_000_000 + FREQUENCY - 1) / FREQUENCY;
    }

    private boolean counting() {
        return started && (gate || mode == 1 || mode == 5);
    }

    private void load(long now) {
        started = true;
        startNanos = now;
        ticksBefore = 0;
        if (nextReload != 0) {
            reload = nextReload;
            nextReload = 0;
        }
    }

    /** In modes 2 and 3 a new count waits for the end of the period: take it if that has come. */
    private void settle(long now) {
        if (nextReload != 0 && started && periodic()) {
            long ticks = ticks(now);
            if (ticks >= reload) {
                startNanos += toNanos(reload - ticksBefore);
                ticksBefore = 0;
                reload = nextReload;
                nextReload = 0;
            }
        }
    }

    private boolean periodic() {
        return mode == 2 || mode == 3;
    }

    // ---- pins

    boolean gate() {
        return gate;
    }

    void gate(boolean level, long now) {
        if (level == gate) {
            return;
        }
        settle(now);
        if (level) {
            gate = true;
            if (mode == 1 || mode == 5 || periodic()) {
                if (reload != 0 || nextReload != 0) {
                    load(now);
                }
            } else {
                startNanos = now;
            }
        } else {
            ticksBefore = ticks(now);
            startNanos = now;
            gate = false;
        }
    }

    /** The level of OUT. */
    boolean out(long now) {
        settle(now);
        if (!started) {
            return mode != 0;
        }
        long ticks = ticks(now);
        return switch (mode) {
            case 0, 1 -> ticks >= reload;
            case 2 -> !gate || ticks % reload != reload - 1;
            case 3 -> !gate || ticks % reload < (reload + 1) / 2;
            default -> ticks != reload;
        };
    }

    /**
     * When OUT rises next.
     *
     * @return nanoseconds of the clock, or -1 if it does not
     */
    long nextRise(long now) {
        settle(now);
        if (!counting()) {
            return -1;
        }
        long ticks = ticks(now);
        long at =
                switch (mode) {
                    case 0, 1 -> reload;
                    case 2, 3 -> (ticks / reload + 1) * reload;
                    default -> reload + 1L;
                };
        return at <= ticks ? -1 : startNanos + toNanos(at - ticksBefore);
    }

    // ---- registers

    void control(int value, long now) {
        access = value >>> 4 & 3;
        int field = value >>> 1 & 7;
        mode = field > 5 ? field - 4 : field;
        bcd = (value & 1) != 0;
        reload = 0;
        nextReload = 0;
        started = false;
        startNanos = now;
        ticksBefore = 0;
        writeLow = -1;
        readHigh = false;
        latched = -1;
        latchedStatus = -1;
    }

    void latchCount(long now) {
        if (latched < 0) {
            latched = count(now);
        }
    }

    void latchStatus(long now) {
        if (latchedStatus < 0) {
            boolean nullCount = reload == 0 || nextReload != 0;
            latchedStatus =
                    (out(now) ? 0x80 : 0)
                            | (nullCount ? 0x40 : 0)
                            | access << 4
                            | mode << 1
                            | (bcd ? 1 : 0);
        }
    }

    private int count(long now) {
        settle(now);
        int modulus = bcd ? 10_000 : 0x10000;
        long ticks = started ? ticks(now) : 0;
        long value;
        if (reload == 0) {
            value = 0;
        } else if (mode == 2) {
            value = reload - ticks % reload;
        } else if (mode == 3) {
            long phase = ticks % reload;
            int half = (reload + 1) / 2;
            long inside = phase < half ? phase : phase - half;
            value = (reload & ~1) - 2 * inside;
        } else {
            value = Math.floorMod(reload - ticks, (long) modulus);
        }
        int binary = (int) (value % modulus);
        return bcd ? toBcd(binary) : binary;
    }

    private static int toBcd(int value) {
        return value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
    }

    private static int fromBcd(int value) {
        return (value >>> 12) * 1000
                + (value >>> 8 & 0xf) * 100
                + (value >>> 4 & 0xf) * 10
                + (value & 0xf);
    }

    int read(long now) {
        if (latchedStatus >= 0) {
            int value = latchedStatus;
            latchedStatus = -1;
            return value;
        }
        int value = latched >= 0 ? latched : count(now);
        if (access != 3) {
            latched = -1;
            return access == 2 ? value >>> 8 : value & 0xff;
        }
        readHigh = !readHigh;
        if (readHigh) {
            return value & 0xff;
        }
        latched = -1;
        return value >>> 8;
    }

    void write(int value, long now) {
        switch (access) {
            case 1 -> count(value, now);
            case 2 -> count(value << 8, now);
            case 3 -> {
                if (writeLow < 0) {
                    writeLow = value;
                    if (mode == 0) {
                        // The first byte stops the counter and lowers OUT.
                        started = false;
                    }
                } else {
                    int low = writeLow;
                    writeLow = -1;
                    count(value << 8 | low, now);
                }
            }
            default -> {}
        }
    }

    private void count(int raw, long now) {
        settle(now);
        int value = bcd ? fromBcd(raw) : raw;
        if (value == 0) {
            value = bcd ? 10_000 : 0x10000;
        }
        if (periodic() && value == 1) {
            value = 2; // 1 is illegal there
        }
        switch (mode) {
            case 0, 4 -> {
                reload = value;
                load(now);
            }
            case 1, 5 -> {
                if (started) {
                    nextReload = value; // taken by the next trigger
                } else {
                    reload = value;
                    ticksBefore = 0;
                }
            }
            default -> {
                if (started) {
                    nextReload = value;
                } else {
                    reload = value;
                    load(now);
                }
            }
        }
    }

    PitState.Channel state() {
        return new PitState.Channel(
                mode,
                bcd,
                access,
                reload,
                nextReload,
                started,
                startNanos,
                ticksBefore,
                gate,
                writeLow,
                readHigh,
                latched,
                latchedStatus);
    }

    void restore(PitState.Channel state) {
        mode = state.mode();
        bcd = state.bcd();
        access = state.access();
        reload = state.reload();
        nextReload = state.nextReload();
        started = state.started();
        startNanos = state.startNanos();
        ticksBefore = state.ticksBefore();
        gate = state.gate();
        writeLow = state.writeLow();
        readHigh = state.readHigh();
        latched = state.latched();
        latchedStatus = state.latchedStatus();
    }
}
