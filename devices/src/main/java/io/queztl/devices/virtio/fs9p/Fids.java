package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.*;

import io.queztl.linux.FileStatus;
import io.queztl.linux.HostFolder;
import io.queztl.linux.HostFolder.Entry;
import io.queztl.linux.HostFolder.OpenFile;
import io.queztl.linux.LinuxException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What a client has: its fids, each a path beneath the shared folder and perhaps an open file. */
final class Fids {
    static final int MAX_FIDS = 1 << 16;
    static final int MAX_OPEN = 1024;

    /** One fid. Its flags are those that it was opened with, or -1. */
    static final class Fid {
        PathTree.Node node;
        @Nullable OpenFile file;
        int flags = -1;

        Fid(PathTree.Node node) {
            this.node = node;
        }
    }

    final HostFolder folder;
    private final Map<Integer, Fid> fids = new TreeMap<>();
    private PathTree tree = new PathTree();
    private int open;

    Fids(HostFolder folder) {
        this.folder = folder;
    }

    PathTree tree() {
        return tree;
    }

    Fid get(int number) {
        Fid fid = fids.get(number);
        if (fid == null) {
            throw new NinePException(EBADF);
        }
        return fid;
    }

    /** Whether a number is that of a fid. */
    boolean names(int number, Fid fid) {
        return fids.get(number) == fid;
    }

    static OpenFile opened(Fid fid) {
        OpenFile file = fid.file;
        if (file == null) {
            throw new NinePException(fid.flags < 0 ? EBADF : ESTALE);
        }
        return file;
    }

    Entry find(Fid fid) {
        return find(fid.node);
    }

    Entry find(PathTree.Node node) {
        return folder.find(tree.path(node));
    }

    FileStatus status(Fid fid) {
        OpenFile file = fid.file;
        if (file != null) {
            return file.status();
        }
        try (Entry entry = find(fid)) {
            return entry.status();
        }
    }

    void clunk(int number) {
        Fid fid = get(number);
        Fid ignored = fids.remove(number);
        drop(fid);
    }

    private void drop(Fid fid) {
        OpenFile file = fid.file;
        if (file != null) {
            file.close();
            open--;
        }
        tree.release(fid.node);
    }

    /** Forgets the client. */
    void reset() {
        fids.values().forEach(this::drop);
        fids.clear();
        tree = new PathTree();
    }

    void checkFree(int number) {
        if (number == NO_FID || fids.containsKey(number)) {
            throw new NinePException(EBADF);
        }
        if (fids.size() >= MAX_FIDS) {
            throw new NinePException(ENFILE);
        }
    }

    void add(int number, Fid fid) {
        Fid ignored = fids.put(number, fid);
    }

    void checkOpen(Fid fid) {
        if (fid.flags >= 0) {
            throw new NinePException(EBADF);
        }
        if (open >= MAX_OPEN) {
            throw new NinePException(EMFILE);
        }
    }

    void setOpen(Fid fid, OpenFile file, int flags) {
        fid.file = file;
        fid.flags = flags & ~O_TRUNC;
        open++;
    }

    void checkNotRoot(PathTree.Node node) {
        if (node == tree.root()) {
            throw new NinePException(EBUSY);
        }
    }

    /** What the client has. */
    List<FidState> state() {
        return fids.entrySet().stream()
                .map(e -> {
                    Fid fid = e.getValue();
                    String path = tree.alive(fid.node) ? tree.path(fid.node) : null;
                    return new FidState(e.getKey(), path, fid.flags);
                })
                .toList();
    }

    /** Replaces what the client has; files that cannot be opened any more are stale. */
    void restore(List<FidState> states) {
        reset();
        for (FidState state : states) {
            PathTree.Node node = node(state.path());
            Fid fid = new Fid(node);
            fid.flags = state.flags();
            if (state.flags() >= 0 && state.path() != null && open < MAX_OPEN) {
                try (Entry entry = folder.find(state.path())) {
                    fid.file = entry.open(state.flags());
                    open++;
                } catch (LinuxException e) {
                    fid.file = null;
                }
            }
            add(state.fid(), fid);
        }
    }

    private PathTree.Node node(@Nullable String path) {
        PathTree.Node node = tree.root();
        tree.keep(node);
        if (path == null) {
            PathTree.Node gone = tree.child(node, "");
            tree.removed(node, "");
            tree.release(node);
            return gone;
        }
        for (String name : path.isEmpty() ? new String[0] : path.split("/", -1)) {
            PathTree.Node child = tree.child(node, name);
            tree.release(node);
            node = child;
        }
        return node;
    }
}
