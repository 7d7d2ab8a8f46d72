package io.queztl.vmm.ext4;

import io.queztl.vmm.disk.DiskFiles;
import io.queztl.vmm.disk.DiskFormatException;
import io.queztl.vmm.disk.DiskSlice;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Reads files of an ext2, ext3 or ext4 file system (Linux documentation, filesystems/ext4) that
 * nobody has mounted, and changes nothing. What a journal has that was not put into place counts.
 *
 * <p>The file system may be anybody's: each number is checked before it is used, and whatever is
 * wrong is a {@link DiskFormatException}. Checksums are not compared.
 */
public final class Ext4Reader implements DiskFiles {
    private static final int MAX_LINKS = 40;
    private static final int MAX_TARGET = 4096;
    private static final int MAX_NAMES = 4096;
    private static final long MAX_DIRECTORY_BYTES = 16 << 20;
    private static final int ENTRY_HEADER_BYTES = 8;
    private static final int COPY_BYTES = 1 << 20;

    private final Ext4Superblock superblock;
    private final Ext4Blocks blocks;

    private Ext4Reader(DiskSlice disk) throws IOException {
        superblock = Ext4Superblock.read(disk);
        blocks = new Ext4Blocks(disk, superblock);
        if (superblock.has(Ext4Layout.INCOMPAT_RECOVER)) {
            long journal = superblock.journalInode();
            if (journal == 0) {
                throw new DiskFormatException(
                        "its file system was not unmounted, and its journal is on another disk");
            }
            blocks.replay(Ext4Journal.read(blocks, superblock, inode(journal)));
        }
    }

    /** Whether a stretch of a disk says that it is such a file system. */
    public static boolean matches(DiskSlice disk) throws IOException {
        return Ext4Superblock.matches(disk);
    }

    /**
     * Opens it.
     *
     * @throws DiskFormatException if it is another one, damaged, or has what is not read
     * @throws IOException if the host cannot read the disk
     */
    public static Ext4Reader open(DiskSlice disk) throws IOException {
        return new Ext4Reader(disk);
    }

    @Override
    public UUID uuid() {
        return superblock.uuid();
    }

    @Override
    public String label() {
        return superblock.label();
    }

    @Override
    public boolean isFile(String path) throws IOException {
        Ext4Inode inode = find(path);
        return inode != null && inode.file();
    }

    @Override
    public boolean isDirectory(String path) throws IOException {
        Ext4Inode inode = find(path);
        return inode != null && inode.directory();
    }

    @Override
    public List<String> list(String path) throws IOException {
        Ext4Inode inode = find(path);
        List<String> names = new ArrayList<>();
        if (inode != null && inode.directory()) {
            entries(
                    inode,
                    (name, number) -> {
                        if (!name.equals(".") && !name.equals("..")) {
                            names.add(name);
                        }
                        return true;
                    });
        }
        return names;
    }

    @Override
    public byte @Nullable [] read(String path, int most) throws IOException {
        Ext4Inode inode = find(path);
        if (inode == null || !inode.file()) {
            return null;
        }
        java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
        copy(inode, path, out, most);
        return out.toByteArray();
    }

    @Override
    public void copy(String path, OutputStream out, long most) throws IOException {
        Ext4Inode inode = find(path);
        if (inode == null || !inode.file()) {
            throw new DiskFormatException("it has no file %s", shown(path));
        }
        copy(inode, path, out, most);
    }

    /** A name for people: without what a terminal would act on. */
    static String shown(String path) {
        return path.replaceAll("[^ -~]", "?");
    }

    private void copy(Ext4Inode inode, String path, OutputStream out, long most)
            throws IOException {
        if (inode.size() < 0 || inode.size() > most) {
            throw new DiskFormatException(
                    "its file %s has %s bytes, of which at most %d are read",
                    shown(path), Long.toUnsignedString(inode.size()), most);
        }
        content(inode, out);
    }

    // --- Names.

    private @Nullable Ext4Inode find(String path) throws IOException {
        Deque<String> names = new ArrayDeque<>(Arrays.asList(path.split("/")));
        // The directories from the root to here: ".." leads back, and never further.
        Deque<Ext4Inode> open = new ArrayDeque<>();
        Ext4Inode root = inode(Ext4Layout.ROOT_INODE);
        if (!root.directory()) {
            throw new DiskFormatException("its file system is damaged: it has no root directory");
        }
        Ext4Inode here = root;
        int links = 0;
        int steps = 0;
        while (!names.isEmpty()) {
            String name = names.removeFirst();
            if (++steps > MAX_NAMES) {
                throw new DiskFormatException("its path %s is too long", shown(path));
            }
            if (name.isEmpty() || name.equals(".")) {
                continue;
            }
            if (!here.directory()) {
                return null;
            }
            if (name.equals("..")) {
                here = open.isEmpty() ? root : open.removeLast();
                continue;
            }
            Ext4Inode found = child(here, name);
            if (found == null) {
                return null;
            }
            if (!found.link()) {
                open.addLast(here);
                here = found;
                continue;
            }
            if (++links > MAX_LINKS) {
                throw new DiskFormatException(
                        "its path %s has too many symbolic links", shown(path));
            }
            String target = target(found);
            if (target.startsWith("/")) {
                open.clear();
                here = root;
            }
            List<String> more = Arrays.asList(target.split("/"));
            for (String each : more.reversed()) {
                names.addFirst(each);
            }
        }
        return here;
    }

