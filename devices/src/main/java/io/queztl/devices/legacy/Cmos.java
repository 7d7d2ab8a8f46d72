package io.queztl.devices.legacy;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.IrqLine;
import io.queztl.machine.time.Clock;
import io.queztl.machine.time.Timers;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;

/**
 * The MC146818 real-time clock and its 114 bytes of CMOS RAM: two ports, the index at 0x70 and the
 * data at 0x71 (Motorola MC146818A data sheet). The time is UTC, the host's plus what the guest
 * set. Flags are worked out when they are looked at; the timer runs only for enabled interrupts.
 */
public final class Cmos implements BusDevice {
    /** Number of ports. */
    public static final int PORTS = 2;

    private static final long SECOND = 1_000_000_000L;

    /** Farthest time from 1970 that the guest can set: the year 2199. */
    private static final long MAX_SECONDS = 7_258_118_399L;

    /** The update-in-progress flag shows this long before the time changes. */
    private static final long UPDATE_NANOS = 244_000;

    /** Shortest time between two interrupts. */
    private static final long MIN_INTERVAL_NANOS = 50_000;

    private static final int SECONDS = 0x00;
    private static final int SECONDS_ALARM = 0x01;
    private static final int MINUTES = 0x02;
    private static final int MINUTES_ALARM = 0x03;
    private static final int HOURS = 0x04;
    private static final int HOURS_ALARM = 0x05;
    private static final int WEEKDAY = 0x06;
    private static final int DAY = 0x07;
    private static final int MONTH = 0x08;
    private static final int YEAR = 0x09;
    private static final int REGISTER_A = 0x0a;
    private static final int REGISTER_B = 0x0b;
    private static final int REGISTER_C = 0x0c;
    private static final int REGISTER_D = 0x0d;
    private static final int CENTURY = 0x32;

    private static final int A_UPDATING = 0x80;
    private static final int B_SET = 0x80;
    private static final int B_BINARY = 0x04;
    private static final int B_24_HOURS = 0x02;

    /** The same bits are enables in register B and flags in C. */
    private static final int PERIODIC = 0x40;

    private static final int ALARM = 0x20;
    private static final int UPDATE = 0x10;

    private final IrqLine line;
    private final Clock clock;
    private final Timers.Timer timer;
    private final Object lock = new Object();
    private final int[] bytes = new int[128];
    private int index;
    private int flags;
    private long offsetNanos;
    private long seenSecond;
    private long seenPeriod;

    /**
     * @param line ISA interrupt 8
     * @param timers the clock, and the timing of interrupts
     * @param lowRam bytes of RAM below 4 GiB, for the memory-size bytes that firmware reads
     * @param highRam bytes of RAM from 4 GiB on
     */
    public Cmos(IrqLine line, Timers timers, long lowRam, long highRam) {
        this.line = line;
        clock = timers.clock();
        timer = timers.timer(this::expired);
        bytes[REGISTER_A] = 0x26;
        bytes[REGISTER_B] = B_24_HOURS;
        memorySize(lowRam, highRam);
        seenSecond = wallSecond();
        seenPeriod = period();
    }

    private void memorySize(long lowRam, long highRam) {
        long base = Math.min(lowRam >>> 10, 640);
        long extended = Math.clamp((lowRam >>> 10) - 1024, 0, 0xffff);
        long above16M = Math.clamp((lowRam - (16L << 20)) >> 16, 0, 0xffff);
        long above4G = highRam >>> 16;
        put16(0x15, base);
        put16(0x17, extended);
        put16(0x30, extended);
        put16(0x34, above16M);
        put16(0x5b, above4G);
        bytes[0x5d] = (int) (above4G >>> 16) & 0xff;
    }

    private void put16(int at, long value) {
        bytes[at] = (int) value & 0xff;
        bytes[at + 1] = (int) (value >>> 8) & 0xff;
    }

    @Override
    public long read(long offset, int size) {
        synchronized (lock) {
            int value = (offset & 1) == 0 ? index : readByte(index);
            if (size > 1) {
                return value | ((offset & 1) == 0 ? (long) readByte(index) << 8 : -1L << 8);
            }
            return value;
        }
    }

