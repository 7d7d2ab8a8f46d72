package io.queztl.server.cli;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageInfo;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.devices.storage.NbdServer;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.control.Json;
import io.queztl.server.image.DiskCopy;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code queztl image}: makes, copies, describes, checks and resizes disk images. */
@Command(
        name = "image",
        description = {
            "Works on disk images: raw and qcow2 files; where it reads one, also NBD exports,"
                    + " named by a URI nbd:// or nbd+unix://.",
            "A format is stated, or recorded when Queztl makes the image; never guessed.",
            "'pull', 'ls' and 'rm' are about OCI images, which 'queztl run NAME' makes disks of.",
        },
        mixinStandardHelpOptions = true,
        versionProvider = Cli.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        exitCodeListHeading = "%nExit statuses:%n",
        exitCodeList = {
            "0:done; for check: nothing is wrong",
            "2:wrong arguments",
            "9:the image cannot be used; for check: it has errors",
            "10:for check: space is lost, but nothing is wrong",
        })
final class ImageCommand implements Runnable {
    private final HostIo io;

    @Spec private @Nullable CommandSpec spec;

    ImageCommand(HostIo io) {
        this.io = io;
    }

    @Override
    public void run() {
        CommandSpec s = spec;
        if (s != null) {
            throw new CommandLine.ParameterException(s.commandLine(), "no command given");
        }
    }

    private interface Work {
        int run() throws IOException;
    }

    private static int guarded(Work work) {
        try {
            return work.run();
        } catch (FileAlreadyExistsException e) {
            throw new CommandException(
                    ExitStatus.IMAGE, e.getFile() + " exists already; name a new file.", e);
        } catch (NoSuchFileException e) {
            throw new CommandException(
                    ExitStatus.IMAGE, "there is no folder for " + e.getFile() + ".", e);
        } catch (IOException e) {
            throw new CommandException(ExitStatus.IMAGE, e.getMessage() + ".", e);
        }
    }

