package io.queztl.server.image;

import io.queztl.vmm.image.FileTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Who an image's command runs as, by its own {@code /etc/passwd} and {@code /etc/group}, as {@code
 * docker run} finds it.
 *
 * @param user number of the user
 * @param group number of the group
 * @param groups numbers of further groups
 * @param home the home folder, for the environment
 */
public record Account(int user, int group, List<Integer> groups, String home) {
    private static final int MAX_FILE_BYTES = 4 << 20;
    private static final int MAX_GROUPS = 64;

    /** Copies the list. */
    public Account {
        groups = List.copyOf(groups);
    }

    /**
     * Finds it.
     *
     * @param name the image's {@code User}: empty, or a name or number of a user, perhaps with a
     *     colon and one of a group
     * @throws IOException if the image has no such user or group
     */
    static Account find(String name, FileTree tree) throws IOException {
        String[] parts = name.split(":", 2);
        String user = parts[0].isEmpty() ? "0" : parts[0];
        List<String[]> groups = lines(tree, "etc/group", 3);
        String @Nullable [] entry = entry(lines(tree, "etc/passwd", 6), user);
        int uid = entry != null ? number(entry[2], name) : number(user, name);
        int gid = entry != null ? number(entry[3], name) : 0;
        List<Integer> more = new ArrayList<>();
        if (parts.length > 1 && !parts[1].isEmpty()) {
            String @Nullable [] group = entry(groups, parts[1]);
            gid = number(group != null ? group[2] : parts[1], name);
        } else if (entry != null) {
            for (String[] group : groups) {
                boolean member =
                        group.length > 3 && Arrays.asList(group[3].split(",")).contains(entry[0]);
                if (member && more.size() < MAX_GROUPS) {
                    more.add(number(group[2], name));
                }
            }
        }
        return new Account(uid, gid, more, entry != null && !entry[5].isEmpty() ? entry[5] : "/");
    }

    private static int number(String text, String name) throws IOException {
        try {
            int number = Integer.parseInt(text);
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // The sentence below says it.
        }
        throw new IOException(
                "its command is to run as '%s', which it does not have"
                        .formatted(FileTree.shown(name)));
    }

    private static String @Nullable [] entry(List<String[]> lines, String nameOrNumber) {
        for (String[] line : lines) {
            if (line[0].equals(nameOrNumber)) {
                return line;
            }
        }
        for (String[] line : lines) {
            if (line[2].equals(nameOrNumber)) {
                return line;
            }
        }
        return null;
    }

    private static List<String[]> lines(FileTree tree, String path, int fields) throws IOException {
        byte[] bytes = tree.contents(path, MAX_FILE_BYTES);
        if (bytes == null) {
            return List.of();
        }
        return new String(bytes, StandardCharsets.ISO_8859_1)
                .lines()
                .map(line -> line.split(":", -1))
                .filter(line -> line.length >= fields)
                .toList();
    }
}
