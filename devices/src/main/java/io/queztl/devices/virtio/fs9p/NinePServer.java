package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.*;

import io.queztl.devices.storage.ScatterList;
import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.linux.FileStatus;
import io.queztl.linux.FileSystemStatus;
import io.queztl.linux.HostFolder;
import io.queztl.linux.HostFolder.Entry;
import io.queztl.linux.HostFolder.OpenFile;
import io.queztl.linux.LinuxException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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
    static final int MAX_FIDS = 1 << 16;
    static final int MAX_OPEN = 1024;

    private static final int ROOT = 0;
    private static final int NOBODY = 65534;
    private static final int PERMISSIONS = 0777;
    private static final int STICKY = 01000;
    private static final int TYPE = 0170000;
    private static final long OMIT = 0x3fff_fffe;
    private static final long NOW = 0x3fff_ffff;
    private static final int HOST_SYNC = 04010000;

    /** What one entry of a directory takes beside its name, here and in the kernel's form. */
    private static final int ENTRY = QID + 8 + 1 + 2;

    private static final int KERNEL_ENTRY = 19;
    private static final int LONGEST_ENTRY = ENTRY + 255;
    private static final int MAX_ENTRIES = 1 << 15;

    private static final class Fid {
        PathTree.Node node;
        @Nullable OpenFile file;
        int flags = -1;

        Fid(PathTree.Node node) {
            this.node = node;
        }
    }

    private final HostFolder folder;
    private final boolean readOnly;
    private final int user = HostFolder.user();
    private final int group = HostFolder.group();
    private final long home;
    private final long homeInode;
    private final Map<Integer, Fid> fids = new TreeMap<>();
    private final NinePReply reply = new NinePReply();
    private PathTree tree = new PathTree();
    private int open;
    private int messageSize;

    /**
     * @param folder closed by its owner
     * @param readOnly whether everything that changes a file is refused
     */
    NinePServer(HostFolder folder, boolean readOnly) {
        this.folder = folder;
        this.readOnly = readOnly;
        try (Entry root = folder.find("")) {
            FileStatus status = root.status();
            home = status.device();
            homeInode = status.inode();
        }
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
            if (size > (type == T_VERSION ? MAX_MESSAGE : messageSize)) {
                throw new NinePException(messageSize == 0 ? EPROTO : EMSGSIZE);
            }
            if (type == T_READ) {
                data = read(request, chain, list);
            } else if (type == T_WRITE) {
                write(request, chain, list);
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
            case T_CLUNK -> clunk(r.u32());
            case T_OPEN -> open(r);
            case T_CREATE -> create(r);
            case T_GETATTR -> getAttributes(r);
            case T_SETATTR -> setAttributes(r);
            case T_READDIR -> readDirectory(r);
            case T_READLINK -> readLink(r);
            case T_STATFS -> fileSystem(r);
            case T_FSYNC -> sync(r);
            case T_SYMLINK -> symbolicLink(r);
            case T_MKNOD -> makeNode(r);
            case T_MKDIR -> makeDirectory(r);
            case T_LINK -> link(r);
            case T_RENAME -> rename(r);
            case T_RENAMEAT -> renameAt(r);
            case T_UNLINKAT -> unlinkAt(r);
            case T_REMOVE -> remove(r);
            case T_LOCK -> lock(r);
            case T_GETLOCK -> getLock(r);
            default -> throw new NinePException(EOPNOTSUPP);
        }
    }

    // ---- fids

    private Fid fid(int number) {
        Fid fid = fids.get(number);
        if (fid == null) {
            throw new NinePException(EBADF);
        }
        return fid;
    }

    private OpenFile opened(Fid fid) {
        OpenFile file = fid.file;
        if (file == null) {
            throw new NinePException(fid.flags < 0 ? EBADF : ESTALE);
        }
        return file;
    }

    private Entry find(Fid fid) {
        return folder.find(tree.path(fid.node));
    }

    private FileStatus status(Fid fid) {
        OpenFile file = fid.file;
        if (file != null) {
            return file.status();
        }
        try (Entry entry = find(fid)) {
            return entry.status();
        }
    }

    private void checkWritable() {
        if (readOnly) {
            throw new NinePException(EROFS);
        }
    }

    private void clunk(int number) {
        Fid fid = fid(number);
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
        messageSize = 0;
    }

    // ---- session

    private void version(NinePRequest r) {
        long wanted = Integer.toUnsignedLong(r.u32());
        boolean known = r.string().equals(VERSION);
        reset();
        int size = (int) Math.min(wanted, MAX_MESSAGE);
        if (size < MIN_MESSAGE) {
            throw new NinePException(EMSGSIZE);
        }
        messageSize = known ? size : 0;
        reply.u32(size).string(known ? VERSION : "unknown");
    }

    private void attach(NinePRequest r) {
        int number = r.u32();
        if (r.u32() != NO_FID) {
            throw new NinePException(EINVAL); // there is nobody to say who the client is
        }
        checkFree(number);
        try (Entry root = folder.find("")) {
            reply.qid(root.status(), home);
        }
        tree.keep(tree.root());
        add(number, new Fid(tree.root()));
    }

    private void checkFree(int number) {
        if (number == NO_FID || fids.containsKey(number)) {
            throw new NinePException(EBADF);
        }
        if (fids.size() >= MAX_FIDS) {
            throw new NinePException(ENFILE);
        }
    }

    private void add(int number, Fid fid) {
        Fid ignored = fids.put(number, fid);
    }

    private void walk(NinePRequest r) {
        Fid from = fid(r.u32());
        int number = r.u32();
        int count = r.u16();
        if (count > MAX_WALK || from.flags >= 0 && count > 0) {
            throw new NinePException(EINVAL);
        }
        boolean same = fids.get(number) == from;
        if (!same) {
            checkFree(number);
        }
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
                    entry = folder.find(tree.path(node));
                } else {
                    Entry start = entry == null ? folder.find(tree.path(node)) : entry;
                    entry = start;
                    entry = step(start, name);
                    PathTree.Node child = tree.child(node, name);
                    tree.release(node);
                    node = child;
                }
                reply.qid(entry.status(), home);
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
            add(number, new Fid(node));
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

    // ---- open files

    /** The flags of an open as the host has them: those that a client may choose. */
    private int hostFlags(int flags) {
        int access = flags & O_ACCESS;
        if (access == O_ACCESS) {
            throw new NinePException(EINVAL);
        }
        if (access != 0 || (flags & O_TRUNC) != 0) {
            checkWritable();
        }
        int host = access | flags & (O_TRUNC | O_APPEND | O_DSYNC);
        return (flags & O_SYNC) != 0 ? host | HOST_SYNC : host;
    }

    private void checkOpen(Fid fid) {
        if (fid.flags >= 0) {
            throw new NinePException(EBADF);
        }
        if (open >= MAX_OPEN) {
            throw new NinePException(EMFILE);
        }
    }

    private void setOpen(Fid fid, OpenFile file, int flags) {
        fid.file = file;
        fid.flags = flags & ~O_TRUNC;
        open++;
    }

    private void open(NinePRequest r) {
        Fid fid = fid(r.u32());
        int flags = hostFlags(r.u32());
        checkOpen(fid);
        try (Entry entry = find(fid)) {
            reply.qid(entry.status(), home).u32(0);
            setOpen(fid, entry.open(flags), flags);
        }
    }

    private void create(NinePRequest r) {
        Fid fid = fid(r.u32());
        String name = r.name();
        int wanted = r.u32();
        int mode = r.u32() & PERMISSIONS;
        checkWritable();
        int flags = hostFlags(wanted);
        checkOpen(fid);
        try (Entry directory = find(fid)) {
            // Before the file is there: afterwards nothing may fail.
            PathTree.Node child = tree.child(fid.node, name);
            OpenFile file;
            try {
                file = createOrOpen(directory, name, flags, mode, (wanted & O_EXCL) != 0);
            } catch (LinuxException | NinePException e) {
                tree.release(child);
                throw e;
            }
            tree.release(fid.node);
            fid.node = child;
            setOpen(fid, file, flags);
            reply.qid(file.status(), home).u32(0);
        }
    }

    private static OpenFile createOrOpen(
            Entry directory, String name, int flags, int mode, boolean exclusive) {
        try {
            return directory.create(name, flags, mode);
        } catch (LinuxException e) {
            if (e.errno() != EEXIST || exclusive) {
                throw e;
            }
        }
        try (Entry there = directory.find(name)) {
            if (there.status().type() != FileStatus.REGULAR) {
                throw new NinePException(EEXIST);
            }
            return there.open(flags);
        }
    }

    private int read(NinePRequest r, DescriptorChain chain, ScatterList list) {
        OpenFile file = opened(fid(r.u32()));
        long offset = r.u64();
        long count = Integer.toUnsignedLong(r.u32());
        long room = Math.min(chain.writable(), messageSize) - READ_HEADER;
        if (room < 0) {
            throw new NinePException(EMSGSIZE);
        }
        long wanted = Math.min(count, room);
        reply.u32(0);
        list.clear();
        int n = 0;
        if (wanted > 0) {
            chain.skipWritable(READ_HEADER);
            long ignored = chain.scatter(wanted, list);
            try {
                n =
                        (int)
                                file.data()
                                        .read(
                                                offset,
                                                list.memory(),
                                                list.offsets(),
                                                list.lengths(),
                                                list.count());
            } catch (LinuxException e) {
                // As long as the header that it replaces.
                reply.error(e.errno());
                return 0;
            }
            chain.wrote(n);
        } else {
            chain.skipWritable(READ_HEADER);
        }
        reply.patch32(HEADER, n);
        return n;
    }

    private void write(NinePRequest r, DescriptorChain chain, ScatterList list) {
        Fid fid = fid(r.u32());
        long offset = r.u64();
        long count = Integer.toUnsignedLong(r.u32());
        checkWritable();
        OpenFile file = opened(fid);
        if (count > r.left()) {
            throw new NinePException(EPROTO);
        }
        list.clear();
        long ignored = chain.gather(count, list);
        long n =
                list.count() == 0
                        ? 0
                        : file.data()
                                .write(
                                        offset,
                                        list.memory(),
                                        list.offsets(),
                                        list.lengths(),
                                        list.count());
        reply.u32((int) n);
    }

    private void readDirectory(NinePRequest r) {
        Fid fid = fid(r.u32());
        long offset = r.u64();
        long count = Integer.toUnsignedLong(r.u32());
        OpenFile directory = opened(fid);
        int room = (int) Math.min(Math.min(count, messageSize - READ_HEADER), MAX_ENTRIES);
        if (room < LONGEST_ENTRY) {
            throw new NinePException(EINVAL);
        }
        reply.u32(0);
        long device = directory.status().device();
        byte[] entries = directory.entries(offset, room);
        boolean root = fid.node == tree.root();
        java.nio.ByteBuffer b =
                java.nio.ByteBuffer.wrap(entries).order(java.nio.ByteOrder.nativeOrder());
        int end = READ_HEADER + room;
        for (int at = 0; at + KERNEL_ENTRY <= entries.length; ) {
            long inode = b.getLong(at);
            long next = b.getLong(at + 8);
            int bytes = Short.toUnsignedInt(b.getShort(at + 16));
            int kind = entries[at + 18] & 0xff;
            int length = 0;
            while (entries[at + KERNEL_ENTRY + length] != 0) {
                length++;
            }
            if (reply.length() + ENTRY + length > end) {
                break;
            }
            String name =
                    new String(
                            entries,
                            at + KERNEL_ENTRY,
                            length,
                            java.nio.charset.StandardCharsets.ISO_8859_1);
            // What is above the shared folder is none of the guest's business.
            long number = root && name.equals("..") ? homeInode : inode;
            int qidType = kind == 4 ? QID_DIRECTORY : kind == 10 ? QID_SYMBOLIC_LINK : 0;
            reply.qid(qidType, 0, NinePReply.path(number, device, home))
                    .u64(next)
                    .u8(kind)
                    .string(name);
            at += bytes;
        }
        reply.patch32(HEADER, reply.length() - READ_HEADER);
    }

    private void sync(NinePRequest r) {
        Fid fid = fid(r.u32());
        boolean dataOnly = r.left() >= 4 && r.u32() != 0;
        opened(fid).sync(dataOnly);
    }

    private void lock(NinePRequest r) {
        Fid ignored = fid(r.u32());
        reply.u8(LOCK_SUCCESS);
    }

    private void getLock(NinePRequest r) {
        Fid ignored = fid(r.u32());
        int wanted = r.u8();
        long start = r.u64();
        long length = r.u64();
        int process = r.u32();
        String client = r.string();
        reply.u8(wanted == LOCK_UNLOCKED ? wanted : LOCK_UNLOCKED)
                .u64(start)
                .u64(length)
                .u32(process)
                .string(client.length() > 256 ? "" : client);
    }

    // ---- attributes

    private int shownUser(FileStatus status) {
        return status.user() == user ? ROOT : NOBODY;
    }

    private int shownGroup(FileStatus status) {
        return status.group() == group ? ROOT : NOBODY;
    }

    private void getAttributes(NinePRequest r) {
        FileStatus s = status(fid(r.u32()));
        long deviceNumber =
                (s.specialDevice() & 0xff)
                        | (s.specialDevice() >>> 32 & 0xfff) << 8
                        | (s.specialDevice() & 0xfff00) << 12;
        reply.u64(ATTRIBUTES)
                .qid(s, home)
                .u32(s.mode())
                .u32(shownUser(s))
                .u32(shownGroup(s))
                .u64(s.links())
                .u64(deviceNumber)
                .u64(s.size())
                .u64(s.blockSize())
                .u64(s.blocks())
                .u64(s.accessed())
                .u64(s.accessedNanos())
                .u64(s.modified())
                .u64(s.modifiedNanos())
                .u64(s.changed())
                .u64(s.changedNanos())
                .u64(0)
                .u64(0)
                .u64(0)
                .u64(0);
    }

    private void setAttributes(NinePRequest r) {
        Fid fid = fid(r.u32());
        int which = r.u32();
        int mode = r.u32();
        int newUser = r.u32();
        int newGroup = r.u32();
        long size = r.u64();
        long[] times = {r.u64(), r.u64(), r.u64(), r.u64()};
        checkWritable();
        OpenFile file = fid.file;
        if (file != null && !tree.alive(fid.node)) {
            change(
                    which,
                    file.status(),
                    newUser,
                    newGroup,
                    times,
                    new Target() {
                        @Override
                        public void mode() {
                            file.mode(mode & (PERMISSIONS | STICKY));
                        }

                        @Override
                        public void times(long[] values) {
                            file.times(values);
                        }

                        @Override
                        public void size() {
                            file.size(size);
                        }
                    });
            return;
        }
        try (Entry entry = find(fid)) {
            change(
                    which,
                    entry.status(),
                    newUser,
                    newGroup,
                    times,
                    new Target() {
                        @Override
                        public void mode() {
                            entry.mode(mode & (PERMISSIONS | STICKY));
                        }

                        @Override
                        public void times(long[] values) {
                            entry.times(values);
                        }

                        @Override
                        public void size() {
                            entry.size(size);
                        }
                    });
        }
    }

    /** What attributes are set of: a path, or an open file that has none any more. */
    private interface Target {
        void mode();

        void times(long[] values);

        void size();
    }

    private void change(
            int which, FileStatus before, int newUser, int newGroup, long[] times, Target target) {
        if ((which & SET_USER) != 0 && newUser != shownUser(before)
                || (which & SET_GROUP) != 0 && newGroup != shownGroup(before)) {
            throw new NinePException(EPERM);
        }
        if ((which & SET_MODE) != 0) {
            target.mode();
        }
        if ((which & (SET_ACCESSED | SET_MODIFIED)) != 0) {
            time(times, 0, which, SET_ACCESSED, SET_ACCESSED_TO);
            time(times, 2, which, SET_MODIFIED, SET_MODIFIED_TO);
            target.times(times);
        }
        if ((which & SET_SIZE) != 0) {
            target.size();
        }
    }

    private static void time(long[] times, int at, int which, int set, int setTo) {
        if ((which & set) == 0) {
            times[at] = 0;
            times[at + 1] = OMIT;
        } else if ((which & setTo) == 0) {
            times[at] = 0;
            times[at + 1] = NOW;
        } else if (times[at + 1] < 0 || times[at + 1] > 999_999_999) {
            throw new NinePException(EINVAL);
        }
    }

    private void readLink(NinePRequest r) {
        try (Entry entry = find(fid(r.u32()))) {
            if (entry.status().type() != FileStatus.SYMBOLIC_LINK) {
                throw new NinePException(EINVAL);
            }
            reply.string(entry.target());
        }
    }

    private void fileSystem(NinePRequest r) {
        try (Entry entry = find(fid(r.u32()))) {
            FileSystemStatus s = entry.fileSystem();
            reply.u32(FILE_SYSTEM)
                    .u32((int) s.blockSize())
                    .u64(s.blocks())
                    .u64(s.free())
                    .u64(s.available())
                    .u64(s.files())
                    .u64(s.freeFiles())
                    .u64(0)
                    .u32((int) s.nameLength());
        }
    }

    // ---- names

    private void made(Entry directory, String name) {
        try (Entry made = directory.find(name)) {
            reply.qid(made.status(), home);
        }
    }

    private void symbolicLink(NinePRequest r) {
        Fid fid = fid(r.u32());
        String name = r.name();
        String target = r.string();
        checkWritable();
        if (target.indexOf('\0') >= 0) {
            throw new NinePException(EINVAL);
        }
        try (Entry directory = find(fid)) {
            directory.symlink(name, target);
            made(directory, name);
        }
    }

    private void makeDirectory(NinePRequest r) {
        Fid fid = fid(r.u32());
        String name = r.name();
        int mode = r.u32() & (PERMISSIONS | STICKY);
        checkWritable();
        try (Entry directory = find(fid)) {
            directory.mkdir(name, mode);
            made(directory, name);
        }
    }

    private void makeNode(NinePRequest r) {
        Fid fid = fid(r.u32());
        String name = r.name();
        int mode = r.u32();
        checkWritable();
        if ((mode & TYPE) != FileStatus.REGULAR) {
            throw new NinePException(EPERM);
        }
        try (Entry directory = find(fid);
                OpenFile file = directory.create(name, 0, mode & PERMISSIONS)) {
            reply.qid(file.status(), home);
        }
    }

    private void link(NinePRequest r) {
        Fid to = fid(r.u32());
        Fid from = fid(r.u32());
        String name = r.name();
        checkWritable();
        checkNotRoot(from.node);
        try (Entry directory = folder.find(tree.path(tree.parent(from.node)));
                Entry target = find(to)) {
            directory.link(from.node.name(), target, name);
        }
    }

    private void checkNotRoot(PathTree.Node node) {
        if (node == tree.root()) {
            throw new NinePException(EBUSY);
        }
    }

    private void rename(NinePRequest r) {
        PathTree.Node node = fid(r.u32()).node;
        PathTree.Node to = fid(r.u32()).node;
        String name = r.name();
        checkNotRoot(node);
        rename(tree.parent(node), node.name(), to, name);
    }

    private void renameAt(NinePRequest r) {
        PathTree.Node from = fid(r.u32()).node;
        String name = r.name();
        PathTree.Node to = fid(r.u32()).node;
        String newName = r.name();
        rename(from, name, to, newName);
    }

    private void rename(PathTree.Node from, String name, PathTree.Node to, String newName) {
        checkWritable();
        try (Entry directory = folder.find(tree.path(from));
                Entry target = folder.find(tree.path(to))) {
            directory.rename(name, target, newName);
        }
        tree.renamed(from, name, to, newName);
    }

    private void unlinkAt(NinePRequest r) {
        PathTree.Node parent = fid(r.u32()).node;
        String name = r.name();
        int flags = r.u32();
        checkWritable();
        unlink(parent, name, (flags & REMOVE_DIRECTORY) != 0);
    }

    private void unlink(PathTree.Node parent, String name, boolean directory) {
        try (Entry entry = folder.find(tree.path(parent))) {
            entry.unlink(name, directory);
        }
        tree.removed(parent, name);
    }

    private void remove(NinePRequest r) {
        int number = r.u32();
        Fid fid = fid(number);
        try {
            checkWritable();
            checkNotRoot(fid.node);
            boolean directory = status(fid).type() == FileStatus.DIRECTORY;
            unlink(tree.parent(fid.node), fid.node.name(), directory);
        } finally {
            // Whatever happens, 9P says.
            clunk(number);
        }
    }

    // ---- snapshot

    int messageSize() {
        return messageSize;
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
    void restore(int size, List<FidState> states) {
        reset();
        messageSize = size;
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
