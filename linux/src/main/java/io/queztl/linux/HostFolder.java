package io.queztl.linux;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A folder of the host and what is beneath it, for somebody who must not get out of it: no path is
 * ever followed over a symbolic link or {@code ..}, whatever others rename meanwhile. Names and
 * paths are bytes, one in each character.
 *
 * <p>A path is looked up by {@code openat2(2)} with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS in the
 * kernel, or where there is no such call (before Linux 5.6, or a filter of system calls) name by
 * name with O_NOFOLLOW. What is found is an {@link Entry} that stays the same file whatever happens
 * to its name; nothing is opened for it yet, so that a device or FIFO notices nothing.
 */
public final class HostFolder implements AutoCloseable {
    /** No such file or directory. */
    public static final int ENOENT = 2;

    private static final int EAGAIN = 11;
    private static final int ENOSYS = 38;
    private static final int EPERM = 1;
    private static final int EXDEV = 18;
    private static final int ENOTDIR = 20;
    private static final int EINVAL = 22;
    private static final int MAX_PATH = 4095;
    private static final int MAX_NAME = 255;
    private static final int ENAMETOOLONG = 36;

    private final int root;
    private final boolean byName;
    private volatile boolean noOpenat2;
    private final AtomicBoolean closed = new AtomicBoolean();

    private HostFolder(int root, boolean byName) {
        this.root = root;
        this.byName = byName;
    }

    /** True where these calls exist, which is on Linux. */
    public static boolean available() {
        return Mmap.available();
    }

    /**
     * The folder of that path, over symbolic links if there are any.
     *
     * @throws LinuxException if there is none, or the kernel refuses
     */
    public static HostFolder open(byte[] path) {
        return new HostFolder(openRoot(path), false);
    }

    /** The same without {@code openat2}, for tests. */
    public static HostFolder openByName(byte[] path) {
        return new HostFolder(openRoot(path), true);
    }

    private static int openRoot(byte[] path) {
        String bytes = new String(path, java.nio.charset.StandardCharsets.ISO_8859_1);
        return FileCalls.openat(
                FileCalls.AT_FDCWD, bytes, FileCalls.O_PATH | FileCalls.O_DIRECTORY, 0);
    }

    /** The effective user of this process. */
    public static int user() {
        return FileCalls.effectiveUser();
    }

    /** The effective group of this process. */
    public static int group() {
        return FileCalls.effectiveGroup();
    }

    /**
     * What is there, be it a symbolic link.
     *
     * @param path names with {@code /} between them; empty for the folder itself
     * @throws LinuxException if there is nothing, or a name before the last is no directory
     */
    public Entry find(String path) {
        if (path.length() > MAX_PATH) {
            throw new LinuxException("openat2", ENAMETOOLONG);
        }
        int flags = FileCalls.O_PATH | FileCalls.O_NOFOLLOW;
        if (path.isEmpty()) {
            return new Entry(FileCalls.openat(root, ".", flags, 0));
        }
        if (!byName && !noOpenat2) {
            try {
                return new Entry(FileCalls.openBeneath(root, path, flags));
            } catch (LinuxException e) {
                switch (e.errno()) {
                    case ENOSYS, EPERM -> noOpenat2 = true;
                    // A rename at the same time, in which the kernel could be wrong about "..".
                    case EAGAIN, EXDEV -> {}
                    default -> throw e;
                }
            }
        }
        return new Entry(walk(path));
    }

    private int walk(String path) {
        int flags = FileCalls.O_PATH | FileCalls.O_NOFOLLOW;
        int at = root;
        for (String name : path.split("/", -1)) {
            if (name.isEmpty() || name.equals(".") || name.equals("..")) {
                leave(at);
                throw new LinuxException("openat", EINVAL);
            }
            int next;
            try {
                // On the descriptor of a symbolic link this is ENOTDIR.
                next = FileCalls.openat(at, name, flags, 0);
            } finally {
                leave(at);
            }
            at = next;
        }
        return at;
    }

    private void leave(int descriptor) {
        if (descriptor != root) {
            FileCalls.close(descriptor);
        }
    }

    /** What has attributes: a name, or an open file, which may have none any more. */
    public interface Inode {
        /** What it is. */
        FileStatus status();

        /** Sets the permissions. */
        void mode(int mode);

        /** Sets the length of a regular file. */
        void size(long bytes);

        /**
         * Sets the times of access and modification.
         *
         * @param secondsAndNanos four numbers, as for {@code utimensat(2)}
         */
        void times(long[] secondsAndNanos);
    }

    /** A file, directory, symbolic link or anything else with a name; not opened. */
    public static final class Entry implements Inode, AutoCloseable {
        private final int descriptor;
        private final AtomicBoolean closed = new AtomicBoolean();

        private Entry(int descriptor) {
            this.descriptor = descriptor;
        }

        @Override
        public FileStatus status() {
            return FileCalls.status(descriptor);
        }

        /** Its file system. */
        public FileSystemStatus fileSystem() {
            return FileCalls.fileSystem(descriptor);
        }

        /** Where a symbolic link points to. */
        public String target() {
            return FileCalls.readlink(descriptor, MAX_PATH + 1);
        }

