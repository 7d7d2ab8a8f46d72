package io.queztl.devices.storage;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An export of an NBD server (NetworkBlockDevice/nbd, doc/proto.md): fixed newstyle, simple
 * replies, one request at a time. A request whose connection breaks is sent again on a new one for
 * 30 seconds; others wait for it meanwhile. A server that restarts and loses what was not flushed
 * is like a disk that loses power.
 */
final class NbdImage implements DiskImage {
    private static final int CHUNK = 1 << 20;
    private static final long RECONNECT_NANOS = 30_000_000_000L;

    private final String name;
    private final SocketAddress address;
    private final String export;
    private final boolean wantReadOnly;
    private @Nullable SocketChannel channel;
    private long size = -1;
    private int flags;
    private long cookie;
    private boolean closed;

    private NbdImage(String name, SocketAddress address, String export, boolean readOnly) {
        this.name = name;
        this.address = address;
        this.export = export;
        this.wantReadOnly = readOnly;
    }

    /** Connects to {@code nbd://HOST[:PORT]/EXPORT} or {@code nbd+unix:///EXPORT?socket=PATH}. */
    static NbdImage open(String uri, boolean readOnly) throws IOException {
        NbdImage image = parse(uri, readOnly);
        image.connect();
        if (!readOnly && (image.flags & NbdProtocol.READ_ONLY) != 0) {
            image.close();
            throw new ImageException("the NBD export " + uri + " is read-only");
        }
        return image;
    }

    private static NbdImage parse(String text, boolean readOnly) throws IOException {
        URI uri;
        try {
            uri = URI.create(text);
        } catch (IllegalArgumentException e) {
            throw new ImageException("'" + text + "' is no URI of an NBD export");
        }
        String path = uri.getPath();
        String export = path == null || path.isEmpty() ? "" : path.substring(1);
        String query = uri.getQuery();
        if ("nbd+unix".equals(uri.getScheme()) && query != null && query.startsWith("socket=")) {
            SocketAddress socket = UnixDomainSocketAddress.of(query.substring(7));
            return new NbdImage(text, socket, export, readOnly);
        }
        if ("nbd".equals(uri.getScheme()) && uri.getHost() != null) {
            int port = uri.getPort() < 0 ? 10809 : uri.getPort();
            String host = uri.getHost().replaceAll("[\\[\\]]", "");
            return new NbdImage(text, new InetSocketAddress(host, port), export, readOnly);
        }
        throw new ImageException("'" + text + "' is no URI of an NBD export");
    }

    private SocketChannel connect() throws IOException {
        SocketChannel c;
        if (address instanceof UnixDomainSocketAddress) {
            c = SocketChannel.open(StandardProtocolFamily.UNIX);
        } else {
            c = SocketChannel.open();
            c.setOption(StandardSocketOptions.TCP_NODELAY, true);
        }
        boolean done = false;
        try {
            c.connect(address);
            negotiate(c);
            done = true;
        } catch (java.nio.channels.UnresolvedAddressException e) {
            throw new ImageException("the host of " + name + " is unknown");
        } finally {
            if (!done) {
                c.close();
            }
        }
        channel = c;
        return c;
    }

    private void negotiate(SocketChannel c) throws IOException {
        ByteBuffer hello = NbdProtocol.receive(c, 18);
        boolean known =
                hello.getLong() == NbdProtocol.SERVER_MAGIC
                        && hello.getLong() == NbdProtocol.OPTION_MAGIC;
        int offered = hello.getShort();
        if (!known || (offered & NbdProtocol.FIXED_NEWSTYLE) == 0) {
            throw new ImageException(name + " is no NBD server of the newstyle protocol");
        }
        byte[] wanted = export.getBytes(StandardCharsets.UTF_8);
        ByteBuffer go = ByteBuffer.allocate(4 + 16 + 4 + wanted.length + 2);
        go.putInt(offered & (NbdProtocol.FIXED_NEWSTYLE | NbdProtocol.NO_ZEROES));
        go.putLong(NbdProtocol.OPTION_MAGIC).putInt(NbdProtocol.OPTION_GO);
        go.putInt(6 + wanted.length).putInt(wanted.length).put(wanted).putShort((short) 0);
        NbdProtocol.send(c, go.flip());
        boolean described = false;
        for (int i = 0; i < 64; i++) {
            ByteBuffer reply = NbdProtocol.receive(c, 20);
            long magic = reply.getLong();
            reply.getInt();
            int type = reply.getInt();
            int length = reply.getInt();
            if (magic != NbdProtocol.OPTION_REPLY_MAGIC || length < 0 || length > 65536) {
                throw new ImageException(name + " answers what is no NBD");
            }
            ByteBuffer data = NbdProtocol.receive(c, length);
            if (type < 0) {
                throw new ImageException(
                        "the NBD server of %s refuses the export '%s' (error 0x%x)"
                                .formatted(name, export, type));
            }
            if (type == NbdProtocol.REPLY_ACK) {
                if (!described) {
                    throw new ImageException(name + " does not say its size");
                }
                return;
            }
            if (type == NbdProtocol.REPLY_INFO && length >= 12 && data.getShort() == 0) {
                describe(data.getLong(), data.getShort() & 0xFFFF);
                described = true;
            }
        }
        throw new ImageException(name + " answers without end");
    }

    private void describe(long newSize, int newFlags) throws IOException {
        if (newSize < 0 || size >= 0 && newSize != size) {
            throw new ImageException("the size of " + name + " changed while it was not connected");
        }
        size = newSize;
        flags = newFlags;
    }

