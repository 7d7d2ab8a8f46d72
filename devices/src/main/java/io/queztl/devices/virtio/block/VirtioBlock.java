package io.queztl.devices.virtio.block;

import static io.queztl.devices.virtio.block.BlockLayout.*;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageException;
import io.queztl.devices.storage.ScatterList;
import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.devices.virtio.MalformedRingException;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.Virtqueue;
import io.queztl.machine.memory.GuestMemory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A disk (VirtIO 1.2, 5.2). Each queue has a few threads; as long as requests are quick, one of
 * them does one after another, and when they have to wait for the image, the others help. Data
 * moves between guest RAM and the {@link DiskImage} without a copy in between. What the host cannot
 * do completes as VIRTIO_BLK_S_IOERR; a flush completes after the image's.
 *
 * <p>Writes are durable after a flush, or at once where the driver asks for no flushes (5.2.6.2):
 * it has not negotiated VIRTIO_BLK_F_FLUSH, or has switched the field {@code writeback} off.
 */
public final class VirtioBlock extends VirtioDevice {
    /** VirtIO device type. */
    public static final int DEVICE_ID = 2;

    /** PCI class: other mass storage controller. */
    public static final int PCI_CLASS = 0x01_8000;

    /** So that a request of 1 MiB, which may be of 256 pages, is one chain. */
    private static final int QUEUE_SIZE = 512;

    private static final int MAX_RANGES = 16;
    private static final int THREADS = 8;
    private static final int SIGNAL_EVERY = 8;

    /** What is read at most on a vCPU that notifies: some ten microseconds. */
    private static final long NOW_BYTES = 64 << 10;

    /** What a request may take, beside half a nanosecond a byte, until others help. */
    private static final long SLOW_NANOS = 200_000;

    /** 16 MiB: what one request may keep a worker busy with. */
    private static final int MAX_RANGE_SECTORS = 0x8000;

    private final DiskImage image;
    private final byte[] serial = new byte[SERIAL_BYTES];
    private final Lane[] lanes;
    private final int queues;
    private final int threads;
    private final boolean usualWriteBack;
    private volatile boolean writeBack;

    /**
     * @param name for threads and messages
     * @param image the disk, closed by its owner after this device
     * @param serial what the guest sees as its serial number, at most 20 ASCII characters
     * @param queues 1–16
     * @param writeBack whether writes are durable only after a flush, until the driver says
     *     otherwise
     */
    public VirtioBlock(
            String name,
            GuestMemory memory,
            DiskImage image,
            String serial,
            int queues,
            boolean writeBack) {
        super(name, DEVICE_ID, memory, CONFIG_BYTES, queues * threads(queues), sizes(queues));
        this.image = image;
        this.queues = queues;
        usualWriteBack = writeBack;
        byte[] ascii = serial.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(ascii, 0, this.serial, 0, Math.min(ascii.length, SERIAL_BYTES));
        threads = threads(queues);
        lanes = new Lane[queues];
        for (int q = 0; q < queues; q++) {
            lanes[q] = new Lane();
        }
        setConfig(CAPACITY, 8, image.size() / SECTOR);
        setConfig(SEG_MAX, 4, QUEUE_SIZE - 2);
        setConfig(BLK_SIZE, 4, SECTOR);
        writeBack(writeBack);
        setConfig(NUM_QUEUES, 2, queues);
        setConfig(MAX_DISCARD_SECTORS, 4, MAX_RANGE_SECTORS);
        setConfig(MAX_DISCARD_SEG, 4, MAX_RANGES);
        setConfig(DISCARD_ALIGNMENT, 4, Math.max(1, image.allocationUnit() / SECTOR));
        setConfig(MAX_ZEROES_SECTORS, 4, MAX_RANGE_SECTORS);
        setConfig(MAX_ZEROES_SEG, 4, MAX_RANGES);
        setConfig(ZEROES_MAY_UNMAP, 1, 1);
    }

    /** Threads for each queue; they start when they are needed. */
    private static int threads(int queues) {
        return Math.max(2, THREADS / queues);
    }

    private static int[] sizes(int queues) {
        int[] sizes = new int[queues];
        Arrays.fill(sizes, QUEUE_SIZE);
        return sizes;
    }

    @Override
    protected long deviceFeatures() {
        long features = F_SEG_MAX | F_BLK_SIZE | F_FLUSH;
        features |= image.readOnly() ? F_RO : F_WRITE_ZEROES | F_CONFIG_WCE;
        features |= !image.readOnly() && image.discards() ? F_DISCARD : 0;
        return queues > 1 ? features | F_MQ : features;
    }

