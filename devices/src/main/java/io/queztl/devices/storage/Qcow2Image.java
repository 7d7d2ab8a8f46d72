package io.queztl.devices.storage;

import io.airlift.compress.v3.zstd.ZstdInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * An image in QEMU's qcow2 format, version 2 or 3 (QEMU's docs/interop/qcow2.txt). Internal
 * snapshots stay as they are: what they share is copied when it is written.
 *
 * <p>Order of what reaches the disk: data and refcounts go to the file at once, L2 and L1 tables
 * wait for a flush, which does fsync, writes L2, fsync, writes L1, fsync, and only then takes away
 * references to what the old tables named. So a crash at any point leaves tables that name only
 * counted clusters with their data, and at worst clusters that are counted but not named.
 *
 * <p>One lock guards the tables. Data that has its place is read and written outside of it, any
 * number of requests at once; such a request holds a {@link Qcow2Tickets ticket}, and a cluster
 * that is freed meanwhile can be allocated again only when the ticket is given back.
 */
final class Qcow2Image implements DiskImage {
    static final long COPIED = 1L << 63;
    static final long COMPRESSED = 1L << 62;
    static final long ZERO = 1;
    static final long OFFSET = 0x00FFFFFFFFFFFE00L;

    private static final int CACHE_BYTES = 16 << 20;
    private static final int MAX_RELEASES = 65536;

    /** What refcounts of the largest files take; more are a sign of damage. */
    private static final long MAX_REFCOUNT_BYTES = 512 << 20;

    private static final class Table {
        final long offset;
        final long[] entries;
        boolean dirty;

        Table(long offset, long[] entries) {
            this.offset = offset;
            this.entries = entries;
        }
    }

    private final ImageFile file;
    private final Qcow2Header header;
    private final boolean readOnly;
    private final @Nullable DiskImage backing;
    private final Qcow2Refcounts refcounts;
    private final int clusterBits;
    private final int clusterSize;
    private final int perTable;
    private final LinkedHashMap<Long, Table> tables = new LinkedHashMap<>(16, 0.75f, true);
    private final Qcow2Tickets tickets = new Qcow2Tickets();
    private List<Long> releases = new ArrayList<>();
    private long[] l1;
    private long l1Offset;
    private boolean l1Dirty;
    private int dirtyTables;
    private volatile long size;
    private long unpackedEntry;
    private byte @Nullable [] unpacked;
    private boolean failed;
    private boolean closed;

    private Qcow2Image(
            ImageFile file, Qcow2Header header, boolean readOnly, @Nullable DiskImage backing)
            throws IOException {
        this.file = file;
        this.header = header;
        this.readOnly = readOnly;
        this.backing = backing;
        clusterBits = header.clusterBits();
        clusterSize = 1 << clusterBits;
        perTable = clusterSize / 8;
        size = header.size();
        l1Offset = header.l1Offset();
        l1 = Qcow2Refcounts.readTable(file, l1Offset, header.l1Size());
        refcounts = new Qcow2Refcounts(file, header);
    }

    static Qcow2Image open(Path path, ImageOptions options, int depth) throws IOException {
        ImageFile file = ImageFile.open(path, options.readOnly());
        DiskImage backing = null;
        boolean done = false;
        try {
            Qcow2Header header = Qcow2Header.read(file);
            backing = backing(path, header, options, depth);
            if (!options.readOnly() && (header.dirty() || header.corrupt())) {
                throw Qcow2Header.bad(
                        path,
                        header.corrupt()
                                ? "it is marked corrupt, so it opens only for reading"
                                : "it was not closed and its refcounts may be wrong; repair it with"
                                        + " 'qemu-img check -r all', or open it only for reading");
            }
            Qcow2Image image = new Qcow2Image(file, header, options.readOnly(), backing);
            if (!options.readOnly() && !image.countsItsTables()) {
                throw Qcow2Header.bad(path, "its refcounts are damaged");
            }
            if (!options.readOnly() && header.autoclear() != 0) {
                file.write(Qcow2Header.AUTOCLEAR_AT, MemorySegment.ofArray(new byte[8]));
                file.force();
            }
            done = true;
            return image;
        } finally {
            if (!done) {
                file.close();
                if (backing != null) {
                    backing.close();
                }
            }
        }
    }

