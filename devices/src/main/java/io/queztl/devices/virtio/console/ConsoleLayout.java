package io.queztl.devices.virtio.console;

/**
 * Numbers of the console device (VirtIO 1.2, 5.3). Its configuration space, its queues and a
 * control message:
 *
 * <pre>
 * config   0 u16 cols   2 u16 rows   4 u32 max_nr_ports   8 u32 emerg_wr
 * queues   0 port 0 to the guest   1 from it   2 control to the guest   3 from it
 *          4 port 1 to the guest   5 from it   6 ...
 * control  { u32 port; u16 event; u16 value; }  then a name, or { u16 cols; u16 rows; }
 * </pre>
 */
final class ConsoleLayout {
    static final int COLUMNS = 0;
    static final int ROWS = 2;
    static final int MAX_PORTS = 4;
    static final int CONFIG_BYTES = 12;

    static final long F_SIZE = 1;
    static final long F_MULTIPORT = 1 << 1;

    static final int CONTROL_TO_GUEST = 2;
    static final int CONTROL_FROM_GUEST = 3;

    static final int CONTROL_BYTES = 8;
    static final int DEVICE_READY = 0;
    static final int PORT_ADD = 1;
    static final int PORT_READY = 3;
    static final int CONSOLE_PORT = 4;
    static final int RESIZE = 5;
    static final int PORT_OPEN = 6;
    static final int PORT_NAME = 7;

    private ConsoleLayout() {}

    /** The queue that carries a port's bytes to the guest; the one from it comes next. */
    static int queue(int port) {
        return port == 0 ? 0 : 2 + 2 * port;
    }
}
