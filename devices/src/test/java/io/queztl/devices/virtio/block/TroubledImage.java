package io.queztl.devices.virtio.block;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageInfo;
import io.queztl.devices.storage.ScatterList;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A disk image that counts flushes and reads at once, and can have its requests fail or wait for
 * each other.
 */
final class TroubledImage implements DiskImage {
    final AtomicInteger flushes = new AtomicInteger();
    final AtomicInteger readsNow = new AtomicInteger();
    volatile boolean failing;

    /** Nothing is in the host's memory. */
    volatile boolean asleep;

    volatile @Nullable CyclicBarrier meeting;
    private final DiskImage image;

    TroubledImage(DiskImage image) {
        this.image = image;
    }

    private void trouble() throws IOException {
        if (failing) {
            throw new IOException("no space left");
        }
        CyclicBarrier barrier = meeting;
        if (barrier != null) {
            try {
                int ignored = barrier.await(10, TimeUnit.SECONDS);
            } catch (Exception e) {
                throw new IOException("the others did not come", e);
            }
        }
    }

    @Override
    public long size() {
        return image.size();
    }

    @Override
    public ImageFormat format() {
        return image.format();
    }

    @Override
    public boolean readOnly() {
        return image.readOnly();
    }

    @Override
    public int allocationUnit() {
        return image.allocationUnit();
    }

    @Override
    public boolean discards() {
        return image.discards();
    }

    @Override
    public boolean remote() {
        return meeting != null;
    }

    @Override
    public void read(long offset, MemorySegment target) throws IOException {
        trouble();
        image.read(offset, target);
    }

    @Override
    public boolean readNow(long offset, ScatterList target) {
        boolean done = !failing && meeting == null && !asleep && image.readNow(offset, target);
        if (done) {
            int ignored = readsNow.incrementAndGet();
        }
        return done;
    }

    @Override
    public void write(long offset, MemorySegment source) throws IOException {
        trouble();
        image.write(offset, source);
    }

    @Override
    public void flush() throws IOException {
        int ignored = flushes.incrementAndGet();
        if (failing) {
            throw new IOException("no space left");
        }
        image.flush();
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        trouble();
        image.discard(offset, length);
    }

    @Override
    public void writeZeroes(long offset, long length, boolean mayUnmap) throws IOException {
        trouble();
        image.writeZeroes(offset, length, mayUnmap);
    }

    @Override
    public void resize(long newSize) throws IOException {
        image.resize(newSize);
    }

    @Override
    public ImageInfo info() throws IOException {
        return image.info();
    }

    @Override
    public void close() throws IOException {
        image.close();
    }
}
