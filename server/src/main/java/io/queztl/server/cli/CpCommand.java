package io.queztl.server.cli;

import io.queztl.linux.HostFolder;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.agent.TarExtractor;
import io.queztl.server.agent.TarSender;
import io.queztl.server.control.ControlClient;
import io.queztl.server.control.RuntimeFolder;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code queztl cp}: files between host and guest, as a tar archive by the guest's agent. */
@Command(
        name = "cp",
        description = {
            "Copies a file or folder between this host and a running VM with Queztl's agent.",
            "One of the two is NAME:PATH. An existing folder gets the copy into it."
        },
        mixinStandardHelpOptions = true)
final class CpCommand implements Callable<Integer> {
    private static final int PIPE = 1 << 18;

    private final HostIo io;

    @Parameters(index = "0", paramLabel = "FROM", description = "PATH or NAME:PATH")
    private String from = "";

    @Parameters(index = "1", paramLabel = "TO", description = "NAME:PATH or PATH")
    private String to = "";

    CpCommand(HostIo io) {
        this.io = io;
    }

    /** A path in a VM. */
    private record Remote(String vm, String path) {
        /** Null if it is one of the host: one with a slash before the first colon, say. */
        static @Nullable Remote of(String text) {
            int colon = text.indexOf(':');
            if (colon < 0 || !RuntimeFolder.NAME.matcher(text.substring(0, colon)).matches()) {
                return null;
            }
            return new Remote(text.substring(0, colon), text.substring(colon + 1));
        }

        private String stripped() {
            String s = path;
            while (s.length() > 1 && s.endsWith("/")) {
                s = s.substring(0, s.length() - 1);
            }
            return s;
        }

        /** Its last name. */
        String name() {
            return stripped().substring(stripped().lastIndexOf('/') + 1);
        }

        /** The folder that it is in. */
        String parent() {
            int slash = stripped().lastIndexOf('/');
            return slash < 0 ? "." : slash == 0 ? "/" : stripped().substring(0, slash);
        }
    }

    @Override
    public Integer call() throws IOException {
        Remote source = Remote.of(from);
        Remote target = Remote.of(to);
        if (source == null == (target == null)) {
            throw usage("one of the two must be NAME:PATH, the other a path of this host");
        }
        if (source != null) {
            download(source, Path.of(to));
        } else if (target != null) {
            upload(Path.of(from), target);
        }
        return ExitStatus.OK;
    }

    private static CommandException usage(String text) {
        return new CommandException(ExitStatus.USAGE, "cp: " + text + ".");
    }

