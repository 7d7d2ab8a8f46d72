package io.queztl.linux;

/** A failed system call: which call, and its errno (see {@code errno(3)}). */
public final class LinuxException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    /**
     * @param call the name of the failed call, such as {@code mmap}
     * @param errno the error number the call left
     */
    public LinuxException(String call, int errno) {
        super(call + " failed with errno " + errno);
        this.errno = errno;
    }

    /** The error number, as in {@code errno.h}. */
    public int errno() {
        return errno;
    }
}
