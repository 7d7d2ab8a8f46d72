package io.queztl.vmm.ext4;

import io.queztl.vmm.image.FileTree;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Extended attributes as ext4 keeps them: in what an inode has left, or in a block of their own
 * (Linux documentation, filesystems/ext4/attributes.rst).
 */
final class Ext4Attributes {
    private static final int IN_INODE_AT = Ext4Layout.INODE_OLD_BYTES + Ext4Layout.EXTRA_BYTES;
    private static final int ACL_VERSION_OUTSIDE = 2;
    private static final int ACL_VERSION_ON_DISK = 1;
    private static final int ACL_USER = 2;
    private static final int ACL_GROUP = 8;

    private record Attribute(int index, byte[] name, byte[] value) {
        int entryBytes() {
            return Ext4Layout.ATTRIBUTE_ENTRY_BYTES + (name.length + 3 & ~3);
        }

        int valueBytes() {
            return value.length + 3 & ~3;
        }

        int hash() {
            int hash = 0;
            for (byte b : name) {
                hash = Integer.rotateLeft(hash, 5) ^ b & 0xff;
            }
            ByteBuffer words = ByteBuffer.allocate(valueBytes()).order(ByteOrder.LITTLE_ENDIAN);
            words.put(value).rewind();
            while (words.hasRemaining()) {
                hash = Integer.rotateLeft(hash, 16) ^ words.getInt();
            }
            return hash;
        }
    }

    private final List<Attribute> attributes = new ArrayList<>();
    private final int entries;
    private final int values;

    /**
     * Takes those that ext4 has a place for; others, such as another system's, are left out.
     *
     * @throws IOException if an access control list is damaged
     */
    Ext4Attributes(Map<String, byte[]> all) throws IOException {
        for (Map.Entry<String, byte[]> each : all.entrySet()) {
            Attribute attribute = attribute(each.getKey(), each.getValue());
            if (attribute != null) {
                attributes.add(attribute);
            }
        }
        attributes.sort(
                Comparator.comparingInt(Attribute::index)
                        .thenComparingInt(a -> a.name.length)
                        .thenComparing(Attribute::name, java.util.Arrays::compareUnsigned));
        entries = attributes.stream().mapToInt(Attribute::entryBytes).sum() + 4;
        values = attributes.stream().mapToInt(Attribute::valueBytes).sum();
    }

    private static @Nullable Attribute attribute(String name, byte[] value) throws IOException {
        if (name.equals("system.posix_acl_access")) {
            return new Attribute(2, new byte[0], accessControl(value));
        }
        if (name.equals("system.posix_acl_default")) {
            return new Attribute(3, new byte[0], accessControl(value));
        }
        int dot = name.indexOf('.');
        int index =
                switch (dot < 0 ? "" : name.substring(0, dot)) {
                    case "user" -> 1;
                    case "trusted" -> 4;
                    case "security" -> 6;
                    default -> 0;
                };
        byte[] rest = name.substring(dot + 1).getBytes(StandardCharsets.ISO_8859_1);
        return index == 0 || rest.length == 0 || rest.length > 255
                ? null
                : new Attribute(index, rest, value);
    }

    /** An access control list of the system call's format in that of the disk. */
    private static byte[] accessControl(byte[] value) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN);
        if (value.length % 8 != 4 || in.getInt() != ACL_VERSION_OUTSIDE) {
            throw new IOException("it has a damaged access control list");
        }
        ByteBuffer out = ByteBuffer.allocate(value.length).order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(ACL_VERSION_ON_DISK);
        while (in.hasRemaining()) {
            short tag = in.getShort();
            out.putShort(tag).putShort(in.getShort());
            int id = in.getInt();
            if (tag == ACL_USER || tag == ACL_GROUP) {
                out.putInt(id);
            }
        }
        return java.util.Arrays.copyOf(out.array(), out.position());
    }

    boolean isEmpty() {
        return attributes.isEmpty();
    }

    boolean fitInode() {
        return entries + values + 4 <= Ext4Layout.INODE_BYTES - IN_INODE_AT;
    }

    /** Writes them behind an inode's fields. */
    void intoInode(ByteBuffer inode) {
        inode.putInt(IN_INODE_AT, Ext4Layout.ATTRIBUTE_MAGIC);
        int ignored = put(inode, IN_INODE_AT + 4, IN_INODE_AT + 4, Ext4Layout.INODE_BYTES);
    }

    /**
     * A block of them.
     *
     * @throws IOException if they do not fit
     */
    byte[] block(int bytes, String path) throws IOException {
        if (Ext4Layout.ATTRIBUTE_HEADER_BYTES + entries + values > bytes) {
            throw new IOException(
                    FileTree.shown(path) + " has more extended attributes than ext4 can hold");
        }
        ByteBuffer b = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(0, Ext4Layout.ATTRIBUTE_MAGIC).putInt(4, 1).putInt(8, 1);
        b.putInt(12, put(b, Ext4Layout.ATTRIBUTE_HEADER_BYTES, 0, bytes));
        return b.array();
    }

    /** Writes entries from one end and values from the other; the hash of all hashes. */
    private int put(ByteBuffer b, int at, int valuesFrom, int end) {
        int entry = at;
        int value = end;
        int hash = 0;
        for (Attribute a : attributes) {
            value -= a.valueBytes();
            b.put(entry, (byte) a.name.length).put(entry + 1, (byte) a.index);
            b.putShort(entry + 2, (short) (a.value.length == 0 ? 0 : value - valuesFrom));
            b.putInt(entry + 8, a.value.length).putInt(entry + 12, a.hash());
            b.put(entry + Ext4Layout.ATTRIBUTE_ENTRY_BYTES, a.name);
            b.put(value, a.value);
            entry += a.entryBytes();
            hash = Integer.rotateLeft(hash, 16) ^ a.hash();
        }
        return hash;
    }
}