    private boolean countsItsTables() throws IOException {
        long bytes = 0;
        for (long block : refcounts.table()) {
            bytes += block != 0 ? clusterSize : 0;
            if (block != 0 && (bytes > MAX_REFCOUNT_BYTES || !refcounts.counts(block, 1))) {
                return false;
            }
        }
        return refcounts.counts(0, 1)
                && refcounts.counts(l1Offset, l1.length * 8L)
                && refcounts.counts(
                        refcounts.tableOffset(), (long) refcounts.tableClusters() << clusterBits);
    }

    private static @Nullable DiskImage backing(
            Path path, Qcow2Header header, ImageOptions options, int depth) throws IOException {
        String name = header.backing();
        if (name == null) {
            return null;
        }
        if (!options.backing()) {
            throw Qcow2Header.bad(
                    path,
                    "it names the backing file '"
                            + name
                            + "', which is followed only when asked for");
        }
        if (depth >= 16) {
            throw Qcow2Header.bad(path, "its chain of backing files is too long");
        }
        String format = header.backingFormat();
        Path target = path.toAbsolutePath().resolveSibling(name);
        ImageOptions readOnly = new ImageOptions(true, true);
        if ("raw".equals(format)) {
            return RawImage.open(target, readOnly);
        }
        if ("qcow2".equals(format)) {
            return open(target, readOnly, depth + 1);
        }
        throw Qcow2Header.bad(path, "it does not say its backing file's format, raw or qcow2");
    }