        /**
         * Opens it.
         *
         * @param flags access mode and, of the flags of {@code open(2)}, those that concern data
         * @throws LinuxException EINVAL if it is neither a regular file nor a directory
         */
        public OpenFile open(int flags) {
            int type = status().type();
            if (type != FileStatus.REGULAR && type != FileStatus.DIRECTORY) {
                throw new LinuxException("opening a special file", EINVAL);
            }
            // By the descriptor: that is the file that was looked at.
            return new OpenFile(
                    FileCalls.openat(
                            FileCalls.AT_FDCWD,
                            FileCalls.procPath(descriptor),
                            flags | FileCalls.O_NOCTTY | FileCalls.O_NONBLOCK,
                            0));
        }

        @Override
        public void mode(int mode) {
            if (status().type() == FileStatus.SYMBOLIC_LINK) {
                throw new LinuxException("chmod", EINVAL);
            }
            FileCalls.chmod(descriptor, mode);
        }

        @Override
        public void size(long bytes) {
            if (status().type() != FileStatus.REGULAR) {
                throw new LinuxException("truncate", EINVAL);
            }
            FileCalls.truncate(descriptor, bytes);
        }

        @Override
        public void times(long[] secondsAndNanos) {
            FileCalls.times(descriptor, secondsAndNanos);
        }

        // ---- of a directory

        /** Makes a regular file that was not there, and opens it. */
        public OpenFile create(String name, int flags, int mode) {
            return new OpenFile(
                    FileCalls.openat(
                            descriptor,
                            checked(name),
                            flags
                                    | FileCalls.O_CREAT
                                    | FileCalls.O_EXCL
                                    | FileCalls.O_NOFOLLOW
                                    | FileCalls.O_NOCTTY
                                    | FileCalls.O_NONBLOCK,
                            mode));
        }

        /** What is there, be it a symbolic link. */
        public Entry find(String name) {
            return new Entry(
                    FileCalls.openat(
                            descriptor, checked(name), FileCalls.O_PATH | FileCalls.O_NOFOLLOW, 0));
        }

        /** Makes a directory. */
        public void mkdir(String name, int mode) {
            FileCalls.mkdir(descriptor, checked(name), mode);
        }

        /** Makes a symbolic link. */
        public void symlink(String name, String target) {
            FileCalls.symlink(target, descriptor, checked(name));
        }

        /** Gives a file another name; a symbolic link is itself linked. */
        public void link(String name, Entry newFolder, String newName) {
            FileCalls.link(descriptor, checked(name), newFolder.descriptor, checked(newName));
        }

        /** Renames, over what has the new name. */
        public void rename(String name, Entry newFolder, String newName) {
            FileCalls.rename(descriptor, checked(name), newFolder.descriptor, checked(newName));
        }

        /** Removes a name. */
        public void unlink(String name, boolean directory) {
            FileCalls.unlink(descriptor, checked(name), directory);
        }

        /** One name, that is not a way to somewhere else. */
        private static String checked(String name) {
            if (name.isEmpty()
                    || name.equals(".")
                    || name.equals("..")
                    || name.indexOf('/') >= 0
                    || name.indexOf('\0') >= 0) {
                throw new LinuxException("a name", EINVAL);
            }
            if (name.length() > MAX_NAME) {
                throw new LinuxException("a name", ENAMETOOLONG);
            }
            return name;
        }

        @Override
        public void close() {
            if (closed.compareAndSet(false, true)) {
                FileCalls.close(descriptor);
            }
        }
    }

    /** A regular file or a directory that is open. */
    public static final class OpenFile implements Inode, AutoCloseable {
        private final int descriptor;
        private final HostFile data;

        private OpenFile(int descriptor) {
            this.descriptor = descriptor;
            data = HostFile.adopt(descriptor);
        }

        /** For reading and writing. */
        public HostFile data() {
            return data;
        }

        @Override
        public FileStatus status() {
            return FileCalls.status(descriptor);
        }

        @Override
        public void mode(int mode) {
            FileCalls.fchmod(descriptor, mode);
        }

        @Override
        public void size(long bytes) {
            FileCalls.ftruncate(descriptor, bytes);
        }

        @Override
        public void times(long[] secondsAndNanos) {
            FileCalls.times(descriptor, secondsAndNanos);
        }

        /** Makes it durable, with all its attributes or only those that its data need. */
        public void sync(boolean dataOnly) {
            FileCalls.sync(descriptor, dataOnly);
        }

        /**
         * Reads a directory.
         *
         * @param position 0 for its begin, or one that came with an entry
         * @param bytes the size of the answer in the form of {@code getdents64(2)}; empty at the
         *     end
         * @throws LinuxException ENOTDIR if it is none, EINVAL if no entry fits
         */
        public byte[] entries(long position, int bytes) {
            if (status().type() != FileStatus.DIRECTORY) {
                throw new LinuxException("getdents64", ENOTDIR);
            }
            FileCalls.seek(descriptor, position);
            return FileCalls.entries(descriptor, bytes);
        }

        @Override
        public void close() {
            data.close();
        }
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            FileCalls.close(root);
        }
    }
}
