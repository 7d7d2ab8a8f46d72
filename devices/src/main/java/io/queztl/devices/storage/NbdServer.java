package io.queztl.devices.storage;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Exports one image by NBD (NetworkBlockDevice/nbd, doc/proto.md): fixed newstyle, simple replies,
 * up to 16 clients, a thread each. It has no authentication: whoever reaches it has the disk.
 */
public final class NbdServer implements Closeable {
    private static final int MAX_CLIENTS = 16;
    private static final int MAX_REQUEST = 32 << 20;
    private static final int EPERM = 1;
    private static final int EIO = 5;
    private static final int EINVAL = 22;

    private final DiskImage image;
    private final String export;
    private final ServerSocketChannel server;
    private final Set<SocketChannel> clients = ConcurrentHashMap.newKeySet();

    /** Listens at the address, TCP or Unix; the image stays the caller's to close. */
    public NbdServer(DiskImage image, String export, SocketAddress address) throws IOException {
        this.image = image;
        this.export = export;
        server =
                address instanceof UnixDomainSocketAddress
                        ? ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                        : ServerSocketChannel.open();
        boolean done = false;
        try {
            server.bind(address);
            if (address instanceof UnixDomainSocketAddress unix) {
                // Whoever may write to it has the disk.
                Path ignored =
                        Files.setPosixFilePermissions(
                                unix.getPath(), PosixFilePermissions.fromString("rw-------"));
            }
            done = true;
        } finally {
            if (!done) {
                server.close();
            }
        }
    }

    /** Where it listens. */
    public SocketAddress address() throws IOException {
        return server.getLocalAddress();
    }