    /** Makes an empty image; the file must not exist. Sizes in bytes. */
    static void create(Path path, long size, int clusterBits, int version) throws IOException {
        Files.write(path, Qcow2Header.empty(version, clusterBits), StandardOpenOption.CREATE_NEW);
        boolean done = false;
        try (Qcow2Image image = open(path, ImageOptions.WRITABLE, 0)) {
            image.resize(size);
            done = true;
        } finally {
            if (!done) {
                Files.deleteIfExists(path);
            }
        }
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.QCOW2;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public int allocationUnit() {
        return clusterSize;
    }

    Qcow2Header header() {
        return header;
    }

    @Override
    public boolean discards() {
        return !readOnly;
    }

    @Override
    public void read(long offset, MemorySegment target) throws IOException {
        read(offset, ScatterList.of(target));
    }

    /** Where a stretch of the disk is kept: at a place in the file, or nowhere. */
    private enum Kept {
        DATA,
        ZEROES,
        BACKING,
        COMPRESSED
    }

    @Override
    public void read(long offset, ScatterList target) throws IOException {
        long n = target.bytes();
        ImageFile.checkRange(file.path().toString(), offset, n, size);
        for (long done = 0; done < n; ) {
            done += readRun(offset + done, n - done, target, done);
        }
    }

    /** Reads what is kept in one stretch; how many bytes that was. */
    private long readRun(long at, long most, ScatterList target, long start) throws IOException {
        Kept kept;
        long place;
        long length;
        long ticket;
        synchronized (this) {
            checkOpen();
            long entry = entry(at);
            kept = kept(entry, at);
            length = Math.min(most, toClusterEnd(at));
            place = kept == Kept.DATA ? dataOffset(entry) + within(at) : 0;
            while (length < most && kept != Kept.COMPRESSED) {
                long next = entry(at + length);
                boolean more =
                        kept(next, at + length) == kept
                                && (kept != Kept.DATA || dataOffset(next) == place + length);
                if (!more) {
                    break;
                }
                length = Math.min(most, length + clusterSize);
            }
            if (kept == Kept.COMPRESSED) {
                target.slice(start, length)
                        .copyFrom(MemorySegment.ofArray(unpack(entry)), within(at));
                return length;
            }
            ticket = tickets.take();
        }
        try {
            ScatterList part = target.slice(start, length);
            switch (kept) {
                case DATA -> file.read(place, part);
                case BACKING -> readBacking(at, part);
                case ZEROES, COMPRESSED -> part.zero();
            }
        } finally {
            giveBack(ticket);
        }
        return length;
    }

    private Kept kept(long entry, long at) {
        if ((entry & COMPRESSED) != 0) {
            return Kept.COMPRESSED;
        }
        if (isZero(entry)) {
            return Kept.ZEROES;
        }
        if ((entry & OFFSET) != 0) {
            return Kept.DATA;
        }
        return backing != null && at < backing.size() ? Kept.BACKING : Kept.ZEROES;
    }

    private void readBacking(long at, ScatterList part) throws IOException {
        DiskImage below = java.util.Objects.requireNonNull(backing);
        long n = Math.min(part.bytes(), below.size() - at);
        below.read(at, part.slice(0, n));
        if (n < part.bytes()) {
            part.slice(n, part.bytes() - n).zero();
        }
    }

    private synchronized void giveBack(long ticket) throws IOException {
        tickets.giveBack(ticket);
        if (!failed && !closed) {
            freeUnused();
        }
    }

    private int within(long at) {
        return (int) (at & clusterSize - 1);
    }

    private long toClusterEnd(long at) {
        return clusterSize - within(at);
    }

    /** Reads part of one cluster, with the lock held. */
    private void readCluster(long entry, long at, MemorySegment target) throws IOException {
        switch (kept(entry, at)) {
            case COMPRESSED ->
                    MemorySegment.copy(
                            MemorySegment.ofArray(unpack(entry)),
                            within(at),
                            target,
                            0,
                            target.byteSize());
            case DATA -> file.read(dataOffset(entry) + within(at), target);
            case BACKING -> readBacking(at, ScatterList.of(target));
            case ZEROES -> target.fill((byte) 0);
        }
    }

    private boolean isZero(long entry) {
        return header.version() >= 3 && (entry & (ZERO | COMPRESSED)) == ZERO;
    }

    private long dataOffset(long entry) throws IOException {
        long offset = entry & OFFSET;
        if ((offset & clusterSize - 1) != 0) {
            throw Qcow2Header.bad(file.path(), "an L2 entry is damaged");
        }
        return offset;
    }

    /** The L2 entry of a byte, 0 if there is no table. */
    private long entry(long at) throws IOException {
        Table table = table(at);
        return table == null ? 0 : table.entries[index(at)];
    }

    private int index(long at) {
        return (int) (at >>> clusterBits & perTable - 1);
    }

    private int l1Index(long at) {
        return (int) (at / ((long) clusterSize * perTable));
    }

    private @Nullable Table table(long at) throws IOException {
        long entry = l1[l1Index(at)];
        long offset = entry & OFFSET;
        if (offset == 0) {
            return null;
        }
        Table table = tables.get(offset);
        if (table == null) {
            if ((offset & clusterSize - 1) != 0
                    || offset >= file.length()
                    || isOtherMetadata(offset)) {
                throw Qcow2Header.bad(file.path(), "an L1 entry is damaged");
            }
            table = new Table(offset, Qcow2Refcounts.readTable(file, offset, perTable));
            insert(table);
        }
        return table;
    }

    private void insert(Table table) throws IOException {
        int limit = Math.max(4, CACHE_BYTES / clusterSize);
        if (tables.size() >= limit) {
            Map.Entry<Long, Table> eldest = tables.firstEntry();
            if (eldest.getValue().dirty) {
                commit();
            }
            tables.remove(eldest.getKey());
        }
        tables.put(table.offset, table);
    }

    /** The L2 table of a byte that may be changed: a new one, or a copy if it is shared. */
    private Table writableTable(long at) throws IOException {
        int index = l1Index(at);
        Table old = table(at);
        if (old != null && (l1[index] & COPIED) != 0) {
            return old;
        }
        long[] entries = old == null ? new long[perTable] : old.entries.clone();
        if (old != null) {
            for (int i = 0; i < perTable; i++) {
                if ((entries[i] & COMPRESSED) == 0) {
                    entries[i] = fixCopied(entries[i]);
                }
            }
        }
        Table table = new Table(newCluster(), entries);
        boolean written = false;
        try {
            // Not named yet: where the host has no room, this request fails and no flush does.
            writeTable(table.offset, entries);
            written = true;
        } finally {
            if (!written) {
                abandon(table.offset);
            }
        }
        insert(table);
        markDirty(table);
        if (old != null) {
            tables.remove(old.offset);
            releases.add(old.offset >> clusterBits);
        }
        l1[index] = table.offset | COPIED;
        l1Dirty = true;
        return table;
    }

    private long fixCopied(long entry) throws IOException {
        long offset = entry & OFFSET;
        return offset != 0 && refcounts.get(offset >> clusterBits) == 1
                ? entry | COPIED
                : entry & ~COPIED;
    }

    private long newCluster() throws IOException {
        for (; ; ) {
            long offset = refcounts.allocate();
            long l1End = l1Offset + l1.length * 8L;
            boolean ours =
                    offset + clusterSize > l1Offset && offset < l1End || tables.containsKey(offset);
            if (!ours) {
                return offset;
            }
        }
    }

    /** Frees a cluster that nothing names, because it could not be written. */
    private void abandon(long offset) {
        try {
            boolean ignored = refcounts.release(offset >> clusterBits);
        } catch (IOException e) {
            // It stays counted and unused, which is no damage.
        }
    }

    private void markDirty(Table table) {
        if (!table.dirty) {
            table.dirty = true;
            dirtyTables++;
        }
    }

    @Override
    public void write(long offset, MemorySegment source) throws IOException {
        write(offset, ScatterList.of(source));
    }

    @Override
    public void write(long offset, ScatterList source) throws IOException {
        long n = source.bytes();
        for (long done = 0; done < n; ) {
            done += writeRun(offset + done, n - done, source, done);
        }
    }

    /** Writes what has its place in one stretch, or a cluster that has none; how many bytes. */
    private long writeRun(long at, long most, ScatterList source, long start) throws IOException {
        long place;
        long length;
        long ticket;
        synchronized (this) {
            checkWrite(at, most);
            place = ownPlace(at);
            length = Math.min(most, toClusterEnd(at));
            if (place < 0) {
                writeCluster(at, source.slice(start, length));
                return length;
            }
            while (length < most && ownPlace(at + length) == place + length) {
                length = Math.min(most, length + clusterSize);
            }
            ticket = tickets.take();
        }
        try {
            file.write(place, source.slice(start, length));
        } finally {
            giveBack(ticket);
        }
        return length;
    }

    /** Where a byte is kept, if it may be overwritten there; else -1. */
    private long ownPlace(long at) throws IOException {
        Table table = table(at);
        if (table == null || (l1[l1Index(at)] & COPIED) == 0) {
            return -1;
        }
        long entry = table.entries[index(at)];
        if (!isOwn(entry) || isZero(entry)) {
            return -1;
        }
        checkNotMetadata(dataOffset(entry));
        return dataOffset(entry) + within(at);
    }

    private static boolean isOwn(long entry) {
        return (entry & (COMPRESSED | COPIED)) == COPIED && (entry & OFFSET) != 0;
    }

    /** Writes within one cluster, which gets a place of its own if it has none. */
    private void writeCluster(long at, ScatterList source) throws IOException {
        Table table = writableTable(at);
        int index = index(at);
        int within = within(at);
        long entry = table.entries[index];
        boolean own = isOwn(entry);
        if (own) {
            checkNotMetadata(dataOffset(entry));
        }
        if (own && !isZero(entry)) {
            file.write(dataOffset(entry) + within, source);
            return;
        }
        long place = own ? dataOffset(entry) : newCluster();
        boolean whole = source.bytes() == clusterSize;
        boolean written = false;
        try {
            // Behind the end of the file everything is zero already.
            boolean fresh = !own && kept(entry, at) == Kept.ZEROES && place >= file.length();
            if (whole || fresh) {
                file.write(place + within, source);
            } else {
                MemorySegment all = MemorySegment.ofArray(new byte[clusterSize]);
                readCluster(entry, at - within, all);
                source.copyTo(all, within);
                file.write(place, all);
            }
            written = true;
        } finally {
            if (!written && !own) {
                abandon(place);
            }
        }
        replace(table, index, place | COPIED, !own);
    }

    /** Whether the cluster is the header or part of the refcount or L1 table. */
    private boolean isOtherMetadata(long offset) {
        long tableEnd = refcounts.tableOffset() + (long) refcounts.tableClusters() * clusterSize;
        return offset < clusterSize
                || offset >= refcounts.tableOffset() && offset < tableEnd
                || offset + clusterSize > l1Offset && offset < l1Offset + l1.length * 8L;
    }

    /** Keeps a damaged image from overwriting the tables in use by data. */
    private void checkNotMetadata(long offset) throws IOException {
        if (isOtherMetadata(offset) || tables.containsKey(offset)) {
            throw Qcow2Header.bad(file.path(), "an L2 entry names a table as data");
        }
    }

    private void replace(Table table, int index, long entry, boolean release) throws IOException {
        long old = table.entries[index];
        table.entries[index] = entry;
        markDirty(table);
        if (release) {
            release(old);
        }
        if (releases.size() > MAX_RELEASES) {
            commit();
        }
    }

    private void release(long entry) {
        if ((entry & COMPRESSED) != 0) {
            long first = compressedOffset(entry) >> clusterBits;
            long last = compressedOffset(entry) + compressedSize(entry) - 1 >> clusterBits;
            for (long c = first; c <= last; c++) {
                releases.add(c);
            }
        } else if ((entry & OFFSET) != 0) {
            releases.add((entry & OFFSET) >> clusterBits);
        }
    }

    long compressedOffset(long entry) {
        return entry & (1L << 70 - clusterBits) - 1;
    }

    int compressedSize(long entry) {
        int sectors = (int) ((entry & ~(COPIED | COMPRESSED)) >>> 70 - clusterBits) + 1;
        return sectors * 512 - (int) (compressedOffset(entry) & 511);
    }

    private byte[] unpack(long entry) throws IOException {
        byte[] last = unpacked;
        if (last != null && unpackedEntry == entry) {
            return last;
        }
        long offset = compressedOffset(entry);
        if (offset >= file.length()) {
            throw Qcow2Header.bad(file.path(), "a compressed cluster is not inside the file");
        }
        byte[] packed = new byte[compressedSize(entry)];
        file.read(offset, MemorySegment.ofArray(packed));
        byte[] data = new byte[clusterSize];
        int got = 0;
        try {
            if (header.zstd()) {
                try (InputStream in = new ZstdInputStream(new ByteArrayInputStream(packed))) {
                    got = in.readNBytes(data, 0, clusterSize);
                }
            } else {
                try (Inflater inflater = new Inflater(true)) {
                    inflater.setInput(packed);
                    int n;
                    do {
                        n = inflater.inflate(data, got, clusterSize - got);
                        got += n;
                    } while (n > 0 && got < clusterSize);
                }
            }
        } catch (DataFormatException | RuntimeException | IOException e) {
            got = -1;
        }
        if (got != clusterSize) {
            throw Qcow2Header.bad(file.path(), "a compressed cluster is damaged");
        }
        unpacked = data;
        unpackedEntry = entry;
        return data;
    }

    @Override
    public void flush() throws IOException {
        if (readOnly) {
            return;
        }
        synchronized (this) {
            checkOpen();
            checkNotFailed();
            commit();
        }
        file.force();
    }

    /** Brings the tables to the disk in order, and frees what they no longer name. */
    private void commit() throws IOException {
        if (dirtyTables == 0 && !l1Dirty) {
            return;
        }
        boolean done = false;
        try {
            file.force();
            for (Table table : tables.values()) {
                if (table.dirty) {
                    writeTable(table.offset, table.entries);
                }
            }
            file.force();
            if (l1Dirty) {
                writeTable(l1Offset, l1);
                file.force();
            }
            for (Table table : tables.values()) {
                table.dirty = false;
            }
            dirtyTables = 0;
            l1Dirty = false;
            tickets.freeLater(releases);
            releases = new ArrayList<>();
            freeUnused();
            done = true;
        } finally {
            failed |= !done;
        }
    }

    /** Takes references away that no table names and no request uses any more. */
    private void freeUnused() throws IOException {
        List<Long> free = tickets.unused();
        if (free.isEmpty()) {
            return;
        }
        boolean done = false;
        try {
            unpacked = null;
            long start = 0;
            long end = 0;
            for (long cluster : free) {
                if (!refcounts.release(cluster)) {
                    continue;
                }
                if (cluster != end) {
                    boolean ignored = file.punch(start << clusterBits, end - start << clusterBits);
                    start = cluster;
                }
                end = cluster + 1;
            }
            boolean ignored = file.punch(start << clusterBits, end - start << clusterBits);
            done = true;
        } finally {
            failed |= !done;
        }
    }

    private void writeTable(long offset, long[] entries) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(entries.length * 8);
        bytes.asLongBuffer().put(entries);
        file.write(offset, MemorySegment.ofArray(bytes.array()));
    }

