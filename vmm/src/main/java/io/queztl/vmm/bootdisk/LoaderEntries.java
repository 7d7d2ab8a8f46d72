package io.queztl.vmm.bootdisk;

import io.queztl.vmm.disk.DiskFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Entries of the Boot Loader Specification (UAPI group, version 1): a file for each kernel in
 * {@code loader/entries}. Variables in options are those of GRUB's environment, as Fedora's GRUB
 * has it.
 */
final class LoaderEntries {
    private static final int MAX_ENTRIES = 256;
    private static final int MAX_BYTES = 64 << 10;
    private static final String SUFFIX = ".conf";

    private record Entry(
            String id,
            String title,
            String version,
            String sortKey,
            String kernel,
            List<String> initrds,
            String options) {}

    private LoaderEntries() {}

    /** The kernels of a volume's entries, that to boot first. */
    static List<InstalledKernel> find(Volume volume, DiskFiles files) throws IOException {
        for (String top : List.of("/boot", "")) {
            String folder = top + "/loader/entries";
            List<Entry> entries = new ArrayList<>();
            for (String name : files.list(folder)) {
                if (name.endsWith(SUFFIX) && entries.size() < MAX_ENTRIES) {
                    Entry entry = read(files, folder + "/" + name, name);
                    if (entry != null) {
                        entries.add(entry);
                    }
                }
            }
            if (!entries.isEmpty()) {
                return kernels(volume, files, top, folder, entries);
            }
        }
        return List.of();
    }

    private static List<InstalledKernel> kernels(
            Volume volume, DiskFiles files, String top, String folder, List<Entry> entries)
            throws IOException {
        Map<String, String> environment = GrubEnvironment.read(files, top);
        // The specification's order: sort keys ascend, versions descend.
        entries.sort(
                Comparator.comparing((Entry e) -> e.sortKey.isEmpty())
                        .thenComparing(Entry::sortKey)
                        .thenComparing(Entry::version, VersionOrder.INSTANCE.reversed())
                        .thenComparing(Entry::id, VersionOrder.INSTANCE.reversed()));
        String chosen = environment.getOrDefault("saved_entry", "");
        if (chosen.isEmpty()) {
            chosen = chosenBy(files, top);
        }
        for (int i = 0; i < entries.size(); i++) {
            if (entries.get(i).id.equals(chosen)) {
                entries.addFirst(entries.remove(i));
                break;
            }
        }
        List<InstalledKernel> kernels = new ArrayList<>();
        for (Entry entry : entries) {
            kernels.add(
                    new InstalledKernel(
                            volume,
                            folder + "/" + entry.id + SUFFIX,
                            entry.title,
                            entry.kernel,
                            entry.initrds.stream()
                                    .flatMap(path ->
                                            List.of(expand(path, environment).split(" ")).stream())
                                    .filter(path -> !path.isEmpty())
                                    .toList(),
                            expand(entry.options, environment)));
        }
        return kernels;
    }

    private static String chosenBy(DiskFiles files, String top) throws IOException {
        byte[] bytes = files.read(top + "/loader/loader.conf", MAX_BYTES);
        String chosen = "";
        if (bytes != null) {
            for (String line : text(bytes)) {
                String[] words = line.strip().split("\\s+", 2);
                if (words.length == 2 && words[0].equals("default")) {
                    chosen = words[1];
                }
            }
        }
        return chosen.endsWith(SUFFIX)
                ? chosen.substring(0, chosen.length() - SUFFIX.length())
                : chosen;
    }

    private static List<String> text(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1).lines().toList();
    }

    private static @org.jspecify.annotations.Nullable Entry read(
            DiskFiles files, String path, String name) throws IOException {
        byte[] bytes = files.read(path, MAX_BYTES);
        if (bytes == null) {
            return null;
        }
        Map<String, String> values = new HashMap<>();
        List<String> initrds = new ArrayList<>();
        for (String line : text(bytes)) {
            String[] words = line.strip().split("\\s+", 2);
            if (words.length != 2 || words[0].startsWith("#")) {
                continue;
            }
            switch (words[0]) {
                case "initrd" -> initrds.add(words[1]);
                case "options" -> values.merge("options", words[1], (a, b) -> a + " " + b);
                default -> values.put(words[0], words[1]);
            }
        }
        String kernel = values.get("linux");
        String architecture = values.getOrDefault("architecture", "x64");
        if (kernel == null || !architecture.equalsIgnoreCase("x64")) {
            return null;
        }
        String id = name.substring(0, name.length() - SUFFIX.length());
        return new Entry(
                id,
                values.getOrDefault("title", id),
                values.getOrDefault("version", ""),
                values.getOrDefault("sort-key", ""),
                kernel,
                initrds,
                values.getOrDefault("options", ""));
    }

    /**
     * Puts values in place of {@code $name} and <code>${name}</code>; one level, as they may be
     * long.
     */
    private static String expand(String text, Map<String, String> environment) {
        StringBuilder result = new StringBuilder();
        for (int i = 0; i < text.length(); ) {
            if (text.charAt(i) != '$') {
                result.append(text.charAt(i++));
                continue;
            }
            boolean braced = i + 1 < text.length() && text.charAt(i + 1) == '{';
            int start = i + (braced ? 2 : 1);
            int end = start;
            while (end < text.length()
                    && (Character.isLetterOrDigit(text.charAt(end)) || text.charAt(end) == '_')) {
                end++;
            }
            result.append(environment.getOrDefault(text.substring(start, end), ""));
            i = braced && end < text.length() && text.charAt(end) == '}' ? end + 1 : end;
        }
        return result.toString().strip();
    }
}
