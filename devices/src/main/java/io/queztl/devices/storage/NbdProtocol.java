package io.queztl.devices.storage;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/**
 * Numbers of the NBD protocol (NetworkBlockDevice/nbd, doc/proto.md), and whole reads and writes.
 */
final class NbdProtocol {
    static final long SERVER_MAGIC = 0x4e42444d41474943L;
    static final long OPTION_MAGIC = 0x49484156454F5054L;
    static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
    static final int REQUEST_MAGIC = 0x25609513;
    static final int REPLY_MAGIC = 0x67446698;

    static final int FIXED_NEWSTYLE = 1;
    static final int NO_ZEROES = 2;

    static final int OPTION_EXPORT_NAME = 1;
    static final int OPTION_ABORT = 2;
    static final int OPTION_INFO = 6;
    static final int OPTION_GO = 7;

    static final int REPLY_ACK = 1;
    static final int REPLY_INFO = 3;
    static final int REPLY_UNSUPPORTED = 0x80000001;
    static final int REPLY_INVALID = 0x80000003;
    static final int REPLY_UNKNOWN = 0x80000006;

    static final int HAS_FLAGS = 1;
    static final int READ_ONLY = 2;
    static final int SEND_FLUSH = 4;
    static final int SEND_FUA = 8;
    static final int SEND_TRIM = 32;
    static final int SEND_WRITE_ZEROES = 64;

    static final int READ = 0;
    static final int WRITE = 1;
    static final int DISCONNECT = 2;
    static final int FLUSH = 3;
    static final int TRIM = 4;
    static final int WRITE_ZEROES = 6;

    static final int COMMAND_FUA = 1;
    static final int COMMAND_NO_HOLE = 2;

    private NbdProtocol() {}

    /** Exactly that many bytes, ready to be taken out. */
    static ByteBuffer receive(SocketChannel channel, int bytes) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(bytes);
        receive(channel, b);
        return b.flip();
    }

    static void receive(SocketChannel channel, ByteBuffer b) throws IOException {
        while (b.hasRemaining()) {
            if (channel.read(b) < 0) {
                throw new EOFException("the NBD connection has ended");
            }
        }
    }

    static void send(SocketChannel channel, ByteBuffer b) throws IOException {
        while (b.hasRemaining()) {
            channel.write(b);
        }
    }
}
