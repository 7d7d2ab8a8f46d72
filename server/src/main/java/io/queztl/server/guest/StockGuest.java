package io.queztl.server.guest;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Properties;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Debian's stock kernel and busybox, fetched once with the host's apt and kept in the user's cache
 * folder. {@code stock.properties} is written last: where it is, everything is.
 *
 * @param kernel the bzImage
 * @param busybox the statically linked busybox
 * @param release what {@code uname -r} says in the guest
 * @param modules folder of the kernel's modules for {@link StockModules}
 */
public record StockGuest(Path kernel, Path busybox, String release, Path modules) {
    /** Which of Debian's kernels. */
    public enum Flavour {
        /**
         * With the drivers of virtual machines only: a third of the size, and quicker to boot. It
         * has no 9P.
         */
        CLOUD("linux-image-cloud-amd64", "debian"),

        /** With all drivers. */
        GENERIC("linux-image-amd64", "debian-generic");

        /** The package that depends on the newest kernel. */
        final String kernelPackage;

        /** Its folder in the cache. */
        final String folder;

        Flavour(String kernelPackage, String folder) {
            this.kernelPackage = kernelPackage;
            this.folder = folder;
        }
    }

    static final String BUSYBOX_PACKAGE = "busybox-static";

    private static final String PROPERTIES = "stock.properties";

    /** {@link #obtain(CacheFolder, Flavour, Consumer)} of the cloud kernel. */
    public static StockGuest obtain(CacheFolder cache, Consumer<String> progress) {
        return obtain(cache, Flavour.CLOUD, progress);
    }

    /**
     * Finds the files in the cache, or fetches them.
     *
     * @param flavour which kernel
     * @param progress told what takes long, a line each
     * @throws CommandException if there is no apt, no network or no such package
     */
    public static StockGuest obtain(CacheFolder cache, Flavour flavour, Consumer<String> progress) {
        Path folder = cache.folder(flavour.folder);
        StockGuest cached = cached(folder, flavour);
        if (cached != null) {
            return cached;
        }
        try {
            return cache.locked(
                    flavour.folder,
                    () -> {
                        StockGuest meanwhile = cached(folder, flavour);
                        return meanwhile != null ? meanwhile : fetch(folder, flavour, progress);
                    });
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "Debian's kernel cannot be fetched (%s); check the network or name a kernel"
                                    .formatted(CacheFolder.reason(e))
                            + " with --kernel.",
                    e);
        }
    }

    private static @Nullable StockGuest cached(Path folder, Flavour flavour) {
        Properties p = new Properties();
        try (InputStream in = Files.newInputStream(folder.resolve(PROPERTIES))) {
            p.load(in);
            StockGuest guest =
                    new StockGuest(
                            folder.resolve(p.getProperty("kernel", "")),
                            folder.resolve(p.getProperty("busybox", "")),
                            p.getProperty("release", ""),
                            folder.resolve(p.getProperty("modules", "")));
            boolean whole =
                    Long.toString(Files.size(guest.kernel)).equals(p.getProperty("kernel.bytes"))
                            && Long.toString(Files.size(guest.busybox))
                                    .equals(p.getProperty("busybox.bytes"))
                            && StockModules.complete(guest.modules, flavour);
            return whole ? guest : null;
        } catch (IOException | IllegalArgumentException e) {
            return null;
        }
    }

    private static StockGuest fetch(Path folder, Flavour flavour, Consumer<String> progress)
            throws IOException {
        Path work = Files.createTempDirectory(folder, "apt");
        try {
            Apt apt = new Apt(work);
            progress.accept("fetching the package lists of this host's apt sources");
            String trouble = apt.update();
            String kernelPackage = apt.dependency(flavour.kernelPackage);
            if (kernelPackage.isEmpty() || apt.version(BUSYBOX_PACKAGE).isEmpty()) {
                throw new IOException(
                        trouble.isEmpty()
                                ? "apt knows no package " + flavour.kernelPackage
                                : "apt says: " + trouble);
            }
            String release = kernelPackage.replaceFirst("^linux-image-", "");

            progress.accept("downloading " + kernelPackage + " " + apt.version(kernelPackage));
            Path kernel = folder.resolve("vmlinuz-" + release);
            new DebArchive(apt.download(kernelPackage))
                    .extract(n -> n.startsWith("boot/vmlinuz-"), "kernel", kernel);
            Path modules = Files.createDirectories(folder.resolve("modules-" + release));
            new DebArchive(apt.download(kernelPackage))
                    .extractAll(name -> StockModules.target(modules, name));

            progress.accept("downloading " + BUSYBOX_PACKAGE + " " + apt.version(BUSYBOX_PACKAGE));
            Path busybox = folder.resolve("busybox");
            new DebArchive(apt.download(BUSYBOX_PACKAGE))
                    .extract(n -> n.endsWith("bin/busybox"), "busybox", busybox);

            Properties p = new Properties();
            p.setProperty("release", release);
            p.setProperty("kernel", String.valueOf(kernel.getFileName()));
            p.setProperty("kernel.bytes", Long.toString(Files.size(kernel)));
            p.setProperty("modules", String.valueOf(modules.getFileName()));
            p.setProperty("busybox", String.valueOf(busybox.getFileName()));
            p.setProperty("busybox.bytes", Long.toString(Files.size(busybox)));
            Path part = work.resolve(PROPERTIES);
            try (OutputStream out = Files.newOutputStream(part)) {
                p.store(out, null);
            }
            Files.move(part, folder.resolve(PROPERTIES), StandardCopyOption.ATOMIC_MOVE);
            return new StockGuest(kernel, busybox, release, modules);
        } finally {
            CacheFolder.delete(work);
        }
    }
}
