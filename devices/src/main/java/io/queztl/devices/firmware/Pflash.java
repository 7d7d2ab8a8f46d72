package io.queztl.devices.firmware;

import io.queztl.machine.bus.BusDevice;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * A NOR flash chip of one byte's width with Intel's command set (CFI publication 100, command set
 * 0001), as QEMU puts it under UEFI firmware for its variables. It is read like memory until a
 * write makes it a register; {@code 0xff} makes it memory again, and is when what has changed goes
 * to the {@link Store}.
 *
 * <p>Programming sets bytes to any value, as QEMU's chip does, and needs no erased block.
 */
public final class Pflash implements BusDevice {
    /** Bytes of an erase block. */
    public static final int BLOCK = 4096;

    /** Where what is written is kept. */
    @FunctionalInterface
    public interface Store {
        /**
         * Keeps a changed range; on a vCPU's thread.
         *
         * @param content the whole chip
         * @return false if that failed: the guest sees a programming error
         */
        boolean keep(byte[] content, int start, int bytes);
    }

    /** What the next write, and reads, mean. */
    enum Mode {
        ARRAY,
        STATUS,
        IDENTIFIER,
        QUERY,
        PROGRAM,
        ERASE,
        BUFFER_COUNT,
        BUFFER_DATA,
        BUFFER_CONFIRM
    }

    private static final int CLEAR_STATUS = 0x50;
    private static final int READ_STATUS = 0x70;
    private static final int READ_IDENTIFIER = 0x90;
    private static final int READ_QUERY = 0x98;
    private static final int PROGRAM = 0x10;
    private static final int PROGRAM_TOO = 0x40;
    private static final int ERASE = 0x20;
    private static final int CONFIRM = 0xd0;
    private static final int WRITE_BUFFER = 0xe8;

    /** Set by the end of an operation. Cleared it stays with the rest: firmware looks for that. */
    private static final int READY = 0x80;

    private static final int ERROR_PROGRAM = 0x10;
    private static final int ERROR_SEQUENCE = 0x30;

    /** Bytes of the write buffer. */
    private static final int BUFFER = 256;

    private static final int MANUFACTURER = 0x89;
    private static final int DEVICE = 0x18;

    private final byte[] content;
    private final byte[] query;
    private final Store store;
    private final byte[] buffer = new byte[BUFFER];
    private final Object lock = new Object();
    private Mode mode = Mode.ARRAY;
    private int status = READY;
    private int bufferStart;
    private int bufferBytes;
    private int bufferFilled;
    private int dirtyStart = Integer.MAX_VALUE;
    private int dirtyEnd;

    /**
     * @param content what it holds at first, a multiple of {@link #BLOCK}; copied
     * @param store takes what changes
     */
    public Pflash(byte[] content, Store store) {
        if (content.length == 0 || content.length % BLOCK != 0) {
            throw new IllegalArgumentException("flash of " + content.length + " bytes");
        }
        this.content = content.clone();
        this.store = store;
        query = query(content.length);
    }

    /** Bytes of the chip. */
    public int size() {
        return content.length;
    }

    /** The query table (CFI 1.0, 4.3), from address 0x10. */
    private static byte[] query(int bytes) {
        byte[] table = new byte[0x31];
        byte[] head = {'Q', 'R', 'Y', 1, 0, 0x31, 0, 0, 0, 0, 0};
        System.arraycopy(head, 0, table, 0x10, head.length);
        table[0x27] = (byte) (31 - Integer.numberOfLeadingZeros(bytes));
        table[0x2a] = (byte) Integer.numberOfTrailingZeros(BUFFER);
        table[0x2c] = 1; // one region of equal blocks
        int last = bytes / BLOCK - 1;
        table[0x2d] = (byte) last;
        table[0x2e] = (byte) (last >>> 8);
        table[0x2f] = (byte) (BLOCK >>> 8);
        table[0x30] = (byte) (BLOCK >>> 16);
        return table;
    }

    @Override
    public long read(long offset, int size) {
        synchronized (lock) {
            long value = 0;
            for (int i = 0; i < size; i++) {
                value |= (long) readByte((int) offset + i) << i * 8;
            }
            return value;
        }
    }

    private int readByte(int at) {
        return switch (mode) {
            case ARRAY -> at < content.length ? content[at] & 0xff : 0xff;
            case IDENTIFIER -> at % BLOCK == 0 ? MANUFACTURER : at % BLOCK == 1 ? DEVICE : 0;
            case QUERY -> at % BLOCK < query.length ? query[at % BLOCK] : 0;
            default -> status;
        };
    }

