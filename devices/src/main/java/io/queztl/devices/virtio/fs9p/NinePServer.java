package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.*;

import io.queztl.devices.storage.ScatterList;
import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.devices.virtio.fs9p.Fids.Fid;
import io.queztl.linux.HostFolder;
import io.queztl.linux.HostFolder.Entry;
import io.queztl.linux.LinuxException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A server of 9P2000.L for one client and one folder. A fid is a path beneath the folder, looked up
 * at each request by {@link HostFolder}, or once it is open, the open file.
 *
 * <p>Owners: the user who runs the VM is the guest's root, all others are nobody; the guest cannot
 * give files away, make setuid or setgid files, or make devices, FIFOs and sockets. Locks are among
 * the guest's processes, whose kernel keeps them. Extended attributes there are none.
 *
 * <p>One thread at a time.
 */
final class NinePServer {
    /** The largest message, in bytes. */
    static final int MAX_MESSAGE = 1 << 19;

    private static final int MIN_MESSAGE = 4096;

    private final NinePSession session;
    private final Fids fids;
    private final NinePReply reply;
    private final NinePFiles files;
    private final NinePAttributes attributes;
    private final NinePNames names;

    /**
     * @param folder closed by its owner
     * @param readOnly whether everything that changes a file is refused
     */
    NinePServer(HostFolder folder, boolean readOnly) {
        session = new NinePSession(folder, readOnly);
        fids = session.fids;
        reply = session.reply;
        files = new NinePFiles(session);
        attributes = new NinePAttributes(session);
        names = new NinePNames(session);
    }

    /**
     * Answers a request.
     *
     * @param list over guest RAM, for data
     * @return false if the driver left no room for an answer
     */
    boolean serve(DescriptorChain chain, ScatterList list) {
        NinePRequest request = new NinePRequest(chain);
        int type = 0;
        int tag = 0xffff;
        int data = -1;
        try {
            long size = request.begin();
            type = request.u8();
            tag = request.u16();
            reply.begin(type, tag);
            if (size > (type == T_VERSION ? MAX_MESSAGE : session.messageSize)) {
                throw new NinePException(session.messageSize == 0 ? EPROTO : EMSGSIZE);
            }
            if (type == T_READ) {
                data = files.read(request, chain, list);
            } else if (type == T_WRITE) {
                files.write(request, chain, list);
            } else {
                dispatch(type, request);
            }
        } catch (NinePException e) {
            reply.begin(type, tag);
            reply.error(e.errno());
        } catch (LinuxException e) {
            reply.begin(type, tag);
            reply.error(e.errno());
        }
        if (data < 0) {
            if (reply.length() > chain.writable()) {
                reply.begin(type, tag);
                reply.error(EMSGSIZE);
            }
            return reply.writeTo(chain);
        }
        reply.patchInto(chain, data);
        return true;
    }

    private void dispatch(int type, NinePRequest r) {
        switch (type) {
            case T_VERSION -> version(r);
            case T_ATTACH -> attach(r);
            case T_FLUSH -> {} // requests are done one after another: that one is done
            case T_WALK -> walk(r);
            case T_CLUNK -> fids.clunk(r.u32());
            case T_OPEN -> files.open(r);
            case T_CREATE -> files.create(r);
            case T_GETATTR -> attributes.getAttributes(r);
            case T_SETATTR -> attributes.setAttributes(r);
            case T_READDIR -> files.readDirectory(r);
            case T_READLINK -> attributes.readLink(r);
            case T_STATFS -> attributes.fileSystem(r);
            case T_FSYNC -> files.sync(r);
            case T_SYMLINK -> names.symbolicLink(r);
            case T_MKNOD -> names.makeNode(r);
            case T_MKDIR -> names.makeDirectory(r);
            case T_LINK -> names.link(r);
            case T_RENAME -> names.rename(r);
            case T_RENAMEAT -> names.renameAt(r);
            case T_UNLINKAT -> names.unlinkAt(r);
            case T_REMOVE -> names.remove(r);
            case T_LOCK -> files.lock(r);
            case T_GETLOCK -> files.getLock(r);
            default -> throw new NinePException(EOPNOTSUPP);
        }
    }

    private void version(NinePRequest r) {
        long wanted = Integer.toUnsignedLong(r.u32());
        boolean known = r.string().equals(VERSION);
        session.reset();
        int size = (int) Math.min(wanted, MAX_MESSAGE);
        if (size < MIN_MESSAGE) {
            throw new NinePException(EMSGSIZE);
        }
        session.messageSize = known ? size : 0;
        reply.u32(size).string(known ? VERSION : "unknown");
    }

    private void attach(NinePRequest r) {
        int number = r.u32();
        if (r.u32() != NO_FID) {
            throw new NinePException(EINVAL); // there is nobody to say who the client is
        }
        fids.checkFree(number);
        try (Entry root = fids.folder.find("")) {
            reply.qid(root.status(), session.home);
        }
        fids.tree().keep(fids.tree().root());
        fids.add(number, new Fid(fids.tree().root()));
    }

    private void walk(NinePRequest r) {
        Fid from = fids.get(r.u32());
        int number = r.u32();
        int count = r.u16();
        if (count > MAX_WALK || from.flags >= 0 && count > 0) {
            throw new NinePException(EINVAL);
        }
        boolean same = fids.names(number, from);
        if (!same) {
            fids.checkFree(number);
        }
        PathTree tree = fids.tree();
        PathTree.Node node = from.node;
        tree.keep(node);
        reply.u16(0);
        int done = 0;
        Entry entry = null;
        try {
            for (; done < count; done++) {
                String name = r.string();
                if (name.equals("..")) {
                    PathTree.Node parent = tree.parent(node);
                    tree.keep(parent);
                    tree.release(node);
                    node = parent;
                    close(entry);
                    entry = fids.find(node);
                } else {
                    Entry start = entry == null ? fids.find(node) : entry;
                    entry = start;
                    entry = step(start, name);
                    PathTree.Node child = tree.child(node, name);
                    tree.release(node);
                    node = child;
                }
                reply.qid(entry.status(), session.home);
            }
        } catch (LinuxException | NinePException e) {
            // 9P: with some names found, the answer is how many; only the first is an error.
            if (done == 0) {
                tree.release(node);
                throw e;
            }
        } finally {
            close(entry);
        }
        if (done < count) {
            tree.release(node);
        } else if (same) {
            tree.release(from.node);
            from.node = node;
        } else {
            fids.add(number, new Fid(node));
        }
        reply.patch16(HEADER, done);
    }

    private static Entry step(Entry start, String name) {
        try {
            return start.find(name);
        } finally {
            start.close();
        }
    }

    private static void close(@Nullable Entry entry) {
        if (entry != null) {
            entry.close();
        }
    }

    // ---- snapshot

    int messageSize() {
        return session.messageSize;
    }

    /** What the client has. */
    List<FidState> state() {
        return fids.state();
    }

    /** Forgets the client. */
    void reset() {
        session.reset();
    }

    /** Replaces what the client has; files that cannot be opened any more are stale. */
    void restore(int messageSize, List<FidState> states) {
        fids.restore(states);
        session.messageSize = messageSize;
    }
}
