package io.queztl.vmm.boot;

import io.queztl.machine.memory.GuestMemory;
import java.lang.foreign.MemorySegment;

/** Little-endian reads from a file's bytes, every one of them checked against its end. */
final class Bytes {
    /** A read went past the end. */
    static final class TruncatedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final String reason;

        TruncatedException(long offset, long bytes, long size) {
            reason = "%d bytes at 0x%x are past the end at 0x%x".formatted(bytes, offset, size);
        }

        /** What was read past the end. */
        String reason() {
            return reason;
        }

        @Override
        public String getMessage() {
            return reason;
        }
    }

    private final MemorySegment data;

    Bytes(MemorySegment data) {
        this.data = data;
    }

    long size() {
        return data.byteSize();
    }

    MemorySegment segment() {
        return data;
    }

    /** True if the whole range lies inside. */
    boolean has(long offset, long bytes) {
        return offset >= 0 && bytes >= 0 && offset <= size() && bytes <= size() - offset;
    }

    private long check(long offset, long bytes) {
        if (!has(offset, bytes)) {
            throw new TruncatedException(offset, bytes, size());
        }
        return offset;
    }

    int u8(long offset) {
        return data.get(GuestMemory.I8, check(offset, 1)) & 0xff;
    }

    int u16(long offset) {
        return data.get(GuestMemory.I16, check(offset, 2)) & 0xffff;
    }

    int i32(long offset) {
        return data.get(GuestMemory.I32, check(offset, 4));
    }

    long u32(long offset) {
        return i32(offset) & 0xffff_ffffL;
    }

    long i64(long offset) {
        return data.get(GuestMemory.I64, check(offset, 8));
    }

    /** A part, sharing the same bytes. */
    Bytes slice(long offset, long bytes) {
        return new Bytes(data.asSlice(check(offset, bytes), bytes));
    }

    /** A part, copied. */
    byte[] copy(long offset, int bytes) {
        byte[] copy = new byte[bytes];
        MemorySegment.copy(data, GuestMemory.I8, check(offset, bytes), copy, 0, bytes);
        return copy;
    }
}
