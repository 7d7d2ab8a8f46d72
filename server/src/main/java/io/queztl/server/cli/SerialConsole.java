package io.queztl.server.cli;

import io.queztl.linux.Terminal;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Connects standard input to the guest's console; the other direction is the console's own output
 * buffer. A terminal is raw between {@link #start} and {@link #close}, and only then is Ctrl-A
 * special; anything else that is read goes to the guest as it is. The end of the input means
 * nothing to the guest, unless it is to be told with Ctrl-D, which ends a line or a file. The input
 * is read by a daemon thread, which may outlive the VM by one read.
 */
final class SerialConsole implements AutoCloseable {
    private static final int READ_BYTES = 1024;
    private static final long ROOM_MILLIS = 1000;
    private static final byte END = 4;

    private final HostIo io;
    private final ConsoleInput input;
    private final Runnable quit;
    private final boolean tellEnd;
    private Terminal.@Nullable RawMode rawMode;
    private volatile boolean closed;

    /**
     * @param input the guest's console
     * @param quit run when the user types Ctrl-A x
     * @param tellEnd whether the guest is told that the input has ended, if it is no terminal's
     */
    SerialConsole(HostIo io, ConsoleInput input, Runnable quit, boolean tellEnd) {
        this.io = io;
        this.input = input;
        this.quit = quit;
        this.tellEnd = tellEnd && io.terminal() == null;
    }

    /** Makes the terminal, if there is one, raw. */
    synchronized void start() {
        Terminal terminal = io.terminal();
        if (terminal != null && !closed) {
            rawMode = terminal.raw();
        }
    }

    /** Starts to read; what is read before the guest has opened its console is lost to it. */
    void startReading() {
        Thread.ofPlatform().daemon().name("queztl-stdin").start(this::read);
    }

    private void read() {
        EscapeFilter filter = new EscapeFilter();
        byte[] buffer = new byte[READ_BYTES];
        boolean withinLine = false;
        try {
            int length;
            while (!closed && (length = io.in().read(buffer)) >= 0) {
                int kept = io.terminal() == null ? length : filter.filter(buffer, length);
                send(buffer, kept);
                withinLine = kept > 0 ? buffer[kept - 1] != '\n' : withinLine;
                if (filter.quit()) {
                    // The guest's last line is seldom a whole one.
                    io.err().print("\r\nqueztl: ended by Ctrl-A x.\r\n");
                    io.err().flush();
                    quit.run();
                    return;
                }
            }
            if (tellEnd) {
                // Within a line, the first only hands over what there is of it.
                send(new byte[] {END, END}, withinLine ? 2 : 1);
            }
        } catch (IOException e) {
            // As good as the end of the input.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void send(byte[] bytes, int length) throws InterruptedException {
        int sent = 0;
        while (sent < length && !closed) {
            sent += input.send(bytes, sent, length - sent);
            if (sent < length) {
                boolean ignored = input.awaitRoom(ROOM_MILLIS);
            }
        }
    }

    /** Puts the terminal back. Any thread may call this, more than once. */
    @Override
    public synchronized void close() {
        closed = true;
        if (rawMode != null) {
            rawMode.close();
        }
    }
}
