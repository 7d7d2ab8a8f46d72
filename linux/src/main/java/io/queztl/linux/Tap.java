package io.queztl.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;

/**
 * One queue of a TAP interface ({@code Documentation/networking/tuntap.rst}): each read and each
 * write moves one packet, a {@code struct virtio_net_hdr} of 12 bytes and an Ethernet frame. One
 * thread reads, another may write; any may {@link #wake} the reader.
 */
public final class Tap implements AutoCloseable {
    /** {@link #offloads}: checksums. */
    public static final int CHECKSUM = 1;

    /** {@link #offloads}: segmentation of TCP over IPv4. */
    public static final int TCP4 = 2;

    /** {@link #offloads}: segmentation of TCP over IPv6. */
    public static final int TCP6 = 4;

    /** {@link #offloads}: segmentation of TCP with CWR set. */
    public static final int ECN = 8;

    /** The longest name of an interface. */
    public static final int MAX_NAME = 15;

    private static final int O_RDWR = 2;
    private static final int O_NONBLOCK = 0x800;
    private static final int O_CLOEXEC = 0x80000;
    private static final long TUNSETIFF = 0x4004_54ca;
    private static final long TUNSETOFFLOAD = 0x4004_54d0;
    private static final long TUNSETVNETHDRSZ = 0x4004_54d8;
    private static final long TUNSETQUEUE = 0x4004_54d9;
    private static final long TUNSETVNETLE = 0x4004_54dc;
    private static final int IFF_TAP = 2;
    private static final int IFF_NO_PI = 0x1000;
    private static final int IFF_VNET_HDR = 0x4000;
    private static final int IFF_MULTI_QUEUE = 0x100;
    private static final int IFF_ATTACH_QUEUE = 0x200;
    private static final int IFF_DETACH_QUEUE = 0x400;
    private static final int HEADER_BYTES = 12;
    private static final int EINTR = 4;
    private static final int EAGAIN = 11;
    private static final short POLLIN = 1;

    private final int descriptor;
    private final int event;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment polled = arena.allocate(16, 8);
    private final MemorySegment counter = arena.allocate(8, 8);
    private final MemorySegment readErrno = Libc.capture(arena);
    private final MemorySegment writeErrno = Libc.capture(arena);
    private final String name;
    private boolean closed; // guarded by this

    private Tap(int descriptor, int event, String name) {
        this.descriptor = descriptor;
        this.event = event;
        this.name = name;
        polled.set(ValueLayout.JAVA_INT, 0, descriptor);
        polled.set(ValueLayout.JAVA_SHORT, 4, POLLIN);
        polled.set(ValueLayout.JAVA_INT, 8, event);
        polled.set(ValueLayout.JAVA_SHORT, 12, POLLIN);
    }

    /**
     * Opens a queue of an interface, which is made if there is none of the name and goes with its
     * last queue.
     *
     * @param name of the interface; empty for one that the kernel chooses
     * @param several the interface may have several queues
     * @throws LinuxException when the kernel refuses
     */
    public static Tap open(String name, boolean several) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment errno = Libc.capture(local);
            int flags = O_RDWR | O_NONBLOCK | O_CLOEXEC;
            MemorySegment path = local.allocateFrom("/dev/net/tun");
            int fd = check("open", (int) Calls.OPEN.invokeExact(errno, path, flags, 0), errno);
            int event = -1;
            try {
                MemorySegment request = InterfaceRequest.of(local, name);
                int kind = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (several ? IFF_MULTI_QUEUE : 0);
                request.set(ValueLayout.JAVA_SHORT, InterfaceRequest.VALUE, (short) kind);
                ioctl("TUNSETIFF", fd, TUNSETIFF, request, errno);
                MemorySegment number = local.allocate(4, 4);
                number.set(ValueLayout.JAVA_INT, 0, HEADER_BYTES);
                ioctl("TUNSETVNETHDRSZ", fd, TUNSETVNETHDRSZ, number, errno);
                number.set(ValueLayout.JAVA_INT, 0, 1);
                ioctl("TUNSETVNETLE", fd, TUNSETVNETLE, number, errno);
                event =
                        check(
                                "eventfd",
                                (int) Calls.EVENTFD.invokeExact(errno, 0, O_NONBLOCK | O_CLOEXEC),
                                errno);
                return new Tap(fd, event, InterfaceRequest.name(request));
            } catch (LinuxException e) {
                int ignored = (int) Calls.CLOSE.invokeExact(errno, fd);
                throw e;
            }
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /** The interface's name. */
    public String name() {
        return name;
    }

