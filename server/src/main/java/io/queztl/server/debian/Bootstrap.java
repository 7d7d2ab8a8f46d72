package io.queztl.server.debian;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.guest.Apt;
import io.queztl.server.guest.ProcessGuard;
import io.queztl.vmm.image.FileTree;
import io.queztl.vmm.image.TarReader;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * mmdebstrap, which builds a Debian system with this host's apt, as root or in a user namespace,
 * and gives it as a tar archive. If it is not installed, its package is fetched and it runs from
 * there.
 */
final class Bootstrap {
    private static final String PROGRAM = "mmdebstrap";
    private static final String PACKAGES =
            "systemd-sysv,dbus,libpam-systemd,openssh-server,ca-certificates,"
                    + "linux-image-cloud-amd64,busybox-static";
    private static final int LAST_SECONDS = 60;

    private final Path folder;
    private final DebianSources sources;
    private final Consumer<String> progress;

    /** Written by the thread that reads messages, read when it has ended. */
    private String trouble = "";

    /**
     * @param folder for files of this run
     * @param progress told what it does, a line each
     */
    Bootstrap(Path folder, DebianSources sources, Consumer<String> progress) {
        this.folder = folder;
        this.sources = sources;
        this.progress = progress;
    }

    /**
     * Builds the system.
     *
     * @throws CommandException if the host cannot
     */
    void into(FileTree tree) throws IOException {
        Process process = start();
        try (ProcessGuard _ = new ProcessGuard(process, "bootstrap")) {
            Thread messages =
                    Thread.ofPlatform()
                            .daemon()
                            .name("queztl-bootstrap")
                            .start(() -> follow(process.getErrorStream()));
            try (OutputStream input = process.getOutputStream()) {
                String text = String.join("\n", sources.lines()) + "\n";
                input.write(text.getBytes(StandardCharsets.US_ASCII));
            } catch (IOException e) {
                // It has ended already, and its messages say why.
            }
            IOException damage = null;
            try (InputStream in = new BufferedInputStream(process.getInputStream(), 1 << 16)) {
                TarReader.read(in, tree);
                in.transferTo(OutputStream.nullOutputStream());
            } catch (IOException e) {
                damage = e;
                process.destroy();
            }
            boolean ended = process.waitFor(LAST_SECONDS, TimeUnit.SECONDS);
            messages.join();
            if (!ended || process.exitValue() != 0) {
                throw failed(damage);
            }
            if (damage != null) {
                throw damage;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private Process start() throws IOException {
        List<String> line = new ArrayList<>();
        line.add("--format=tar");
        line.add("--variant=important");
        line.add("--architectures=amd64");
        line.add("--include=" + PACKAGES);
        line.add("--dpkgopt=force-unsafe-io");
        sources.proxies().forEach(proxy -> line.add("--aptopt=" + proxy));
        line.add("--essential-hook=" + hook());
        line.addAll(List.of(DebianSources.RELEASE, "-", "-"));
        try {
            return start(List.of(PROGRAM), line);
        } catch (IOException e) {
            return start(fetched(), line);
        }
    }

    private static Process start(List<String> program, List<String> arguments) throws IOException {
        List<String> line = new ArrayList<>(program);
        line.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment().put("LC_ALL", "C");
        return builder.start();
    }

    /** In a user namespace it is run by another user than this one. */
    private Path hook() throws IOException {
        Path hook = Files.createTempFile("queztl-", ".hook");
        hook.toFile().deleteOnExit();
        Files.write(hook, DebianTree.resource("build-hook"));
        Files.setPosixFilePermissions(hook, PosixFilePermissions.fromString("rwxr-xr-x"));
        return hook;
    }

    private List<String> fetched() throws IOException {
        progress.accept("downloading " + PROGRAM);
        try {
            Apt apt = new Apt(folder.resolve("apt"));
            String ignored = apt.update();
            Path script = folder.resolve(PROGRAM);
            apt.extract(PROGRAM, "usr/bin/" + PROGRAM, script);
            return List.of("perl", script.toString());
        } catch (IOException | CommandException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "mmdebstrap, which builds Debian, is not installed and cannot be fetched (%s);"
                                    .formatted(e.getMessage())
                            + " install the package mmdebstrap.",
                    e);
        }
    }

    private void follow(InputStream errors) {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(errors, StandardCharsets.ISO_8859_1))) {
            String line;
            while ((line = lines.readLine()) != null) {
                String text = FileTree.shown(line);
                if (text.matches(
                        "I: (running apt-get|downloading|extracting|installing|creating).*")) {
                    progress.accept(
                            "mmdebstrap: " + text.substring("I: ".length()).replace("...", ""));
                } else if (text.startsWith("E: ") || trouble.isEmpty() && text.startsWith("W: ")) {
                    // The first is the cause of the others.
                    trouble = trouble.startsWith("E: ") ? trouble : text;
                }
            }
        } catch (IOException e) {
            // It has been stopped.
        }
    }

    private CommandException failed(@Nullable IOException damage) {
        String words =
                trouble.isEmpty() ? "it ends without a word" : trouble.substring("E: ".length());
        boolean root = "root".equals(System.getProperty("user.name"));
        String advice =
                root
                        ? "check the network and the host's apt sources."
                        : "run it as root once, or install the package uidmap and give this user"
                                + " lines in /etc/subuid and /etc/subgid.";
        String message = "Debian cannot be built, mmdebstrap says: %s; %s".formatted(words, advice);
        return damage == null
                ? new CommandException(ExitStatus.HOST, message)
                : new CommandException(ExitStatus.HOST, message, damage);
    }
}
