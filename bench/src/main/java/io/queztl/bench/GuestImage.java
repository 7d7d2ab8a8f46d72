package io.queztl.bench;

import io.queztl.server.guest.StockGuest;
import io.queztl.server.guest.StockModules;
import io.queztl.vmm.image.CpioWriter;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** The initramfs of a measured guest. Uncompressed, so that no guest has to unpack it. */
final class GuestImage {
    /** Documentation, locales, character sets and what belongs to the package manager. */
    private static final List<String> LEFT_OUT =
            List.of(
                    "etc/",
                    "usr/bin/dpkg",
                    "usr/bin/perl5.",
                    "usr/bin/pzstd",
                    "usr/lib/dpkg/",
                    "usr/lib/tar/",
                    "usr/lib/x86_64-linux-gnu/gconv/",
                    "usr/sbin/",
                    "usr/share/",
                    "var/");

    private static final int TEXT_BYTES = 4 << 20;
    private static final int LINES = 200_000;

    private GuestImage() {}

    /** An initramfs whose init says that it runs and powers off. */
    static void writeBoot(Path target, Path busybox) throws IOException {
        String init =
                """
                #!/bin/busybox sh
                exec </dev/console >/dev/console 2>&1
                echo 'BENCH init'
                echo 'BENCH done'
                /bin/busybox poweroff -f
                """;
        try (CpioWriter cpio = open(target)) {
            base(cpio, busybox, init.getBytes(StandardCharsets.US_ASCII));
        }
    }

    /**
     * An initramfs that runs items.
     *
     * @param tree programs of Debian
     * @param program our own
     */
    static void writeSuite(
            Path target, Path busybox, Path tree, Path program, List<Item> items, Options options)
            throws IOException {
        try (CpioWriter cpio = open(target)) {
            base(cpio, busybox, resource("init"));
            try (Stream<Path> files = Files.walk(tree).sorted()) {
                for (Path file : (Iterable<Path>) files::iterator) {
                    add(cpio, file, tree.relativize(file).toString());
                }
            }
            copy(cpio, program, "bench/bench", 0755);
            for (String name : List.of("work.py", "work.pl", "work.sql")) {
                cpio.file("bench/" + name, 0644, resource(name));
            }
            cpio.file("bench/settings", 0644, ascii(Suite.settings(options)));
            cpio.file("bench/items", 0644, ascii(Suite.items(items, options)));
            cpio.file("data/text", 0644, text(tree));
            cpio.file("data/lines", 0644, ascii(lines()));
        }
    }

    /**
     * An initramfs that runs items of {@link IoSuite} or {@link NetSuite}, with the modules for
     * their devices.
     *
     * @param tree programs of Debian
     */
    static void writeIo(Path target, StockGuest stock, Path tree, List<Item> items, Options options)
            throws IOException, InterruptedException {
        boolean net = items.getFirst().group() == Item.Group.NETWORK;
        List<String> programs = net ? NetSuite.PROGRAMS : IoSuite.PROGRAMS;
        List<List<String>> modules = net ? NetSuite.MODULES : IoSuite.MODULES;
        try (CpioWriter cpio = open(target)) {
            base(cpio, stock.busybox(), resource("init"));
            for (String program : programs) {
                copy(cpio, tree.resolve(program), program, 0755);
            }
            for (String library : Libraries.of(tree, programs)) {
                copy(cpio, tree.resolve(library), library, 0755);
            }
            int number = 0;
            for (Path module : StockModules.files(stock.modules(), modules)) {
                String name = "modules/%02d-%s".formatted(number++, module.getFileName());
                copy(cpio, module, name, 0644);
            }
            cpio.file("bench/mark", 0755, resource("mark"));
            cpio.file("bench/settings", 0644, ascii(Suite.settings(options)));
            cpio.file("bench/items", 0644, ascii(Suite.items(items, options)));
        }
    }

    /** A file of the benchmark's guest. */
    static byte[] resource(String name) throws IOException {
        try (InputStream in = GuestImage.class.getResourceAsStream("guest/" + name)) {
            if (in == null) {
                throw new IOException("the resource guest/" + name + " is missing");
            }
            return in.readAllBytes();
        }
    }

    private static CpioWriter open(Path target) throws IOException {
        return new CpioWriter(new BufferedOutputStream(Files.newOutputStream(target), 1 << 16));
    }

    private static void base(CpioWriter cpio, Path busybox, byte[] init) throws IOException {
        for (String folder : new String[] {"dev", "proc", "bin"}) {
            cpio.directory(folder, 0755);
        }
        cpio.directory("tmp", 01777);
        cpio.characterDevice("dev/console", 0600, 5, 1);
        cpio.file("init", 0755, init);
        copy(cpio, busybox, "bin/busybox", 0755);
        cpio.symbolicLink("bin/sh", "busybox");
    }

    private static void add(CpioWriter cpio, Path file, String name) throws IOException {
        if (LEFT_OUT.stream().anyMatch(name::startsWith)
                || name.startsWith("bin/") && !name.equals("bin/gzip")) {
            return;
        }
        if (Files.isSymbolicLink(file)) {
            cpio.symbolicLink(name, Files.readSymbolicLink(file).toString());
        } else if (Files.isRegularFile(file)) {
            copy(cpio, file, name, Files.isExecutable(file) ? 0755 : 0644);
        } else if (Files.isDirectory(file) && !name.isEmpty()) {
            cpio.directory(name, 0755);
        }
    }

    private static void copy(CpioWriter cpio, Path file, String name, int mode) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            cpio.file(name, mode, in, Files.size(file));
        }
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** Real text to pack and to search: Python's own library, as often as it takes. */
    private static byte[] text(Path tree) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (Stream<Path> files = Files.walk(tree.resolve("usr/lib")).sorted()) {
            for (Path file : (Iterable<Path>) files::iterator) {
                if (file.toString().endsWith(".py") && Files.isRegularFile(file)) {
                    out.write(Files.readAllBytes(file));
                }
            }
        }
        byte[] once = out.toByteArray();
        while (out.size() < TEXT_BYTES) {
            out.write(once);
        }
        return Arrays.copyOf(out.toByteArray(), TEXT_BYTES);
    }

    /** Lines in no order, the same every time. */
    private static String lines() {
        StringBuilder text = new StringBuilder();
        int x = 1;
        for (int i = 0; i < LINES; i++) {
            x = x * 1664525 + 1013904223;
            text.append("%08x line %d%n".formatted(x, i & 0xff));
        }
        return text.toString();
    }
}
