package io.queztl.vmm.ext4;

import io.queztl.vmm.disk.DiskFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The journal of a file system that was not unmounted (Linux documentation, filesystems/ext4,
 * "Journal (jbd2)"): what its committed transactions have of blocks, without writing it anywhere.
 * Checksums are not compared, and what the optional fast commits add to the last transaction is
 * left out.
 */
final class Ext4Journal {
    /**
     * What counts in place of a block.
     *
     * @param block where it is kept
     * @param escaped whether it begins with the journal's magic number, which is left out there
     */
    record Copy(long block, boolean escaped) {}

    /** Blocks of the largest journal that is read: 4 GiB of 4 KiB each. */
    private static final int MAX_BLOCKS = 1 << 20;

    private static final int DESCRIPTOR = 1;
    private static final int COMMIT = 2;
    private static final int SUPERBLOCK_V1 = 3;
    private static final int REVOKE = 5;
    private static final int HEADER_BYTES = 12;
    private static final int REVOKE_HEADER_BYTES = 16;
    private static final int UUID_BYTES = 16;

    private static final int WIDE = 0x2;
    private static final int CHECKSUMS_V2 = 0x8;
    private static final int CHECKSUMS_V3 = 0x10;
    private static final int FAST_COMMITS = 0x20;
    private static final int KNOWN = 0x3f;
    private static final int DEFAULT_FAST_BLOCKS = 256;

    private static final int TAG_ESCAPED = 1;
    private static final int TAG_SAME_UUID = 2;
    private static final int TAG_LAST = 8;

    private final Ext4Blocks blocks;
    private final long[] places;
    private final int first;
    private final int last;
    private final int features;
    private final int start;
    private final int startSequence;

    /** Blocks of the journal that were looked at: each is, at most once. */
    private int seen;

    private Ext4Journal(Ext4Blocks blocks, Ext4Superblock superblock, Ext4Inode inode)
            throws IOException {
        this.blocks = blocks;
        int size = superblock.blockSize();
        long count = inode.size() / size;
        if (!inode.file() || inode.size() < 0 || count < 2 || count > MAX_BLOCKS) {
            throw damaged();
        }
        places = new long[(int) count];
        Ext4Map.visit(
                blocks,
                size,
                inode,
                count,
                (logical, physical, n) -> {
                    for (int i = 0; i < n; i++) {
                        places[(int) logical + i] = physical + i;
                    }
                });
        ByteBuffer head = block(0);
        int version = head.getInt(4);
        long all = Integer.toUnsignedLong(head.getInt(0x10));
        features = version == SUPERBLOCK_V1 ? 0 : head.getInt(0x28);
        long fast = 0;
        if ((features & FAST_COMMITS) != 0) {
            fast = Integer.toUnsignedLong(head.getInt(0x54));
            fast = fast == 0 ? DEFAULT_FAST_BLOCKS : fast;
        }
        first = head.getInt(0x14);
        startSequence = head.getInt(0x18);
        start = head.getInt(0x1c);
        if (head.getInt(0) != Ext4Layout.JOURNAL_MAGIC
                || version != SUPERBLOCK_V1 && version != Ext4Layout.JOURNAL_SUPERBLOCK_V2
                || head.getInt(0xc) != size
                || all > count
                || first < 1
                || first >= all - fast
                || start < 0
                || start >= all - fast) {
            throw damaged();
        }
        if ((features & ~KNOWN) != 0) {
            throw new DiskFormatException(
                    "the journal of its file system has features that are not read: 0x%x",
                    features & ~KNOWN);
        }
        last = (int) (all - fast);
    }

    /** What the journal has of blocks, by number. */
    static Map<Long, Copy> read(Ext4Blocks blocks, Ext4Superblock superblock, Ext4Inode inode)
            throws IOException {
        Ext4Journal journal = new Ext4Journal(blocks, superblock, inode);
        return journal.start == 0 ? Map.of() : journal.copies();
    }

