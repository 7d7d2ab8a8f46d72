package io.queztl.devices.pci;

import io.queztl.machine.bus.BusDevice;
import io.queztl.machine.irq.MsiSink;
import java.util.ArrayList;
import java.util.List;

/**
 * The MSI-X capability of a function with its table and pending-bit array (PCI Local Bus
 * specification 3.0, 6.8.2). As a bus device it is the BAR that holds both: the table at 0, the
 * pending bits at {@link #pendingOffset()}.
 */
public final class Msix implements BusDevice {
    /** Capability id. */
    static final int CAPABILITY = 0x11;

    static final int CAPABILITY_LENGTH = 12;

    /** Writable bits of the message control word: enable and function mask. */
    static final int CONTROL_WRITABLE = 0xc000;

    private static final int CONTROL_ENABLE = 0x8000;
    private static final int CONTROL_MASK = 0x4000;
    private static final int ENTRY = 16;
    private static final int VECTOR_MASKED = 1;
    private static final int MAX_VECTORS = 2048;

    private final MsiSink sink;
    private final int vectors;
    private final int[] table;
    private final long[] pending;
    private final Object lock = new Object();
    private boolean enabled;
    private boolean masked;

    Msix(int vectors, MsiSink sink) {
        if (vectors < 1 || vectors > MAX_VECTORS) {
            throw new IllegalArgumentException(vectors + " MSI-X vectors");
        }
        this.vectors = vectors;
        this.sink = sink;
        table = new int[vectors * 4];
        pending = new long[(vectors + 63) / 64];
        for (int v = 0; v < vectors; v++) {
            table[v * 4 + 3] = VECTOR_MASKED;
        }
    }

    /** The number of vectors. */
    public int vectors() {
        return vectors;
    }

    /** Where the pending bits begin in the BAR. */
    public int pendingOffset() {
        return vectors * ENTRY + 0x7ff & ~0x7ff;
    }

    /** Bytes of the BAR: a power of two, at least a page. */
    long window() {
        long bytes = pendingOffset() + pending.length * 8L;
        return Math.max(4096, Long.highestOneBit(bytes - 1) << 1);
    }

    /** True if the guest has enabled MSI-X, so that the interrupt pin is not used. */
    public boolean enabled() {
        synchronized (lock) {
            return enabled;
        }
    }

    /**
     * Raises an interrupt. Sends the vector's message, or records it while the vector is masked;
     * nothing if MSI-X is off or there is no such vector.
     */
    public void raise(int vector) {
        if (vector < 0 || vector >= vectors) {
            return;
        }
        long address;
        int data;
        synchronized (lock) {
            if (!enabled) {
                return;
            }
            if (masked || (table[vector * 4 + 3] & VECTOR_MASKED) != 0) {
                pending[vector >>> 6] |= 1L << vector;
                return;
            }
            address = address(vector);
            data = table[vector * 4 + 2];
        }
        sink.send(address, data);
    }

    private long address(int vector) {
        return (long) table[vector * 4 + 1] << 32 | Integer.toUnsignedLong(table[vector * 4]);
    }

    void control(int control) {
        synchronized (lock) {
            enabled = (control & CONTROL_ENABLE) != 0;
            masked = (control & CONTROL_MASK) != 0;
            for (int v = 0; v < vectors; v++) {
                sendPending(v);
            }
        }
    }

    private void sendPending(int vector) {
        long bit = 1L << vector;
        if (enabled
                && !masked
                && (pending[vector >>> 6] & bit) != 0
                && (table[vector * 4 + 3] & VECTOR_MASKED) == 0) {
            pending[vector >>> 6] &= ~bit;
            sink.send(address(vector), table[vector * 4 + 2]);
        }
    }

    @Override
    public long read(long offset, int size) {
        synchronized (lock) {
            long word = Integer.toUnsignedLong(word(offset & ~3));
            if (size == 8) {
                return word | (long) word((offset & ~3) + 4) << 32;
            }
            return word >>> (offset & 3) * 8;
        }
    }

    private int word(long offset) {
        if (offset < (long) vectors * ENTRY) {
            return table[(int) offset >>> 2];
        }
        long bits = offset - pendingOffset();
        if (bits >= 0 && bits < pending.length * 8L) {
            return (int) (pending[(int) bits >>> 3] >>> (bits & 4) * 8);
        }
        return 0;
    }

    @Override
    public void write(long offset, int size, long value) {
        if (size < 4 || (offset & 3) != 0) {
            return; // the specification allows aligned words only
        }
        synchronized (lock) {
            writeWord(offset, (int) value);
            if (size == 8) {
                writeWord(offset + 4, (int) (value >>> 32));
            }
        }
    }

    private void writeWord(long offset, int value) {
        if (offset >= (long) vectors * ENTRY) {
            return; // the pending bits are read-only
        }
        int index = (int) offset >>> 2;
        switch (index & 3) {
            case 0 -> table[index] = value & ~3;
            case 3 -> {
                table[index] = value & VECTOR_MASKED;
                sendPending(index >>> 2);
            }
            default -> table[index] = value;
        }
    }

    MsixState state() {
        synchronized (lock) {
            List<Integer> words = new ArrayList<>(table.length);
            for (int w : table) {
                words.add(w);
            }
            List<Long> bits = new ArrayList<>(pending.length);
            for (long b : pending) {
                bits.add(b);
            }
            return new MsixState(List.copyOf(words), List.copyOf(bits));
        }
    }

    void restore(MsixState state, int control) {
        synchronized (lock) {
            for (int i = 0; i < table.length; i++) {
                table[i] = state.table().get(i);
            }
            for (int i = 0; i < pending.length; i++) {
                pending[i] = state.pending().get(i);
            }
            enabled = (control & CONTROL_ENABLE) != 0;
            masked = (control & CONTROL_MASK) != 0;
        }
    }
}