    @Override
    public void write(long offset, int size, long value) {
        synchronized (lock) {
            int at = (int) offset;
            // A wider write is that many bytes of data, but only one command.
            int bytes = mode == Mode.PROGRAM || mode == Mode.BUFFER_DATA ? size : 1;
            if (mode == Mode.PROGRAM) {
                for (int i = 0; i < bytes; i++) {
                    program(at + i, (int) (value >>> i * 8));
                }
                end();
                return;
            }
            for (int i = 0; i < bytes; i++) {
                writeByte(at + i, (int) (value >>> i * 8) & 0xff);
            }
        }
    }

    private void writeByte(int at, int value) {
        switch (mode) {
            case ERASE -> {
                if (value == CONFIRM) {
                    int start = at / BLOCK * BLOCK;
                    Arrays.fill(content, start, start + BLOCK, (byte) 0xff);
                    changed(start, BLOCK);
                } else {
                    status |= ERROR_SEQUENCE;
                }
                end();
            }
            case BUFFER_COUNT -> {
                bufferStart = at;
                bufferBytes = value + 1;
                bufferFilled = 0;
                Arrays.fill(buffer, (byte) 0xff);
                mode = Mode.BUFFER_DATA;
            }
            case BUFFER_DATA -> {
                if (bufferFilled == 0) {
                    bufferStart = at;
                }
                int index = at - bufferStart;
                if (index < 0 || index >= bufferBytes) {
                    status |= ERROR_SEQUENCE;
                    end();
                    return;
                }
                buffer[index] = (byte) value;
                if (++bufferFilled == bufferBytes) {
                    mode = Mode.BUFFER_CONFIRM;
                }
            }
            case BUFFER_CONFIRM -> {
                if (value == CONFIRM) {
                    for (int i = 0; i < bufferBytes; i++) {
                        program(bufferStart + i, buffer[i]);
                    }
                } else {
                    status |= ERROR_SEQUENCE;
                }
                end();
            }
            default -> command(value);
        }
    }

    private void end() {
        status |= READY;
        mode = Mode.STATUS;
    }

    private void command(int value) {
        switch (value) {
            case PROGRAM, PROGRAM_TOO -> mode = Mode.PROGRAM;
            case ERASE -> mode = Mode.ERASE;
            case WRITE_BUFFER -> {
                status |= READY;
                mode = Mode.BUFFER_COUNT;
            }
            case READ_STATUS -> mode = Mode.STATUS;
            case READ_IDENTIFIER -> mode = Mode.IDENTIFIER;
            case READ_QUERY -> mode = Mode.QUERY;
            case CLEAR_STATUS -> {
                status = 0;
                mode = Mode.ARRAY;
            }
            default -> {
                mode = Mode.ARRAY;
                keep();
            }
        }
    }

    private void program(int at, int value) {
        if (at < content.length) {
            content[at] = (byte) value;
            changed(at, 1);
        }
    }

    private void changed(int start, int bytes) {
        dirtyStart = Math.min(dirtyStart, start);
        dirtyEnd = Math.max(dirtyEnd, start + bytes);
    }

    private void keep() {
        if (dirtyEnd > dirtyStart) {
            if (!store.keep(content, dirtyStart, dirtyEnd - dirtyStart)) {
                status |= ERROR_PROGRAM;
                return;
            }
            dirtyStart = Integer.MAX_VALUE;
            dirtyEnd = 0;
        }
    }

    /** Gives the store what it does not have yet; when the VM ends. */
    public void flush() {
        synchronized (lock) {
            keep();
        }
    }

    /** A copy of the chip. */
    public PflashState state() {
        synchronized (lock) {
            return new PflashState(
                    HexFormat.of().formatHex(content),
                    mode.ordinal(),
                    status,
                    HexFormat.of().formatHex(buffer),
                    bufferStart,
                    bufferBytes,
                    bufferFilled);
        }
    }

    /**
     * Replaces what the chip holds, which goes to the store too.
     *
     * @throws IllegalArgumentException if the state is not one of a chip of this size
     */
    public void restore(PflashState state) {
        synchronized (lock) {
            byte[] bytes = HexFormat.of().parseHex(state.content());
            if (bytes.length != content.length) {
                throw new IllegalArgumentException("flash of " + bytes.length + " bytes");
            }
            System.arraycopy(bytes, 0, content, 0, bytes.length);
            mode = Mode.values()[state.mode()];
            status = state.status();
            System.arraycopy(HexFormat.of().parseHex(state.buffer()), 0, buffer, 0, BUFFER);
            bufferStart = state.bufferStart();
            bufferBytes = state.bufferBytes();
            bufferFilled = state.bufferFilled();
            changed(0, bytes.length);
            keep();
        }
    }
}
