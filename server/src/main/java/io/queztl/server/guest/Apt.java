package io.queztl.server.guest;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The host's apt, with its own state in a folder of ours, so that it works without root and changes
 * nothing on the host. Sources and keys are the host's: what is downloaded is checked against them.
 */
public final class Apt {
    private static final Pattern DEPENDENCY = Pattern.compile("(?m)^Depends: ([a-z0-9.+-]+)");
    private static final Pattern VERSION = Pattern.compile("(?m)^Version: (\\S+)");
    private static final Pattern ERROR = Pattern.compile("(?m)^E: (.*)$");

    private final Path folder;

    /**
     * @param folder where its state and its downloads go
     */
    public Apt(Path folder) throws IOException {
        this.folder = folder;
        Files.createDirectories(folder.resolve("lists/partial"));
        Files.createDirectories(folder.resolve("cache/archives/partial"));
        Files.createDirectories(folder.resolve("download"));
        // Nothing is installed as far as this apt knows.
        Files.write(folder.resolve("status"), new byte[0]);
    }

    /** Fetches the package lists; what it could not fetch shows when a package is missing. */
    public String update() throws IOException {
        return run(List.of("apt-get", "-q", "update")).errors();
    }

    /** A package's version, or an empty string if no list has it. */
    String version(String packageName) throws IOException {
        return first(VERSION, show(packageName));
    }

    /** The first package that {@code packageName} depends on, or an empty string. */
    String dependency(String packageName) throws IOException {
        return first(DEPENDENCY, show(packageName));
    }

    /** Downloads one package file, checked by apt. */
    Path download(String packageName) throws IOException {
        Path target = Files.createTempDirectory(folder.resolve("download"), "deb");
        Result result = run(target, List.of("apt-get", "-q", "download", packageName));
        try (var files = Files.list(target)) {
            return files.filter(f -> f.toString().endsWith(".deb"))
                    .findFirst()
                    .orElseThrow(() -> new IOException(result.errors()));
        }
    }

    /**
     * Downloads packages and all that they depend on, as for a system that has none yet.
     *
     * @return the package files, in the cache of this apt
     * @throws IOException with apt's words if a package is not to be had
     */
    public List<Path> downloadAll(List<String> packageNames) throws IOException {
        List<String> line = new ArrayList<>();
        line.addAll(List.of("apt-get", "-q", "-y", "--no-install-recommends", "--download-only"));
        line.add("install");
        line.addAll(packageNames);
        Result result = run(line);
        if (result.status() != 0) {
            throw new IOException(result.errors());
        }
        try (var files = Files.list(folder.resolve("cache/archives"))) {
            return files.filter(f -> f.toString().endsWith(".deb")).sorted().toList();
        }
    }

    /**
     * Downloads a package and takes one regular file out of it.
     *
     * @param file its path in the package, without a slash in front
     */
    public void extract(String packageName, String file, Path target) throws IOException {
        new DebArchive(download(packageName)).extract(file::equals, file, target);
    }

    private String show(String packageName) throws IOException {
        return run(List.of("apt-cache", "show", "--no-all-versions", packageName)).output();
    }

    private static String first(Pattern pattern, String text) {
        Matcher m = pattern.matcher(text);
        return m.find() ? m.group(1) : "";
    }

    private record Result(int status, String output) {
        /** What apt says went wrong, on one line. */
        String errors() {
            List<String> lines = new ArrayList<>();
            Matcher m = ERROR.matcher(output);
            while (m.find()) {
                lines.add(m.group(1).strip());
            }
            if (lines.isEmpty()) {
                return status == 0 ? "" : "apt ended with status " + status;
            }
            return lines.getFirst();
        }
    }

    private Result run(List<String> command) throws IOException {
        return run(folder, command);
    }

    private Result run(Path directory, List<String> command) throws IOException {
        List<String> line = new ArrayList<>();
        line.add(command.getFirst());
        for (String option :
                List.of(
                        "Dir::State=" + folder,
                        "Dir::State::lists=" + folder.resolve("lists"),
                        "Dir::State::status=" + folder.resolve("status"),
                        "Dir::Cache=" + folder.resolve("cache"),
                        "Debug::NoLocking=1",
                        // As root apt would download as a user who may not enter the folder.
                        "APT::Sandbox::User=" + System.getProperty("user.name", "root"),
                        "APT::Architecture=amd64",
                        "APT::Architectures=amd64",
                        "Acquire::Languages=none",
                        "Acquire::http::Timeout=30",
                        "Acquire::https::Timeout=30",
                        "Acquire::Retries=1")) {
            line.add("-o");
            line.add(option);
        }
        line.addAll(command.subList(1, command.size()));
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.directory(directory.toFile());
        builder.redirectErrorStream(true);
        builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        builder.environment().put("LC_ALL", "C");
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "there is no apt-get here to fetch Debian's kernel with; name a kernel with"
                            + " --kernel.",
                    e);
        }
        try (ProcessGuard _ = new ProcessGuard(process, "apt")) {
            String output =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(10, TimeUnit.MINUTES)) {
                throw new IOException("apt-get does not end");
            }
            return new Result(process.exitValue(), output);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