    /**
     * Makes the disk larger while it is in use, and tells the driver. Any thread.
     *
     * @param bytes the new size
     * @throws ImageException if it is smaller or no whole number of sectors, or the image cannot be
     *     of another size
     */
    public void resize(long bytes) throws IOException {
        synchronized (lanes) {
            if (bytes < image.size() || bytes % SECTOR != 0) {
                throw new ImageException(
                        "a disk in use has %d bytes and can only grow, to a multiple of %d, not to %d"
                                .formatted(image.size(), SECTOR, bytes));
            }
            image.resize(bytes);
            setConfig(CAPACITY, 8, image.size() / SECTOR);
        }
        configChanged();
    }

    private void writeBack(boolean on) {
        writeBack = on;
        setConfig(WRITEBACK, 1, on ? 1 : 0);
    }

    @Override
    protected void activated() {
        if (!negotiated(F_FLUSH)) {
            writeBack(false);
        }
    }

    @Override
    protected void deviceReset() {
        writeBack(usualWriteBack);
    }

    @Override
    protected void configWritten(int offset, int size, long value) {
        if (offset != WRITEBACK || size != 1 || !negotiated(F_CONFIG_WCE | F_FLUSH)) {
            return;
        }
        boolean on = (value & 1) != 0;
        boolean before = writeBack;
        writeBack(on);
        if (before && !on) {
            // The driver flushes no more, not for what it wrote before either.
            try {
                image.flush();
            } catch (IOException e) {
                guestError("flush: " + e.getMessage());
                writeBack(true);
            }
        }
    }

    @Override
    protected int workerOf(int queue) {
        Lane lane = lanes[queue];
        // One that waits for the image would leave the request waiting.
        int free = lane.slow() ? lane.freeThread() : 0;
        return queue * threads + Math.max(0, free);
    }

    @Override
    protected void process(int queue, Virtqueue ring) {
        Lane lane = lanes[queue];
        Request request = lane.take();
        int unsignalled = 0;
        try {
            do {
                ring.disableNotifications();
                while (ring.pop(request.chain)) {
                    boolean slow;
                    int busy = lane.begin();
                    try {
                        // While this thread waits for the image, others take what comes.
                        if (lane.slow() && ring.enableNotifications()) {
                            callHelper(queue, lane);
                        }
                        slow = serve(queue, ring, lane, request);
                    } finally {
                        lane.end(busy);
                    }
                    // A queue of quick requests is worth an interrupt, not each of them.
                    if (++unsignalled == SIGNAL_EVERY || slow || !ring.waiting()) {
                        complete(queue, ring);
                        unsignalled = 0;
                    }
                }
            } while (ring.enableNotifications());
        } finally {
            lane.give(request);
        }
    }

    @Override
    protected boolean quick(int queue) {
        return !lanes[queue].slow();
    }

    /** Reads what the host has in memory. */
    @Override
    protected boolean processNow(int queue, Virtqueue ring) {
        Lane lane = lanes[queue];
        Request request = lane.take();
        long left = NOW_BYTES;
        boolean all = true;
        do {
            ring.disableNotifications();
            while (all && ring.pop(request.chain)) {
                long bytes = request.chain.writable();
                all = bytes <= left && request.readNow();
                if (all) {
                    ring.push(request.chain, bytes);
                    left -= bytes;
                } else {
                    ring.unpop(request.chain);
                }
            }
        } while (all && ring.enableNotifications());
        if (left < NOW_BYTES) {
            complete(queue, ring);
        }
        lane.give(request);
        return all;
    }

    private void callHelper(int queue, Lane lane) {
        int free = lane.freeThread();
        if (free >= 0) {
            kickWorker(queue * threads + free, queue);
        }
    }

    /** Does one request; true if it was slow. */
    private boolean serve(int queue, Virtqueue ring, Lane lane, Request request) {
        DescriptorChain chain = request.chain;
        long writable = chain.writable();
        if (chain.readable() < HEADER_BYTES || writable < 1) {
            throw new MalformedRingException("a request without header or status");
        }
        long bytes = chain.readable() + writable;
        long start = System.nanoTime();
        int status;
        try {
            status = unlocked(queue, request);
        } catch (IOException e) {
            guestError("input or output: " + e.getMessage());
            status = S_IOERR;
        }
        boolean ignored = chain.patch(writable - 1, status);
        ring.push(chain, writable);
        return lane.took(System.nanoTime() - start - bytes / 2);
    }

    /** Threads and requests of one queue. Guarded by the queue's lock but for what is volatile. */
    private final class Lane {
        private final ArrayDeque<Request> free = new ArrayDeque<>();
        private final AtomicLong busy = new AtomicLong();
        private volatile long usual;

        Request take() {
            Request request = free.poll();
            return request == null ? new Request() : request;
        }

        void give(Request request) {
            free.push(request);
        }

        boolean slow() {
            return image.remote() || usual > SLOW_NANOS;
        }

        /** Takes in how long a request took; true if that is long. */
        boolean took(long nanos) {
            usual += (Math.max(0, nanos) - usual) / 8;
            return nanos > SLOW_NANOS;
        }

