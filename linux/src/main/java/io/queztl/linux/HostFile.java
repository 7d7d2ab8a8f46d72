package io.queztl.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A file by its descriptor: positioned reads and writes of scattered memory in one call ({@code
 * preadv(2)}), {@code fallocate(2)}. Unlike a channel it stays open under an interrupted thread.
 * Any thread may call; the descriptor is closed once the last call that runs has returned.
 */
public final class HostFile implements AutoCloseable {
    /** The most pieces that one call takes; the rest is left for the next. */
    public static final int MAX_PIECES = 1024;

    /** {@code fallocate}: the range reads as zero and takes no space. */
    public static final int PUNCH_HOLE = 2;

    /** {@code fallocate}: the range reads as zero and has its space. */
    public static final int ZERO_RANGE = 16;

    private static final int KEEP_SIZE = 1;
    private static final int O_RDWR = 2;
    private static final int O_CLOEXEC = 0x80000;
    private static final int EINTR = 4;
    private static final int EBADF = 9;
    private static final int ENOSYS = 38;
    private static final int EOPNOTSUPP = 95;
    private static final int CLOSED = 1 << 30;
    private static final int IOVEC = 16;
    private static final int RWF_NOWAIT = 8;

    private static final MethodHandle OPEN =
            Libc.withErrno(
                    "open",
                    FunctionDescriptor.of(Libc.INT, ValueLayout.ADDRESS, Libc.INT, Libc.INT),
                    java.lang.foreign.Linker.Option.firstVariadicArg(2));
    private static final MethodHandle CLOSE =
            Libc.withErrno("close", FunctionDescriptor.of(Libc.INT, Libc.INT));
    private static final MethodHandle FALLOCATE =
            Libc.withErrno(
                    "fallocate",
                    FunctionDescriptor.of(Libc.INT, Libc.INT, Libc.INT, Libc.LONG, Libc.LONG));
    private static final MethodHandle FDATASYNC =
            Libc.withErrno("fdatasync", FunctionDescriptor.of(Libc.INT, Libc.INT));

    /** The last argument is none of the function's: it keeps the memory mapped while it runs. */
    private static final FunctionDescriptor VECTORED =
            FunctionDescriptor.of(
                    Libc.LONG,
                    Libc.INT,
                    ValueLayout.ADDRESS,
                    Libc.INT,
                    Libc.LONG,
                    ValueLayout.ADDRESS);

    private static final MethodHandle PREADV = Libc.withErrno("preadv", VECTORED);
    private static final @Nullable MethodHandle PREADV_NOWAIT = preadvNoWait();
    private static final MethodHandle PWRITEV = Libc.withErrno("pwritev", VECTORED);

    /** {@code preadv2} with its flag in place, so that it has the type of the others. */
    private static @Nullable MethodHandle preadvNoWait() {
        MethodHandle call =
                Libc.withErrnoIfThere(
                        "preadv2",
                        FunctionDescriptor.of(
                                Libc.LONG,
                                Libc.INT,
                                ValueLayout.ADDRESS,
                                Libc.INT,
                                Libc.LONG,
                                Libc.INT,
                                ValueLayout.ADDRESS));
        // Behind errno, descriptor, vector, count and position.
        return call == null ? null : MethodHandles.insertArguments(call, 5, RWF_NOWAIT);
    }

    private static final class Scratch {
        final Arena arena = Arena.ofAuto();
        final MemorySegment errno = Libc.capture(arena);
        MemorySegment vector = arena.allocate(16L * IOVEC, 8);

        /** The pieces as an array of {@code struct iovec}. */
        MemorySegment fill(MemorySegment memory, long[] offsets, long[] lengths, int pieces) {
            if (vector.byteSize() < (long) pieces * IOVEC) {
                vector = arena.allocate((long) MAX_PIECES * IOVEC, 8);
            }
            for (int i = 0; i < pieces; i++) {
                MemorySegment piece = memory.asSlice(offsets[i], lengths[i]);
                vector.set(ValueLayout.JAVA_LONG, (long) i * IOVEC, piece.address());
                vector.set(ValueLayout.JAVA_LONG, (long) i * IOVEC + 8, lengths[i]);
            }
            return vector;
        }
    }

    private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

    private final int descriptor;
    private final AtomicInteger users = new AtomicInteger();

    private HostFile(int descriptor) {
        this.descriptor = descriptor;
    }

    /** True where these calls exist, which is on Linux. */
    public static boolean available() {
        return Mmap.available();
    }

    /**
     * Opens a file that exists.
     *
     * @throws LinuxException when the kernel refuses
     */
    public static HostFile open(String path, boolean readOnly) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment errno = Libc.capture(arena);
            int flags = (readOnly ? 0 : O_RDWR) | O_CLOEXEC;
            int fd = (int) OPEN.invokeExact(errno, arena.allocateFrom(path), flags, 0);
            if (fd < 0) {
                throw new LinuxException("open", Libc.errno(errno));
            }
            return new HostFile(fd);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /** Takes over a descriptor. */
    static HostFile adopt(int descriptor) {
        return new HostFile(descriptor);
    }