    /** Serves until {@link #close}, on the calling thread and one for each client. */
    public void run() throws IOException {
        while (server.isOpen()) {
            SocketChannel client;
            try {
                client = server.accept();
            } catch (java.nio.channels.ClosedChannelException e) {
                return;
            }
            if (clients.size() >= MAX_CLIENTS) {
                client.close();
                continue;
            }
            clients.add(client);
            Thread thread = new Thread(() -> serve(client), "queztl-nbd");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void serve(SocketChannel client) {
        try (client) {
            if (negotiate(client)) {
                while (answer(client)) {
                    // Until the client is done.
                }
            }
        } catch (IOException e) {
            // The client is gone or breaks the protocol: its connection ends, others go on.
        } finally {
            clients.remove(client);
        }
    }

    private short flags() {
        int writable = NbdProtocol.SEND_FUA | NbdProtocol.SEND_TRIM | NbdProtocol.SEND_WRITE_ZEROES;
        int own = image.readOnly() ? NbdProtocol.READ_ONLY : writable;
        return (short) (NbdProtocol.HAS_FLAGS | NbdProtocol.SEND_FLUSH | own);
    }

    private boolean negotiate(SocketChannel c) throws IOException {
        ByteBuffer hello = ByteBuffer.allocate(18);
        hello.putLong(NbdProtocol.SERVER_MAGIC).putLong(NbdProtocol.OPTION_MAGIC);
        hello.putShort((short) (NbdProtocol.FIXED_NEWSTYLE | NbdProtocol.NO_ZEROES));
        NbdProtocol.send(c, hello.flip());
        boolean zeroes = (NbdProtocol.receive(c, 4).getInt() & NbdProtocol.NO_ZEROES) == 0;
        for (; ; ) {
            ByteBuffer head = NbdProtocol.receive(c, 16);
            long magic = head.getLong();
            int option = head.getInt();
            int length = head.getInt();
            if (magic != NbdProtocol.OPTION_MAGIC || length < 0 || length > 65536) {
                return false;
            }
            ByteBuffer data = NbdProtocol.receive(c, length);
            switch (option) {
                case NbdProtocol.OPTION_EXPORT_NAME -> {
                    if (!named(data)) {
                        return false;
                    }
                    ByteBuffer b = ByteBuffer.allocate(zeroes ? 134 : 10);
                    b.putLong(image.size()).putShort(flags());
                    NbdProtocol.send(c, b.clear());
                    return true;
                }
                case NbdProtocol.OPTION_INFO, NbdProtocol.OPTION_GO -> {
                    if (go(c, option, data) && option == NbdProtocol.OPTION_GO) {
                        return true;
                    }
                }
                case NbdProtocol.OPTION_ABORT -> {
                    reply(c, option, NbdProtocol.REPLY_ACK, ByteBuffer.allocate(0));
                    return false;
                }
                default -> reply(c, option, NbdProtocol.REPLY_UNSUPPORTED, ByteBuffer.allocate(0));
            }
        }
    }

    private boolean go(SocketChannel c, int option, ByteBuffer data) throws IOException {
        int n = data.remaining() < 6 ? -1 : data.getInt();
        if (n < 0 || n > data.remaining() - 2) {
            reply(c, option, NbdProtocol.REPLY_INVALID, ByteBuffer.allocate(0));
            return false;
        }
        if (!named(data.slice(4, n))) {
            reply(c, option, NbdProtocol.REPLY_UNKNOWN, ByteBuffer.allocate(0));
            return false;
        }
        ByteBuffer info = ByteBuffer.allocate(12).putShort((short) 0).putLong(image.size());
        reply(c, option, NbdProtocol.REPLY_INFO, info.putShort(flags()).flip());
        reply(c, option, NbdProtocol.REPLY_ACK, ByteBuffer.allocate(0));
        return true;
    }

    /** Whether the name is the export's, or empty for the default. */
    private boolean named(ByteBuffer name) {
        return !name.hasRemaining()
                || StandardCharsets.UTF_8.decode(name).toString().equals(export);
    }

    private static void reply(SocketChannel c, int option, int type, ByteBuffer data)
            throws IOException {
        ByteBuffer b = ByteBuffer.allocate(20 + data.remaining());
        b.putLong(NbdProtocol.OPTION_REPLY_MAGIC).putInt(option).putInt(type);
        NbdProtocol.send(c, b.putInt(data.remaining()).put(data).flip());
    }

    private boolean answer(SocketChannel c) throws IOException {
        ByteBuffer head = NbdProtocol.receive(c, 28);
        int magic = head.getInt();
        int command = head.getShort();
        int type = head.getShort();
        long cookie = head.getLong();
        long offset = head.getLong();
        long length = head.getInt() & 0xFFFFFFFFL;
        boolean carries = type == NbdProtocol.READ || type == NbdProtocol.WRITE;
        if (magic != NbdProtocol.REQUEST_MAGIC
                || type == NbdProtocol.DISCONNECT
                || carries && length > MAX_REQUEST) {
            return false;
        }
        ByteBuffer data = ByteBuffer.allocate(carries ? (int) length : 0);
        if (type == NbdProtocol.WRITE) {
            NbdProtocol.receive(c, data);
            data.flip();
        }
        int error = perform(type, command, offset, length, MemorySegment.ofBuffer(data));
        ByteBuffer b = ByteBuffer.allocate(16).putInt(NbdProtocol.REPLY_MAGIC).putInt(error);
        NbdProtocol.send(c, b.putLong(cookie).flip());
        if (type == NbdProtocol.READ && error == 0) {
            NbdProtocol.send(c, data);
        }
        return true;
    }

    private int perform(int type, int command, long offset, long length, MemorySegment data) {
        boolean changes = type != NbdProtocol.READ && type != NbdProtocol.FLUSH;
        if (changes && image.readOnly()) {
            return EPERM;
        }
        long size = image.size();
        boolean ranged = type != NbdProtocol.FLUSH;
        if (ranged && (offset < 0 || offset > size || length > size - offset)) {
            return EINVAL;
        }
        try {
            switch (type) {
                case NbdProtocol.READ -> image.read(offset, data);
                case NbdProtocol.WRITE -> image.write(offset, data);
                case NbdProtocol.FLUSH -> image.flush();
                case NbdProtocol.TRIM -> image.discard(offset, length);
                case NbdProtocol.WRITE_ZEROES ->
                        image.writeZeroes(
                                offset, length, (command & NbdProtocol.COMMAND_NO_HOLE) == 0);
                default -> {
                    return EINVAL;
                }
            }
            if (changes && (command & NbdProtocol.COMMAND_FUA) != 0) {
                image.flush();
            }
            return 0;
        } catch (IOException e) {
            return EIO;
        }
    }

    /** Ends all connections and stops to listen. */
    @Override
    public void close() throws IOException {
        server.close();
        for (SocketChannel client : clients) {
            client.close();
        }
    }
}