    private String target(Ext4Inode inode) throws IOException {
        if (inode.size() <= 0 || inode.size() > MAX_TARGET) {
            throw damaged(inode);
        }
        int length = (int) inode.size();
        if (length < Ext4Layout.I_BLOCK_BYTES && !inode.has(Ext4Layout.FLAG_EXTENTS)) {
            byte[] bytes = new byte[length];
            inode.block().get(0, bytes);
            return new String(bytes, StandardCharsets.ISO_8859_1);
        }
        java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
        content(inode, out);
        return out.toString(StandardCharsets.ISO_8859_1);
    }

    private @Nullable Ext4Inode child(Ext4Inode directory, String name) throws IOException {
        long[] found = new long[1];
        entries(
                directory,
                (each, number) -> {
                    if (each.equals(name)) {
                        found[0] = number;
                    }
                    return found[0] == 0;
                });
        return found[0] == 0 ? null : inode(found[0]);
    }

    /** Takes a name and its inode's number; false ends it. */
    private interface Entries {
        boolean entry(String name, long inode);
    }

    /**
     * All entries. An index that a large directory has looks like entries that are not used, so it
     * need not be known.
     */
    private void entries(Ext4Inode directory, Entries taker) throws IOException {
        readable(directory);
        if (directory.has(Ext4Layout.FLAG_CASE_FOLD)) {
            throw new DiskFormatException(
                    "its file system has directories that ignore case, which are not read");
        }
        int size = superblock.blockSize();
        if (directory.size() <= 0
                || directory.size() > MAX_DIRECTORY_BYTES
                || directory.size() % size != 0) {
            throw damaged(directory);
        }
        boolean[] more = {true};
        Ext4Map.visit(
                blocks,
                size,
                directory,
                directory.size() / size,
                (logical, physical, count) -> {
                    for (int i = 0; i < count && more[0]; i++) {
                        more[0] = entries(directory, blocks.table(physical + i), taker);
                    }
                });
    }

    private boolean entries(Ext4Inode directory, ByteBuffer block, Entries taker)
            throws IOException {
        for (int at = 0; at + ENTRY_HEADER_BYTES <= block.limit(); ) {
            long number = Integer.toUnsignedLong(block.getInt(at));
            int length = block.getShort(at + 4) & 0xffff;
            // What a block of 64 KiB cannot say in 16 bits.
            length = length == 0 || length == 0xffff ? 1 << 16 : length;
            int name = block.get(at + 6) & 0xff;
            if (length % 4 != 0
                    || length > block.limit() - at
                    || name + ENTRY_HEADER_BYTES > length) {
                throw damaged(directory);
            }
            if (number != 0
                    && !taker.entry(
                            new String(
                                    block.array(),
                                    block.arrayOffset() + at + ENTRY_HEADER_BYTES,
                                    name,
                                    StandardCharsets.ISO_8859_1),
                            number)) {
                return false;
            }
            at += length;
        }
        return true;
    }

    // --- Inodes.

    private Ext4Inode inode(long number) throws IOException {
        long group = (number - 1) / superblock.inodesPerGroup();
        if (number < 1 || number > superblock.inodes() || group >= superblock.groups()) {
            throw new DiskFormatException(
                    "its file system is damaged: it refers to inode %d, and has %d",
                    number, superblock.inodes());
        }
        ByteBuffer descriptor =
                blocks.bytes(superblock.descriptorAt(group), superblock.descriptorSize());
        long table = Integer.toUnsignedLong(descriptor.getInt(Ext4Layout.G_INODE_TABLE));
        if (descriptor.limit() > Ext4Layout.DESCRIPTOR_BYTES) {
            table |= (long) descriptor.getInt(Ext4Layout.G_INODE_TABLE_HIGH) << 32;
        }
        long within = (number - 1) % superblock.inodesPerGroup() * superblock.inodeSize();
        blocks.check(table, within / superblock.blockSize() + 1);
        long at = table * superblock.blockSize() + within;
        return Ext4Inode.of(number, blocks.bytes(at, superblock.inodeSize()));
    }

    private DiskFormatException damaged(Ext4Inode inode) {
        return new DiskFormatException(
                "its file system is damaged: inode %d makes no sense", inode.number());
    }

    private void readable(Ext4Inode inode) throws DiskFormatException {
        if (inode.has(Ext4Layout.FLAG_ENCRYPTED)) {
            throw new DiskFormatException("its file system encrypts what is to be read");
        }
        if (inode.has(Ext4Layout.FLAG_INLINE_DATA)) {
            throw new DiskFormatException(
                    "its file system keeps small files in their inodes, which is not read");
        }
    }

    /** Writes the content; the size is known to be reasonable. */
    private void content(Ext4Inode inode, OutputStream out) throws IOException {
        readable(inode);
        int size = superblock.blockSize();
        long bytes = inode.size();
        long[] done = new long[1];
        Ext4Map.visit(
                blocks,
                size,
                inode,
                (bytes + size - 1) / size,
                (logical, physical, count) -> {
                    zeroes(out, logical * size - done[0]);
                    done[0] = logical * size;
                    int most = Math.max(1, COPY_BYTES / size);
                    for (int i = 0; i < count; i += most) {
                        ByteBuffer run = blocks.run(physical + i, Math.min(most, count - i));
                        int n = (int) Math.min(run.limit(), bytes - done[0]);
                        out.write(run.array(), run.arrayOffset(), n);
                        done[0] += n;
                    }
                });
        zeroes(out, bytes - done[0]);
    }

    private static void zeroes(OutputStream out, long count) throws IOException {
        byte[] block = new byte[(int) Math.min(count, COPY_BYTES)];
        for (long left = count; left > 0; left -= block.length) {
            out.write(block, 0, (int) Math.min(left, block.length));
        }
    }
}
