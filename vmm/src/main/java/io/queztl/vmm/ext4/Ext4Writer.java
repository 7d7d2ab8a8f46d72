package io.queztl.vmm.ext4;

import io.queztl.vmm.ext4.Ext4Geometry.Run;
import io.queztl.vmm.image.FileNode;
import io.queztl.vmm.image.FileTree;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Writes a {@link FileTree} as an ext4 file system into a new sparse file, without root: owners,
 * permissions, links, devices, times and extended attributes as in the tree. The file system has a
 * journal, extents and group checksums; groups that hold nothing are left as holes.
 */
public final class Ext4Writer {
    private static final int BLOCK = Ext4Geometry.BLOCK;
    private static final int JOURNAL_BLOCKS = 16384;
    private static final int SMALL_JOURNAL_BLOCKS = 2048;
    private static final long LARGE_DISK = 2L << 30;
    private static final int MAX_LINKS = 65000;
    private static final int INODE_EXTENTS = 4;
    private static final int LEAF_EXTENTS = (BLOCK - 12) / Ext4Layout.EXTENT_BYTES;
    private static final String LOST_AND_FOUND = "lost+found";
    private static final int LOST_AND_FOUND_BLOCKS = 4;
    private static final int COPY_BYTES = 1 << 20;

    /** What becomes an inode. */
    private static final class Inode {
        final int number;
        final FileNode node;
        final String path;
        final int parent;
        int links;

        Inode(int number, FileNode node, String path, int parent) {
            this.number = number;
            this.node = node;
            this.path = path;
            this.parent = parent;
        }
    }

    private final FileTree tree;
    private final FileChannel out;
    private final UUID uuid;
    private final long now;
    private final Map<FileNode, Inode> inodes = new IdentityHashMap<>();
    private final List<Inode> ordered = new ArrayList<>();
    private final Ext4Geometry geometry;
    private final int[] directories;
    private ByteBuffer journalBlocks = buffer(Ext4Layout.I_BLOCK_BYTES);

    private Ext4Writer(FileTree tree, FileChannel out, long bytes, UUID uuid, long now)
            throws IOException {
        this.tree = tree;
        this.out = out;
        this.uuid = uuid;
        this.now = now;
        number();
        geometry = new Ext4Geometry(bytes, ordered.size() + Ext4Layout.FIRST_INODE);
        directories = new int[geometry.groups];
    }

