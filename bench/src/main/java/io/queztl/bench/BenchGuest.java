package io.queztl.bench;

import io.queztl.vmm.image.CpioWriter;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** An initramfs whose init says when it runs, goes through some loops and powers off. */
final class BenchGuest {
    /** What the guest prints first. */
    static final String INIT = "BENCH init";

    /** What it prints before an item; the item's name follows. */
    static final String BEGIN = "BENCH begin ";

    /** What it prints after an item. */
    static final String END = "BENCH end ";

    private BenchGuest() {}

    /**
     * Writes the archive.
     *
     * @param items shell commands by name, run in order
     */
    static void write(Path target, Path busybox, Map<String, String> items) throws IOException {
        StringBuilder init = new StringBuilder();
        init.append(
                """
                #!/bin/busybox sh
                /bin/busybox mount -t proc proc /proc
                mount -t devtmpfs dev /dev
                mount -t tmpfs tmp /tmp
                exec </dev/console >/dev/console 2>&1
                export PATH=/bin
                """);
        init.append("echo '").append(INIT).append("'\n");
        items.forEach((name, command) ->
                init.append("echo '%s%s'\n".formatted(BEGIN, name))
                        .append(command)
                        .append("\necho '%s%s'\n".formatted(END, name)));
        init.append("poweroff -f\n");
        try (CpioWriter cpio =
                new CpioWriter(new BufferedOutputStream(Files.newOutputStream(target), 1 << 16))) {
            for (String folder : new String[] {"dev", "proc", "bin"}) {
                cpio.directory(folder, 0755);
            }
            cpio.directory("tmp", 01777);
            cpio.characterDevice("dev/console", 0600, 5, 1);
            cpio.file("init", 0755, init.toString().getBytes(StandardCharsets.US_ASCII));
            try (InputStream in = Files.newInputStream(busybox)) {
                cpio.file("bin/busybox", 0755, in, Files.size(busybox));
            }
            cpio.symbolicLink("bin/sh", "busybox");
        }
    }
}
