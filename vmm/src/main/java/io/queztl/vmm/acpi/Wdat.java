package io.queztl.vmm.acpi;

import io.queztl.devices.legacy.Watchdog;
import io.queztl.vmm.layout.Layout;

/**
 * The watchdog action table (Microsoft, Hardware Watchdog Timers Design Specification): which
 * register does what. Each entry is an action, an instruction and a register.
 */
final class Wdat {
    private static final int RESET = 1;
    private static final int GET_CURRENT_COUNTDOWN = 4;
    private static final int GET_COUNTDOWN = 5;
    private static final int SET_COUNTDOWN = 6;
    private static final int GET_RUNNING = 8;
    private static final int SET_RUNNING = 9;
    private static final int GET_STOPPED = 10;
    private static final int SET_STOPPED = 11;

    private static final int READ_VALUE = 0;
    private static final int READ_COUNTDOWN = 1;
    private static final int WRITE_VALUE = 2;
    private static final int WRITE_COUNTDOWN = 3;

    private static final int HEADER_BYTES = 32;
    private static final int NOT_PCI = 0xff;
    private static final int ENABLED = 1;
    private static final int SPACE_IO = 1;
    private static final int DOUBLE_WORD = 3;

    private Wdat() {}

    /** The table without the header that all tables have. */
    static byte[] content() {
        int[][] entries = {
            {RESET, WRITE_VALUE, Watchdog.COUNTDOWN, 1, 1},
            {GET_CURRENT_COUNTDOWN, READ_COUNTDOWN, Watchdog.COUNTDOWN, 0, Watchdog.MAX_COUNT},
            {GET_COUNTDOWN, READ_COUNTDOWN, Watchdog.PRESET, 0, Watchdog.MAX_COUNT},
            {SET_COUNTDOWN, WRITE_COUNTDOWN, Watchdog.PRESET, 0, Watchdog.MAX_COUNT},
            {GET_RUNNING, READ_VALUE, Watchdog.CONTROL, 1, 1},
            {SET_RUNNING, WRITE_VALUE, Watchdog.CONTROL, 1, 1},
            {GET_STOPPED, READ_VALUE, Watchdog.CONTROL, 0, 1},
            {SET_STOPPED, WRITE_VALUE, Watchdog.CONTROL, 0, 1},
        };
        ByteWriter w =
                new ByteWriter()
                        .u32(HEADER_BYTES)
                        .u16(NOT_PCI)
                        .u8(NOT_PCI)
                        .u8(NOT_PCI)
                        .u8(NOT_PCI)
                        .zeros(3)
                        .u32(Watchdog.PERIOD_MILLIS)
                        .u32(Watchdog.MAX_COUNT)
                        .u32(1)
                        .u8(ENABLED)
                        .zeros(3)
                        .u32(entries.length);
        for (int[] entry : entries) {
            w.u8(entry[0]).u8(entry[1]).u16(0);
            w.u8(SPACE_IO).u8(32).u8(0).u8(DOUBLE_WORD).u64(Layout.WATCHDOG_PORT + entry[2]);
            w.u32(entry[3]).u32(entry[4]);
        }
        return w.toBytes();
    }
}