    @Override
    public synchronized void discard(long offset, long length) throws IOException {
        checkWrite(offset, length);
        long end = offset + length;
        long from = offset + clusterSize - 1 & -clusterSize;
        long to = end == size ? end : end & -clusterSize;
        for (long at = from; at < to; at += clusterSize) {
            at = skipUnallocated(at, to);
            if (at < to) {
                dropCluster(at);
            }
        }
    }

    /** The next cluster from here on that has an L2 table or a backing file behind it. */
    private long skipUnallocated(long at, long to) {
        long span = (long) clusterSize * perTable;
        long next = at;
        while (next < to && backing == null && (l1[l1Index(next)] & OFFSET) == 0) {
            next = (next / span + 1) * span;
        }
        return next;
    }

    /** Makes one cluster read as zero and frees it; false if the format has no way to say so. */
    private boolean dropCluster(long at) throws IOException {
        boolean hidden = backing != null && at < backing.size();
        if (hidden && header.version() < 3) {
            return false;
        }
        long entry = hidden ? ZERO : 0;
        if (entry(at) != entry) {
            Table table = writableTable(at);
            replace(table, index(at), entry, true);
        }
        return true;
    }

    @Override
    public synchronized void writeZeroes(long offset, long length, boolean mayUnmap)
            throws IOException {
        checkWrite(offset, length);
        long end = offset + length;
        for (long at = offset; at < end; ) {
            at = skipUnallocated(at, end);
            if (at >= end) {
                break;
            }
            int within = (int) (at & clusterSize - 1);
            long part = Math.min(clusterSize - within, end - at);
            boolean whole = within == 0 && (part == clusterSize || at + part == size);
            long entry = entry(at);
            if (whole && isOwn(entry) && !mayUnmap && header.version() >= 3) {
                replace(writableTable(at), index(at), entry | ZERO, false);
            } else if (!(whole && dropCluster(at)) && !readsZero(entry, at)) {
                writeCluster(at, ScatterList.of(MemorySegment.ofArray(new byte[(int) part])));
            }
            at += part;
        }
    }

