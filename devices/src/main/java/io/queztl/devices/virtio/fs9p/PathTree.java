package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.*;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The paths that fids stand for. They are a tree, so that the rename of a directory is one change
 * for all that is beneath it; a path that was removed stays dead, whatever gets its name later.
 */
final class PathTree {
    /** The longest path that the host takes, in bytes. */
    private static final int MAX_PATH = 4095;

    /** How many nodes all fids together may keep. */
    private static final int MAX_NODES = 1 << 18;

    /** A path; kept as long as {@link #keep} was called more often than {@link #release}. */
    static final class Node {
        private @Nullable Node parent;
        private String name;
        private int uses;
        private @Nullable Map<String, Node> children;

        private Node(@Nullable Node parent, String name) {
            this.parent = parent;
            this.name = name;
        }

        /** Its last name. */
        String name() {
            return name;
        }
    }

    private final Node root = new Node(null, "");
    private int nodes;

    /** The shared folder. */
    Node root() {
        return root;
    }

    /**
     * The directory above; that of the root is the root.
     *
     * @throws NinePException ENOENT if the path was removed
     */
    Node parent(Node node) {
        if (node == root) {
            return root;
        }
        Node parent = node.parent;
        if (parent == null) {
            throw new NinePException(ENOENT);
        }
        return parent;
    }

    /** True unless the path, or one above, was removed. */
    boolean alive(Node node) {
        Node at = node;
        while (at.parent != null) {
            at = at.parent;
        }
        return at == root;
    }

    /**
     * The path as names with {@code /} between them.
     *
     * @throws NinePException ENOENT if it was removed, ENAMETOOLONG if it has become too long
     */
    String path(Node node) {
        StringBuilder path = new StringBuilder();
        Node at = node;
        while (at.parent != null) {
            if (path.length() > MAX_PATH) {
                throw new NinePException(ENAMETOOLONG);
            }
            path.insert(0, path.isEmpty() ? at.name : at.name + "/");
            at = at.parent;
        }
        if (at != root) {
            throw new NinePException(ENOENT);
        }
        return path.toString();
    }

    /**
     * A path in a directory, kept for the caller.
     *
     * @throws NinePException ENFILE if there are too many
     */
    Node child(Node parent, String name) {
        Map<String, Node> children = parent.children;
        Node node = children == null ? null : children.get(name);
        if (node == null) {
            if (nodes == MAX_NODES) {
                throw new NinePException(ENFILE);
            }
            nodes++;
            node = new Node(parent, name);
            attach(parent, node);
            keep(parent);
        }
        keep(node);
        return node;
    }

    private static void attach(Node parent, Node node) {
        Map<String, Node> children = parent.children;
        if (children == null) {
            children = new HashMap<>(4);
            parent.children = children;
        }
        Node ignored = children.put(node.name, node);
    }

    private static void detach(Node parent, Node node) {
        Map<String, Node> children = parent.children;
        if (children != null && children.remove(node.name, node) && children.isEmpty()) {
            parent.children = null;
        }
    }

    void keep(Node node) {
        node.uses++;
    }

    void release(Node released) {
        Node node = released;
        while (--node.uses == 0 && node != root) {
            nodes--;
            Node parent = node.parent;
            if (parent == null) {
                return;
            }
            detach(parent, node);
            node.parent = null;
            node = parent;
        }
    }

    /** A name was removed from a directory. */
    void removed(Node parent, String name) {
        Map<String, Node> children = parent.children;
        Node node = children == null ? null : children.get(name);
        if (node != null) {
            detach(parent, node);
            node.parent = null;
            release(parent);
        }
    }

    /** A name was changed; what had the new one is gone. */
    void renamed(Node parent, String name, Node newParent, String newName) {
        if (parent == newParent && name.equals(newName)) {
            return;
        }
        Map<String, Node> children = parent.children;
        Node node = children == null ? null : children.get(name);
        keep(newParent);
        removed(newParent, newName);
        if (node == null || node.parent == null) {
            release(newParent);
            return;
        }
        detach(parent, node);
        node.parent = newParent;
        node.name = newName;
        attach(newParent, node);
        release(parent);
    }

    /** Nodes beside the root, for tests. */
    int nodes() {
        return nodes;
    }
}
