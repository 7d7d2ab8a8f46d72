package io.queztl.devices.storage;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;

/** An image that is the disk's bytes: a file, or a block device of the host. */
public final class RawImage implements DiskImage {
    private final ImageFile file;
    private final boolean readOnly;
    private final boolean punches;
    private volatile long size;

    private RawImage(ImageFile file, boolean readOnly, long size) {
        this.file = file;
        this.readOnly = readOnly;
        this.size = size;
        punches = !readOnly && file.canPunch();
    }

    /** Opens and locks the file. */
    static RawImage open(Path path, ImageOptions options) throws IOException {
        ImageFile file = ImageFile.open(path, options.readOnly());
        boolean done = false;
        try {
            RawImage image = new RawImage(file, options.readOnly(), file.length());
            done = true;
            return image;
        } finally {
            if (!done) {
                file.close();
            }
        }
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.RAW;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public int allocationUnit() {
        return 4096;
    }

    @Override
    public void read(long offset, MemorySegment target) throws IOException {
        ImageFile.checkRange(file.path().toString(), offset, target.byteSize(), size);
        file.read(offset, target);
    }

    @Override
    public void write(long offset, MemorySegment source) throws IOException {
        checkWrite(offset, source.byteSize());
        file.write(offset, source);
    }

    @Override
    public void read(long offset, ScatterList target) throws IOException {
        ImageFile.checkRange(file.path().toString(), offset, target.bytes(), size);
        file.read(offset, target);
    }

    @Override
    public boolean readNow(long offset, ScatterList target) {
        return ImageFile.inside(offset, target.bytes(), size) && file.readNow(offset, target);
    }

    @Override
    public void write(long offset, ScatterList source) throws IOException {
        checkWrite(offset, source.bytes());
        file.write(offset, source);
    }

    @Override
    public void flush() throws IOException {
        if (!readOnly) {
            file.force();
        }
    }

    @Override
    public boolean discards() {
        return punches;
    }

    /** Punches a hole where the file system can, else the bytes stay. */
    @Override
    public void discard(long offset, long length) throws IOException {
        checkWrite(offset, length);
        if (punches) {
            boolean ignored = file.punch(offset, length);
        }
    }

    @Override
    public void writeZeroes(long offset, long length, boolean mayUnmap) throws IOException {
        checkWrite(offset, length);
        if (!(mayUnmap && punches && file.punch(offset, length))) {
            file.writeZeroes(offset, length);
        }
    }

    @Override
    public synchronized void resize(long newSize) throws IOException {
        if (newSize < 0) {
            throw new ImageException("an image cannot have a size below 0");
        }
        checkWrite(0, 0);
        file.setLength(newSize);
        size = newSize;
    }

    @Override
    public ImageInfo info() throws IOException {
        return new ImageInfo(ImageFormat.RAW, size, file.length(), Map.of());
    }

    @Override
    public void close() throws IOException {
        try {
            flush();
        } finally {
            file.close();
        }
    }

    private void checkWrite(long offset, long length) throws IOException {
        ImageFile.checkRange(file.path().toString(), offset, length, size);
        if (readOnly) {
            throw new ImageException("the image " + file.path() + " is read-only");
        }
    }
}
