package io.queztl.server.agent;

import io.queztl.linux.FileStatus;
import io.queztl.linux.HostFolder;
import io.queztl.linux.LinuxException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Unpacks what a guest sends. All of it must be beneath one name, which gets another here; whatever
 * the archive says, nothing outside of that is touched: {@link HostFolder} follows no symbolic
 * link, those of the archive included. Devices, FIFOs and sockets are refused, setuid and setgid
 * bits dropped. What is there already is replaced, folders merged.
 */
public final class TarExtractor {
    private static final int BUFFER = 1 << 16;
    private static final int PERMISSIONS = 0777;
    private static final int WRITE_ONLY = 1;
    private static final int EEXIST = 17;

    private final HostFolder folder;
    private final String from;
    private final String to;
    private final byte[] buffer = new byte[BUFFER];

    /**
     * @param folder where to unpack
     * @param from the first name of all paths in the archive
     * @param to what it becomes; both a byte in each character
     */
    public TarExtractor(HostFolder folder, String from, String to) {
        this.folder = folder;
        this.from = from;
        this.to = to;
    }

    /** A folder whose mode and time come last: it may be one that cannot be written to. */
    private record Later(String path, int mode, long modified) {}

    /**
     * Unpacks an archive.
     *
     * @return how many entries it had
     * @throws IOException if the host cannot, or the archive wants what it may not; what was
     *     unpacked before stays
     */
    public long unpack(InputStream in) throws IOException {
        TarReader reader = new TarReader(in);
        Deque<Later> folders = new ArrayDeque<>();
        long count = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(BUFFER);
            TarReader.Entry entry;
            while ((entry = reader.next()) != null) {
                String path = path(entry.name());
                try {
                    unpack(entry, path, reader, memory, folders);
                } catch (LinuxException e) {
                    throw new TarException(
                            "'%s' cannot be written (%s)".formatted(path, e.getMessage()));
                }
                count++;
            }
            while (!folders.isEmpty()) {
                finish(folders.pop());
            }
        }
        return count;
    }

    /** A path of the archive as it is here. */
    private String path(String name) throws TarException {
        StringBuilder path = new StringBuilder();
        for (String part : name.split("/")) {
            if (part.isEmpty() && !path.isEmpty() || part.equals(".")) {
                continue;
            }
            if (part.isEmpty() || part.equals("..") || part.indexOf('\0') >= 0) {
                throw new TarException("'%s' leads out of it".formatted(name));
            }
            if (path.isEmpty() && !part.equals(from)) {
                throw new TarException("'%s' was not asked for".formatted(name));
            }
            path.append(path.isEmpty() ? to : "/" + part);
        }
        if (path.isEmpty()) {
            throw new TarException("an entry has no name");
        }
        return path.toString();
    }

    private static String parent(String path) {
        int slash = path.lastIndexOf('/');
        return slash < 0 ? "" : path.substring(0, slash);
    }

    private static String last(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private void unpack(
            TarReader.Entry entry,
            String path,
            TarReader reader,
            MemorySegment memory,
            Deque<Later> folders)
            throws IOException {
        String name = last(path);
        try (HostFolder.Entry parent = folder.find(parent(path))) {
            switch (entry.type()) {
                case TarReader.DIRECTORY -> {
                    makeFolder(parent, name);
                    folders.push(new Later(path, entry.mode() & PERMISSIONS, entry.modified()));
                }
                case TarReader.FILE, '7' -> {
                    remove(parent, name);
                    // Nobody else reads it before it has its own mode.
                    try (HostFolder.OpenFile file = parent.create(name, WRITE_ONLY, 0600)) {
                        copy(reader, file, memory);
                        file.mode(entry.mode() & PERMISSIONS);
                        file.times(times(entry.modified()));
                    }
                }
                case TarReader.SYMBOLIC_LINK -> {
                    if (entry.link().isEmpty() || entry.link().indexOf('\0') >= 0) {
                        throw new TarException("a link leads nowhere");
                    }
                    remove(parent, name);
                    parent.symlink(name, entry.link());
                }
                case TarReader.HARD_LINK -> {
                    String target = path(entry.link());
                    if (!target.equals(path)) {
                        remove(parent, name);
                        try (HostFolder.Entry other = folder.find(parent(target))) {
                            other.link(last(target), parent, name);
                        }
                    }
                }
                default ->
                        throw new TarException(
                                "'%s' is a device, a FIFO or something unknown".formatted(path));
            }
        }
    }

    private static void makeFolder(HostFolder.Entry parent, String name) throws TarException {
        try {
            parent.mkdir(name, 0700);
        } catch (LinuxException e) {
            if (e.errno() != EEXIST || type(parent, name) != FileStatus.DIRECTORY) {
                throw e;
            }
        }
    }

    private static int type(HostFolder.Entry parent, String name) {
        try (HostFolder.Entry there = parent.find(name)) {
            return there.status().type();
        }
    }

    private static void remove(HostFolder.Entry parent, String name) {
        try {
            parent.unlink(name, false);
        } catch (LinuxException e) {
            if (e.errno() != HostFolder.ENOENT) {
                throw e;
            }
        }
    }

    private void copy(TarReader reader, HostFolder.OpenFile file, MemorySegment memory)
            throws IOException {
        long position = 0;
        int n;
        while ((n = reader.read(buffer, BUFFER)) >= 0) {
            MemorySegment.copy(buffer, 0, memory, ValueLayout.JAVA_BYTE, 0, n);
            int done = 0;
            while (done < n) {
                long[] offset = {done};
                long[] length = {n - done};
                done += (int) file.data().write(position + done, memory, offset, length, 1);
            }
            position += n;
        }
    }

    private void finish(Later later) {
        try (HostFolder.Entry entry = folder.find(later.path())) {
            // The archive may have put something else in its place.
            if (entry.status().type() == FileStatus.DIRECTORY) {
                entry.mode(later.mode());
                entry.times(times(later.modified()));
            }
        } catch (LinuxException e) {
            // It has replaced that folder itself.
        }
    }

    private static long[] times(long modified) {
        return new long[] {modified, 0, modified, 0};
    }
}