    /** One request with its answer, again on new connections as long as it takes, within limits. */
    private void request(
            int type, int command, long offset, int length, @Nullable MemorySegment data)
            throws IOException {
        if (closed) {
            throw new ImageException(name + " is closed");
        }
        long deadline = 0;
        for (; ; ) {
            int error;
            try {
                SocketChannel c = channel;
                error = exchange(c == null ? connect() : c, type, command, offset, length, data);
            } catch (ImageException e) {
                disconnect();
                throw e;
            } catch (IOException e) {
                disconnect();
                long now = System.nanoTime();
                deadline = deadline == 0 ? now + RECONNECT_NANOS : deadline;
                if (now > deadline) {
                    throw new IOException("the NBD server of " + name + " is gone", e);
                }
                pause();
                continue;
            }
            if (error != 0) {
                throw new IOException(
                        "the NBD server of %s answers error %d".formatted(name, error));
            }
            return;
        }
    }

    private void pause() throws IOException {
        try {
            wait(200);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the NBD server of " + name + " was gone", e);
        }
        if (closed) {
            throw new ImageException(name + " is closed");
        }
    }

    private int exchange(
            SocketChannel c,
            int type,
            int command,
            long offset,
            int length,
            @Nullable MemorySegment data)
            throws IOException {
        ByteBuffer head = ByteBuffer.allocate(28);
        long mine = ++cookie;
        head.putInt(NbdProtocol.REQUEST_MAGIC).putShort((short) command).putShort((short) type);
        head.putLong(mine).putLong(offset).putInt(length);
        NbdProtocol.send(c, head.flip());
        if (type == NbdProtocol.WRITE && data != null) {
            NbdProtocol.send(c, data.asByteBuffer());
        }
        ByteBuffer reply = NbdProtocol.receive(c, 16);
        int magic = reply.getInt();
        int error = reply.getInt();
        if (magic != NbdProtocol.REPLY_MAGIC || reply.getLong() != mine) {
            throw new IOException(name + " answers what was not asked");
        }
        if (error == 0 && type == NbdProtocol.READ && data != null) {
            NbdProtocol.receive(c, data.asByteBuffer());
        }
        return error;
    }

    private void disconnect() throws IOException {
        SocketChannel c = channel;
        channel = null;
        if (c != null) {
            c.close();
        }
    }

    @Override
    public synchronized long size() {
        return size;
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.NBD;
    }

    @Override
    public synchronized boolean readOnly() {
        return wantReadOnly || (flags & NbdProtocol.READ_ONLY) != 0;
    }

    @Override
    public int allocationUnit() {
        return 4096;
    }

    @Override
    public synchronized void read(long offset, MemorySegment target) throws IOException {
        long n = target.byteSize();
        ImageFile.checkRange(name, offset, n, size);
        for (long done = 0; done < n; done += CHUNK) {
            int part = (int) Math.min(CHUNK, n - done);
            request(NbdProtocol.READ, 0, offset + done, part, target.asSlice(done, part));
        }
    }

    @Override
    public synchronized void write(long offset, MemorySegment source) throws IOException {
        long n = source.byteSize();
        checkWrite(offset, n);
        for (long done = 0; done < n; done += CHUNK) {
            int part = (int) Math.min(CHUNK, n - done);
            request(NbdProtocol.WRITE, 0, offset + done, part, source.asSlice(done, part));
        }
    }

    @Override
    public synchronized void flush() throws IOException {
        if (!readOnly() && (flags & NbdProtocol.SEND_FLUSH) != 0) {
            request(NbdProtocol.FLUSH, 0, 0, 0, null);
        }
    }

    @Override
    public synchronized void discard(long offset, long length) throws IOException {
        checkWrite(offset, length);
        if ((flags & NbdProtocol.SEND_TRIM) != 0) {
            ranges(NbdProtocol.TRIM, 0, offset, length);
        }
    }

    @Override
    public synchronized void writeZeroes(long offset, long length, boolean mayUnmap)
            throws IOException {
        checkWrite(offset, length);
        if ((flags & NbdProtocol.SEND_WRITE_ZEROES) != 0) {
            int command = mayUnmap ? 0 : NbdProtocol.COMMAND_NO_HOLE;
            ranges(NbdProtocol.WRITE_ZEROES, command, offset, length);
            return;
        }
        MemorySegment zeroes = MemorySegment.ofArray(new byte[(int) Math.min(CHUNK, length)]);
        for (long done = 0; done < length; done += CHUNK) {
            write(offset + done, zeroes.asSlice(0, Math.min(CHUNK, length - done)));
        }
    }

    private void ranges(int type, int command, long offset, long length) throws IOException {
        long step = 1 << 25;
        for (long done = 0; done < length; done += step) {
            request(type, command, offset + done, (int) Math.min(step, length - done), null);
        }
    }

    @Override
    public void resize(long newSize) throws IOException {
        throw new ImageException("the size of " + name + " is its server's to change");
    }

    @Override
    public synchronized ImageInfo info() {
        return new ImageInfo(ImageFormat.NBD, size, size, Map.of("export", export));
    }

    private void checkWrite(long offset, long length) throws IOException {
        ImageFile.checkRange(name, offset, length, size);
        if (readOnly()) {
            throw new ImageException(name + " is read-only");
        }
    }

    @Override
    public synchronized void close() throws IOException {
        if (closed) {
            return;
        }
        try {
            SocketChannel c = channel;
            if (c != null) {
                flush();
                ByteBuffer head = ByteBuffer.allocate(28).putInt(NbdProtocol.REQUEST_MAGIC);
                head.putShort((short) 0).putShort((short) NbdProtocol.DISCONNECT);
                NbdProtocol.send(c, head.clear());
            }
        } finally {
            closed = true;
            disconnect();
        }
    }
}
