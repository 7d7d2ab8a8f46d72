package io.queztl.devices.net;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Set;

/**
 * A file of captured frames in the pcapng format (draft-ietf-opsawg-pcapng), one section with one
 * Ethernet interface and nanosecond times:
 *
 * <pre>
 * block    { u32 type; u32 length; } body, padded to 4 { u32 length; }
 * section  { u32 magic; u16 major, minor; i64 section length; }
 * interface{ u16 link type; u16 reserved; u32 snap length; } options
 * packet   { u32 interface; u32 time high, low; u32 captured, original; } frame, options
 * option   { u16 code; u16 length; } value, padded to 4
 * </pre>
 *
 * <p>Frames are those that the guest sees: with segmentation offload larger than the MTU, and with
 * checksums that are not filled in. When the file cannot be written, the capture ends and the
 * network goes on.
 */
public final class PacketCapture implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(PacketCapture.class.getName());
    private static final int SECTION = 0x0a0d_0d0a;
    private static final int INTERFACE = 1;
    private static final int PACKET = 6;
    private static final int BYTE_ORDER = 0x1a2b_3c4d;
    private static final int ETHERNET = 1;
    private static final int OPTION_TIME_RESOLUTION = 9;
    private static final int OPTION_FLAGS = 2;
    private static final int NANOSECONDS = 9;
    private static final int PACKET_OVERHEAD = 8 + 20 + 3 + 8 + 4 + 4;
    private static final int BUFFER = 2 * (NetworkBackend.MAX_PACKET_BYTES + PACKET_OVERHEAD);

    /** How long what is captured may stay in memory. */
    private static final long FLUSH_NANOS = 200_000_000;

    /** Which way a frame went. */
    public enum Direction {
        /** The guest received it. */
        TO_GUEST,
        /** The guest sent it. */
        FROM_GUEST
    }

    private final Path file;
    private final FileChannel channel;
    private final ByteBuffer buffer =
            ByteBuffer.allocateDirect(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
    private final Thread flusher;
    private boolean failed; // guarded by this
    private volatile boolean closed;

    private PacketCapture(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
        flusher =
                Thread.ofPlatform().daemon().name("queztl-capture").unstarted(this::flushRegularly);
    }

    /**
     * Makes the file, which only this user may read, or empties one that there is.
     *
     * @throws IOException if that fails
     */
    public static PacketCapture create(Path file) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        file,
                        Set.of(
                                StandardOpenOption.CREATE,
                                StandardOpenOption.WRITE,
                                StandardOpenOption.TRUNCATE_EXISTING),
                        PosixFilePermissions.asFileAttribute(
                                PosixFilePermissions.fromString("rw-------")));
        PacketCapture capture = new PacketCapture(file, channel);
        capture.begin();
        capture.flusher.start();
        return capture;
    }

    private synchronized void begin() {
        buffer.putInt(SECTION).putInt(28).putInt(BYTE_ORDER);
        buffer.putShort((short) 1).putShort((short) 0).putLong(-1).putInt(28);
        buffer.putInt(INTERFACE).putInt(32);
        buffer.putShort((short) ETHERNET).putShort((short) 0).putInt(0);
        buffer.putShort((short) OPTION_TIME_RESOLUTION).putShort((short) 1).putInt(NANOSECONDS);
        buffer.putInt(0).putInt(32);
    }

    /** Adds the frame of a packet, which is between position and limit of its buffer. */
    public synchronized void add(ByteBuffer packet, Direction direction) {
        int frame = packet.remaining() - NetworkBackend.HEADER_BYTES;
        if (failed || closed || frame < 0 || frame > NetworkBackend.MAX_PACKET_BYTES) {
            return;
        }
        int padded = frame + 3 & ~3;
        int length = 8 + 20 + padded + 8 + 4 + 4;
        if (buffer.remaining() < length) {
            flush();
        }
        Instant now = Instant.now();
        long time = now.getEpochSecond() * 1_000_000_000L + now.getNano();
        buffer.putInt(PACKET).putInt(length).putInt(0);
        buffer.putInt((int) (time >>> 32)).putInt((int) time).putInt(frame).putInt(frame);
        int at = buffer.position();
        buffer.put(at, packet, packet.position() + NetworkBackend.HEADER_BYTES, frame);
        buffer.position(at + frame);
        for (int i = frame; i < padded; i++) {
            buffer.put((byte) 0);
        }
        buffer.putShort((short) OPTION_FLAGS).putShort((short) 4);
        buffer.putInt(direction == Direction.TO_GUEST ? 1 : 2).putInt(0).putInt(length);
    }

    private synchronized void flush() {
        buffer.flip();
        try {
            while (!failed && buffer.hasRemaining()) {
                int ignored = channel.write(buffer);
            }
        } catch (IOException e) {
            failed = true;
            LOG.log(
                    System.Logger.Level.WARNING,
                    "the capture of packets in {0} ends: {1}",
                    file,
                    e.getMessage());
        }
        buffer.clear();
    }

    private void flushRegularly() {
        try {
            while (!closed) {
                Thread.sleep(FLUSH_NANOS / 1_000_000);
                flush();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Writes what is left and closes the file. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        flush();
        flusher.interrupt();
        try {
            channel.close();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "closing {0}: {1}", file, e.getMessage());
        }
    }
}
