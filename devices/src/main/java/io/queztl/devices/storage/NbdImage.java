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
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * An export of an NBD server (NetworkBlockDevice/nbd, doc/proto.md): fixed newstyle, simple
 * replies, any number of requests at once on one connection. A request whose connection breaks, or
 * whose server says nothing for too long, is sent again on a new connection, and fails when that
 * does not help within {@link Limits}. A server that restarts and loses what was not flushed is
 * like a disk that loses power.
 *
 * <p>Threads: callers send and wait; one of those that wait reads the replies of all. A watch
 * closes the connection under a server that is silent. Everything that changes is guarded by {@code
 * lock}, which nobody holds while sending or receiving.
 */
final class NbdImage implements DiskImage {
    private static final int CHUNK = 1 << 20;
    private static final long PAUSE_MILLIS = 200;

    /**
     * How patient to be, in seconds.
     *
     * @param connect until a connection must have been made
     * @param answer until each request must be answered
     * @param reconnect after a connection broke, until requests fail
     */
    record Limits(int connect, int answer, int reconnect) {
        static final Limits DEFAULT = new Limits(10, 60, 30);
    }

    private final String name;
    private final SocketAddress address;
    private final String export;
    private final boolean wantReadOnly;
    private final Limits limits;
    private final Object lock = new Object();
    private volatile long size = -1;
    private volatile int flags;
    private volatile boolean closed;
    // guarded by lock
    private @Nullable NbdConnection connection;
    private boolean connecting;
    private long failingSince;
    private boolean failing;

    private NbdImage(
            String name, SocketAddress address, String export, boolean readOnly, Limits limits) {
        this.name = name;
        this.address = address;
        this.export = export;
        this.wantReadOnly = readOnly;
        this.limits = limits;
    }

    /** Connects to {@code nbd://HOST[:PORT]/EXPORT} or {@code nbd+unix:///EXPORT?socket=PATH}. */
    static NbdImage open(String uri, boolean readOnly) throws IOException {
        return open(uri, readOnly, Limits.DEFAULT);
    }

    static NbdImage open(String uri, boolean readOnly, Limits limits) throws IOException {
        NbdImage image = parse(uri, readOnly, limits);
        try {
            NbdConnection ignored = image.connected();
        } catch (ImageException e) {
            throw e;
        } catch (IOException e) {
            throw new ImageException("%s cannot be reached: %s".formatted(uri, e.getMessage()));
        }
        if (!readOnly && (image.flags & NbdProtocol.READ_ONLY) != 0) {
            image.close();
            throw new ImageException("the NBD export " + uri + " is read-only");
        }
        return image;
    }