    private static String bytes(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    private int run(String vm, String script, java.io.@Nullable InputStream in, OutputStream out)
            throws IOException {
        RuntimeFolder folder = RuntimeFolder.of(System.getenv());
        try (ControlClient client = ControlClient.connect(folder, vm)) {
            var ignored =
                    client.request(
                            ExecCommand.EXEC, Map.of("script", script), VmCommand.ANSWER_SECONDS);
            return ExecFrames.run(client.connection(), in, out, io.err());
        }
    }

    private void download(Remote source, Path local) throws IOException {
        String name = source.name();
        if (name.isEmpty() || name.equals("..") || name.equals(".") || name.equals("/")) {
            throw usage("'%s' has no name; name a file or folder".formatted(source.path()));
        }
        if (!HostFolder.available()) {
            throw new CommandException(
                    ExitStatus.HOST, "cp: copying from a guest needs a host with Linux.");
        }
        boolean into = Files.isDirectory(local);
        Path absolute = local.toAbsolutePath().normalize();
        Path folder = into ? absolute : absolute.getParent();
        Path last = into ? Path.of(name) : absolute.getFileName();
        if (folder == null || last == null || !Files.isDirectory(folder)) {
            throw usage("there is no folder for '%s'".formatted(local));
        }
        String script =
                "tar -c -f - -C %s -- %s"
                        .formatted(ExecCommand.quote(source.parent()), ExecCommand.quote(name));
        CompletableFuture<@Nullable IOException> unpacked = new CompletableFuture<>();
        int status;
        try (PipedOutputStream out = new PipedOutputStream()) {
            PipedInputStream in = new PipedInputStream(out, PIPE);
            Thread ignored =
                    Thread.ofPlatform()
                            .daemon()
                            .name("queztl-unpack")
                            .start(() -> unpack(in, folder, name, last.toString(), unpacked));
            status = run(source.vm(), script, null, out);
        } catch (IOException e) {
            // A closed pipe: the reason is the reader's.
            IOException reason = unpacked.getNow(null);
            throw failed(reason == null ? e : reason, source);
        }
        IOException failure = unpacked.join();
        if (status != 0) {
            throw new CommandException(
                    ExitStatus.REFUSED,
                    "cp: tar in the guest failed for '%s' (status %d)."
                            .formatted(source.path(), status));
        }
        if (failure != null) {
            throw failed(failure, source);
        }
    }

    private static CommandException failed(IOException reason, Remote source) {
        return new CommandException(
                ExitStatus.HOST,
                "cp: what came for '%s' was not unpacked: %s."
                        .formatted(source.path(), reason.getMessage()),
                reason);
    }

    private static void unpack(
            PipedInputStream in,
            Path folder,
            String name,
            String localName,
            CompletableFuture<@Nullable IOException> done) {
        byte[] path = folder.toString().getBytes(StandardCharsets.UTF_8);
        IOException failure = null;
        try (in;
                HostFolder root = HostFolder.open(path)) {
            long entries = new TarExtractor(root, bytes(name), bytes(localName)).unpack(in);
            // Padding at the end is nobody's.
            long ignored = in.transferTo(OutputStream.nullOutputStream());
            failure = entries == 0 ? new IOException("nothing came") : null;
        } catch (IOException e) {
            failure = e;
        } catch (RuntimeException e) {
            failure = new IOException(e);
        }
        boolean ignored = done.complete(failure);
    }

    private void upload(Path local, Remote target) throws IOException {
        if (!Files.exists(local, LinkOption.NOFOLLOW_LINKS)) {
            throw usage("there is no '%s'".formatted(local));
        }
        Path last = local.toAbsolutePath().normalize().getFileName();
        if (last == null || target.path().isEmpty()) {
            throw usage("name a file or folder");
        }
        OutputStream nothing = OutputStream.nullOutputStream();
        boolean into =
                run(target.vm(), "test -d " + ExecCommand.quote(target.path()), null, nothing) == 0;
        String name = into ? last.toString() : target.name();
        String folder = into ? target.path() : target.parent();
        CompletableFuture<@Nullable IOException> packed = new CompletableFuture<>();
        PipedOutputStream out = new PipedOutputStream();
        PipedInputStream in = new PipedInputStream(out, PIPE);
        Thread ignored =
                Thread.ofPlatform()
                        .daemon()
                        .name("queztl-pack")
                        .start(() -> pack(local, name, out, packed));
        String script = "tar -x -f - -C " + ExecCommand.quote(folder);
        int status = run(target.vm(), script, in, nothing);
        in.close();
        IOException failure = packed.join();
        if (status != 0) {
            throw new CommandException(
                    ExitStatus.REFUSED,
                    "cp: tar in the guest failed for '%s' (status %d)."
                            .formatted(target.path(), status));
        }
        if (failure != null) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "cp: '%s' was not copied whole: %s.".formatted(local, failure.getMessage()),
                    failure);
        }
    }

    private void pack(
            Path local,
            String name,
            PipedOutputStream out,
            CompletableFuture<@Nullable IOException> done) {
        IOException failure = null;
        try (out) {
            TarSender.pack(
                    local,
                    name,
                    out,
                    path -> io.err().println("queztl: cp: left out, no file or folder: " + path));
        } catch (IOException e) {
            failure = e;
        }
        boolean ignored = done.complete(failure);
    }
}