    /** The name under which this process can look at the open file. */
    public String procPath() {
        return "/proc/self/fd/" + descriptor;
    }

    /**
     * Reads into pieces of native memory, one behind the other.
     *
     * @param offsets of the pieces in {@code memory}
     * @param lengths of the pieces, in bytes
     * @param count how many pieces; those behind {@link #MAX_PIECES} are left out
     * @return bytes read, 0 at the end of the file
     * @throws LinuxException when the kernel refuses
     */
    public long read(
            long position, MemorySegment memory, long[] offsets, long[] lengths, int count) {
        return transfer(PREADV, "preadv", position, memory, offsets, lengths, count);
    }

    /**
     * Like {@link #read}, but only what the host has in memory: {@code preadv2(2)} with {@code
     * RWF_NOWAIT}.
     *
     * @return bytes read; 0 if it would have to wait, cannot tell, or fails
     */
    public long readNow(
            long position, MemorySegment memory, long[] offsets, long[] lengths, int count) {
        MethodHandle call = PREADV_NOWAIT;
        return call == null
                ? 0
                : Math.max(0, call(call, position, memory, offsets, lengths, count));
    }

    /** Writes pieces of native memory; else like {@link #read}. */
    public long write(
            long position, MemorySegment memory, long[] offsets, long[] lengths, int count) {
        return transfer(PWRITEV, "pwritev", position, memory, offsets, lengths, count);
    }

    private long transfer(
            MethodHandle call,
            String name,
            long position,
            MemorySegment memory,
            long[] offsets,
            long[] lengths,
            int count) {
        for (; ; ) {
            long n = call(call, position, memory, offsets, lengths, count);
            if (n >= 0) {
                return n;
            }
            if (n != -EINTR) {
                throw new LinuxException(name, (int) -n);
            }
        }
    }

    /** One call of a function of the type {@link #VECTORED}: what it returns, or minus errno. */
    private long call(
            MethodHandle function,
            long position,
            MemorySegment memory,
            long[] offsets,
            long[] lengths,
            int count) {
        Scratch scratch = SCRATCH.get();
        int pieces = Math.min(count, MAX_PIECES);
        MemorySegment vector = scratch.fill(memory, offsets, lengths, pieces);
        acquire();
        try {
            long n =
                    (long)
                            function.invokeExact(
                                    scratch.errno, descriptor, vector, pieces, position, memory);
            return n >= 0 ? n : -Libc.errno(scratch.errno);
        } catch (Throwable e) {
            throw rethrow(e);
        } finally {
            release();
        }
    }

    /**
     * Makes a range read as zero; the file's length stays.
     *
     * @param mode {@link #PUNCH_HOLE} or {@link #ZERO_RANGE}
     * @return false if the file system has no such operation
     * @throws LinuxException when it fails otherwise
     */
    public boolean allocate(int mode, long offset, long bytes) {
        Scratch scratch = SCRATCH.get();
        acquire();
        try {
            for (; ; ) {
                int result =
                        (int)
                                FALLOCATE.invokeExact(
                                        scratch.errno, descriptor, mode | KEEP_SIZE, offset, bytes);
                if (result == 0) {
                    return true;
                }
                int errno = Libc.errno(scratch.errno);
                if (errno == EOPNOTSUPP || errno == ENOSYS) {
                    return false;
                }
                if (errno != EINTR) {
                    throw new LinuxException("fallocate", errno);
                }
            }
        } catch (Throwable e) {
            throw rethrow(e);
        } finally {
            release();
        }
    }

    /**
     * Makes data durable, and of the file's attributes what reading it back takes.
     *
     * @throws LinuxException when it fails
     */
    public void sync() {
        Scratch scratch = SCRATCH.get();
        acquire();
        try {
            while ((int) FDATASYNC.invokeExact(scratch.errno, descriptor) != 0) {
                int errno = Libc.errno(scratch.errno);
                if (errno != EINTR) {
                    throw new LinuxException("fdatasync", errno);
                }
            }
        } catch (Throwable e) {
            throw rethrow(e);
        } finally {
            release();
        }
    }

    private void acquire() {
        if ((users.incrementAndGet() & CLOSED) != 0) {
            release();
            throw new LinuxException("using a closed file", EBADF);
        }
    }

    private void release() {
        if (users.decrementAndGet() == CLOSED) {
            closeDescriptor();
        }
    }

    private void closeDescriptor() {
        // Only one comes from "closed and unused" to "gone".
        if (users.compareAndSet(CLOSED, CLOSED | CLOSED >> 1)) {
            try {
                int ignored = (int) CLOSE.invokeExact(SCRATCH.get().errno, descriptor);
            } catch (Throwable e) {
                throw rethrow(e);
            }
        }
    }

    @Override
    public void close() {
        int before = users.getAndUpdate(n -> n | CLOSED);
        if (before == 0) {
            closeDescriptor();
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
}
