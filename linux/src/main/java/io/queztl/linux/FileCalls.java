package io.queztl.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** System calls on files by their descriptors, for {@link HostFolder} and what it opens. */
final class FileCalls {
    static final int O_WRONLY = 1;
    static final int O_RDWR = 2;
    static final int O_CREAT = 0100;
    static final int O_EXCL = 0200;
    static final int O_NOCTTY = 0400;
    static final int O_NONBLOCK = 04000;
    static final int O_CLOEXEC = 02000000;
    static final int O_PATH = 010000000;
    private static final boolean ARM = System.getProperty("os.arch", "").equals("aarch64");
    static final int O_DIRECTORY = ARM ? 040000 : 0200000;
    static final int O_NOFOLLOW = ARM ? 0100000 : 0400000;

    static final int AT_FDCWD = -100;
    static final int AT_EMPTY_PATH = 0x1000;
    static final int AT_REMOVEDIR = 0x200;

    private static final int EINTR = 4;

    /** The same on all architectures that Java knows. */
    private static final long SYS_OPENAT2 = 437;

    private static final long RESOLVE_NO_MAGICLINKS = 2;
    private static final long RESOLVE_NO_SYMLINKS = 4;
    private static final long RESOLVE_BENEATH = 8;
    private static final int OPEN_HOW = 24;

    private static final ValueLayout.OfInt INT = Libc.INT;
    private static final ValueLayout.OfLong LONG = Libc.LONG;
    private static final java.lang.foreign.AddressLayout PATH = ValueLayout.ADDRESS;

    private static final MethodHandle OPENAT =
            variadic("openat", FunctionDescriptor.of(INT, INT, PATH, INT, INT), 3);
    private static final MethodHandle SYSCALL =
            variadic("syscall", FunctionDescriptor.of(LONG, LONG, LONG, PATH, PATH, LONG), 1);
    private static final MethodHandle CLOSE = of("close", INT, INT);
    private static final MethodHandle STATX = of("statx", INT, INT, PATH, INT, INT, PATH);
    private static final MethodHandle FSTATFS = of("fstatfs", INT, INT, PATH);
    private static final MethodHandle READLINKAT = of("readlinkat", LONG, INT, PATH, PATH, LONG);
    private static final MethodHandle MKDIRAT = of("mkdirat", INT, INT, PATH, INT);
    private static final MethodHandle SYMLINKAT = of("symlinkat", INT, PATH, INT, PATH);
    private static final MethodHandle LINKAT = of("linkat", INT, INT, PATH, INT, PATH, INT);
    private static final MethodHandle RENAMEAT = of("renameat", INT, INT, PATH, INT, PATH);
    private static final MethodHandle UNLINKAT = of("unlinkat", INT, INT, PATH, INT);
    private static final MethodHandle CHMOD = of("chmod", INT, PATH, INT);
    private static final MethodHandle TRUNCATE = of("truncate", INT, PATH, LONG);
    private static final MethodHandle FTRUNCATE = of("ftruncate", INT, INT, LONG);
    private static final MethodHandle FCHMOD = of("fchmod", INT, INT, INT);
    private static final MethodHandle UTIMENSAT = of("utimensat", INT, INT, PATH, PATH, INT);
    private static final MethodHandle LSEEK = of("lseek", LONG, INT, LONG, INT);
    private static final MethodHandle FSYNC = of("fsync", INT, INT);
    private static final MethodHandle FDATASYNC = of("fdatasync", INT, INT);
    private static final MethodHandle GETEUID =
            Libc.withErrno("geteuid", FunctionDescriptor.of(INT));
    private static final MethodHandle GETEGID =
            Libc.withErrno("getegid", FunctionDescriptor.of(INT));
    private static final MethodHandle GETDENTS = of("getdents64", LONG, INT, PATH, LONG);

    private FileCalls() {}

    private static MethodHandle of(
            String name,
            java.lang.foreign.MemoryLayout result,
            java.lang.foreign.MemoryLayout... arguments) {
        return Libc.withErrno(name, FunctionDescriptor.of(result, arguments));
    }

    private static MethodHandle variadic(String name, FunctionDescriptor type, int fixed) {
        return Libc.withErrno(name, type, Linker.Option.firstVariadicArg(fixed));
    }

    private interface Call {
        long run(MemorySegment errno, Arena arena) throws Throwable;
    }