    @Override
    public void write(long offset, int size, long value) {
        synchronized (lock) {
            if ((offset & 1) != 0) {
                writeByte(index, (int) value & 0xff);
                return;
            }
            index = (int) value & 0x7f; // bit 7 masks NMI on a PC
            if (size > 1) {
                writeByte(index, (int) (value >>> 8) & 0xff);
            }
        }
    }

    private boolean setting() {
        return (bytes[REGISTER_B] & B_SET) != 0;
    }

    private static boolean isTime(int at) {
        return at == SECONDS
                || at == MINUTES
                || at == HOURS
                || at >= WEEKDAY && at <= YEAR
                || at == CENTURY;
    }

    private int readByte(int at) {
        switch (at) {
            case REGISTER_A -> {
                long left = SECOND - Math.floorMod(clock.wallNanos() + offsetNanos, SECOND);
                boolean updating = !setting() && left <= UPDATE_NANOS;
                return bytes[REGISTER_A] | (updating ? A_UPDATING : 0);
            }
            case REGISTER_C -> {
                catchUp();
                int value = flags | ((flags & bytes[REGISTER_B]) != 0 ? 0x80 : 0);
                flags = 0;
                schedule();
                return value;
            }
            case REGISTER_D -> {
                return 0x80; // the battery is good
            }
            default -> {
                if (isTime(at) && !setting()) {
                    showTime();
                }
                return bytes[at];
            }
        }
    }

    private void writeByte(int at, int value) {
        switch (at) {
            case REGISTER_A -> {
                catchUp();
                bytes[REGISTER_A] = value & 0x7f;
                seenPeriod = period();
                schedule();
            }
            case REGISTER_B -> {
                catchUp();
                boolean was = setting();
                if (!was) {
                    showTime();
                }
                int changed = bytes[REGISTER_B] ^ value;
                bytes[REGISTER_B] = (value & B_SET) != 0 ? value & ~UPDATE : value;
                if (was && !setting()) {
                    takeTime();
                } else if (!was && setting() && (changed & (B_BINARY | B_24_HOURS)) != 0) {
                    bytes[REGISTER_B] = bytes[REGISTER_B] & ~B_SET;
                    showTime();
                    bytes[REGISTER_B] |= B_SET;
                }
                schedule();
            }
            case REGISTER_C, REGISTER_D -> {} // read only
            default -> {
                if (isTime(at) && !setting()) {
                    showTime();
                    bytes[at] = value;
                    takeTime();
                } else {
                    bytes[at] = value;
                }
            }
        }
    }

    // ---- the time

    private long wallSecond() {
        return Math.floorDiv(clock.wallNanos() + offsetNanos, SECOND);
    }

    private void showTime() {
        LocalDateTime t = LocalDateTime.ofEpochSecond(wallSecond(), 0, ZoneOffset.UTC);
        bytes[SECONDS] = encode(t.getSecond());
        bytes[MINUTES] = encode(t.getMinute());
        bytes[HOURS] = encodeHour(t.getHour());
        bytes[WEEKDAY] = t.getDayOfWeek().getValue() % 7 + 1;
        bytes[DAY] = encode(t.getDayOfMonth());
        bytes[MONTH] = encode(t.getMonthValue());
        bytes[YEAR] = encode(Math.floorMod(t.getYear(), 100));
        bytes[CENTURY] = encode(Math.floorMod(t.getYear() / 100, 100));
    }

    /** Makes the bytes the time. Values out of range carry over instead of being refused. */
    private void takeTime() {
        int year = decode(bytes[CENTURY]) * 100 + decode(bytes[YEAR]);
        LocalDateTime t =
                LocalDateTime.of(year, 1, 1, 0, 0)
                        .plusMonths(decode(bytes[MONTH]) - 1)
                        .plusDays(decode(bytes[DAY]) - 1)
                        .plusHours(decodeHour(bytes[HOURS]))
                        .plusMinutes(decode(bytes[MINUTES]))
                        .plusSeconds(decode(bytes[SECONDS]));
        long now = clock.wallNanos();
        // The divider chain is not reset: the fraction of the second stays.
        long fraction = Math.floorMod(now + offsetNanos, SECOND);
        // Years that nanoseconds cannot count to become the last that they can.
        long seconds = Math.clamp(t.toEpochSecond(ZoneOffset.UTC), -MAX_SECONDS, MAX_SECONDS);
        offsetNanos = seconds * SECOND + fraction - now;
        seenSecond = wallSecond();
    }

