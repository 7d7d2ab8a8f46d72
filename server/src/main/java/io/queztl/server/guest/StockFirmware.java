package io.queztl.server.guest;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The firmware of Debian's packages: what the host has installed, or what is fetched once with its
 * apt and kept in the user's cache folder.
 *
 * @param rom the code
 * @param variables what its flash for variables holds at first, or null
 */
public record StockFirmware(Path rom, @Nullable Path variables) {
    private static final Path HOST = Path.of("/");

    /** A package and the files of it that make a firmware, without the leading slash. */
    private record Source(String packageName, List<String> files) {}

    /** In the order in which they are looked for; none needs system management mode. */
    private static final List<Source> OVMF =
            List.of(
                    new Source(
                            "ovmf",
                            List.of(
                                    "usr/share/OVMF/OVMF_CODE_4M.fd",
                                    "usr/share/OVMF/OVMF_VARS_4M.fd")),
                    new Source(
                            "ovmf",
                            List.of("usr/share/OVMF/OVMF_CODE.fd", "usr/share/OVMF/OVMF_VARS.fd")));

    private static final List<Source> SEABIOS =
            List.of(new Source("seabios", List.of("usr/share/seabios/bios-256k.bin")));

    /**
     * Finds SeaBIOS, or fetches it.
     *
     * @param progress told what takes long, a line each
     * @throws CommandException if it is not to be had
     */
    public static StockFirmware seabios(CacheFolder cache, Consumer<String> progress) {
        return obtain(SEABIOS, cache, progress);
    }

    /** Finds OVMF, UEFI firmware, or fetches it; as {@link #seabios}. */
    public static StockFirmware ovmf(CacheFolder cache, Consumer<String> progress) {
        return obtain(OVMF, cache, progress);
    }

    private static StockFirmware obtain(
            List<Source> sources, CacheFolder cache, Consumer<String> progress) {
        StockFirmware found = find(sources, HOST);
        if (found != null) {
            return found;
        }
        Path folder = cache.folder("firmware");
        StockFirmware cached = find(sources, folder);
        if (cached != null) {
            return cached;
        }
        String name = sources.getFirst().packageName;
        try {
            return cache.locked(
                    "firmware",
                    () -> {
                        StockFirmware meanwhile = find(sources, folder);
                        return meanwhile != null
                                ? meanwhile
                                : fetch(sources, name, folder, progress);
                    });
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "Debian's package %s cannot be fetched (%s); install it or name a file with"
                                    .formatted(name, CacheFolder.reason(e))
                            + " --firmware.",
                    e);
        }
    }

    private static @Nullable StockFirmware find(List<Source> sources, Path root) {
        for (Source source : sources) {
            List<Path> files = source.files.stream().map(root::resolve).toList();
            if (files.stream().allMatch(Files::isReadable)) {
                return new StockFirmware(
                        files.getFirst(), files.size() > 1 ? files.getLast() : null);
            }
        }
        return null;
    }

    private static StockFirmware fetch(
            List<Source> sources, String name, Path folder, Consumer<String> progress)
            throws IOException {
        Path work = Files.createTempDirectory(folder, "apt");
        try {
            Apt apt = new Apt(work);
            progress.accept("fetching the package lists of this host's apt sources");
            String trouble = apt.update();
            String version = apt.version(name);
            if (version.isEmpty()) {
                throw new IOException(
                        trouble.isEmpty()
                                ? "apt knows no package " + name
                                : "apt says: " + trouble);
            }
            progress.accept("downloading " + name + " " + version);
            Path unpacked = Files.createDirectory(work.resolve("unpacked"));
            List<String> wanted = sources.stream().flatMap(s -> s.files.stream()).toList();
            for (String file : wanted) {
                Files.createDirectories(unpacked.resolve(file).getParent());
            }
            new DebArchive(apt.download(name))
                    .extractAll(n -> wanted.contains(n) ? unpacked.resolve(n) : null);
            StockFirmware found = find(sources, unpacked);
            if (found == null) {
                throw new IOException("the package has no " + sources.getFirst().files.getFirst());
            }
            // The code last: where it is, everything is.
            Path variables = found.variables;
            if (variables != null) {
                keep(variables, unpacked, folder);
            }
            keep(found.rom, unpacked, folder);
        } finally {
            CacheFolder.delete(work);
        }
        StockFirmware kept = find(sources, folder);
        if (kept == null) {
            throw new IOException("the cache folder " + folder + " loses files");
        }
        return kept;
    }

    private static void keep(Path file, Path from, Path to) throws IOException {
        Path target = to.resolve(from.relativize(file).toString());
        Files.createDirectories(target.getParent());
        Files.move(file, target, StandardCopyOption.ATOMIC_MOVE);
    }
}