    /**
     * Says what packets read from it may leave undone: {@link #CHECKSUM} and so on.
     *
     * @throws LinuxException when the kernel refuses
     */
    public void offloads(int flags) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment errno = Libc.capture(local);
            long all = flags;
            check(
                    "TUNSETOFFLOAD",
                    (int) Calls.IOCTL_VALUE.invokeExact(errno, descriptor, TUNSETOFFLOAD, all),
                    errno);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /**
     * Takes this queue of several into use, as it is after opening, or out of it.
     *
     * @throws LinuxException when the kernel refuses, or it is so already
     */
    public void attach(boolean on) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment request = InterfaceRequest.of(local, "");
            int flag = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE;
            request.set(ValueLayout.JAVA_SHORT, InterfaceRequest.VALUE, (short) flag);
            ioctl("TUNSETQUEUE", descriptor, TUNSETQUEUE, request, Libc.capture(local));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /**
     * Reads one packet into native memory.
     *
     * @return its length, or 0 if there is none
     * @throws LinuxException when it fails otherwise, as after {@code ip link delete}
     */
    public int read(MemorySegment target) {
        try {
            long n =
                    (long) Calls.READ.invokeExact(readErrno, descriptor, target, target.byteSize());
            return n >= 0 ? (int) n : refused("read", readErrno);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /**
     * Writes one packet from native memory.
     *
     * @return its length, or 0 if the interface has no room for it
     * @throws LinuxException when it fails otherwise, as for a header that makes no sense
     */
    public int write(MemorySegment packet, long bytes) {
        try {
            long n = (long) Calls.WRITE.invokeExact(writeErrno, descriptor, packet, bytes);
            return n >= 0 ? (int) n : refused("write", writeErrno);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    private static int refused(String call, MemorySegment errno) {
        int error = Libc.errno(errno);
        if (error == EAGAIN || error == EINTR) {
            return 0;
        }
        throw new LinuxException(call, error);
    }

    /** Waits until there is a packet to read, or {@link #wake} is called. */
    public void await() {
        try {
            int n = (int) Calls.POLL.invokeExact(readErrno, polled, 2L, -1);
            if (n < 0 && Libc.errno(readErrno) != EINTR) {
                throw new LinuxException("poll", Libc.errno(readErrno));
            }
            if (polled.get(ValueLayout.JAVA_SHORT, 14) != 0) {
                long ignored = (long) Calls.READ.invokeExact(readErrno, event, counter, 8L);
            }
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /** Ends the present or the next {@link #await}. */
    public synchronized void wake() {
        if (closed) {
            return;
        }
        try (Arena local = Arena.ofConfined()) {
            MemorySegment one = local.allocate(8, 8);
            one.set(ValueLayout.JAVA_LONG, 0, 1);
            long ignored = (long) Calls.WRITE.invokeExact(Libc.capture(local), event, one, 8L);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /** Closes it; no other thread may use it any more. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            int ignored = (int) Calls.CLOSE.invokeExact(readErrno, descriptor);
            ignored = (int) Calls.CLOSE.invokeExact(readErrno, event);
        } catch (Throwable e) {
            throw rethrow(e);
        }
        arena.close();
    }

    static void ioctl(String call, int fd, long number, MemorySegment argument, MemorySegment errno)
            throws Throwable {
        int ignored =
                check(call, (int) Calls.IOCTL.invokeExact(errno, fd, number, argument), errno);
    }

    static int check(String call, int result, MemorySegment errno) {
        if (result == -1) {
            throw new LinuxException(call, Libc.errno(errno));
        }
        return result;
    }

    static RuntimeException rethrow(Throwable e) {
        if (e instanceof RuntimeException r) {
            return r;
        }
        if (e instanceof Error r) {
            throw r;
        }
        return new IllegalStateException(e);
    }

    /** {@code struct ifreq}: a name and a value. */
    static final class InterfaceRequest {
        static final int VALUE = 16;
        private static final int BYTES = 40;

        private InterfaceRequest() {}

        static MemorySegment of(Arena arena, String name) {
            byte[] ascii = name.getBytes(StandardCharsets.US_ASCII);
            if (ascii.length > MAX_NAME) {
                throw new IllegalArgumentException(name);
            }
            MemorySegment request = arena.allocate(BYTES, 8);
            MemorySegment.copy(ascii, 0, request, ValueLayout.JAVA_BYTE, 0, ascii.length);
            return request;
        }

        static String name(MemorySegment request) {
            return request.getString(0, StandardCharsets.US_ASCII);
        }
    }

    /** Linked on first use. */
    static final class Calls {
        private static final FunctionDescriptor TRANSFER =
                FunctionDescriptor.of(Libc.LONG, Libc.INT, ValueLayout.ADDRESS, Libc.LONG);

        static final MethodHandle OPEN =
                Libc.withErrno(
                        "open",
                        FunctionDescriptor.of(Libc.INT, ValueLayout.ADDRESS, Libc.INT, Libc.INT),
                        Linker.Option.firstVariadicArg(2));
        static final MethodHandle CLOSE =
                Libc.withErrno("close", FunctionDescriptor.of(Libc.INT, Libc.INT));
        static final MethodHandle READ = Libc.withErrno("read", TRANSFER);
        static final MethodHandle WRITE = Libc.withErrno("write", TRANSFER);
        static final MethodHandle POLL =
                Libc.withErrno(
                        "poll",
                        FunctionDescriptor.of(Libc.INT, ValueLayout.ADDRESS, Libc.LONG, Libc.INT));
        static final MethodHandle EVENTFD =
                Libc.withErrno("eventfd", FunctionDescriptor.of(Libc.INT, Libc.INT, Libc.INT));
        static final MethodHandle SOCKET =
                Libc.withErrno(
                        "socket", FunctionDescriptor.of(Libc.INT, Libc.INT, Libc.INT, Libc.INT));
        static final MethodHandle IOCTL =
                Libc.withErrno(
                        "ioctl",
                        FunctionDescriptor.of(Libc.INT, Libc.INT, Libc.LONG, ValueLayout.ADDRESS),
                        Linker.Option.firstVariadicArg(2));
        static final MethodHandle IOCTL_VALUE =
                Libc.withErrno(
                        "ioctl",
                        FunctionDescriptor.of(Libc.INT, Libc.INT, Libc.LONG, Libc.LONG),
                        Linker.Option.firstVariadicArg(2));

        private Calls() {}
    }
}
