package io.queztl.devices.pci;

import java.util.ArrayList;
import java.util.List;

/**
 * The 4 KiB configuration space of one PCI function with a type 0 header (PCI Local Bus
 * specification 3.0, 6.1): bytes and, for each, the bits the guest may write. Its {@link PciDevice}
 * guards it.
 */
public final class PciConfigSpace {
    /** Bytes. */
    public static final int SIZE = 4096;

    /** Offsets of the header's fields. */
    public static final int VENDOR = 0x00;

    public static final int DEVICE = 0x02;
    public static final int COMMAND = 0x04;
    public static final int STATUS = 0x06;
    public static final int REVISION = 0x08;
    public static final int CLASS = 0x09;
    public static final int CACHE_LINE_SIZE = 0x0c;
    public static final int HEADER_TYPE = 0x0e;
    public static final int BAR0 = 0x10;
    public static final int SUBSYSTEM_VENDOR = 0x2c;
    public static final int SUBSYSTEM = 0x2e;
    public static final int CAPABILITIES = 0x34;
    public static final int INTERRUPT_LINE = 0x3c;
    public static final int INTERRUPT_PIN = 0x3d;

    public static final int COMMAND_PORTS = 1;
    public static final int COMMAND_MEMORY = 1 << 1;
    public static final int COMMAND_BUS_MASTER = 1 << 2;
    public static final int COMMAND_INTX_OFF = 1 << 10;
    private static final int COMMAND_PARITY = 1 << 6;
    private static final int COMMAND_SERR = 1 << 8;

    public static final int STATUS_INTX = 1 << 3;
    private static final int STATUS_CAPABILITIES = 1 << 4;

    private static final int FIRST_CAPABILITY = 0x40;

    private final byte[] data = new byte[SIZE];
    private final byte[] writable = new byte[SIZE];
    private int lastCapability;
    private int nextCapability = FIRST_CAPABILITY;

    /**
     * @param vendor vendor id
     * @param device device id
     * @param classCode base class, subclass and programming interface, 24 bits
     * @param revision revision id
     */
    public PciConfigSpace(int vendor, int device, int classCode, int revision) {
        set(VENDOR, 2, vendor);
        set(DEVICE, 2, device);
        set(REVISION, 4, classCode << 8 | revision);
        writable(
                COMMAND,
                2,
                COMMAND_PORTS
                        | COMMAND_MEMORY
                        | COMMAND_BUS_MASTER
                        | COMMAND_PARITY
                        | COMMAND_SERR
                        | COMMAND_INTX_OFF);
        writable(CACHE_LINE_SIZE, 1, 0xff);
        writable(INTERRUPT_LINE, 1, 0xff);
    }

    /** Sets the subsystem ids. */
    public void subsystem(int vendor, int id) {
        set(SUBSYSTEM_VENDOR, 2, vendor);
        set(SUBSYSTEM, 2, id);
    }

    /** Lets the guest write the bits of {@code mask} in a field of {@code size} bytes. */
    public void writable(int offset, int size, int mask) {
        for (int i = 0; i < size; i++) {
            writable[offset + i] = (byte) (mask >>> i * 8);
        }
    }

    /** Sets a field, whatever the guest may write. */
    public void set(int offset, int size, int value) {
        for (int i = 0; i < size; i++) {
            data[offset + i] = (byte) (value >>> i * 8);
        }
    }

    /** A field of 1, 2 or 4 bytes, zero-extended; a word of four may be negative. */
    public int get(int offset, int size) {
        int value = 0;
        for (int i = 0; i < size && offset + i < SIZE; i++) {
            value |= (data[offset + i] & 0xff) << i * 8;
        }
        return value;
    }

    /** What the guest writes. */
    void write(int offset, int size, int value) {
        for (int i = 0; i < size && offset + i < SIZE; i++) {
            int mask = writable[offset + i];
            int at = offset + i;
            data[at] = (byte) (data[at] & ~mask | value >>> i * 8 & mask);
        }
    }

    /**
     * Appends a capability to the list.
     *
     * @param id capability id
     * @param length bytes, the two of the list's header included
     * @return its offset
     * @throws IllegalStateException if the 256 bytes of the header region have no room
     */
    public int addCapability(int id, int length) {
        int offset = nextCapability;
        nextCapability = offset + length + 3 & ~3;
        if (nextCapability > 0x100) {
            throw new IllegalStateException("no room for PCI capability " + id);
        }
        set(offset, 1, id);
        if (lastCapability == 0) {
            set(CAPABILITIES, 1, offset);
            set(STATUS, 2, get(STATUS, 2) | STATUS_CAPABILITIES);
        } else {
            set(lastCapability + 1, 1, offset);
        }
        lastCapability = offset;
        return offset;
    }

    List<Integer> state() {
        List<Integer> words = new ArrayList<>(SIZE / 4);
        for (int i = 0; i < SIZE; i += 4) {
            words.add(get(i, 4));
        }
        return List.copyOf(words);
    }

    void restore(List<Integer> words) {
        for (int i = 0; i < words.size(); i++) {
            set(i * 4, 4, words.get(i));
        }
    }
}
