package io.queztl.server.guest;

/** Ends a program of the host's with whoever has started it, also if that is this JVM's end. */
public final class ProcessGuard implements AutoCloseable {
    private final Process process;
    private final Thread stopper;

    /**
     * From now on.
     *
     * @param name of the program, for the thread that ends it
     */
    public ProcessGuard(Process process, String name) {
        this.process = process;
        stopper = new Thread(process::destroy, "queztl-%s-stop".formatted(name));
        Runtime.getRuntime().addShutdownHook(stopper);
    }

    /** Ends the program if it still runs. */
    @Override
    public void close() {
        process.destroy();
        try {
            boolean ignored = Runtime.getRuntime().removeShutdownHook(stopper);
        } catch (IllegalStateException e) {
            // The JVM is on its way down already and has run it.
        }
    }
}
