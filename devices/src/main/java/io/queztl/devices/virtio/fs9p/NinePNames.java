package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.*;

import io.queztl.devices.virtio.fs9p.Fids.Fid;
import io.queztl.linux.FileStatus;
import io.queztl.linux.HostFolder.Entry;
import io.queztl.linux.HostFolder.OpenFile;

/** The requests that make, rename and remove what directories name. */
final class NinePNames {
    private static final int PERMISSIONS = 0777;
    private static final int STICKY = 01000;
    private static final int TYPE = 0170000;

    private final NinePSession session;
    private final Fids fids;
    private final NinePReply reply;

    NinePNames(NinePSession session) {
        this.session = session;
        fids = session.fids;
        reply = session.reply;
    }

    private void made(Entry directory, String name) {
        try (Entry made = directory.find(name)) {
            reply.qid(made.status(), session.home);
        }
    }

    void symbolicLink(NinePRequest r) {
        Fid fid = fids.get(r.u32());
        String name = r.name();
        String target = r.string();
        session.checkWritable();
        if (target.indexOf('\0') >= 0) {
            throw new NinePException(EINVAL);
        }
        try (Entry directory = fids.find(fid)) {
            directory.symlink(name, target);
            made(directory, name);
        }
    }

    void makeDirectory(NinePRequest r) {
        Fid fid = fids.get(r.u32());
        String name = r.name();
        int mode = r.u32() & (PERMISSIONS | STICKY);
        session.checkWritable();
        try (Entry directory = fids.find(fid)) {
            directory.mkdir(name, mode);
            made(directory, name);
        }
    }

    void makeNode(NinePRequest r) {
        Fid fid = fids.get(r.u32());
        String name = r.name();
        int mode = r.u32();
        session.checkWritable();
        if ((mode & TYPE) != FileStatus.REGULAR) {
            throw new NinePException(EPERM);
        }
        try (Entry directory = fids.find(fid);
                OpenFile file = directory.create(name, 0, mode & PERMISSIONS)) {
            reply.qid(file.status(), session.home);
        }
    }

    void link(NinePRequest r) {
        Fid to = fids.get(r.u32());
        Fid from = fids.get(r.u32());
        String name = r.name();
        session.checkWritable();
        fids.checkNotRoot(from.node);
        try (Entry directory = fids.find(fids.tree().parent(from.node));
                Entry target = fids.find(to)) {
            directory.link(from.node.name(), target, name);
        }
    }

    void rename(NinePRequest r) {
        PathTree.Node node = fids.get(r.u32()).node;
        PathTree.Node to = fids.get(r.u32()).node;
        String name = r.name();
        fids.checkNotRoot(node);
        rename(fids.tree().parent(node), node.name(), to, name);
    }

    void renameAt(NinePRequest r) {
        PathTree.Node from = fids.get(r.u32()).node;
        String name = r.name();
        PathTree.Node to = fids.get(r.u32()).node;
        String newName = r.name();
        rename(from, name, to, newName);
    }

    private void rename(PathTree.Node from, String name, PathTree.Node to, String newName) {
        session.checkWritable();
        try (Entry directory = fids.find(from);
                Entry target = fids.find(to)) {
            directory.rename(name, target, newName);
        }
        fids.tree().renamed(from, name, to, newName);
    }

    void unlinkAt(NinePRequest r) {
        PathTree.Node parent = fids.get(r.u32()).node;
        String name = r.name();
        int flags = r.u32();
        session.checkWritable();
        unlink(parent, name, (flags & REMOVE_DIRECTORY) != 0);
    }

    private void unlink(PathTree.Node parent, String name, boolean directory) {
        try (Entry entry = fids.find(parent)) {
            entry.unlink(name, directory);
        }
        fids.tree().removed(parent, name);
    }

    void remove(NinePRequest r) {
        int number = r.u32();
        Fid fid = fids.get(number);
        try {
            session.checkWritable();
            fids.checkNotRoot(fid.node);
            boolean directory = fids.status(fid).type() == FileStatus.DIRECTORY;
            unlink(fids.tree().parent(fid.node), fid.node.name(), directory);
        } finally {
            // Whatever happens, 9P says.
            fids.clunk(number);
        }
    }
}
