package io.queztl.server.debian;

import io.queztl.linux.Terminal;
import io.queztl.server.guest.FirstBoot;
import io.queztl.server.guest.ShellText;
import io.queztl.vmm.image.CpioWriter;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * What goes into the guest's initramfs in front of Debian's own: a script that Debian's initramfs
 * runs when the root file system is mounted (initramfs-tools(7), local-bottom), and what it is to
 * bring there. The kernel unpacks archives that follow each other into one file system.
 */
public final class FirstBootArchive {
    private static final String HOME = "queztl/";

    private FirstBootArchive() {}

    /**
     * Writes the archive.
     *
     * @param terminal the size of the terminal that the guest's console is on; null if it is none
     */
    public static void write(Path target, FirstBoot first, Terminal.@Nullable Size terminal)
            throws IOException {
        try (CpioWriter cpio =
                new CpioWriter(new BufferedOutputStream(Files.newOutputStream(target)))) {
            cpio.file(HOME + "setup", 0755, DebianTree.resource("setup"));
            String size =
                    terminal == null
                            ? "ROWS=\n"
                            : "ROWS=%d COLUMNS=%d\n".formatted(terminal.rows(), terminal.columns());
            String name = first.hostName() == null ? "" : first.hostName();
            cpio.file(
                    HOME + "settings",
                    0644,
                    bytes(size + "HOST_NAME=" + ShellText.quoted(name) + "\n"));
            StringBuilder keys = new StringBuilder();
            first.keys().forEach(key -> keys.append(key).append('\n'));
            cpio.file(HOME + "keys", 0644, bytes(keys.toString()));
        }
    }

    /** Adds another archive, compressed or not, behind one that {@link #write} has written. */
    public static void append(Path target, Path archive) throws IOException {
        try (OutputStream out = Files.newOutputStream(target, StandardOpenOption.APPEND)) {
            long ignored = Files.copy(archive, out);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
