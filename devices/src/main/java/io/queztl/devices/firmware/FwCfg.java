package io.queztl.devices.firmware;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.memory.GuestMemory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * The firmware configuration device of QEMU (QEMU's {@code docs/specs/fw_cfg}): numbered items and
 * named files that firmware reads, by a selector and a data port or by DMA. {@link #PORTS} ports:
 *
 * <pre>
 * 0  selector, 16 bits, little-endian, written
 * 1  data, 8 bits, read
 * 4  address of a DMA descriptor, 64 bits, big-endian; writing its low half starts the transfer
 * </pre>
 *
 * <p>A DMA descriptor is control (32 bits), length (32) and address (64), all big-endian. All items
 * are read-only; what follows an item's end reads as zeros. An item is made when it is selected, so
 * that it can tell what the firmware has set up before.
 */
public final class FwCfg implements BusDevice {
    /** Number of ports. */
    public static final int PORTS = 12;

    /** Item: how many bytes of RAM, 64 bits. */
    public static final int RAM_SIZE = 0x03;

    /** Item: non-zero without a display, 16 bits. */
    public static final int NO_GRAPHIC = 0x04;

    /** Item: how many vCPUs there are, 16 bits. */
    public static final int CPUS = 0x05;

    /** Item: whether to offer a boot menu, 16 bits. */
    public static final int BOOT_MENU = 0x0e;

    /** Item: how many vCPUs there can be, 16 bits. */
    public static final int MAX_CPUS = 0x0f;

    private static final int SIGNATURE = 0x00;
    private static final int ID = 0x01;
    private static final int DIRECTORY = 0x19;
    private static final int FIRST_FILE = 0x20;
    private static final int NAME_BYTES = 56;
    private static final int ENTRY_BYTES = 64;

    /** What there is: the ports, and DMA. */
    private static final int ID_BITS = 3;

    private static final int DATA_PORT = 1;
    private static final int DMA_PORT = 4;

    /** "QEMU CFG", what the DMA register reads as. */
    private static final long DMA_SIGNATURE = 0x51454d5520434647L;

    private static final int DMA_ERROR = 1;
    private static final int DMA_READ = 2;
    private static final int DMA_SKIP = 4;
    private static final int DMA_SELECT = 8;
    private static final int DMA_WRITE = 16;
    private static final int DMA_DESCRIPTOR = 16;

    private static final byte[] NOTHING = {};

    private record File(int size, Supplier<byte[]> content) {}

    private final GuestMemory memory;
    private final Map<Integer, Supplier<byte[]>> items = new TreeMap<>();
    private final Map<String, File> files = new TreeMap<>();
    private final Object lock = new Object();
    private int selector;
    private int offset;
    private int dmaHigh;
    private byte[] selected = NOTHING;

    /**
     * @param memory where DMA goes
     */
    public FwCfg(GuestMemory memory) {
        this.memory = memory;
        item(SIGNATURE, "QEMU".getBytes(StandardCharsets.US_ASCII));
        item(ID, new byte[] {ID_BITS, 0, 0, 0});
        items.put(DIRECTORY, this::directory);
    }

    // ---- building, before the guest runs

    /** Sets an item. */
    public void item(int key, byte[] content) {
        items.put(key, content::clone);
    }

    /** Sets an item of 16 bits. */
    public void item16(int key, int value) {
        item(key, new byte[] {(byte) value, (byte) (value >>> 8)});
    }

    /** Adds a file. */
    public void file(String name, byte[] content) {
        file(name, content.length, content::clone);
    }

    /**
     * Adds a file whose content is made when the guest selects it.
     *
     * @param name at most 55 ASCII characters
     * @param size bytes that the directory names; the content is cut or padded to it
     */
    public void file(String name, int size, Supplier<byte[]> content) {
        if (name.length() >= NAME_BYTES) {
            throw new IllegalArgumentException("fw_cfg file name '" + name + "'");
        }
        files.put(name, new File(size, content));
        int key = FIRST_FILE;
        for (File file : files.values()) {
            items.put(key++, () -> java.util.Arrays.copyOf(file.content.get(), file.size));
        }
    }

    private byte[] directory() {
        ByteBuffer list = ByteBuffer.allocate(4 + files.size() * ENTRY_BYTES);
        list.putInt(files.size());
        int key = FIRST_FILE;
        for (Map.Entry<String, File> file : files.entrySet()) {
            int next = list.position() + ENTRY_BYTES;
            list.putInt(file.getValue().size).putShort((short) key++).putShort((short) 0);
            list.put(file.getKey().getBytes(StandardCharsets.US_ASCII));
            list.position(next);
        }
        return list.array();
    }

    // ---- ports

    @Override
    public long read(long port, int size) {
        synchronized (lock) {
            if (port == DATA_PORT && size == 1) {
                int value = offset < selected.length ? selected[offset] & 0xff : 0;
                offset = offset == Integer.MAX_VALUE ? offset : offset + 1;
                return value;
            }
            if (port >= DMA_PORT && port + size <= PORTS) {
                // Big-endian: the byte at the lowest port is the highest of the value.
                return Long.reverseBytes(DMA_SIGNATURE) >>> (port - DMA_PORT) * 8;
            }
            return 0;
        }
    }

    @Override
    public void write(long port, int size, long value) {
        synchronized (lock) {
            if (port == 0 && size == 2) {
                select((int) value);
            } else if (port == DMA_PORT && size == 8) {
                dmaHigh = 0;
                transfer(Long.reverseBytes(value));
            } else if (port == DMA_PORT && size == 4) {
                dmaHigh = Integer.reverseBytes((int) value);
            } else if (port == DMA_PORT + 4 && size == 4) {
                long high = (long) dmaHigh << 32;
                dmaHigh = 0;
                transfer(high | Integer.toUnsignedLong(Integer.reverseBytes((int) value)));
            }
        }
    }

    private void select(int key) {
        selector = key & 0xffff;
        offset = 0;
        Supplier<byte[]> item = items.get(selector);
        selected = item == null ? NOTHING : item.get();
    }

    /** Does what a descriptor says; one that is not in RAM is ignored. */
    private void transfer(long descriptor) {
        if (!memory.isRam(descriptor, DMA_DESCRIPTOR)) {
            return;
        }
        int control = Integer.reverseBytes(memory.read32(descriptor));
        long length = Integer.toUnsignedLong(Integer.reverseBytes(memory.read32(descriptor + 4)));
        long address = Long.reverseBytes(memory.read64(descriptor + 8));
        if ((control & DMA_SELECT) != 0) {
            select(control >>> 16);
        }
        boolean fine = true;
        if ((control & DMA_READ) != 0) {
            fine = memory.isRam(address, length);
            if (fine) {
                copy(address, length);
            }
        } else if ((control & DMA_WRITE) != 0) {
            fine = length == 0;
        }
        if (fine && (control & (DMA_READ | DMA_SKIP)) != 0) {
            offset = (int) Math.min(offset + length, Integer.MAX_VALUE);
        }
        memory.write32(descriptor, fine ? 0 : Integer.reverseBytes(DMA_ERROR));
    }

    private void copy(long address, long length) {
        int there = (int) Math.clamp(selected.length - (long) offset, 0, length);
        if (there > 0) {
            memory.write(address, selected, offset, there);
        }
        if (length > there) {
            memory.fill(address + there, length - there, (byte) 0);
        }
    }

    /** A copy of the registers. */
    public FwCfgState state() {
        synchronized (lock) {
            return new FwCfgState(selector, offset, dmaHigh);
        }
    }

    /** Replaces the registers. */
    public void restore(FwCfgState state) {
        synchronized (lock) {
            select(state.selector());
            offset = Math.max(state.offset(), 0);
            dmaHigh = state.dmaHigh();
        }
    }
}
