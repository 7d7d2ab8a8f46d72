package io.queztl.server.guest;

import io.queztl.linux.Terminal;
import io.queztl.vmm.image.CpioWriter;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What takes the stock kernel from its start to a root file system on the first disk: busybox, the
 * modules of the devices, and two scripts. The first mounts the disk and hands over: either to the
 * disk's own init, or to the second, which runs one command as a container would and powers off.
 * What is needed then lies in {@code /dev/.queztl}, so that nothing of ours is on the disk.
 */
public final class RootInitramfs {
    private static final String HOME = "etc/queztl/";

    private RootInitramfs() {}

    /**
     * What is run on the disk.
     *
     * @param init the disk's own init, or empty for {@code command}
     * @param command lines of a shell: variables and functions for the second script
     * @param launcher the program of {@link Launcher}
     */
    public record Start(String init, String command, byte[] launcher) {
        /** The disk's own init. */
        public static Start init(String path) {
            return new Start(path, "", new byte[0]);
        }
    }

    /**
     * Writes the archive.
     *
     * @param target the file to write
     * @param guest where busybox and the kernel's modules are
     * @param modules names of modules, as {@link StockModules} lists them
     * @param settings further variables for the scripts, as for {@link StockInitramfs}
     * @param terminal the size of the terminal that the guest's console is on; null if it is none
     * @param verbose keep the kernel's last messages, too
     */
    public static void write(
            Path target,
            StockGuest guest,
            List<List<String>> modules,
            Map<String, String> settings,
            Start start,
            Terminal.@Nullable Size terminal,
            boolean verbose)
            throws IOException {
        try (CpioWriter cpio =
                new CpioWriter(new BufferedOutputStream(Files.newOutputStream(target), 1 << 16))) {
            for (String folder : new String[] {"dev", "proc", "sys", "bin", "root", HOME + "m"}) {
                cpio.directory(folder, 0755);
            }
            cpio.characterDevice("dev/console", 0600, 5, 1);
            cpio.file("init", 0755, resource("root-init"));
            cpio.file(HOME + "start", 0755, resource("root-start"));
            cpio.file(HOME + "dhcp", 0755, resource("root-dhcp"));
            cpio.file(HOME + "launch", 0755, start.launcher);
            cpio.file(HOME + "command", 0644, bytes(start.command));
            String size =
                    terminal == null
                            ? "INTERACTIVE=\n"
                            : "INTERACTIVE=1 ROWS=%d COLUMNS=%d\n"
                                    .formatted(terminal.rows(), terminal.columns());
            String more =
                    "VERBOSE=%s\nINIT=%s\n"
                            .formatted(verbose ? "1" : "", ShellText.quoted(start.init));
            StringBuilder all = new StringBuilder(size + more);
            settings.forEach((name, value) ->
                    all.append("%s=%s\n".formatted(name, ShellText.quoted(value))));
            cpio.file(HOME + "environment", 0644, bytes(all.toString()));
            try (InputStream in = Files.newInputStream(guest.busybox())) {
                cpio.file("bin/busybox", 0755, in, Files.size(guest.busybox()));
            }
            int number = 0;
            for (Path module : StockModules.files(guest.modules(), modules)) {
                String name = HOME + "m/%02d-%s".formatted(number++, module.getFileName());
                cpio.file(name, 0644, Files.readAllBytes(module));
            }
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = RootInitramfs.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IOException("the resource " + name + " is missing");
            }
            return in.readAllBytes();
        }
    }
}
