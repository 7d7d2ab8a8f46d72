package io.queztl.devices.virtio.block;

import static io.queztl.devices.virtio.block.BlockLayout.*;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.devices.virtio.MalformedRingException;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.Virtqueue;
import io.queztl.machine.memory.GuestMemory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A disk (VirtIO 1.2, 5.2). Each queue has a worker that does one request after another; data moves
 * between guest RAM and the {@link DiskImage} without a copy in between. What the host cannot do
 * completes as VIRTIO_BLK_S_IOERR; a flush completes after the image's.
 */
public final class VirtioBlock extends VirtioDevice {
    /** VirtIO device type. */
    public static final int DEVICE_ID = 2;

    /** PCI class: other mass storage controller. */
    public static final int PCI_CLASS = 0x01_8000;

    private static final int QUEUE_SIZE = 256;
    private static final int MAX_RANGES = 16;

    /** 16 MiB: what one request may keep a worker busy with. */
    private static final int MAX_RANGE_SECTORS = 0x8000;

    private final DiskImage image;
    private final byte[] serial = new byte[SERIAL_BYTES];
    private final DescriptorChain[] chains;
    private final int queues;

    /**
     * @param name for threads and messages
     * @param image the disk, closed by its owner after this device
     * @param serial what the guest sees as its serial number, at most 20 ASCII characters
     * @param queues 1–16
     */
    public VirtioBlock(
            String name, GuestMemory memory, DiskImage image, String serial, int queues) {
        super(name, DEVICE_ID, memory, CONFIG_BYTES, queues, sizes(queues));
        this.image = image;
        this.queues = queues;
        byte[] ascii = serial.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(ascii, 0, this.serial, 0, Math.min(ascii.length, SERIAL_BYTES));
        chains = new DescriptorChain[queues];
        for (int q = 0; q < queues; q++) {
            chains[q] = new DescriptorChain(memory);
        }
        setConfig(CAPACITY, 8, image.size() / SECTOR);
        setConfig(SEG_MAX, 4, QUEUE_SIZE - 2);
        setConfig(BLK_SIZE, 4, SECTOR);
        setConfig(NUM_QUEUES, 2, queues);
        setConfig(MAX_DISCARD_SECTORS, 4, MAX_RANGE_SECTORS);
        setConfig(MAX_DISCARD_SEG, 4, MAX_RANGES);
        setConfig(DISCARD_ALIGNMENT, 4, 8);
        setConfig(MAX_ZEROES_SECTORS, 4, MAX_RANGE_SECTORS);
        setConfig(MAX_ZEROES_SEG, 4, MAX_RANGES);
        setConfig(ZEROES_MAY_UNMAP, 1, 1);
    }

    private static int[] sizes(int queues) {
        int[] sizes = new int[queues];
        Arrays.fill(sizes, QUEUE_SIZE);
        return sizes;
    }

    @Override
    protected long deviceFeatures() {
        long features = F_SEG_MAX | F_BLK_SIZE | F_FLUSH;
        features |= image.readOnly() ? F_RO : F_DISCARD | F_WRITE_ZEROES;
        return queues > 1 ? features | F_MQ : features;
    }

    @Override
    protected int workerOf(int queue) {
        return queue;
    }

    /** Tells the guest that the image has another size now. */
    public void resized() {
        setConfig(CAPACITY, 8, image.size() / SECTOR);
        configChanged();
    }

    @Override
    protected void process(int queue, Virtqueue ring) {
        DescriptorChain chain = chains[queue];
        do {
            ring.disableNotifications();
            while (ring.pop(chain)) {
                long writable = chain.writable();
                if (chain.readable() < HEADER_BYTES || writable < 1) {
                    throw new MalformedRingException("a request without header or status");
                }
                int status;
                try {
                    status = request(chain);
                } catch (IOException e) {
                    guestError("input or output: " + e.getMessage());
                    status = S_IOERR;
                }
                boolean ignored = chain.patch(writable - 1, status);
                ring.push(chain, writable);
                complete(queue, ring);
            }
        } while (ring.enableNotifications());
    }

    private int request(DescriptorChain chain) throws IOException {
        int type = chain.read32();
        int ignored = chain.read32();
        long sector = chain.read64();
        switch (type) {
            case T_IN -> {
                long bytes = chain.writable() - 1;
                if (outside(sector, bytes)) {
                    return S_IOERR;
                }
                long start = sector * SECTOR;
                long read = chain.write(bytes, (piece, at) -> image.read(start + at, piece));
                return read == bytes ? S_OK : S_IOERR;
            }
            case T_OUT -> {
                long bytes = chain.readable();
                if (image.readOnly() || outside(sector, bytes)) {
                    return S_IOERR;
                }
                long start = sector * SECTOR;
                long written = chain.read(bytes, (piece, at) -> image.write(start + at, piece));
                if (!negotiated(F_FLUSH)) {
                    image.flush(); // 5.2.6.2: without it the driver counts on write-through
                }
                return written == bytes ? S_OK : S_IOERR;
            }
            case T_FLUSH -> {
                image.flush();
                return S_OK;
            }
            case T_GET_ID -> {
                int room = (int) Math.min(SERIAL_BYTES, chain.writable() - 1);
                int n = chain.write(serial, 0, room);
                return n == room ? S_OK : S_IOERR;
            }
            case T_DISCARD, T_WRITE_ZEROES -> {
                return ranges(chain, type == T_DISCARD);
            }
            default -> {
                return S_UNSUPP;
            }
        }
    }

    private int ranges(DescriptorChain chain, boolean discard) throws IOException {
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
                image.writeZeroes(sector * SECTOR, sectors * SECTOR, (flags & RANGE_UNMAP) != 0);
            }
        }
        if (!negotiated(F_FLUSH)) {
            image.flush();
        }
        return S_OK;
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
        return atRest(() -> new VirtioBlockState(commonState()));
    }

    /** Replaces its state. */
    public void restore(VirtioBlockState state) {
        boolean ignored =
                atRest(() -> {
                    restoreCommon(state.common());
                    return true;
                });
    }
}