    /**
     * Writes it.
     *
     * @param target a new file
     * @param bytes the size of the disk
     * @param label the name of the volume, at most 16 bytes
     * @param now the time at which it was made, in seconds since 1970
     * @throws IOException if the files do not fit, with a sentence without subject and full stop
     */
    public static void write(
            FileTree tree, Path target, long bytes, UUID uuid, String label, long now)
            throws IOException {
        if (tree.find(LOST_AND_FOUND, false) == null) {
            tree.add(LOST_AND_FOUND, new FileNode(FileNode.Kind.DIRECTORY, 0700).changed(now, 0));
        }
        try (FileChannel out =
                FileChannel.open(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            new Ext4Writer(tree, out, bytes, uuid, now).write(label, bytes);
        }
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Gives each node a number, directories before what they hold. */
    private void number() throws IOException {
        Inode root = new Inode(Ext4Layout.ROOT_INODE, tree.root(), "/", Ext4Layout.ROOT_INODE);
        inodes.put(root.node, root);
        ordered.add(root);
        root.links = 2;
        List<Inode> open = new ArrayList<>(List.of(root));
        int number = Ext4Layout.FIRST_INODE;
        while (!open.isEmpty()) {
            Inode folder = open.removeLast();
            for (Map.Entry<String, FileNode> each : folder.node.children().entrySet()) {
                FileNode node = each.getValue();
                Inode inode = inodes.get(node);
                if (inode == null) {
                    String path = folder.number == 2 ? "" : folder.path;
                    inode = new Inode(number++, node, path + "/" + each.getKey(), folder.number);
                    inodes.put(node, inode);
                    ordered.add(inode);
                    if (node.kind() == FileNode.Kind.DIRECTORY) {
                        inode.links = 1;
                        folder.links++;
                        open.add(inode);
                    }
                }
                inode.links++;
                if (inode.links > MAX_LINKS && node.kind() != FileNode.Kind.DIRECTORY) {
                    throw new IOException(
                            FileTree.shown(inode.path) + " has more names than ext4 allows");
                }
            }
        }
    }

    private void write(String label, long bytes) throws IOException {
        // The last byte first: the file has its size, and all between is a hole.
        at(bytes - 1, ByteBuffer.wrap(new byte[1]));
        writeJournal(bytes >= LARGE_DISK ? JOURNAL_BLOCKS : SMALL_JOURNAL_BLOCKS);
        for (Inode inode : ordered) {
            write(inode);
        }
        byte[] descriptors = descriptors();
        for (int g = 0; g < geometry.groups; g++) {
            writeBitmaps(g);
            if (geometry.hasSuperblock(g)) {
                long at = geometry.first(g) * BLOCK;
                at(at + (g == 0 ? Ext4Layout.SUPERBLOCK_AT : 0), superblock(g, label));
                at(at + BLOCK, ByteBuffer.wrap(descriptors));
            }
        }
    }

    private void at(long offset, ByteBuffer bytes) throws IOException {
        long at = offset;
        while (bytes.hasRemaining()) {
            at += out.write(bytes, at);
        }
    }

    // --- Inodes.

    private void write(Inode inode) throws IOException {
        FileNode node = inode.node;
        ByteBuffer b = buffer(Ext4Layout.INODE_BYTES);
        describe(b, node);
        long blocks = 0;
        switch (node.kind()) {
            case DIRECTORY -> {
                byte[] content = directory(inode);
                blocks = content(b, ByteBuffer.wrap(content), content.length);
                boolean many = inode.links > MAX_LINKS;
                b.putShort(Ext4Layout.I_LINKS, (short) (many ? 1 : inode.links));
                directories[(inode.number - 1) / geometry.inodesPerGroup]++;
            }
            case FILE -> blocks = content(b, null, node.size(), node.contentOffset());
            case SYMBOLIC_LINK -> {
                byte[] target = node.target().getBytes(StandardCharsets.ISO_8859_1);
                if (target.length < Ext4Layout.I_BLOCK_BYTES) {
                    b.put(Ext4Layout.I_BLOCK, target).putInt(Ext4Layout.I_SIZE, target.length);
                } else {
                    blocks = content(b, ByteBuffer.wrap(target), target.length);
                }
            }
            case CHARACTER_DEVICE, BLOCK_DEVICE -> {
                int major = node.major();
                int minor = node.minor();
                if (major < 256 && minor < 256) {
                    b.putInt(Ext4Layout.I_BLOCK, major << 8 | minor);
                } else {
                    int wide = minor & 0xff | major << 8 | (minor & ~0xff) << 12;
                    b.putInt(Ext4Layout.I_BLOCK + 4, wide);
                }
            }
            case FIFO, SOCKET -> {
                // Nothing but the description.
            }
        }
        if (node.kind() != FileNode.Kind.DIRECTORY) {
            b.putShort(Ext4Layout.I_LINKS, (short) inode.links);
        }
        Ext4Attributes attributes = new Ext4Attributes(node.attributes());
        if (!attributes.isEmpty() && attributes.fitInode()) {
            attributes.intoInode(b);
        } else if (!attributes.isEmpty()) {
            long block = geometry.allocate(1).getFirst().start();
            at(block * BLOCK, ByteBuffer.wrap(attributes.block(BLOCK, inode.path)));
            b.putInt(Ext4Layout.I_ATTRIBUTE_BLOCK, (int) block);
            blocks++;
        }
        sectors(b, blocks);
        at(geometry.inodeAt(inode.number), b);
    }

    private static void sectors(ByteBuffer inode, long blocks) {
        long sectors = blocks * (BLOCK / 512);
        inode.putInt(Ext4Layout.I_SECTORS, (int) sectors);
        inode.putShort(Ext4Layout.I_SECTORS_HIGH, (short) (sectors >> 32));
    }

    private void describe(ByteBuffer b, FileNode node) {
        int type =
                switch (node.kind()) {
                    case FILE -> Ext4Layout.TYPE_FILE;
                    case DIRECTORY -> Ext4Layout.TYPE_DIRECTORY;
                    case SYMBOLIC_LINK -> Ext4Layout.TYPE_LINK;
                    case CHARACTER_DEVICE -> Ext4Layout.TYPE_CHARACTER;
                    case BLOCK_DEVICE -> Ext4Layout.TYPE_BLOCK;
                    case FIFO -> Ext4Layout.TYPE_FIFO;
                    case SOCKET -> Ext4Layout.TYPE_SOCKET;
                };
        int permissions = node.kind() == FileNode.Kind.SYMBOLIC_LINK ? 0777 : node.permissions();
        b.putShort(Ext4Layout.I_MODE, (short) (type | permissions));
        b.putShort(Ext4Layout.I_USER, (short) node.user());
        b.putShort(Ext4Layout.I_USER_HIGH, (short) (node.user() >>> 16));
        b.putShort(Ext4Layout.I_GROUP, (short) node.group());
        b.putShort(Ext4Layout.I_GROUP_HIGH, (short) (node.group() >>> 16));
        b.putShort(Ext4Layout.I_EXTRA_SIZE, (short) Ext4Layout.EXTRA_BYTES);
        long seconds = Math.clamp(node.seconds(), Integer.MIN_VALUE, 0x3_7fff_ffffL);
        int extra = node.nanoseconds() << 2 | (int) (seconds - (int) seconds >> 32) & 3;
        b.putInt(Ext4Layout.I_ACCESS_TIME, (int) seconds);
        b.putInt(Ext4Layout.I_ACCESS_TIME_EXTRA, extra);
        b.putInt(Ext4Layout.I_CHANGE_TIME, (int) seconds);
        b.putInt(Ext4Layout.I_CHANGE_TIME_EXTRA, extra);
        b.putInt(Ext4Layout.I_MODIFY_TIME, (int) seconds);
        b.putInt(Ext4Layout.I_MODIFY_TIME_EXTRA, extra);
        b.putInt(Ext4Layout.I_MADE, (int) now).putInt(Ext4Layout.I_MADE_EXTRA, 0);
    }

    private long content(ByteBuffer inode, ByteBuffer bytes, long size) throws IOException {
        return content(inode, bytes, size, 0);
    }

    /**
     * Writes what an inode holds.
     *
     * @param bytes from memory, or null for the spool
     * @return the blocks it takes, with those of its extents
     */
    private long content(ByteBuffer inode, @Nullable ByteBuffer bytes, long size, long spooled)
            throws IOException {
        long blocks = (size + BLOCK - 1) / BLOCK;
        List<Run> runs = geometry.allocate(blocks);
        inode.putInt(Ext4Layout.I_SIZE, (int) size);
        inode.putInt(Ext4Layout.I_SIZE_HIGH, (int) (size >> 32));
        long done = 0;
        for (Run run : runs) {
            long n = Math.min((long) run.length() * BLOCK, size - done);
            if (bytes == null) {
                copy(spooled + done, run.start() * BLOCK, n);
            } else {
                at(run.start() * BLOCK, bytes.slice((int) done, (int) n));
            }
            done += n;
        }
        return blocks + extents(inode, runs);
    }

    private void copy(long from, long to, long bytes) throws IOException {
        ByteBuffer chunk = ByteBuffer.allocate((int) Math.min(COPY_BYTES, bytes));
        for (long done = 0; done < bytes; ) {
            chunk.clear().limit((int) Math.min(chunk.capacity(), bytes - done));
            tree.spool().read(from + done, chunk);
            chunk.flip();
            int n = chunk.remaining();
            at(to + done, chunk);
            done += n;
        }
    }

    /** Writes the extent tree: in the inode, or a level of leaves below it. */
    private int extents(ByteBuffer inode, List<Run> runs) throws IOException {
        inode.putInt(
                Ext4Layout.I_FLAGS, inode.getInt(Ext4Layout.I_FLAGS) | Ext4Layout.FLAG_EXTENTS);
        int at = Ext4Layout.I_BLOCK;
        if (runs.size() <= INODE_EXTENTS) {
            header(inode, at, runs.size(), INODE_EXTENTS, 0);
            leaf(inode, at, runs, 0);
            return 0;
        }
        int leaves = (runs.size() + LEAF_EXTENTS - 1) / LEAF_EXTENTS;
        if (leaves > INODE_EXTENTS) {
            throw new IOException("it has a file in too many pieces");
        }
        header(inode, at, leaves, INODE_EXTENTS, 1);
        long logical = 0;
        for (int i = 0; i < leaves; i++) {
            int end = Math.min(runs.size(), (i + 1) * LEAF_EXTENTS);
            List<Run> part = runs.subList(i * LEAF_EXTENTS, end);
            ByteBuffer block = buffer(BLOCK);
            header(block, 0, part.size(), LEAF_EXTENTS, 0);
            long next = leaf(block, 0, part, logical);
            long place = geometry.allocate(1).getFirst().start();
            at(place * BLOCK, block);
            int index = at + 12 + i * Ext4Layout.EXTENT_BYTES;
            inode.putInt(index, (int) logical).putInt(index + 4, (int) place);
            logical = next;
        }
        return leaves;
    }

    private static void header(ByteBuffer b, int at, int entries, int room, int depth) {
        b.putShort(at, (short) Ext4Layout.EXTENT_MAGIC).putShort(at + 2, (short) entries);
        b.putShort(at + 4, (short) room).putShort(at + 6, (short) depth);
    }

    private static long leaf(ByteBuffer b, int at, List<Run> runs, long from) {
        long logical = from;
        int entry = at + 12;
        for (Run run : runs) {
            b.putInt(entry, (int) logical).putShort(entry + 4, (short) run.length());
            b.putInt(entry + 8, (int) run.start());
            logical += run.length();
            entry += Ext4Layout.EXTENT_BYTES;
        }
        return logical;
    }

    /** The linear blocks of a directory: no entry crosses a block, the last of each fills it. */
    private byte[] directory(Inode folder) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        ByteBuffer block = buffer(BLOCK);
        int last = entry(block, -1, folder.number, ".", 2);
        last = entry(block, last, folder.parent, "..", 2);
        for (Map.Entry<String, FileNode> each : folder.node.children().entrySet()) {
            int bytes = 8 + (each.getKey().length() + 3 & ~3);
            if (block.remaining() < bytes) {
                block.putShort(last + 4, (short) (BLOCK - last));
                all.writeBytes(block.array());
                block = buffer(BLOCK);
                last = -1;
            }
            Inode inode = java.util.Objects.requireNonNull(inodes.get(each.getValue()));
            last = entry(block, last, inode.number, each.getKey(), type(each.getValue().kind()));
        }
        block.putShort(last + 4, (short) (BLOCK - last));
        all.writeBytes(block.array());
        boolean reserve = folder.path.equals("/" + LOST_AND_FOUND);
        while (reserve && all.size() < LOST_AND_FOUND_BLOCKS * BLOCK) {
            // Room for what a check finds, which then allocates nothing.
            all.writeBytes(buffer(BLOCK).putShort(4, (short) BLOCK).array());
        }
        return all.toByteArray();
    }

    private static int entry(ByteBuffer block, int last, int inode, String name, int type) {
        int at = block.position();
        if (last >= 0) {
            block.putShort(last + 4, (short) (at - last));
        }
        byte[] bytes = name.getBytes(StandardCharsets.ISO_8859_1);
        block.putInt(inode).putShort((short) 0).put((byte) bytes.length).put((byte) type);
        block.put(bytes).position(at + 8 + (bytes.length + 3 & ~3));
        return at;
    }

    private static int type(FileNode.Kind kind) {
        return switch (kind) {
            case FILE -> 1;
            case DIRECTORY -> 2;
            case CHARACTER_DEVICE -> 3;
            case BLOCK_DEVICE -> 4;
            case FIFO -> 5;
            case SOCKET -> 6;
            case SYMBOLIC_LINK -> 7;
        };
    }

    // --- Journal, bitmaps, descriptors, superblocks.

    private void writeJournal(int blocks) throws IOException {
        ByteBuffer b = buffer(Ext4Layout.INODE_BYTES);
        describe(b, new FileNode(FileNode.Kind.FILE, 0600).changed(now, 0));
        List<Run> runs = geometry.allocate(blocks);
        b.putInt(Ext4Layout.I_SIZE, blocks * BLOCK).putShort(Ext4Layout.I_LINKS, (short) 1);
        sectors(b, blocks + (long) extents(b, runs));
        at(geometry.inodeAt(Ext4Layout.JOURNAL_INODE), b.duplicate());
        journalBlocks.put(b.slice(Ext4Layout.I_BLOCK, Ext4Layout.I_BLOCK_BYTES)).flip();
        ByteBuffer journal = ByteBuffer.allocate(BLOCK);
        journal.putInt(0, Ext4Layout.JOURNAL_MAGIC).putInt(4, Ext4Layout.JOURNAL_SUPERBLOCK_V2);
        journal.putInt(12, BLOCK).putInt(16, blocks).putInt(20, 1).putInt(24, 1);
        putUuid(journal, 48);
        journal.putInt(64, 1);
        at(runs.getFirst().start() * BLOCK, journal);
    }

    private void putUuid(ByteBuffer b, int at) {
        ByteBuffer bytes = ByteBuffer.allocate(16);
        bytes.putLong(uuid.getMostSignificantBits()).putLong(uuid.getLeastSignificantBits());
        b.put(at, bytes.array());
    }

    /** How many inodes of a group are used; they are its first. */
    private int usedInodes(int group) {
        long first = (long) group * geometry.inodesPerGroup;
        // Numbers are given without gaps, from 11 on; the root has one of the reserved.
        long last = Ext4Layout.FIRST_INODE - 1 + ordered.size() - 1;
        return Math.clamp(last - first, 0, geometry.inodesPerGroup);
    }

    private void writeBitmaps(int group) throws IOException {
        if (!geometry.untouched(group)) {
            BitSet blocks = (BitSet) geometry.taken(group).clone();
            blocks.set(geometry.blocksIn(group), Ext4Geometry.BLOCKS_PER_GROUP);
            at(geometry.blockBitmap(group) * BLOCK, bitmap(blocks));
        }
        int inodesUsed = usedInodes(group);
        if (inodesUsed > 0) {
            BitSet bits = new BitSet();
            bits.set(0, inodesUsed);
            bits.set(geometry.inodesPerGroup, 8 * BLOCK);
            at(geometry.inodeBitmap(group) * BLOCK, bitmap(bits));
        }
    }

    private static ByteBuffer bitmap(BitSet bits) {
        return ByteBuffer.wrap(java.util.Arrays.copyOf(bits.toByteArray(), BLOCK));
    }

    private byte[] descriptors() {
        ByteBuffer all = buffer(geometry.groups * Ext4Layout.DESCRIPTOR_BYTES);
        ByteBuffer id = ByteBuffer.allocate(16);
        putUuid(id, 0);
        for (int g = 0; g < geometry.groups; g++) {
            ByteBuffer d = buffer(Ext4Layout.DESCRIPTOR_BYTES);
            int unused = geometry.inodesPerGroup - usedInodes(g);
            int flags = Ext4Layout.GROUP_TABLE_ZEROED;
            if (unused == geometry.inodesPerGroup) {
                flags |= Ext4Layout.GROUP_INODES_UNUSED;
            }
            if (geometry.untouched(g)) {
                flags |= Ext4Layout.GROUP_BLOCKS_UNUSED;
            }
            d.putInt(Ext4Layout.G_BLOCK_BITMAP, (int) geometry.blockBitmap(g));
            d.putInt(Ext4Layout.G_INODE_BITMAP, (int) geometry.inodeBitmap(g));
            d.putInt(Ext4Layout.G_INODE_TABLE, (int) geometry.inodeTable(g));
            d.putShort(Ext4Layout.G_FREE_BLOCKS, (short) geometry.freeBlocks(g));
            d.putShort(Ext4Layout.G_FREE_INODES, (short) unused);
            d.putShort(Ext4Layout.G_DIRECTORIES, (short) directories[g]);
            d.putShort(Ext4Layout.G_FLAGS, (short) flags);
            d.putShort(Ext4Layout.G_UNUSED_INODES, (short) unused);
            int sum = crc16(0xffff, id.array(), 16);
            sum = crc16(sum, buffer(4).putInt(g).array(), 4);
            sum = crc16(sum, d.array(), Ext4Layout.G_CHECKSUM);
            d.putShort(Ext4Layout.G_CHECKSUM, (short) sum);
            all.put(d.array());
        }
        return all.array();
    }

    /** CRC-16 with the polynomial 0x8005, bits reversed. */
    private static int crc16(int start, byte[] bytes, int length) {
        int crc = start;
        for (int i = 0; i < length; i++) {
            crc ^= bytes[i] & 0xff;
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc & 1) != 0 ? crc >>> 1 ^ 0xa001 : crc >>> 1;
            }
        }
        return crc;
    }

    private ByteBuffer superblock(int group, String label) {
        ByteBuffer b = buffer(Ext4Layout.SUPERBLOCK_BYTES);
        int all = geometry.groups * geometry.inodesPerGroup;
        b.putInt(Ext4Layout.S_INODES, all).putInt(Ext4Layout.S_BLOCKS, (int) geometry.blocks);
        b.putInt(Ext4Layout.S_FREE_BLOCKS, (int) geometry.freeBlocks());
        b.putInt(Ext4Layout.S_FREE_INODES, all - Ext4Layout.FIRST_INODE + 1 - ordered.size() + 1);
        b.putInt(Ext4Layout.S_LOG_BLOCK_SIZE, 2).putInt(Ext4Layout.S_LOG_CLUSTER_SIZE, 2);
        b.putInt(Ext4Layout.S_BLOCKS_PER_GROUP, Ext4Geometry.BLOCKS_PER_GROUP);
        b.putInt(Ext4Layout.S_CLUSTERS_PER_GROUP, Ext4Geometry.BLOCKS_PER_GROUP);
        b.putInt(Ext4Layout.S_INODES_PER_GROUP, geometry.inodesPerGroup);
        b.putInt(Ext4Layout.S_WRITE_TIME, (int) now).putInt(Ext4Layout.S_LAST_CHECK, (int) now);
        b.putShort(Ext4Layout.S_MAX_MOUNTS, (short) -1);
        b.putShort(Ext4Layout.S_MAGIC, (short) Ext4Layout.MAGIC);
        b.putShort(Ext4Layout.S_STATE, (short) 1).putShort(Ext4Layout.S_ERRORS, (short) 1);
        b.putInt(Ext4Layout.S_REVISION, 1);
        b.putInt(Ext4Layout.S_FIRST_INODE, Ext4Layout.FIRST_INODE);
        b.putShort(Ext4Layout.S_INODE_SIZE, (short) Ext4Layout.INODE_BYTES);
        b.putShort(Ext4Layout.S_GROUP, (short) group);
        b.putInt(
                Ext4Layout.S_COMPATIBLE,
                Ext4Layout.COMPAT_JOURNAL
                        | Ext4Layout.COMPAT_ATTRIBUTES
                        | Ext4Layout.COMPAT_DIR_INDEX);
        b.putInt(
                Ext4Layout.S_INCOMPATIBLE,
                Ext4Layout.INCOMPAT_FILE_TYPE | Ext4Layout.INCOMPAT_EXTENTS);
        b.putInt(
                Ext4Layout.S_READ_ONLY_COMPATIBLE,
                Ext4Layout.RO_SPARSE_SUPER
                        | Ext4Layout.RO_LARGE_FILE
                        | Ext4Layout.RO_DESCRIPTOR_CHECKSUMS
                        | Ext4Layout.RO_MANY_LINKS
                        | Ext4Layout.RO_EXTRA_SIZE);
        putUuid(b, Ext4Layout.S_UUID);
        byte[] name = label.getBytes(StandardCharsets.US_ASCII);
        b.put(Ext4Layout.S_LABEL, name, 0, Math.min(name.length, 16));
        b.putInt(Ext4Layout.S_JOURNAL_INODE, Ext4Layout.JOURNAL_INODE);
        putUuid(b, Ext4Layout.S_HASH_SEED);
        // Half MD4, of signed characters; user attributes and access control lists by default.
        b.put(Ext4Layout.S_HASH_VERSION, (byte) 1).putInt(Ext4Layout.S_FLAGS, 1);
        b.putInt(Ext4Layout.S_MOUNT_OPTIONS, 0xc).putInt(Ext4Layout.S_MADE, (int) now);
        b.put(Ext4Layout.S_JOURNAL_BACKUP, (byte) 1);
        b.put(Ext4Layout.S_JOURNAL_BLOCKS, journalBlocks.array());
        int journalBytes =
                (geometry.blocks * BLOCK >= LARGE_DISK ? JOURNAL_BLOCKS : SMALL_JOURNAL_BLOCKS)
                        * BLOCK;
        b.putInt(Ext4Layout.S_JOURNAL_BLOCKS + 64, journalBytes);
        b.putShort(Ext4Layout.S_MIN_EXTRA, (short) Ext4Layout.EXTRA_BYTES);
        b.putShort(Ext4Layout.S_WANT_EXTRA, (short) Ext4Layout.EXTRA_BYTES);
        return b;
    }
}