    private int encode(int value) {
        return (bytes[REGISTER_B] & B_BINARY) != 0 ? value : value / 10 << 4 | value % 10;
    }

    private int decode(int value) {
        return (bytes[REGISTER_B] & B_BINARY) != 0 ? value : (value >>> 4) * 10 + (value & 0xf);
    }

    private int encodeHour(int hour) {
        if ((bytes[REGISTER_B] & B_24_HOURS) != 0) {
            return encode(hour);
        }
        return encode((hour + 11) % 12 + 1) | (hour >= 12 ? 0x80 : 0);
    }

    private int decodeHour(int value) {
        if ((bytes[REGISTER_B] & B_24_HOURS) != 0) {
            return decode(value);
        }
        return decode(value & 0x7f) % 12 + ((value & 0x80) != 0 ? 12 : 0);
    }

    // ---- flags and interrupts

    /** Nanoseconds of a periodic tick, 0 if off (register A, rate selection). */
    private long periodNanos() {
        int rate = bytes[REGISTER_A] & 0xf;
        if (rate == 0 || (bytes[REGISTER_A] & 0x70) != 0x20) {
            return 0;
        }
        int shift = rate <= 2 ? rate + 7 : rate;
        return (SECOND << shift - 1) / 32768;
    }

    private long period() {
        long nanos = periodNanos();
        return nanos == 0 ? 0 : clock.nanos() / nanos;
    }

    /** Sets the flags of what has happened since last time. */
    private void catchUp() {
        long period = period();
        if (period > seenPeriod) {
            flags |= PERIODIC;
        }
        seenPeriod = period;
        long second = wallSecond();
        if (!setting() && second > seenSecond) {
            flags |= UPDATE;
            if ((flags & ALARM) == 0 && alarmBetween(seenSecond + 1, second)) {
                flags |= ALARM;
            }
        }
        seenSecond = second;
    }

    private boolean alarmBetween(long first, long last) {
        long from = Math.max(first, last - 86_399);
        for (long second = from; second <= last; second++) {
            int ofDay = (int) Math.floorMod(second, 86_400L);
            if (matches(SECONDS_ALARM, encode(ofDay % 60))
                    && matches(MINUTES_ALARM, encode(ofDay / 60 % 60))
                    && matches(HOURS_ALARM, encodeHour(ofDay / 3600))) {
                return true;
            }
        }
        return false;
    }

    private boolean matches(int alarm, int value) {
        return bytes[alarm] >= 0xc0 || bytes[alarm] == value;
    }

    /** Sets the wire and arms the timer for the next thing that may raise it. */
    private void schedule() {
        boolean asserted = (flags & bytes[REGISTER_B]) != 0;
        line.set(asserted);
        long next = Long.MAX_VALUE;
        int enabled = bytes[REGISTER_B];
        long now = clock.nanos();
        long period = periodNanos();
        if (!asserted && (enabled & PERIODIC) != 0 && period != 0) {
            next = (now / period + 1) * period;
        }
        if (!asserted && (enabled & (ALARM | UPDATE)) != 0 && !setting()) {
            long left = SECOND - Math.floorMod(clock.wallNanos() + offsetNanos, SECOND);
            next = Math.min(next, now + left);
        }
        if (next == Long.MAX_VALUE) {
            timer.disarm();
        } else {
            timer.arm(Math.max(next, now + MIN_INTERVAL_NANOS));
        }
    }

    private void expired() {
        synchronized (lock) {
            catchUp();
            schedule();
        }
    }

    /** A copy of the registers. */
    public CmosState state() {
        synchronized (lock) {
            List<Integer> list = new ArrayList<>(bytes.length);
            for (int i = 0; i < bytes.length; i++) {
                // What is shown of a running clock is no state.
                list.add(isTime(i) && !setting() ? 0 : bytes[i]);
            }
            return new CmosState(
                    index, List.copyOf(list), offsetNanos, flags, seenSecond, seenPeriod);
        }
    }

    /** Replaces the registers. */
    public void restore(CmosState state) {
        synchronized (lock) {
            index = state.index();
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = state.bytes().get(i);
            }
            offsetNanos = state.offsetNanos();
            flags = state.flags();
            seenSecond = state.seenSecond();
            seenPeriod = state.seenPeriod();
            schedule();
        }
    }
}