    private static NbdImage parse(String text, boolean readOnly, Limits limits) throws IOException {
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
            return new NbdImage(text, socket, export, readOnly, limits);
        }
        if ("nbd".equals(uri.getScheme()) && uri.getHost() != null) {
            int port = uri.getPort() < 0 ? 10809 : uri.getPort();
            String host = uri.getHost().replaceAll("[\\[\\]]", "");
            return new NbdImage(text, new InetSocketAddress(host, port), export, readOnly, limits);
        }
        throw new ImageException("'" + text + "' is no URI of an NBD export");
    }

    /** The connection, a new one if there is none. */
    private NbdConnection connected() throws IOException {
        synchronized (lock) {
            while (connecting) {
                NbdConnection.await(lock, 0);
            }
            NbdConnection c = connection;
            if (closed) {
                throw new ImageException(name + " is closed");
            }
            if (c != null && c.alive()) {
                return c;
            }
            connecting = true;
        }
        NbdConnection made = null;
        try {
            made = connect();
            return made;
        } finally {
            synchronized (lock) {
                connecting = false;
                connection = made;
                lock.notifyAll();
            }
        }
    }

    private NbdConnection connect() throws IOException {
        SocketChannel c;
        if (address instanceof UnixDomainSocketAddress) {
            c = SocketChannel.open(StandardProtocolFamily.UNIX);
        } else {
            c = SocketChannel.open();
            c.setOption(StandardSocketOptions.TCP_NODELAY, true);
        }
        boolean done = false;
        NbdConnection made = new NbdConnection(c, name, limits.answer());
        try {
            made.watch(limits.connect());
            c.connect(address);
            negotiate(c);
            made.established();
            done = true;
            return made;
        } catch (UnresolvedAddressException e) {
            throw new ImageException("the host of " + name + " is unknown");
        } catch (java.nio.channels.ClosedChannelException e) {
            throw new IOException("the NBD server of " + name + " does not answer", e);
        } finally {
            if (!done) {
                made.end();
            }
        }
    }

    /** Asks for the export by NBD_OPT_GO; what it is goes to {@link #describe}. */
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

    /** One request with its answer, again on new connections within limits. */
    private void request(int type, int command, long offset, int length, @Nullable ScatterList data)
            throws IOException {
        for (; ; ) {
            int error;
            try {
                error = connected().exchange(type, command, offset, length, data);
            } catch (ImageException e) {
                throw e;
            } catch (IOException e) {
                broken(e);
                continue;
            }
            synchronized (lock) {
                failing = false;
            }
            if (error != 0) {
                throw new IOException(
                        "the NBD server of %s answers error %d".formatted(name, error));
            }
            return;
        }
    }

    /** A connection broke: waits a little, or gives up. */
    private void broken(IOException cause) throws IOException {
        synchronized (lock) {
            long now = System.nanoTime();
            if (!failing) {
                failing = true;
                failingSince = now;
            }
            if (now - failingSince > TimeUnit.SECONDS.toNanos(limits.reconnect())) {
                throw new IOException("the NBD server of " + name + " is gone", cause);
            }
            NbdConnection.await(lock, PAUSE_MILLIS);
        }
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.NBD;
    }

    @Override
    public boolean readOnly() {
        return wantReadOnly || (flags & NbdProtocol.READ_ONLY) != 0;
    }

    @Override
    public boolean remote() {
        return true;
    }

    @Override
    public boolean discards() {
        return !readOnly() && (flags & NbdProtocol.SEND_TRIM) != 0;
    }

    @Override
    public int allocationUnit() {
        return 4096;
    }

    @Override
    public void read(long offset, MemorySegment target) throws IOException {
        read(offset, ScatterList.of(target));
    }

    @Override
    public void read(long offset, ScatterList target) throws IOException {
        long n = target.bytes();
        ImageFile.checkRange(name, offset, n, size);
        for (long done = 0; done < n; done += CHUNK) {
            int part = (int) Math.min(CHUNK, n - done);
            request(NbdProtocol.READ, 0, offset + done, part, target.slice(done, part));
        }
    }

    @Override
    public void write(long offset, MemorySegment source) throws IOException {
        write(offset, ScatterList.of(source));
    }

    @Override
    public void write(long offset, ScatterList source) throws IOException {
        long n = source.bytes();
        checkWrite(offset, n);
        for (long done = 0; done < n; done += CHUNK) {
            int part = (int) Math.min(CHUNK, n - done);
            request(NbdProtocol.WRITE, 0, offset + done, part, source.slice(done, part));
        }
    }

    @Override
    public void flush() throws IOException {
        if (!readOnly() && (flags & NbdProtocol.SEND_FLUSH) != 0) {
            request(NbdProtocol.FLUSH, 0, 0, 0, null);
        }
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        checkWrite(offset, length);
        if ((flags & NbdProtocol.SEND_TRIM) != 0) {
            ranges(NbdProtocol.TRIM, 0, offset, length);
        }
    }

    @Override
    public void writeZeroes(long offset, long length, boolean mayUnmap) throws IOException {
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
    public ImageInfo info() {
        return new ImageInfo(ImageFormat.NBD, size, size, Map.of("export", export));
    }

    private void checkWrite(long offset, long length) throws IOException {
        ImageFile.checkRange(name, offset, length, size);
        if (readOnly()) {
            throw new ImageException(name + " is read-only");
        }
    }

    /** Flushes if there is a connection, and ends it. */
    @Override
    public void close() throws IOException {
        NbdConnection c;
        synchronized (lock) {
            if (closed) {
                return;
            }
            closed = true;
            c = connection;
            lock.notifyAll();
        }
        if (c == null || !c.alive()) {
            return;
        }
        try {
            if (!readOnly() && (flags & NbdProtocol.SEND_FLUSH) != 0) {
                int error = c.exchange(NbdProtocol.FLUSH, 0, 0, 0, null);
                if (error != 0) {
                    throw new IOException(
                            "the NBD server of %s answers error %d".formatted(name, error));
                }
            }
            c.disconnect();
        } finally {
            c.end();
        }
    }
}
