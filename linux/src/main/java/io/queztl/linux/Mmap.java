package io.queztl.linux;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Memory mappings: {@code mmap(2)}, {@code memfd_create(2)}. */
public final class Mmap {
    /** {@code PROT_READ}. */
    public static final int PROT_READ = 1;

    /** {@code PROT_WRITE}. */
    public static final int PROT_WRITE = 2;

    /** {@code PROT_EXEC}. */
    public static final int PROT_EXEC = 4;

    private static final int MAP_SHARED = 1;
    private static final int MAP_PRIVATE = 2;
    private static final int MAP_FIXED = 0x10;
    private static final int MAP_ANONYMOUS = 0x20;
    private static final int MAP_NORESERVE = 0x4000;
    private static final int MFD_CLOEXEC = 1;
    private static final int MADV_REMOVE = 9;

    private static final MethodHandle MMAP =
            Libc.withErrno(
                    "mmap",
                    FunctionDescriptor.of(
                            Libc.LONG, Libc.LONG, Libc.LONG, Libc.INT, Libc.INT, Libc.INT,
                            Libc.LONG));
    private static final MethodHandle MUNMAP =
            Libc.withErrno("munmap", FunctionDescriptor.of(Libc.INT, Libc.LONG, Libc.LONG));
    private static final MethodHandle MEMFD_CREATE =
            Libc.withErrno(
                    "memfd_create",
                    FunctionDescriptor.of(Libc.INT, AddressLayout.ADDRESS, Libc.INT));
    private static final MethodHandle FTRUNCATE =
            Libc.withErrno("ftruncate", FunctionDescriptor.of(Libc.INT, Libc.INT, Libc.LONG));
    private static final MethodHandle CLOSE =
            Libc.withErrno("close", FunctionDescriptor.of(Libc.INT, Libc.INT));

    private static final MethodHandle MADVISE =
            Libc.withErrno(
                    "madvise",
                    FunctionDescriptor.of(Libc.INT, AddressLayout.ADDRESS, Libc.LONG, Libc.INT));

    private Mmap() {}

    /** True where these calls exist, which is on Linux. */
    public static boolean available() {
        return System.getProperty("os.name", "").equals("Linux");
    }

    /**
     * Creates a memfd of {@code bytes} zero bytes and maps it shared, readable and writable. The
     * mapping lives as long as {@code arena}; the descriptor is closed once mapped. The addresses
     * behind it, up to {@code reserved} bytes in all, stay inaccessible for as long.
     *
     * @param name what {@code /proc/self/maps} shows
     * @param reserved a multiple of the page size, at least {@code bytes}
     * @throws LinuxException when the kernel refuses
     */
    public static MemorySegment memfd(String name, long bytes, long reserved, Arena arena) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment errno = Libc.capture(local);
            int fd = (int) MEMFD_CREATE.invokeExact(errno, local.allocateFrom(name), MFD_CLOEXEC);
            check("memfd_create", fd, errno);
            try {
                check("ftruncate", (int) FTRUNCATE.invokeExact(errno, fd, bytes), errno);
                MemorySegment all =
                        map(reserved, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, arena);
                long address =
                        (long)
                                MMAP.invokeExact(
                                        errno,
                                        all.address(),
                                        bytes,
                                        PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_NORESERVE | MAP_FIXED,
                                        fd,
                                        0L);
                check("mmap", address, errno);
                return all.asSlice(0, bytes);
            } finally {
                int ignored = (int) CLOSE.invokeExact(errno, fd);
            }
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /**
     * Maps {@code bytes} of private anonymous memory, for as long as {@code arena} lives.
     *
     * @param protection a sum of {@link #PROT_READ}, {@link #PROT_WRITE}, {@link #PROT_EXEC}
     * @throws LinuxException when the kernel refuses
     */
    public static MemorySegment anonymous(long bytes, int protection, Arena arena) {
        return map(bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, arena);
    }

    /**
     * Gives the memory behind a part of a {@link #memfd} mapping back to the system; it reads as
     * zero from then on ({@code madvise(2)}, MADV_REMOVE).
     *
     * @param pages whole pages
     * @return false if the system cannot, so that nothing has changed
     */
    public static boolean discard(MemorySegment pages) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment errno = Libc.capture(local);
            int result = (int) MADVISE.invokeExact(errno, pages, pages.byteSize(), MADV_REMOVE);
            return result == 0;
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    private static MemorySegment map(long bytes, int protection, int flags, int fd, Arena arena) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment errno = Libc.capture(local);
            long address = (long) MMAP.invokeExact(errno, 0L, bytes, protection, flags, fd, 0L);
            check("mmap", address, errno);
            return MemorySegment.ofAddress(address).reinterpret(bytes, arena, Mmap::unmap);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    private static void unmap(MemorySegment segment) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment errno = Libc.capture(local);
            check(
                    "munmap",
                    (int) MUNMAP.invokeExact(errno, segment.address(), segment.byteSize()),
                    errno);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    private static void check(String call, long result, MemorySegment errno) {
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
}
