package io.queztl.server;

/**
 * The exit statuses of {@code queztl}; {@code docs/exit-codes.md} explains them. A guest's own
 * status ({@code --exec}, {@code --debug-exit}) may have any value; an error of Queztl's own always
 * has a line on standard error that starts with {@code queztl:}.
 */
public final class ExitStatus {
    /** The guest powered off, or the user ended it. */
    public static final int OK = 0;

    /** The command line makes no sense, or makes no VM. */
    public static final int USAGE = 2;

    /** The kernel or initrd cannot be read, is damaged or does not fit. */
    public static final int BOOT = 3;

    /** The host lacks something: memory, apt, the network, a writable cache folder. */
    public static final int HOST = 4;

    /** The guest crashed: a triple fault. */
    public static final int CRASHED = 5;

    /** The guest reset itself: a reboot or a kernel panic. */
    public static final int RESET = 6;

    /** The guest ended, but the command of {@code --exec} left no status. */
    public static final int NO_STATUS = 7;

    /** With {@code --check}: translated code and the interpreter differ. */
    public static final int DIFFERENCE = 8;

    /** A disk image cannot be used, or has errors. */
    public static final int IMAGE = 9;

    /** A disk image has lost space, but no error. */
    public static final int IMAGE_LEAKS = 10;

    /** There is no running VM of that name, or it does not answer. */
    public static final int NO_VM = 11;

    /** A running VM cannot do what it was asked for. */
    public static final int REFUSED = 12;

    /** The guest's kernel panicked and said so by pvpanic. */
    public static final int PANICKED = 13;

    /** An error in Queztl itself, or the launcher could not build or find a JDK. */
    public static final int INTERNAL = 125;

    private ExitStatus() {}
}
