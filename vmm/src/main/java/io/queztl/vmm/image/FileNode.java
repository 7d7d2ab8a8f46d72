package io.queztl.vmm.image;

import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A file, directory, link or device of a {@link FileTree}. Two names of one node are hard links.
 * Names, targets and extended attributes' names have one character per byte (ISO 8859-1): nothing
 * is lost of what is no UTF-8.
 */
public final class FileNode {
    /** What a node is. */
    public enum Kind {
        FILE,
        DIRECTORY,
        SYMBOLIC_LINK,
        CHARACTER_DEVICE,
        BLOCK_DEVICE,
        FIFO,
        SOCKET
    }

    private final Kind kind;
    private final TreeMap<String, FileNode> children = new TreeMap<>();
    private final TreeMap<String, byte[]> attributes = new TreeMap<>();
    private int permissions;
    private int user;
    private int group;
    private long seconds;
    private int nanoseconds;
    private String target = "";
    private int major;
    private int minor;
    private long contentOffset;
    private long size;
    private int layer;

    /** A node of that kind with permissions of 12 bits, which belongs to root and has time 0. */
    public FileNode(Kind kind, int permissions) {
        this.kind = kind;
        this.permissions = permissions & 07777;
    }

    /** What it is. */
    public Kind kind() {
        return kind;
    }

    /** Permissions, set-ID bits and the sticky bit: 12 bits. */
    public int permissions() {
        return permissions;
    }

    /** Sets permissions and owner. */
    public FileNode owned(int bits, int uid, int gid) {
        permissions = bits & 07777;
        user = uid;
        group = gid;
        return this;
    }

    /** The owner's number, unsigned. */
    public int user() {
        return user;
    }

    /** The group's number, unsigned. */
    public int group() {
        return group;
    }

    /** Sets the time of the last change: since 1970, and nanoseconds below a second. */
    public FileNode changed(long since1970, int nanos) {
        seconds = since1970;
        nanoseconds = nanos;
        return this;
    }

    /** Seconds since 1970 of the last change. */
    public long seconds() {
        return seconds;
    }

    /** What of the time of the last change is below a second. */
    public int nanoseconds() {
        return nanoseconds;
    }

    /** Where a symbolic link points to. */
    public String target() {
        return target;
    }

    /** Sets where a symbolic link points to. */
    public FileNode pointingTo(String path) {
        target = path;
        return this;
    }

    /** Sets the numbers of a device. */
    public FileNode device(int majorNumber, int minorNumber) {
        major = majorNumber;
        minor = minorNumber;
        return this;
    }

    /** A device's major number. */
    public int major() {
        return major;
    }

    /** A device's minor number. */
    public int minor() {
        return minor;
    }

    /** Sets where in the tree's {@link Spool} a file's bytes are. */
    public FileNode holding(long offset, long bytes) {
        contentOffset = offset;
        size = bytes;
        return this;
    }

    /** Where in the spool a file's bytes start. */
    public long contentOffset() {
        return contentOffset;
    }

    /** A file's bytes. */
    public long size() {
        return size;
    }

    /** Extended attributes by full name, such as {@code security.capability}; may be changed. */
    public Map<String, byte[]> attributes() {
        return attributes;
    }

    /** What a directory holds, by name in the order of bytes; may be changed. */
    public NavigableMap<String, FileNode> children() {
        return children;
    }

    /** The node of that name in this directory. */
    public @Nullable FileNode child(String name) {
        return children.get(name);
    }

    /** The number of the layer that last had this node. */
    int layer() {
        return layer;
    }

    void layer(int number) {
        layer = number;
    }

    /** Takes over owner, permissions, time and attributes: a directory that a layer has again. */
    void describeLike(FileNode other) {
        owned(other.permissions, other.user, other.group);
        changed(other.seconds, other.nanoseconds);
        attributes.clear();
        attributes.putAll(other.attributes);
    }
}
