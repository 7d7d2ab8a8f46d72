package io.queztl.vmm.acpi;

import java.util.List;

/**
 * Writes ACPI Machine Language (ACPI specification 6.5, chapter 20). Every method returns the
 * encoding of one term; what contains others takes them as arguments, so that a table's code has
 * the shape of its ASL.
 */
final class Aml {
    private static final int NAME_OP = 0x08;
    private static final int STRING_PREFIX = 0x0d;
    private static final int SCOPE_OP = 0x10;
    private static final int BUFFER_OP = 0x11;
    private static final int PACKAGE_OP = 0x12;
    private static final int EXTENDED_PREFIX = 0x5b;
    private static final int DEVICE_OP = 0x82;
    private static final int DUAL_NAME_PREFIX = 0x2e;

    private Aml() {}

    /** Scope (path) { terms }. */
    static byte[] scope(String path, byte[]... terms) {
        return block(new byte[] {SCOPE_OP}, join(name(path), join(terms)));
    }

    /** Device (name) { terms }. */
    static byte[] device(String path, byte[]... terms) {
        return block(new byte[] {EXTENDED_PREFIX, (byte) DEVICE_OP}, join(name(path), join(terms)));
    }

    /** Name (path, value). */
    static byte[] define(String path, byte[] value) {
        return join(new byte[] {NAME_OP}, name(path), value);
    }

    /** An integer constant, in its shortest encoding. */
    static byte[] integer(long value) {
        ByteWriter w = new ByteWriter();
        if (value == 0 || value == 1) {
            w.u8(value);
        } else if (value >>> 8 == 0) {
            w.u8(0x0a).u8(value);
        } else if (value >>> 16 == 0) {
            w.u8(0x0b).u16(value);
        } else if (value >>> 32 == 0) {
            w.u8(0x0c).u32(value);
        } else {
            w.u8(0x0e).u64(value);
        }
        return w.toBytes();
    }

    /** A string constant. */
    static byte[] string(String text) {
        return new ByteWriter().u8(STRING_PREFIX).ascii(text).u8(0).toBytes();
    }

    /** EisaId ("PNP0A08"): three letters of five bits, four hexadecimal digits, big-endian. */
    static byte[] eisaId(String id) {
        int letters =
                (id.charAt(0) - '@' & 31) << 10
                        | (id.charAt(1) - '@' & 31) << 5
                        | (id.charAt(2) - '@' & 31);
        int value = letters << 16 | Integer.parseInt(id, 3, 7, 16);
        return integer(Integer.reverseBytes(value) & 0xffff_ffffL);
    }

    /** Package () { elements }. */
    static byte[] packageOf(List<byte[]> elements) {
        return block(
                new byte[] {PACKAGE_OP},
                join(new byte[] {(byte) elements.size()}, join(elements.toArray(byte[][]::new))));
    }

    /** ResourceTemplate () { descriptors }, the end tag included. */
    static byte[] resources(byte[]... descriptors) {
        byte[] endTag = {0x79, 0};
        byte[] content = join(join(descriptors), endTag);
        return block(new byte[] {BUFFER_OP}, join(integer(content.length), content));
    }

    /** One term after the other. */
    static byte[] join(byte[]... terms) {
        ByteWriter w = new ByteWriter();
        for (byte[] term : terms) {
            w.bytes(term);
        }
        return w.toBytes();
    }

    // ---- resource descriptors (ACPI specification 6.5, 6.4) ----

    /** IO (Decode16, first, first, 1, count). */
    static byte[] io(int first, int count) {
        return new ByteWriter().u8(0x47).u8(1).u16(first).u16(first).u8(1).u8(count).toBytes();
    }

    /** IRQNoFlags () {irq}: edge-triggered, active high, exclusive. */
    static byte[] irq(int irq) {
        return new ByteWriter().u8(0x22).u16(1 << irq).toBytes();
    }

    /** Memory32Fixed (ReadWrite, base, bytes). */
    static byte[] memory32(long base, long bytes) {
        return new ByteWriter().u8(0x86).u16(9).u8(1).u32(base).u32(bytes).toBytes();
    }

    private static final int BUS_RANGE = 2;
    private static final int IO_RANGE = 1;
    private static final int MEMORY_RANGE = 0;

    /** Passed on to the bus below, positively decoded, both ends fixed. */
    private static final int PRODUCER_FIXED = 0x0c;

    /** WordBusNumber of the buses below a bridge. */
    static byte[] busNumbers(int first, int last) {
        return wordRange(BUS_RANGE, 0, first, last);
    }

    /** WordIO window of a bridge, the whole range decoded. */
    static byte[] ioWindow(int first, int last) {
        return wordRange(IO_RANGE, 3, first, last);
    }

    private static byte[] wordRange(int type, int typeFlags, int first, int last) {
        return new ByteWriter()
                .u8(0x88)
                .u16(13)
                .u8(type)
                .u8(PRODUCER_FIXED)
                .u8(typeFlags)
                .u16(0)
                .u16(first)
                .u16(last)
                .u16(0)
                .u16(last - first + 1)
                .toBytes();
    }

    /** DWordMemory window of a bridge: read-write, not cacheable. */
    static byte[] memoryWindow32(long base, long bytes) {
        return new ByteWriter()
                .u8(0x87)
                .u16(23)
                .u8(MEMORY_RANGE)
                .u8(PRODUCER_FIXED)
                .u8(1)
                .u32(0)
                .u32(base)
                .u32(base + bytes - 1)
                .u32(0)
                .u32(bytes)
                .toBytes();
    }

    /** QWordMemory window of a bridge: read-write, prefetchable. */
    static byte[] memoryWindow64(long base, long bytes) {
        return new ByteWriter()
                .u8(0x8a)
                .u16(43)
                .u8(MEMORY_RANGE)
                .u8(PRODUCER_FIXED)
                .u8(7)
                .u64(0)
                .u64(base)
                .u64(base + bytes - 1)
                .u64(0)
                .u64(bytes)
                .toBytes();
    }

    /** A path of at most two segments, such as {@code \_SB.PCI0}. */
    private static byte[] name(String path) {
        ByteWriter w = new ByteWriter();
        String rest = path;
        if (rest.startsWith("\\")) {
            w.u8('\\');
            rest = rest.substring(1);
        }
        String[] segments = rest.split("\\.", -1);
        if (segments.length == 2) {
            w.u8(DUAL_NAME_PREFIX);
        } else if (segments.length > 2) {
            throw new IllegalArgumentException("path of more than two segments: " + path);
        }
        for (String segment : segments) {
            w.ascii((segment + "____").substring(0, 4));
        }
        return w.toBytes();
    }

    /** An opcode, the length of what follows (its own bytes included), and what follows. */
    private static byte[] block(byte[] opcode, byte[] content) {
        ByteWriter w = new ByteWriter().bytes(opcode);
        if (content.length + 1 < 1 << 6) {
            return w.u8(content.length + 1).bytes(content).toBytes();
        }
        int more = 1; // bytes after the first, which holds the low four bits
        while (content.length + 1 + more >= 1 << 4 + 8 * more) {
            more++;
        }
        int length = content.length + 1 + more;
        w.u8(more << 6 | length & 15);
        for (int i = 0; i < more; i++) {
            w.u8(length >>> 4 + 8 * i);
        }
        return w.bytes(content).toBytes();
    }
}
