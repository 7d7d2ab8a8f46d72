package io.queztl.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** Method handles of the libc functions that the wrappers of this package call. */
final class Libc {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO =
            CAPTURE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final Linker.Option CAPTURE_ERRNO = Linker.Option.captureCallState("errno");

    private Libc() {}

    /** A handle whose first argument is an errno capture segment from {@link #capture}. */
    static MethodHandle withErrno(String name, FunctionDescriptor type) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), type, CAPTURE_ERRNO);
    }

    /** The same for a function with variable arguments, such as {@code ioctl}. */
    static MethodHandle withErrno(String name, FunctionDescriptor type, Linker.Option variadic) {
        return LINKER.downcallHandle(
                LINKER.defaultLookup().findOrThrow(name), type, CAPTURE_ERRNO, variadic);
    }

    /** Null if this libc has no such function. */
    static @Nullable MethodHandle withErrnoIfThere(String name, FunctionDescriptor type) {
        return LINKER.defaultLookup()
                .find(name)
                .map(address -> LINKER.downcallHandle(address, type, CAPTURE_ERRNO))
                .orElse(null);
    }

    static MethodHandle handleAt(MemorySegment address, FunctionDescriptor type) {
        return LINKER.downcallHandle(address, type);
    }

    static MemorySegment capture(Arena arena) {
        return arena.allocate(CAPTURE);
    }

    static int errno(MemorySegment capture) {
        return (int) ERRNO.get(capture, 0L);
    }

    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
}
