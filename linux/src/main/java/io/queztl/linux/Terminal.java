package io.queztl.linux;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The terminal behind a file descriptor: {@code isatty(3)}, {@code termios(3)} and {@code
 * tty_ioctl(4)}. Everything is a polite no outside Linux.
 */
public final class Terminal {
    /** Rows and columns, as the terminal says; 0 where it does not know. */
    public record Size(int rows, int columns) {}

    // struct termios is 60 bytes with glibc and with musl, on x86-64 and on Arm; room to spare.
    private static final int TERMIOS_BYTES = 256;
    private static final long OUTPUT_FLAGS_OFFSET = 4;
    private static final int OPOST = 1;
    private static final int TCSADRAIN = 1;
    private static final long TIOCGWINSZ = 0x5413;

    private final int descriptor;

    /**
     * @param descriptor 0 for standard input, 1 for standard output
     */
    public Terminal(int descriptor) {
        this.descriptor = descriptor;
    }

    /** True if the descriptor is open on a terminal. */
    public boolean isTerminal() {
        if (!Mmap.available()) {
            return false;
        }
        try (Arena local = Arena.ofConfined()) {
            return (int) Calls.ISATTY.invokeExact(Libc.capture(local), descriptor) == 1;
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /** The terminal's size now; zeros if the descriptor is no terminal. */
    public Size size() {
        if (!isTerminal()) {
            return new Size(0, 0);
        }
        try (Arena local = Arena.ofConfined()) {
            MemorySegment winsize = local.allocate(8, 8);
            int result =
                    (int)
                            Calls.IOCTL.invokeExact(
                                    Libc.capture(local), descriptor, TIOCGWINSZ, winsize);
            if (result == -1) {
                return new Size(0, 0);
            }
            return new Size(
                    Short.toUnsignedInt(winsize.get(ValueLayout.JAVA_SHORT, 0)),
                    Short.toUnsignedInt(winsize.get(ValueLayout.JAVA_SHORT, 2)));
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /**
     * Switches the terminal to raw mode: each byte typed arrives at once and unchanged, none is
     * echoed or becomes a signal. Output still gets its carriage returns.
     *
     * @return what puts the terminal back as it was; closing it again does nothing
     * @throws LinuxException if the descriptor is no terminal
     */
    public RawMode raw() {
        Arena arena = Arena.ofAuto();
        try {
            MemorySegment errno = Libc.capture(arena);
            MemorySegment before = arena.allocate(TERMIOS_BYTES, 8);
            check("tcgetattr", (int) Calls.TCGETATTR.invokeExact(errno, descriptor, before), errno);
            MemorySegment raw = arena.allocate(TERMIOS_BYTES, 8);
            raw.copyFrom(before);
            Calls.CFMAKERAW.invokeExact(errno, raw);
            raw.set(
                    ValueLayout.JAVA_INT,
                    OUTPUT_FLAGS_OFFSET,
                    raw.get(ValueLayout.JAVA_INT, OUTPUT_FLAGS_OFFSET) | OPOST);
            set(raw, errno);
            return new RawMode(this, before, errno);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    private void set(MemorySegment termios, MemorySegment errno) throws Throwable {
        check(
                "tcsetattr",
                (int) Calls.TCSETATTR.invokeExact(errno, descriptor, TCSADRAIN, termios),
                errno);
    }

    /** A terminal in raw mode. Any thread may end it, shutdown hooks included. */
    public static final class RawMode implements AutoCloseable {
        private final Terminal terminal;
        private final MemorySegment before;
        private final MemorySegment errno;
        private boolean closed;

        private RawMode(Terminal terminal, MemorySegment before, MemorySegment errno) {
            this.terminal = terminal;
            this.before = before;
            this.errno = errno;
        }

        /** Puts the terminal back; that it has gone away meanwhile is no error. */
        @Override
        public synchronized void close() {
            if (closed) {
                return;
            }
            closed = true;
            try {
                terminal.set(before, errno);
            } catch (LinuxException e) {
                // The terminal hung up: there is nothing to put back.
            } catch (Throwable e) {
                throw rethrow(e);
            }
        }
    }

    private static void check(String call, int result, MemorySegment errno) {
        if (result == -1) {
            throw new LinuxException(call, Libc.errno(errno));
        }
    }

    private static RuntimeException rethrow(Throwable e) {
        if (e instanceof RuntimeException r) {
            return r;
        }
        if (e instanceof Error r) {
            throw r;
        }
        return new IllegalStateException(e);
    }

    /** Linked on first use, so that a run without a terminal does not pay for them. */
    private static final class Calls {
        static final MethodHandle ISATTY =
                Libc.withErrno("isatty", FunctionDescriptor.of(Libc.INT, Libc.INT));
        static final MethodHandle TCGETATTR =
                Libc.withErrno(
                        "tcgetattr",
                        FunctionDescriptor.of(Libc.INT, Libc.INT, AddressLayout.ADDRESS));
        static final MethodHandle TCSETATTR =
                Libc.withErrno(
                        "tcsetattr",
                        FunctionDescriptor.of(Libc.INT, Libc.INT, Libc.INT, AddressLayout.ADDRESS));
        static final MethodHandle CFMAKERAW =
                Libc.withErrno("cfmakeraw", FunctionDescriptor.ofVoid(AddressLayout.ADDRESS));
        static final MethodHandle IOCTL =
                Libc.withErrno(
                        "ioctl",
                        FunctionDescriptor.of(Libc.INT, Libc.INT, Libc.LONG, AddressLayout.ADDRESS),
                        Linker.Option.firstVariadicArg(2));
    }
}
