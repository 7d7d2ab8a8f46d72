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
 * The stock guest's root: busybox, an init of ours, and what this run asks of it. A command goes in
 * as a file, so that no quoting and no length of the kernel command line comes between.
 */
public final class StockInitramfs {
    private StockInitramfs() {}

    /**
     * Writes the archive, uncompressed: unpacking would cost the guest more than it saves.
     *
     * @param target the file to write
     * @param busybox a statically linked busybox
     * @param command run by the guest's shell instead of a greeting; null for none
     * @param modules kernel modules to load, in this order
     * @param settings further shell variables of the init: names and values without quotes in them
     * @param terminal the size of the terminal that the guest's console is on; null if it is none
     * @param verbose keep the kernel's last messages, too
     */
    public static void write(
            Path target,
            Path busybox,
            @Nullable String command,
            List<Path> modules,
            Map<String, String> settings,
            Terminal.@Nullable Size terminal,
            boolean verbose)
            throws IOException {
        try (CpioWriter cpio =
                new CpioWriter(new BufferedOutputStream(Files.newOutputStream(target), 1 << 16))) {
            for (String folder : new String[] {"dev", "proc", "sys", "bin", "run", "etc/queztl"}) {
                cpio.directory(folder, 0755);
            }
            cpio.directory("root", 0700);
            cpio.directory("tmp", 01777);
            // The kernel opens it for the first process, before that has mounted anything.
            cpio.characterDevice("dev/console", 0600, 5, 1);
            cpio.file("init", 0755, resource("init"));
            cpio.file("etc/queztl/environment", 0644, environment(settings, terminal, verbose));
            cpio.file("etc/queztl/udhcpc", 0755, resource("udhcpc"));
            cpio.file("etc/queztl/agent", 0755, agent());
            if (command != null) {
                String script = command + "\n";
                cpio.file("etc/queztl/command", 0644, script.getBytes(StandardCharsets.UTF_8));
            }
            try (InputStream in = Files.newInputStream(busybox)) {
                cpio.file("bin/busybox", 0755, in, Files.size(busybox));
            }
            cpio.symbolicLink("bin/sh", "busybox");
            if (!modules.isEmpty()) {
                cpio.directory("etc/queztl/modules", 0755);
            }
            for (int i = 0; i < modules.size(); i++) {
                String name = "etc/queztl/modules/%02d-%s";
                cpio.file(
                        name.formatted(i, modules.get(i).getFileName()),
                        0644,
                        Files.readAllBytes(modules.get(i)));
            }
        }
    }

    private static byte[] environment(
            Map<String, String> settings, Terminal.@Nullable Size terminal, boolean verbose) {
        StringBuilder text = new StringBuilder();
        text.append(
                terminal == null
                        ? "INTERACTIVE=\n"
                        : "INTERACTIVE=1 ROWS=%d COLUMNS=%d\n"
                                .formatted(terminal.rows(), terminal.columns()));
        text.append(verbose ? "VERBOSE=1\n" : "VERBOSE=\n");
        settings.forEach((name, value) -> text.append("%s='%s'\n".formatted(name, value)));
        return text.toString().getBytes(StandardCharsets.US_ASCII);
    }

    /** The script of Queztl's agent, for guests of other kinds, too. */
    public static byte[] agent() throws IOException {
        return resource("agent");
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = StockInitramfs.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IOException("the resource " + name + " is missing");
            }
            return in.readAllBytes();
        }
    }
}
