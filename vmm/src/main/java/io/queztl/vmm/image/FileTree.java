package io.queztl.vmm.image;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The files of a root file system before it is written: names and descriptions in memory, contents
 * in a {@link Spool}. No path of the tree ever becomes one of the host, so whatever an archive
 * holds, nothing outside can be reached. Symbolic links in the middle of a path are followed within
 * the tree. Paths have one character per byte, as {@link FileNode} says.
 */
public final class FileTree {
    /** What the descriptions of all nodes may take; a node without a name counts as this much. */
    private static final long MAX_DESCRIPTION_BYTES = 256L << 20;

    private static final int NODE_BYTES = 160;
    private static final int MAX_NAME = 255;
    private static final int MAX_PATH = 4095;
    private static final int MAX_LINKS_FOLLOWED = 40;
    private static final String WHITEOUT = ".wh.";
    private static final String OPAQUE = ".wh..wh..opq";

    private final FileNode root = new FileNode(FileNode.Kind.DIRECTORY, 0755);
    private final Spool spool;
    private long described;
    private int layer;

    /** An empty root directory. */
    public FileTree(Spool spool) {
        this.spool = spool;
    }

    /** The root directory. */
    public FileNode root() {
        return root;
    }

    /** Where the files' bytes are. */
    public Spool spool() {
        return spool;
    }

    /** Starts the next layer: whiteouts in it hide what the ones before have. */
    public void nextLayer() {
        layer++;
    }

    /**
     * Adds a node of the current layer; a directory that is there keeps what it holds, anything
     * else is replaced. Names that start with {@code .wh.} hide what lower layers have (OCI image
     * specification, "Layer Filesystem Changeset").
     *
     * @throws IOException if the path leads out of the tree, through a file, or is too long
     */
    public void add(String path, FileNode node) throws IOException {
        List<String> parts = parts(path);
        node.layer(layer);
        if (parts.isEmpty()) {
            if (node.kind() != FileNode.Kind.DIRECTORY) {
                throw new IOException("its root is no directory");
            }
            root.describeLike(node);
            return;
        }
        FileNode parent = folder(parts.subList(0, parts.size() - 1));
        String name = parts.getLast();
        if (name.equals(OPAQUE)) {
            hideLower(parent);
        } else if (name.startsWith(WHITEOUT)) {
            whiteOut(parent, name.substring(WHITEOUT.length()));
        } else {
            put(parent, name, node);
        }
    }

    /** Gives the node at {@code existing} a second name. */
    public void link(String path, String existing) throws IOException {
        FileNode node = find(existing, false);
        if (node == null || node.kind() == FileNode.Kind.DIRECTORY) {
            throw new IOException(
                    "%s is a hard link to %s, which is no file in it"
                            .formatted(shown(path), shown(existing)));
        }
        List<String> parts = parts(path);
        if (parts.isEmpty() || parts.getLast().startsWith(WHITEOUT)) {
            throw new IOException("the hard link " + shown(path) + " has no name");
        }
        FileNode parent = folder(parts.subList(0, parts.size() - 1));
        node.layer(layer);
        put(parent, parts.getLast(), node);
    }

    /** Adds a regular file of root's with these bytes. */
    public void file(String path, int permissions, byte[] contents) throws IOException {
        long start = spool.add(new ByteArrayInputStream(contents), contents.length);
        add(path, new FileNode(FileNode.Kind.FILE, permissions).holding(start, contents.length));
    }

    /** Adds a directory of root's, unless there is one. */
    public void directory(String path, int permissions) throws IOException {
        FileNode there = find(path, true);
        if (there == null || there.kind() != FileNode.Kind.DIRECTORY) {
            add(path, new FileNode(FileNode.Kind.DIRECTORY, permissions));
        }
    }

    /**
     * The node at a path.
     *
     * @param follow whether a symbolic link at the end is followed
     * @return null if there is none
     */
    public @Nullable FileNode find(String path, boolean follow) throws IOException {
        return walk(parts(path), follow, false);
    }

    /**
     * The bytes of the regular file at a path, links followed.
     *
     * @param most bytes at most
     * @return null if there is none, or it has more
     */
    public byte @Nullable [] contents(String path, int most) throws IOException {
        FileNode node = find(path, true);
        if (node == null || node.kind() != FileNode.Kind.FILE || node.size() > most) {
            return null;
        }
        byte[] bytes = new byte[(int) node.size()];
        spool.read(node.contentOffset(), ByteBuffer.wrap(bytes));
        return bytes;
    }