    private static DiskFormatException damaged() {
        return new DiskFormatException("the journal of its file system is damaged");
    }

    private ByteBuffer block(int index) throws IOException {
        long place = places[index];
        if (place == 0) {
            throw damaged();
        }
        return blocks.read(place).order(ByteOrder.BIG_ENDIAN);
    }

    private int next(int index) {
        return index + 1 == last ? first : index + 1;
    }

    /** Transactions one after the other; the first that has no commit block ends it. */
    private Map<Long, Copy> copies() throws IOException {
        Map<Long, Copy> copies = new HashMap<>();
        // What a transaction says counts once it is known to be whole.
        Map<Long, Copy> open = new HashMap<>();
        List<Long> revoked = new ArrayList<>();
        Map<Long, Integer> revocations = new HashMap<>();
        Map<Long, Integer> written = new HashMap<>();
        int sequence = startSequence;
        int index = start;
        boolean more = true;
        for (seen = 0; seen < last && more; seen++) {
            ByteBuffer head = block(index);
            if (head.getInt(0) != Ext4Layout.JOURNAL_MAGIC || head.getInt(8) != sequence) {
                break;
            }
            index = next(index);
            switch (head.getInt(4)) {
                case DESCRIPTOR -> index = tags(head, index, open);
                case REVOKE -> revoke(head, revoked);
                case COMMIT -> {
                    for (Map.Entry<Long, Copy> each : open.entrySet()) {
                        copies.put(each.getKey(), each.getValue());
                        written.put(each.getKey(), sequence);
                    }
                    for (long number : revoked) {
                        revocations.put(number, sequence);
                    }
                    open.clear();
                    revoked.clear();
                    sequence++;
                }
                default -> more = false;
            }
        }
        // A revoked block's earlier copies are of something that is gone.
        revocations.forEach((number, by) -> {
            Integer at = written.get(number);
            if (at != null && at - by <= 0) {
                copies.remove(number);
            }
        });
        return copies;
    }

    /** The blocks that follow on a descriptor; the index behind them. */
    private int tags(ByteBuffer head, int data, Map<Long, Copy> open) throws IOException {
        boolean three = (features & CHECKSUMS_V3) != 0;
        boolean wide = (features & WIDE) != 0;
        boolean checksums = (features & (CHECKSUMS_V2 | CHECKSUMS_V3)) != 0;
        int bytes = three ? 16 : 8 + (wide ? 4 : 0) + ((features & CHECKSUMS_V2) != 0 ? 2 : 0);
        int end = head.limit() - (checksums ? 4 : 0);
        int index = data;
        int at = HEADER_BYTES;
        for (int flags = 0; (flags & TAG_LAST) == 0; ) {
            if (at + bytes > end || ++seen > last) {
                throw damaged();
            }
            long number = Integer.toUnsignedLong(head.getInt(at));
            flags = three ? head.getInt(at + 4) : head.getShort(at + 6) & 0xffff;
            if (wide) {
                number |= Integer.toUnsignedLong(head.getInt(at + 8)) << 32;
            }
            open.put(number, new Copy(places[index], (flags & TAG_ESCAPED) != 0));
            if (places[index] == 0) {
                throw damaged();
            }
            index = next(index);
            at += bytes + ((flags & TAG_SAME_UUID) == 0 ? UUID_BYTES : 0);
        }
        return index;
    }

    private void revoke(ByteBuffer head, List<Long> revoked) throws IOException {
        int used = head.getInt(HEADER_BYTES);
        int each = (features & WIDE) != 0 ? 8 : 4;
        if (used < REVOKE_HEADER_BYTES || used > head.limit()) {
            throw damaged();
        }
        for (int at = REVOKE_HEADER_BYTES; at + each <= used; at += each) {
            revoked.add(each == 8 ? head.getLong(at) : Integer.toUnsignedLong(head.getInt(at)));
        }
    }
}