    private boolean readsZero(long entry, long at) {
        boolean unallocated = (entry & (OFFSET | COMPRESSED)) == 0;
        return isZero(entry) || unallocated && (backing == null || at >= backing.size());
    }

    @Override
    public synchronized long zeroRun(long offset, long length) throws IOException {
        checkOpen();
        ImageFile.checkRange(file.path().toString(), offset, length, size);
        long end = offset + length;
        long at = offset;
        while (at < end) {
            at = skipUnallocated(at, end);
            if (at >= end || !readsZero(entry(at), at)) {
                break;
            }
            at = (at & -clusterSize) + clusterSize;
        }
        return Math.min(at, end) - offset;
    }

    @Override
    public synchronized void resize(long newSize) throws IOException {
        checkWrite(0, 0);
        long perL1 = (long) clusterSize * perTable;
        long needed = newSize / perL1 + (newSize % perL1 == 0 ? 0 : 1);
        if (newSize < 0 || needed * 8 > Qcow2Header.MAX_L1_BYTES) {
            throw new ImageException(
                    "%d bytes are too many for a qcow2 image with clusters of %d"
                            .formatted(newSize, clusterSize));
        }
        long oldSize = size;
        if (header.snapshots() > 0 && (newSize < oldSize || header.version() < 3)
                || backing != null && newSize < oldSize && header.version() < 3) {
            throw Qcow2Header.bad(
                    file.path(),
                    "it cannot change to this size with its snapshots or backing file");
        }
        if (newSize < oldSize) {
            writeZeroes(newSize, oldSize - newSize, true);
        }
        commit();
        if (needed > l1.length) {
            growL1((int) needed);
        }
        file.write(
                Qcow2Header.SIZE_AT,
                MemorySegment.ofArray(ByteBuffer.allocate(8).putLong(newSize).array()));
        file.force();
        size = newSize;
        if (newSize > oldSize && backing != null && backing.size() > oldSize) {
            writeZeroes(oldSize, Math.min(newSize, backing.size()) - oldSize, true);
            commit();
        }
    }

