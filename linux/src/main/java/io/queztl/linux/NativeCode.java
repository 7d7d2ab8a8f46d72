package io.queztl.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * A readable, writable and executable page of machine code that can be called as a C function of
 * one pointer. Used by tests that take the host CPU as the oracle of the software CPU.
 */
public final class NativeCode implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment code;
    private final MethodHandle entry;

    /**
     * @param bytes room for code, rounded up to whole pages by the kernel
     */
    public NativeCode(long bytes) {
        code = Mmap.anonymous(bytes, Mmap.PROT_READ | Mmap.PROT_WRITE | Mmap.PROT_EXEC, arena);
        entry = Libc.handleAt(code, FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
    }

    /** The memory that holds the code. */
    public MemorySegment code() {
        return code;
    }

    /** Calls the code at offset 0 with {@code argument} in {@code rdi}. */
    public void call(MemorySegment argument) {
        try {
            entry.invokeExact(argument);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
