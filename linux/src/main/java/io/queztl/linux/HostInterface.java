package io.queztl.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A network interface of the host, by name ({@code netdevice(7)}). */
public final class HostInterface {
    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM = 2;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final long SIOCGIFFLAGS = 0x8913;
    private static final long SIOCSIFFLAGS = 0x8914;
    private static final long SIOCSIFMTU = 0x8922;
    private static final long SIOCGIFINDEX = 0x8933;
    private static final long SIOCBRADDIF = 0x89a2;
    private static final int IFF_UP = 1;

    private final String name;

    /** The interface of this name, of which nothing is known yet. */
    public HostInterface(String name) {
        this.name = name;
    }

    /**
     * True if it is up.
     *
     * @throws LinuxException if there is none of the name
     */
    public boolean isUp() {
        return (flags() & IFF_UP) != 0;
    }

    private int flags() {
        return request("SIOCGIFFLAGS", SIOCGIFFLAGS, name, 0) & 0xffff;
    }

    /**
     * Brings it up.
     *
     * @throws LinuxException when the kernel refuses
     */
    public void up() {
        int ignored = request("SIOCSIFFLAGS", SIOCSIFFLAGS, name, flags() | IFF_UP);
    }

    /**
     * Sets the size of its largest IP packet, in bytes.
     *
     * @throws LinuxException when the kernel refuses
     */
    public void mtu(int bytes) {
        int ignored = request("SIOCSIFMTU", SIOCSIFMTU, name, bytes);
    }

    /**
     * Makes it a port of a bridge.
     *
     * @throws LinuxException when the kernel refuses, or it is a port already
     */
    public void joinBridge(String bridge) {
        int index = request("SIOCGIFINDEX", SIOCGIFINDEX, name, 0);
        int ignored = request("SIOCBRADDIF", SIOCBRADDIF, bridge, index);
    }

    private static int request(String call, long number, String name, int value) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment errno = Libc.capture(local);
            MemorySegment request = Tap.InterfaceRequest.of(local, name);
            request.set(ValueLayout.JAVA_INT, Tap.InterfaceRequest.VALUE, value);
            int socket =
                    Tap.check(
                            "socket",
                            (int)
                                    Tap.Calls.SOCKET.invokeExact(
                                            errno, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
                            errno);
            try {
                Tap.ioctl(call, socket, number, request, errno);
                return request.get(ValueLayout.JAVA_INT, Tap.InterfaceRequest.VALUE);
            } finally {
                int ignored = (int) Tap.Calls.CLOSE.invokeExact(errno, socket);
            }
        } catch (Throwable e) {
            throw Tap.rethrow(e);
        }
    }
}