    /** Calls until no signal comes between. */
    private static long call(String name, Call call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment errno = Libc.capture(arena);
            for (; ; ) {
                long result = call.run(errno, arena);
                if (result >= 0) {
                    return result;
                }
                if (Libc.errno(errno) != EINTR) {
                    throw new LinuxException(name, Libc.errno(errno));
                }
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** A C string whose bytes are the characters, each below 256. */
    private static MemorySegment path(Arena arena, String bytes) {
        return arena.allocateFrom(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    static int openat(int folder, String name, int flags, int mode) {
        return (int)
                call(
                        "openat",
                        (e, a) ->
                                (int)
                                        OPENAT.invokeExact(
                                                e, folder, path(a, name), flags | O_CLOEXEC, mode));
    }

    /** Opens a path beneath a folder that goes over no symbolic link. */
    static int openBeneath(int folder, String path, int flags) {
        return (int)
                call(
                        "openat2",
                        (e, a) -> {
                            MemorySegment how = a.allocate(OPEN_HOW, 8);
                            how.set(LONG, 0, flags | O_CLOEXEC);
                            how.set(
                                    LONG,
                                    16,
                                    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
                            return (long)
                                    SYSCALL.invokeExact(
                                            e,
                                            SYS_OPENAT2,
                                            (long) folder,
                                            path(a, path),
                                            how,
                                            (long) OPEN_HOW);
                        });
    }

    static void close(int descriptor) {
        try {
            // Closed in any case; a second try could hit another's.
            long ignored = call("close", (e, a) -> (int) CLOSE.invokeExact(e, descriptor));
        } catch (LinuxException e) {
            // What was written with an error tells so at fsync.
        }
    }

    static FileStatus status(int descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(FileStatus.BYTES, 8);
            long ignored =
                    call(
                            "statx",
                            (e, a) ->
                                    (int)
                                            STATX.invokeExact(
                                                    e,
                                                    descriptor,
                                                    path(a, ""),
                                                    AT_EMPTY_PATH,
                                                    FileStatus.MASK,
                                                    buffer));
            return FileStatus.of(buffer);
        }
    }

    static FileSystemStatus fileSystem(int descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(FileSystemStatus.BYTES, 8);
            long ignored =
                    call("fstatfs", (e, a) -> (int) FSTATFS.invokeExact(e, descriptor, buffer));
            return FileSystemStatus.of(buffer);
        }
    }

    static String readlink(int descriptor, int limit) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(limit);
            long n =
                    call(
                            "readlinkat",
                            (e, a) ->
                                    (long)
                                            READLINKAT.invokeExact(
                                                    e,
                                                    descriptor,
                                                    path(a, ""),
                                                    buffer,
                                                    (long) limit));
            byte[] bytes = buffer.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE);
            return new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
        }
    }

    static void mkdir(int folder, String name, int mode) {
        long ignored =
                call(
                        "mkdirat",
                        (e, a) -> (int) MKDIRAT.invokeExact(e, folder, path(a, name), mode));
    }

    static void symlink(String target, int folder, String name) {
        long ignored =
                call(
                        "symlinkat",
                        (e, a) ->
                                (int)
                                        SYMLINKAT.invokeExact(
                                                e, path(a, target), folder, path(a, name)));
    }

    static void link(int folder, String name, int newFolder, String newName) {
        long ignored =
                call(
                        "linkat",
                        (e, a) ->
                                (int)
                                        LINKAT.invokeExact(
                                                e,
                                                folder,
                                                path(a, name),
                                                newFolder,
                                                path(a, newName),
                                                0));
    }

    static void rename(int folder, String name, int newFolder, String newName) {
        long ignored =
                call(
                        "renameat",
                        (e, a) ->
                                (int)
                                        RENAMEAT.invokeExact(
                                                e,
                                                folder,
                                                path(a, name),
                                                newFolder,
                                                path(a, newName)));
    }

    static void unlink(int folder, String name, boolean directory) {
        int flags = directory ? AT_REMOVEDIR : 0;
        long ignored =
                call(
                        "unlinkat",
                        (e, a) -> (int) UNLINKAT.invokeExact(e, folder, path(a, name), flags));
    }

    /** The name of an open descriptor, whatever its file is called: follows no name of that. */
    static String procPath(int descriptor) {
        return "/proc/self/fd/" + descriptor;
    }

    static void chmod(int descriptor, int mode) {
        String path = procPath(descriptor);
        long ignored = call("chmod", (e, a) -> (int) CHMOD.invokeExact(e, path(a, path), mode));
    }

    static void fchmod(int descriptor, int mode) {
        long ignored = call("fchmod", (e, a) -> (int) FCHMOD.invokeExact(e, descriptor, mode));
    }

    static void truncate(int descriptor, long size) {
        String path = procPath(descriptor);
        long ignored =
                call("truncate", (e, a) -> (int) TRUNCATE.invokeExact(e, path(a, path), size));
    }

    static void ftruncate(int descriptor, long size) {
        long ignored =
                call("ftruncate", (e, a) -> (int) FTRUNCATE.invokeExact(e, descriptor, size));
    }

    static void times(int descriptor, long[] secondsAndNanos) {
        String path = procPath(descriptor);
        long ignored =
                call(
                        "utimensat",
                        (e, a) ->
                                (int)
                                        UTIMENSAT.invokeExact(
                                                e,
                                                AT_FDCWD,
                                                path(a, path),
                                                a.allocateFrom(LONG, secondsAndNanos),
                                                0));
    }

    static void seek(int descriptor, long position) {
        long ignored =
                call("lseek", (e, a) -> (long) LSEEK.invokeExact(e, descriptor, position, 0));
    }

    static void sync(int descriptor, boolean dataOnly) {
        long ignored =
                call(
                        "fsync",
                        (e, a) ->
                                dataOnly
                                        ? (int) FDATASYNC.invokeExact(e, descriptor)
                                        : (int) FSYNC.invokeExact(e, descriptor));
    }

    /** Entries of a directory from its position on, as the kernel gives them; empty at the end. */
    static byte[] entries(int descriptor, int bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(bytes, 8);
            long n =
                    call(
                            "getdents64",
                            (e, a) ->
                                    (long)
                                            GETDENTS.invokeExact(
                                                    e, descriptor, buffer, (long) bytes));
            return buffer.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    static int effectiveUser() {
        return (int) call("geteuid", (e, a) -> (int) GETEUID.invokeExact(e) & 0xffff_ffffL);
    }

    static int effectiveGroup() {
        return (int) call("getegid", (e, a) -> (int) GETEGID.invokeExact(e) & 0xffff_ffffL);
    }
}
