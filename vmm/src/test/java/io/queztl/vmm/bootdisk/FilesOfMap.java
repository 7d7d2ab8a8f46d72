package io.queztl.vmm.bootdisk;

import io.queztl.vmm.disk.DiskFiles;
import io.queztl.vmm.disk.DiskFormatException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Files in memory, by path without a slash at the start. */
final class FilesOfMap implements DiskFiles {
    private final TreeMap<String, String> files = new TreeMap<>();

    /** Adds a file. */
    FilesOfMap with(String path, String text) {
        files.put(path, text);
        return this;
    }

    private static String plain(String path) {
        return path.replaceAll("^/+", "").replaceAll("/+", "/");
    }

    @Override
    public UUID uuid() {
        return new UUID(1, 2);
    }

    @Override
    public String label() {
        return "";
    }

    @Override
    public boolean isFile(String path) {
        return files.containsKey(plain(path));
    }

    @Override
    public boolean isDirectory(String path) {
        return !list(path).isEmpty();
    }

    @Override
    public List<String> list(String path) {
        String start = plain(path).isEmpty() ? "" : plain(path) + "/";
        return files.keySet().stream()
                .filter(name -> name.startsWith(start))
                .map(name -> name.substring(start.length()).split("/")[0])
                .distinct()
                .toList();
    }

    @Override
    public byte @Nullable [] read(String path, int most) throws IOException {
        String text = files.get(plain(path));
        if (text != null && text.length() > most) {
            throw new DiskFormatException("it is too long");
        }
        return text == null ? null : text.getBytes(StandardCharsets.ISO_8859_1);
    }

    @Override
    public void copy(String path, OutputStream out, long most) throws IOException {
        byte[] bytes = read(path, (int) most);
        if (bytes != null) {
            out.write(bytes);
        }
    }
}
