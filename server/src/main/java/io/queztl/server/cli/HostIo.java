package io.queztl.server.cli;

import io.queztl.linux.Terminal;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The three standard streams of a command.
 *
 * @param in unbuffered
 * @param out unbuffered
 * @param err flushed at each line
 * @param terminal what {@code in} reads from, null if that is no terminal
 */
record HostIo(InputStream in, OutputStream out, PrintStream err, @Nullable Terminal terminal) {
    /** Nothing to read, and nobody reads. */
    static final HostIo NONE =
            new HostIo(
                    InputStream.nullInputStream(),
                    OutputStream.nullOutputStream(),
                    new PrintStream(OutputStream.nullOutputStream()),
                    null);

    /** Those of the process. */
    static HostIo ofProcess() {
        Terminal terminal = new Terminal(0);
        return new HostIo(
                new FileInputStream(FileDescriptor.in),
                new FileOutputStream(FileDescriptor.out),
                new PrintStream(
                        new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8),
                terminal.isTerminal() ? terminal : null);
    }
}
