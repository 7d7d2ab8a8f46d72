package io.queztl.devices.storage;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * An image in QEMU's qcow2 format, version 2 or 3 (QEMU's docs/interop/qcow2.txt). Internal
 * snapshots stay as they are: what they share is copied when it is written.
 *
 * <p>Data and refcounts go to the file at once, {@link Qcow2Tables tables} with a flush.
 *
 * <p>One lock guards the tables. Data that has its place is read and written outside of it, any
 * number of requests at once; such a request holds a {@link Qcow2Tickets ticket}, and a cluster
 * that is freed meanwhile can be allocated again only when the ticket is given back.
 */
final class Qcow2Image implements DiskImage {
    private final ImageFile file;
    private final Qcow2Header header;
    private final boolean readOnly;
    private final @Nullable DiskImage backing;
    private final Qcow2Entries entries;
    private final Qcow2Compressed compressed;
    private final Qcow2Tables tables;
    private final int clusterSize;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile long size;
    private boolean closed;

    private Qcow2Image(
            ImageFile file, Qcow2Header header, boolean readOnly, @Nullable DiskImage backing)
            throws IOException {
        this.file = file;
        this.header = header;
        this.readOnly = readOnly;
        this.backing = backing;
        clusterSize = 1 << header.clusterBits();
        size = header.size();
        entries = new Qcow2Entries(file, header);
        compressed = new Qcow2Compressed(file, header, entries);
        tables = new Qcow2Tables(file, header, entries, compressed);
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
            if (!options.readOnly() && !image.tables.countsItself()) {
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
        lock.lock();
        try {
            checkOpen();
            long entry = tables.entry(at);
            kept = kept(entry, at);
            length = Math.min(most, toClusterEnd(at));
            place = kept == Kept.DATA ? entries.dataOffset(entry) + within(at) : 0;
            while (length < most && kept != Kept.COMPRESSED) {
                long next = tables.entry(at + length);
                boolean more =
                        kept(next, at + length) == kept
                                && (kept != Kept.DATA
                                        || entries.dataOffset(next) == place + length);
                if (!more) {
                    break;
                }
                length = Math.min(most, length + clusterSize);
            }
            if (kept == Kept.COMPRESSED) {
                target.slice(start, length)
                        .copyFrom(MemorySegment.ofArray(compressed.unpack(entry)), within(at));
                return length;
            }
            ticket = tables.takeTicket();
        } finally {
            lock.unlock();
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

    @Override
    public boolean readNow(long offset, ScatterList target) {
        if (!ImageFile.inside(offset, target.bytes(), size) || !lock.tryLock()) {
            return false;
        }
        try {
            return !closed && readRunNow(offset, target);
        } finally {
            lock.unlock();
        }
    }

    /** Reads what is all zeroes, or data in one piece, by tables that are in memory. */
    private boolean readRunNow(long offset, ScatterList target) {
        long first = tables.entryNow(offset);
        Kept kept = kept(first, offset);
        if (first == Qcow2Tables.UNKNOWN || kept != Kept.DATA && kept != Kept.ZEROES) {
            return false;
        }
        long place = (first & Qcow2Entries.OFFSET) + within(offset);
        long end = offset + target.bytes();
        for (long at = offset + toClusterEnd(offset); at < end; at += clusterSize) {
            long entry = tables.entryNow(at);
            boolean same =
                    entry != Qcow2Tables.UNKNOWN
                            && kept(entry, at) == kept
                            && (kept == Kept.ZEROES
                                    || (entry & Qcow2Entries.OFFSET) == place + (at - offset));
            if (!same) {
                return false;
            }
        }
        if (kept == Kept.ZEROES) {
            target.zero();
            return true;
        }
        boolean aligned = (first & Qcow2Entries.OFFSET & clusterSize - 1) == 0;
        return aligned && file.readNow(place, target);
    }

    private Kept kept(long entry, long at) {
        if ((entry & Qcow2Entries.COMPRESSED) != 0) {
            return Kept.COMPRESSED;
        }
        if (entries.isZero(entry)) {
            return Kept.ZEROES;
        }
        if ((entry & Qcow2Entries.OFFSET) != 0) {
            return Kept.DATA;
        }
        return backing != null && at < backing.size() ? Kept.BACKING : Kept.ZEROES;
    }

    private void readBacking(long at, ScatterList part) throws IOException {
        DiskImage below = Objects.requireNonNull(backing);
        long n = Math.min(part.bytes(), below.size() - at);
        below.read(at, part.slice(0, n));
        if (n < part.bytes()) {
            part.slice(n, part.bytes() - n).zero();
        }
    }

    private void giveBack(long ticket) throws IOException {
        lock.lock();
        try {
            if (!closed) {
                tables.giveBack(ticket);
            }
        } finally {
            lock.unlock();
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
                            MemorySegment.ofArray(compressed.unpack(entry)),
                            within(at),
                            target,
                            0,
                            target.byteSize());
            case DATA -> file.read(entries.dataOffset(entry) + within(at), target);
            case BACKING -> readBacking(at, ScatterList.of(target));
            case ZEROES -> target.fill((byte) 0);
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
        lock.lock();
        try {
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
            ticket = tables.takeTicket();
        } finally {
            lock.unlock();
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
        long entry = tables.ownEntry(at);
        if (!Qcow2Entries.isOwn(entry) || entries.isZero(entry)) {
            return -1;
        }
        tables.checkNotTable(entries.dataOffset(entry));
        return entries.dataOffset(entry) + within(at);
    }

    /** Writes within one cluster, which gets a place of its own if it has none. */
    private void writeCluster(long at, ScatterList source) throws IOException {
        long entry = tables.writableEntry(at);
        int within = within(at);
        boolean own = Qcow2Entries.isOwn(entry);
        if (own) {
            tables.checkNotTable(entries.dataOffset(entry));
        }
        if (own && !entries.isZero(entry)) {
            file.write(entries.dataOffset(entry) + within, source);
            return;
        }
        long place = own ? entries.dataOffset(entry) : tables.newCluster();
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
                tables.abandon(place);
            }
        }
        tables.set(at, place | Qcow2Entries.COPIED, !own);
    }

    @Override
    public void flush() throws IOException {
        if (readOnly) {
            return;
        }
        lock.lock();
        try {
            checkOpen();
            checkNotFailed();
            tables.commit();
        } finally {
            lock.unlock();
        }
        file.force();
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        lock.lock();
        try {
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
        } finally {
            lock.unlock();
        }
    }

    /** The next cluster from here on that has an L2 table or a backing file behind it. */
    private long skipUnallocated(long at, long to) {
        long next = at;
        while (next < to && backing == null && !tables.hasTable(next)) {
            next = (next / tables.span() + 1) * tables.span();
        }
        return next;
    }

    /** Makes one cluster read as zero and frees it; false if the format has no way to say so. */
    private boolean dropCluster(long at) throws IOException {
        boolean hidden = backing != null && at < backing.size();
        if (hidden && header.version() < 3) {
            return false;
        }
        long entry = hidden ? Qcow2Entries.ZERO : 0;
        if (tables.entry(at) != entry) {
            tables.set(at, entry, true);
        }
        return true;
    }

    @Override
    public void writeZeroes(long offset, long length, boolean mayUnmap) throws IOException {
        lock.lock();
        try {
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
                long entry = tables.entry(at);
                if (whole && Qcow2Entries.isOwn(entry) && !mayUnmap && header.version() >= 3) {
                    tables.set(at, entry | Qcow2Entries.ZERO, false);
                } else if (!(whole && dropCluster(at)) && !readsZero(entry, at)) {
                    writeCluster(at, ScatterList.of(MemorySegment.ofArray(new byte[(int) part])));
                }
                at += part;
            }
        } finally {
            lock.unlock();
        }
    }

    private boolean readsZero(long entry, long at) {
        boolean unallocated = (entry & (Qcow2Entries.OFFSET | Qcow2Entries.COMPRESSED)) == 0;
        return entries.isZero(entry) || unallocated && (backing == null || at >= backing.size());
    }

    @Override
    public long zeroRun(long offset, long length) throws IOException {
        lock.lock();
        try {
            checkOpen();
            ImageFile.checkRange(file.path().toString(), offset, length, size);
            long end = offset + length;
            long at = offset;
            while (at < end) {
                at = skipUnallocated(at, end);
                if (at >= end || !readsZero(tables.entry(at), at)) {
                    break;
                }
                at = (at & -clusterSize) + clusterSize;
            }
            return Math.min(at, end) - offset;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void resize(long newSize) throws IOException {
        lock.lock();
        try {
            checkWrite(0, 0);
            long most = Qcow2Header.MAX_L1_BYTES / 8 * tables.span();
            if (newSize < 0 || newSize > most) {
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
            tables.commit();
            tables.grow(newSize);
            file.write(
                    Qcow2Header.SIZE_AT,
                    MemorySegment.ofArray(ByteBuffer.allocate(8).putLong(newSize).array()));
            file.force();
            size = newSize;
            if (newSize > oldSize && backing != null && backing.size() > oldSize) {
                writeZeroes(oldSize, Math.min(newSize, backing.size()) - oldSize, true);
                tables.commit();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Compares what the tables name with what is counted. */
    Qcow2Check.Result check() throws IOException {
        lock.lock();
        try {
            checkOpen();
            if (!readOnly) {
                tables.commit();
            }
            return tables.check();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public ImageInfo info() throws IOException {
        lock.lock();
        try {
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
        } finally {
            lock.unlock();
        }
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
        if (tables.failed()) {
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
    public void close() throws IOException {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            try {
                if (!readOnly && !tables.failed()) {
                    tables.commit();
                    file.force();
                }
            } finally {
                closed = true;
                file.close();
                if (backing != null) {
                    backing.close();
                }
            }
        } finally {
            lock.unlock();
        }
    }
}