    static ImageFormat format(String path, @Nullable String stated) {
        ImageFormat format = stated == null ? Images.recorded(path) : parse(stated);
        if (format == null) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "the format of " + path + " is not recorded; state it: raw or qcow2.");
        }
        return format;
    }

    private static ImageFormat parse(String name) {
        try {
            return ImageFormat.of(name);
        } catch (IllegalArgumentException e) {
            throw new CommandException(ExitStatus.USAGE, e.getMessage() + ".", e);
        }
    }

    /** Bytes from a number with an optional K, M, G or T. */
    static long bytes(String text) {
        String t = text.strip().toUpperCase(Locale.ROOT);
        int unit = t.isEmpty() ? -1 : "KMGT".indexOf(t.charAt(t.length() - 1));
        String digits = unit < 0 ? t : t.substring(0, t.length() - 1);
        try {
            long n = Math.multiplyExact(Long.parseLong(digits), 1L << 10 * (unit + 1));
            if (n >= 0) {
                return n;
            }
        } catch (NumberFormatException | ArithmeticException e) {
            // The sentence below says it.
        }
        throw new CommandException(
                ExitStatus.USAGE, "'" + text + "' is no size; an example is 10G.");
    }

    private static void make(Path path, ImageFormat format, long size, int cluster, int version)
            throws IOException {
        switch (format) {
            case RAW -> Images.createRaw(path, size);
            case QCOW2 -> Images.createQcow2(path, size, cluster, version);
            case NBD ->
                    throw new CommandException(
                            ExitStatus.USAGE, "an nbd export cannot be created.");
        }
        Images.record(path, format);
    }

    private void print(boolean json, Map<String, Object> facts) {
        PrintStream out = new PrintStream(io.out(), true, StandardCharsets.UTF_8);
        if (json) {
            Map<String, Object> plain = new LinkedHashMap<>();
            facts.forEach((name, value) ->
                    plain.put(name, value instanceof Number ? value : value.toString()));
            out.println(Json.write(plain));
        } else {
            facts.forEach((name, value) -> out.printf("%s: %s%n", name, value));
        }
    }

    @Command(
            name = "create",
            description = "Makes an empty image.",
            mixinStandardHelpOptions = true)
    int create(
            @Parameters(index = "0", paramLabel = "FILE") String path,
            @Parameters(index = "1", paramLabel = "SIZE", description = "such as 10G") String size,
            @Option(names = "--format", defaultValue = "qcow2", description = "raw or qcow2")
                    String format,
            @Option(names = "--cluster-size", defaultValue = "64K", description = "of a qcow2")
                    String cluster,
            @Option(names = "--qcow2-version", defaultValue = "3", description = "2 or 3")
                    int version,
            @Option(names = "--json", description = "print facts as JSON") boolean json) {
        return guarded(() -> {
            int unit = (int) Math.min(Integer.MAX_VALUE, bytes(cluster));
            ImageFormat f = parse(format);
            make(Path.of(path), f, bytes(size), unit, version);
            if (json) {
                Map<String, Object> facts = new LinkedHashMap<>();
                facts.put("file", path);
                facts.put("format", f);
                facts.put("virtual-size", bytes(size));
                print(true, facts);
            }
            return ExitStatus.OK;
        });
    }

    @Command(name = "info", description = "Describes an image.", mixinStandardHelpOptions = true)
    int info(
            @Parameters(index = "0", paramLabel = "FILE") String path,
            @Option(names = "--format", description = "raw or qcow2") @Nullable String format,
            @Option(names = "--backing", description = "follow backing files") boolean backing,
            @Option(names = "--json", description = "print JSON") boolean json) {
        return guarded(() -> {
            try (DiskImage image =
                    Images.open(path, format(path, format), new ImageOptions(true, backing))) {
                ImageInfo info = image.info();
                Map<String, Object> facts = new LinkedHashMap<>();
                facts.put("file", path);
                facts.put("format", info.format());
                facts.put("virtual-size", info.virtualSize());
                facts.put("file-size", info.fileSize());
                facts.putAll(info.details());
                print(json, facts);
            }
            return ExitStatus.OK;
        });
    }

    @Command(
            name = "check",
            description = "Compares an image's tables with its refcounts.",
            mixinStandardHelpOptions = true)
    int check(
            @Parameters(index = "0", paramLabel = "FILE") String path,
            @Option(names = "--format", description = "raw or qcow2") @Nullable String format,
            @Option(names = "--backing", description = "follow backing files") boolean backing,
            @Option(names = "--json", description = "print JSON") boolean json) {
        return guarded(() -> {
            try (DiskImage image =
                    Images.open(path, format(path, format), new ImageOptions(true, backing))) {
                long[] found = Images.check(image);
                Map<String, Object> facts = new LinkedHashMap<>();
                facts.put("errors", found[0]);
                facts.put("leaked-clusters", found[1]);
                print(json, facts);
                int leaks = found[1] > 0 ? ExitStatus.IMAGE_LEAKS : ExitStatus.OK;
                return found[0] > 0 ? ExitStatus.IMAGE : leaks;
            }
        });
    }

    @Command(
            name = "resize",
            description = "Changes an image's size; what is new reads as zero.",
            mixinStandardHelpOptions = true)
    int resize(
            @Parameters(index = "0", paramLabel = "FILE") String path,
            @Parameters(index = "1", paramLabel = "SIZE", description = "such as 10G") String size,
            @Option(names = "--format", description = "raw or qcow2") @Nullable String format,
            @Option(names = "--backing", description = "follow backing files") boolean backing,
            @Option(names = "--shrink", description = "allow a smaller size, which loses data")
                    boolean shrink,
            @Option(names = "--json", description = "print JSON") boolean json) {
        return guarded(() -> {
            long bytes = bytes(size);
            try (DiskImage image =
                    Images.open(path, format(path, format), new ImageOptions(false, backing))) {
                if (bytes < image.size() && !shrink) {
                    throw new CommandException(
                            ExitStatus.USAGE,
                            "the image has %d bytes; --shrink allows to lose data."
                                    .formatted(image.size()));
                }
                image.resize(bytes);
                if (json) {
                    print(true, new LinkedHashMap<>(Map.of("virtual-size", image.size())));
                }
            }
            return ExitStatus.OK;
        });
    }

    @Command(
            name = "convert",
            description = "Copies an image to a new one; what is zero takes no space.",
            mixinStandardHelpOptions = true)
    int convert(
            @Parameters(index = "0", paramLabel = "FROM") String from,
            @Parameters(index = "1", paramLabel = "TO") String to,
            @Option(names = "--from-format", description = "raw or qcow2")
                    @Nullable String fromFormat,
            @Option(
                            names = "--to-format",
                            defaultValue = "qcow2",
                            description = "raw, qcow2, or nbd for an export that is there")
                    String toFormat,
            @Option(names = "--backing", description = "follow FROM's backing files")
                    boolean backing,
            @Option(names = "--cluster-size", defaultValue = "64K", description = "of a qcow2")
                    String cluster,
            @Option(names = "--progress", description = "print percents on standard error")
                    boolean progress,
            @Option(names = "--json", description = "print facts as JSON") boolean json) {
        return guarded(() -> {
            int unit = (int) Math.min(Integer.MAX_VALUE, bytes(cluster));
            ImageFormat target = parse(toFormat);
            ImageOptions options = new ImageOptions(true, backing);
            try (DiskImage source = Images.open(from, format(from, fromFormat), options)) {
                if (target == ImageFormat.NBD) {
                    copyToExport(source, to, progress);
                } else {
                    copyToFile(source, Path.of(to), target, unit, progress);
                }
                if (json) {
                    Map<String, Object> facts = new LinkedHashMap<>();
                    facts.put("file", to);
                    facts.put("format", target);
                    facts.put("virtual-size", source.size());
                    print(true, facts);
                }
            }
            return ExitStatus.OK;
        });
    }

    @Command(
            name = "serve",
            description = {
                "Exports an image by NBD until it is ended.",
                "There is no authentication: whoever reaches the address has the disk.",
            },
            mixinStandardHelpOptions = true)
    int serve(
            @Parameters(index = "0", paramLabel = "FILE") String path,
            @Option(names = "--format", description = "raw or qcow2") @Nullable String format,
            @Option(names = "--backing", description = "follow backing files") boolean backing,
            @Option(names = "--read-only", description = "refuse writes") boolean readOnly,
            @Option(names = "--export", defaultValue = "", description = "name of the export")
                    String export,
            @Option(names = "--socket", paramLabel = "PATH", description = "a Unix socket")
                    @Nullable Path socket,
            @Option(
                            names = "--port",
                            defaultValue = "10809",
                            description = "TCP port on the loopback address")
                    int port,
            @Option(names = "--json", description = "print the address as JSON") boolean json) {
        if (port < 0 || port > 65535) {
            throw new CommandException(ExitStatus.USAGE, port + " is no TCP port.");
        }
        return guarded(() -> {
            SocketAddress address =
                    socket == null
                            ? new InetSocketAddress(InetAddress.getLoopbackAddress(), port)
                            : UnixDomainSocketAddress.of(socket);
            ImageOptions options = new ImageOptions(readOnly, backing);
            try (DiskImage image = Images.open(path, format(path, format), options);
                    NbdServer server = new NbdServer(image, export, address)) {
                print(json, new LinkedHashMap<>(Map.of("listening", server.address())));
                Thread end = new Thread(() -> end(image, socket), "queztl-nbd-end");
                Runtime.getRuntime().addShutdownHook(end);
                server.run();
            }
            return ExitStatus.OK;
        });
    }

    /** What a signal leaves to do: the image's tables to the disk, the socket away. */
    private static void end(DiskImage image, @Nullable Path socket) {
        try {
            image.close();
            if (socket != null) {
                Files.deleteIfExists(socket);
            }
        } catch (IOException e) {
            System.err.println("queztl: " + e.getMessage() + ".");
        }
    }

    private void copyToFile(
            DiskImage source, Path to, ImageFormat format, int cluster, boolean progress)
            throws IOException {
        make(to, format, source.size(), cluster, 3);
        boolean done = false;
        try (DiskImage copy = Images.open(to, format, ImageOptions.WRITABLE)) {
            copy(source, copy, progress);
            copy.flush();
            done = true;
        } finally {
            if (!done) {
                Files.deleteIfExists(to);
            }
        }
    }

    /** An export is there already, and what it has where the source is zero is to be zero. */
    private void copyToExport(DiskImage source, String to, boolean progress) throws IOException {
        try (DiskImage copy = Images.open(to, ImageFormat.NBD, ImageOptions.WRITABLE)) {
            if (copy.size() < source.size()) {
                throw new CommandException(
                        ExitStatus.IMAGE,
                        "the export %s has %d bytes, %d are needed."
                                .formatted(to, copy.size(), source.size()));
            }
            copy.writeZeroes(0, source.size(), true);
            copy(source, copy, progress);
            copy.flush();
        }
    }

    private void copy(DiskImage source, DiskImage target, boolean progress) throws IOException {
        DiskCopy.copy(
                source,
                target,
                percent -> {
                    if (progress) {
                        io.err().printf("\r%d %%", percent);
                        io.err().flush();
                    }
                });
        if (progress) {
            io.err().println();
        }
    }
}
