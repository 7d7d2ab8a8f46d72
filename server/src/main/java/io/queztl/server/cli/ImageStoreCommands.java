package io.queztl.server.cli;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.control.Json;
import io.queztl.server.debian.DebianImage;
import io.queztl.server.guest.CacheFolder;
import io.queztl.server.image.ImageReference;
import io.queztl.server.image.ImageStore;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code queztl image pull}, {@code ls} and {@code rm}: OCI images in the cache. */
final class ImageStoreCommands {
    private ImageStoreCommands() {}

    /** Adds them, and {@code inspect}, to {@code queztl image}. */
    static CommandLine addTo(CommandLine image, HostIo io) {
        return image.addSubcommand(new Pull(io))
                .addSubcommand(new Ls(io))
                .addSubcommand(new Rm(io))
                .addSubcommand(new ImageInspectCommand(io));
    }

    private static ImageStore store(HostIo io) {
        return new ImageStore(cache(), System.getenv(), progress(io));
    }

    private static CacheFolder cache() {
        return CacheFolder.of(System.getenv());
    }

    private static Consumer<String> progress(HostIo io) {
        return line -> io.err().println("queztl: " + line + " ...");
    }

    /** Fetches images from their registries. */
    @Command(
            name = "pull",
            description = {
                "Fetches OCI images, or what has changed of them, from their registries.",
                "'debian' is built again, of the packages that there are now."
            },
            mixinStandardHelpOptions = true)
    static final class Pull implements Callable<Integer> {
        private final HostIo io;

        @Parameters(paramLabel = "NAME", arity = "1..*", description = "such as alpine:3.20")
        private List<String> names = List.of();

        Pull(HostIo io) {
            this.io = io;
        }

        @Override
        public Integer call() {
            PrintStream out = new PrintStream(io.out(), true, StandardCharsets.UTF_8);
            for (String name : names) {
                if (name.equals(DebianImage.NAME)) {
                    DebianImage image = DebianImage.build(cache(), progress(io));
                    out.println(DebianImage.NAME + " " + image.release());
                    continue;
                }
                ImageStore.Image image = store(io).pull(ImageReference.parse(name));
                out.println(image.reference() + " " + image.digest());
            }
            return ExitStatus.OK;
        }
    }

    /** Lists images. */
    @Command(
            name = "ls",
            description = "Lists the images that are in the cache: Debian and OCI images.",
            mixinStandardHelpOptions = true)
    static final class Ls implements Callable<Integer> {
        private static final String FORMAT = "%-50s %-20s %12s%n";

        private final HostIo io;

        @Option(names = "--json", description = "one JSON array instead of a table")
        private boolean json;

        Ls(HostIo io) {
            this.io = io;
        }

        @Override
        public Integer call() {
            PrintStream out = new PrintStream(io.out(), true, StandardCharsets.UTF_8);
            List<ImageStore.Image> images = store(io).list();
            DebianImage debian = DebianImage.cached(cache());
            if (json) {
                List<Map<String, Object>> all = new ArrayList<>();
                if (debian != null) {
                    all.add(fields(DebianImage.NAME, "", debian.bytes()));
                }
                images.forEach(i -> all.add(fields(i.reference(), i.digest(), i.bytes())));
                out.println(Json.write(all));
                return ExitStatus.OK;
            }
            out.printf(FORMAT, "NAME", "DIGEST", "SIZE");
            if (debian != null) {
                String size = "%d MiB".formatted(debian.bytes() >> 20);
                out.printf(Locale.ROOT, FORMAT, DebianImage.NAME, "built here", size);
            }
            for (ImageStore.Image image : images) {
                out.printf(
                        Locale.ROOT,
                        FORMAT,
                        image.reference(),
                        image.digest().substring(0, 19),
                        "%d MiB".formatted(image.bytes() >> 20));
            }
            return ExitStatus.OK;
        }

        private static Map<String, Object> fields(String name, String digest, long bytes) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("name", name);
            fields.put("digest", digest);
            fields.put("bytes", bytes);
            return fields;
        }
    }

    /** Removes images. */
    @Command(
            name = "rm",
            description = "Removes images from the cache.",
            mixinStandardHelpOptions = true)
    static final class Rm implements Callable<Integer> {
        private final HostIo io;

        @Parameters(paramLabel = "NAME", arity = "1..*", description = "as 'queztl image ls' says")
        private List<String> names = List.of();

        Rm(HostIo io) {
            this.io = io;
        }

        @Override
        public Integer call() {
            for (String name : names) {
                boolean debian = name.equals(DebianImage.NAME);
                String whole = debian ? name : ImageReference.parse(name).toString();
                boolean there =
                        debian
                                ? DebianImage.remove(cache())
                                : store(io).remove(ImageReference.parse(name));
                if (!there) {
                    throw new CommandException(
                            ExitStatus.IMAGE,
                            "the image %s is not in the cache; 'queztl image ls' lists those that are."
                                    .formatted(whole));
                }
            }
            return ExitStatus.OK;
        }
    }
}
