package io.queztl.testkit.oracle;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The host CPU as the oracle of the software CPU: a child process, built from C by the host's
 * compiler, runs batches of single instructions from given register states and returns the states
 * after, faults included. Whatever an instruction does, only the child can die of it.
 *
 * <p>Used by one thread.
 */
public final class NativeOracle implements AutoCloseable {
    private static final long CHILD_TIMEOUT_SECONDS = 60;
    private static final int STACK_POINTER = 4 * 8;
    private static final int MXCSR = 24;
    private static final int BREAKPOINT = 3;

    private final Path folder;
    private final Path program;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment file;
    private @Nullable Process child;
    private @Nullable Writer requests;
    private @Nullable BufferedReader answers;
    private int crashes;

    private NativeOracle(Path folder, Path program, int capacity) throws IOException {
        this.folder = folder;
        this.program = program;
        Path path = folder.resolve("cases");
        try (FileChannel channel =
                FileChannel.open(
                        path,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE)) {
            long bytes = CaseLayout.HEADER + (long) capacity * CaseLayout.CASE;
            file = channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
        }
    }

    /**
     * Why this host cannot be the oracle, or null if it can: it must be x86-64 Linux with a C
     * compiler.
     */
    public static @Nullable String unavailable() {
        if (!System.getProperty("os.name", "").equals("Linux")
                || !System.getProperty("os.arch", "").equals("amd64")) {
            return "the host is not x86-64 Linux";
        }
        return compiler() == null ? "no C compiler (gcc or cc) on the PATH" : null;
    }

    private static @Nullable Path compiler() {
        for (String name : List.of("gcc", "cc")) {
            for (String d : System.getenv().getOrDefault("PATH", "").split(":")) {
                Path p = Path.of(d, name);
                if (Files.isExecutable(p)) {
                    return p;
                }
            }
        }
        return null;
    }

    /**
     * Builds and starts the oracle.
     *
     * @param capacity cases a batch may have
     * @throws IOException if it cannot be built; see {@link #unavailable}
     */
    public static NativeOracle start(int capacity) throws IOException {
        Path compiler = compiler();
        if (compiler == null) {
            throw new IOException("no C compiler");
        }
        Path shm = Path.of("/dev/shm");
        Path folder =
                Files.isWritable(shm)
                        ? Files.createTempDirectory(shm, "queztl-oracle")
                        : Files.createTempDirectory("queztl-oracle");
        Path source = folder.resolve("native_oracle.c");
        Path program = folder.resolve("native_oracle");
        try (InputStream in = NativeOracle.class.getResourceAsStream("native_oracle.c")) {
            if (in == null) {
                throw new IOException("native_oracle.c is missing from the testkit");
            }
            Files.copy(in, source);
        }
        // Position-independent: the low addresses belong to the cases.
        String error = "";
        for (String kind : List.of("-static-pie", "-pie")) {
            error =
                    Commands.run(
                            List.of(
                                    compiler.toString(),
                                    "-O2",
                                    "-fPIE",
                                    kind,
                                    "-o",
                                    program.toString(),
                                    source.toString()));
            if (Files.exists(program)) {
                return new NativeOracle(folder, program, capacity);
            }
        }
        throw new IOException("the native oracle does not build: " + error);
    }

    /** The shared memory; see {@link CaseLayout}. */
    public MemorySegment cases() {
        return file;
    }

    /** How often the child process died. */
    public int crashes() {
        return crashes;
    }

    /** Whether the host runs 32-bit code; a paravirtual guest does not. */
    public boolean runs32BitCode() {
        return reaches(true, CaseLayout.DATA_ADDRESS);
    }

    /**
     * Whether the host enters code with a stack pointer that is not canonical, as hardware does; a
     * paravirtual guest asks its hypervisor, who refuses.
     */
    public boolean takesAnyStackPointer() {
        return reaches(false, 1L << 47);
    }

    /** Whether a NOP is reached and left again. */
    private boolean reaches(boolean mode32, long stackPointer) {
        file.asSlice(CaseLayout.HEADER, CaseLayout.CASE).fill((byte) 0);
        long s = CaseLayout.HEADER;
        file.set(ValueLayout.JAVA_LONG, s + STACK_POINTER, stackPointer);
        file.set(ValueLayout.JAVA_LONG, s + CaseLayout.RIP, CaseLayout.CODE_ADDRESS);
        file.set(ValueLayout.JAVA_LONG, s + CaseLayout.RFLAGS, 0x202);
        file.set(ValueLayout.JAVA_LONG, s + CaseLayout.MODE32, mode32 ? 1 : 0);
        file.set(ValueLayout.JAVA_LONG, s + CaseLayout.CODE_LENGTH, 1);
        file.set(ValueLayout.JAVA_BYTE, s + CaseLayout.CODE, (byte) 0x90);
        file.set(ValueLayout.JAVA_SHORT, s + CaseLayout.FXSAVE, (short) 0x37f);
        file.set(ValueLayout.JAVA_INT, s + CaseLayout.FXSAVE + MXCSR, 0x1f80);
        run(1);
        return file.get(ValueLayout.JAVA_LONG, s + CaseLayout.AFTER + CaseLayout.TRAP)
                == BREAKPOINT;
    }

    /** Runs cases 0 to {@code count - 1}; on return their states after are filled in. */
    public void run(int count) {
        begin(count);
        finish(count);
    }

    /** Starts running cases; the caller must not touch them until {@link #finish}. */
    public void begin(int count) {
        try {
            if (child == null) {
                spawn();
            }
            send(0, count);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits for the cases started by {@link #begin} with the same count. */
    public void finish(int count) {
        try {
            while (answers == null || answers.readLine() == null) {
                // The child died in a case: mark it and go on behind it with a new child.
                int bad = (int) file.get(ValueLayout.JAVA_LONG, 0);
                kill();
                crashes++;
                long after = CaseLayout.HEADER + (long) bad * CaseLayout.CASE + CaseLayout.AFTER;
                file.set(ValueLayout.JAVA_LONG, after + CaseLayout.SIGNAL, CaseLayout.CRASHED);
                if (bad + 1 >= count) {
                    return;
                }
                spawn();
                send(bad + 1, count);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void spawn() throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(
                        program.toString(),
                        folder.resolve("cases").toString(),
                        Long.toString(file.byteSize()));
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        Process p = builder.start();
        child = p;
        requests = p.outputWriter(StandardCharsets.US_ASCII);
        answers = p.inputReader(StandardCharsets.US_ASCII);
    }

    private void send(int from, int to) throws IOException {
        file.set(ValueLayout.JAVA_LONG, 0, from);
        if (requests != null) {
            requests.write(from + " " + to + "\n");
            requests.flush();
        }
    }

    private void kill() {
        if (child != null) {
            child.destroyForcibly();
            try {
                boolean ignored = child.waitFor(CHILD_TIMEOUT_SECONDS, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        child = null;
        requests = null;
        answers = null;
    }

    @Override
    public void close() throws IOException {
        kill();
        arena.close();
        for (String name : List.of("cases", "native_oracle", "native_oracle.c")) {
            Files.deleteIfExists(folder.resolve(name));
        }
        Files.deleteIfExists(folder);
    }
}