    private void put(FileNode parent, String name, FileNode node) throws IOException {
        FileNode there = parent.child(name);
        if (there != null
                && there.kind() == FileNode.Kind.DIRECTORY
                && node.kind() == FileNode.Kind.DIRECTORY) {
            there.describeLike(node);
            there.layer(layer);
            return;
        }
        described += NODE_BYTES + name.length() + node.target().length();
        for (byte[] value : node.attributes().values()) {
            described += NODE_BYTES + value.length;
        }
        if (described > MAX_DESCRIPTION_BYTES) {
            throw new IOException("it has more files than are allowed");
        }
        FileNode replaced = parent.children().put(name, node);
        assert replaced == there;
    }

    private void whiteOut(FileNode parent, String name) {
        // Names of the kind .wh..wh. are notes of the union file system that made the layer.
        if (name.isEmpty() || name.startsWith(WHITEOUT)) {
            return;
        }
        FileNode node = parent.child(name);
        if (node != null && node.layer() < layer) {
            parent.children().remove(name);
        } else if (node != null && node.kind() == FileNode.Kind.DIRECTORY) {
            hideLower(node);
        }
    }

    /** Takes out what came with lower layers; recursion by hand, as a layer chooses the depth. */
    private void hideLower(FileNode from) {
        Deque<FileNode> open = new ArrayDeque<>(List.of(from));
        while (!open.isEmpty()) {
            Iterator<FileNode> each = open.pop().children().values().iterator();
            while (each.hasNext()) {
                FileNode child = each.next();
                if (child.layer() < layer) {
                    each.remove();
                } else if (child.kind() == FileNode.Kind.DIRECTORY) {
                    open.push(child);
                }
            }
        }
    }

    private FileNode folder(List<String> parts) throws IOException {
        FileNode found = walk(parts, true, true);
        if (found == null || found.kind() != FileNode.Kind.DIRECTORY) {
            throw new IOException(shown(String.join("/", parts)) + " in it is no folder");
        }
        return found;
    }

    /**
     * Goes down these names.
     *
     * @param follow whether a symbolic link at the end is followed
     * @param make whether missing directories are made, and those on the way count as of this layer
     * @return null if there is no such node
     */
    private @Nullable FileNode walk(List<String> names, boolean follow, boolean make)
            throws IOException {
        Deque<String> left = new ArrayDeque<>(names);
        Deque<FileNode> way = new ArrayDeque<>(List.of(root));
        int followed = 0;
        while (!left.isEmpty()) {
            String name = left.pop();
            FileNode here = way.getFirst();
            if (name.equals("..")) {
                if (way.size() > 1) {
                    way.pop();
                }
                continue;
            }
            FileNode next = here.child(name);
            if (next == null && make) {
                next = new FileNode(FileNode.Kind.DIRECTORY, 0755);
                put(here, name, next);
            }
            if (next == null) {
                return null;
            }
            boolean end = left.isEmpty();
            if (next.kind() == FileNode.Kind.SYMBOLIC_LINK && (!end || follow)) {
                if (followed++ == MAX_LINKS_FOLLOWED) {
                    throw new IOException("its symbolic links go round in circles");
                }
                if (next.target().startsWith("/")) {
                    way.clear();
                    way.push(root);
                }
                names(next.target()).reversed().forEach(left::push);
            } else if (next.kind() == FileNode.Kind.DIRECTORY) {
                if (make) {
                    next.layer(layer);
                }
                way.push(next);
            } else {
                return end ? next : null;
            }
        }
        return way.getFirst();
    }

    /** The names of a path that is in the tree: nothing leads out of it. */
    private static List<String> parts(String path) throws IOException {
        if (path.length() > MAX_PATH) {
            throw new IOException("a path in it has more than %d bytes".formatted(MAX_PATH));
        }
        List<String> parts = names(path);
        for (String part : parts) {
            if (part.equals("..")) {
                throw new IOException("the path " + shown(path) + " leads out of it");
            }
            if (part.length() > MAX_NAME || part.indexOf('\0') >= 0) {
                throw new IOException("a name in it has a NUL or more than 255 bytes");
            }
        }
        return parts;
    }

    /** What is between the slashes, without "." and nothing. */
    private static List<String> names(String path) {
        return Arrays.stream(path.split("/"))
                .filter(part -> !part.isEmpty() && !part.equals("."))
                .toList();
    }

    /** A path of the tree as text for people: its bytes as UTF-8, without control characters. */
    public static String shown(String path) {
        String text =
                new String(path.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
        String plain = text.replaceAll("\\p{Cntrl}", "?");
        return plain.length() > 200 ? plain.substring(0, 200) + "..." : plain;
    }
}