    private void growL1(int entries) throws IOException {
        long[] bigger = Arrays.copyOf(l1, entries);
        int clusters = (int) ((entries * 8L + clusterSize - 1) >> clusterBits);
        long place = refcounts.allocate(clusters);
        writeTable(place, bigger);
        file.force();
        byte[] field = ByteBuffer.allocate(12).putInt(entries).putLong(place).array();
        file.write(36, MemorySegment.ofArray(field));
        file.force();
        long old = l1Offset >> clusterBits;
        long oldClusters = (l1.length * 8L + clusterSize - 1) >> clusterBits;
        l1 = bigger;
        l1Offset = place;
        for (long c = 0; c < oldClusters; c++) {
            boolean ignored = refcounts.release(old + c);
        }
    }

    /** Compares what the tables name with what is counted. */
    synchronized Qcow2Check.Result check() throws IOException {
        checkOpen();
        if (!readOnly) {
            commit();
        }
        return new Qcow2Check(file, header, this, refcounts).run(l1, l1Offset);
    }

    @Override
    public synchronized ImageInfo info() throws IOException {
        checkOpen();
        Map<String, String> details = new LinkedHashMap<>();
        details.put("version", String.valueOf(header.version()));
        details.put("cluster-size", String.valueOf(clusterSize));
        details.put("refcount-bits", String.valueOf(1 << header.refcountOrder()));
        details.put("compression", header.zstd() ? "zstd" : "zlib");
        details.put("snapshots", String.valueOf(header.snapshots()));
        details.put("dirty", String.valueOf(header.dirty()));
        details.put("corrupt", String.valueOf(header.corrupt()));
        String name = header.backing();
        if (name != null) {
            details.put("backing-file", name);
        }
        return new ImageInfo(ImageFormat.QCOW2, size, file.length(), details);
    }

    private void checkWrite(long offset, long length) throws IOException {
        checkOpen();
        ImageFile.checkRange(file.path().toString(), offset, length, size);
        if (readOnly) {
            throw new ImageException("the image " + file.path() + " is read-only");
        }
        checkNotFailed();
    }

    private void checkNotFailed() throws IOException {
        if (failed) {
            throw new ImageException(
                    "the image " + file.path() + " takes no writes after its tables could not be");
        }
    }

    private void checkOpen() throws IOException {
        if (closed) {
            throw new ImageException("the image " + file.path() + " is closed");
        }
    }

    @Override
    public synchronized void close() throws IOException {
        if (closed) {
            return;
        }
        try {
            if (!readOnly && !failed) {
                commit();
                file.force();
            }
        } finally {
            closed = true;
            file.close();
            if (backing != null) {
                backing.close();
            }
        }
    }
}