        /** Marks the calling worker as waiting for the image; what to give {@link #end}. */
        int begin() {
            int worker = VirtioBlock.this.currentWorker();
            if (worker >= 0) {
                long ignored = busy.getAndUpdate(bits -> bits | 1L << worker % threads);
            }
            return worker;
        }

        void end(int worker) {
            if (worker >= 0) {
                long ignored = busy.getAndUpdate(bits -> bits & ~(1L << worker % threads));
            }
        }

        /** The number of a thread of the queue that waits for nothing, -1 if there is none. */
        int freeThread() {
            int first = Long.numberOfTrailingZeros(~busy.get());
            return first < threads ? first : -1;
        }
    }

    /** A request that is being done. */
    private final class Request implements IoTask {
        final DescriptorChain chain = new DescriptorChain(memory);
        private final ScatterList list = new ScatterList(memory.ram());

        @Override
        public int run() throws IOException {
            int type = chain.read32();
            int ignored = chain.read32();
            long sector = chain.read64();
            return switch (type) {
                case T_IN -> read(sector);
                case T_OUT -> write(sector);
                case T_FLUSH -> {
                    image.flush();
                    yield S_OK;
                }
                case T_GET_ID -> {
                    int room = (int) Math.min(SERIAL_BYTES, chain.writable() - 1);
                    int n = chain.write(serial, 0, room);
                    yield n == room ? S_OK : S_IOERR;
                }
                case T_DISCARD, T_WRITE_ZEROES -> ranges(type == T_DISCARD);
                default -> S_UNSUPP;
            };
        }

        private int read(long sector) throws IOException {
            long bytes = chain.writable() - 1;
            if (outside(sector, bytes)) {
                return S_IOERR;
            }
            list.clear();
            long ignored = chain.scatter(bytes, list);
            try {
                image.read(sector * SECTOR, list);
            } finally {
                chain.wrote(bytes);
            }
            return S_OK;
        }

        /** Does the request if it is a read that waits for nothing; else nothing has happened. */
        boolean readNow() {
            long bytes = chain.writable() - 1;
            if (bytes < 0 || chain.readable() < HEADER_BYTES || chain.read32() != T_IN) {
                return false;
            }
            int ignored = chain.read32();
            long sector = chain.read64();
            if (outside(sector, bytes)) {
                return false;
            }
            list.clear();
            long same = chain.scatter(bytes, list);
            if (!image.readNow(sector * SECTOR, list)) {
                return false;
            }
            chain.wrote(bytes);
            return chain.patch(bytes, S_OK);
        }

        private int write(long sector) throws IOException {
            long bytes = chain.readable();
            if (image.readOnly() || outside(sector, bytes)) {
                return S_IOERR;
            }
            list.clear();
            long ignored = chain.gather(bytes, list);
            image.write(sector * SECTOR, list);
            return durable();
        }

        /** Flushes what was written, if the driver counts on that. */
        private int durable() throws IOException {
            if (!writeBack) {
                image.flush();
            }
            return S_OK;
        }

        private int ranges(boolean discard) throws IOException {
            long count = chain.readable() / RANGE_BYTES;
            if (!negotiated(discard ? F_DISCARD : F_WRITE_ZEROES)) {
                return S_UNSUPP;
            }
            if (count < 1 || count > MAX_RANGES || chain.readable() % RANGE_BYTES != 0) {
                return S_IOERR;
            }
            for (long i = 0; i < count; i++) {
                long sector = chain.read64();
                long sectors = Integer.toUnsignedLong(chain.read32());
                int flags = chain.read32();
                if ((flags & (discard ? -1 : ~RANGE_UNMAP)) != 0) {
                    return S_UNSUPP;
                }
                if (sectors > MAX_RANGE_SECTORS || outside(sector, sectors * SECTOR)) {
                    return S_IOERR;
                }
                if (discard) {
                    image.discard(sector * SECTOR, sectors * SECTOR);
                } else {
                    image.writeZeroes(
                            sector * SECTOR, sectors * SECTOR, (flags & RANGE_UNMAP) != 0);
                }
            }
            return durable();
        }
    }

    /** True unless whole sectors inside the disk are meant. */
    private boolean outside(long sector, long bytes) {
        long size = image.size();
        return bytes % SECTOR != 0
                || bytes > size
                || sector < 0
                || sector > (size - bytes) / SECTOR;
    }

    /** A copy of its state. */
    public VirtioBlockState state() {
        return atRest(() -> new VirtioBlockState(commonState(), writeBack));
    }

    /** Replaces its state. */
    public void restore(VirtioBlockState state) {
        boolean ignored =
                atRest(() -> {
                    restoreCommon(state.common());
                    writeBack(state.writeBack());
                    return true;
                });
    }
}
