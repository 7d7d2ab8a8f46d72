package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.*;

import io.queztl.devices.storage.ScatterList;
import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.devices.virtio.fs9p.Fids.Fid;
import io.queztl.linux.FileStatus;
import io.queztl.linux.HostFolder.Entry;
import io.queztl.linux.HostFolder.OpenFile;
import io.queztl.linux.LinuxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** The requests that open, read and write files and directories. */
final class NinePFiles {
    private static final int PERMISSIONS = 0777;
    private static final int HOST_SYNC = 04010000;

    /** What one entry of a directory takes beside its name, here and in the kernel's form. */
    private static final int ENTRY = QID + 8 + 1 + 2;

    private static final int KERNEL_ENTRY = 19;
    private static final int LONGEST_ENTRY = ENTRY + 255;
    private static final int MAX_ENTRIES = 1 << 15;

    private final NinePSession session;
    private final Fids fids;
    private final NinePReply reply;

    NinePFiles(NinePSession session) {
        this.session = session;
        fids = session.fids;
        reply = session.reply;
    }

    /** The flags of an open as the host has them: those that a client may choose. */
    private int hostFlags(int flags) {
        int access = flags & O_ACCESS;
        if (access == O_ACCESS) {
            throw new NinePException(EINVAL);
        }
        if (access != 0 || (flags & O_TRUNC) != 0) {
            session.checkWritable();
        }
        int host = access | flags & (O_TRUNC | O_APPEND | O_DSYNC);
        return (flags & O_SYNC) != 0 ? host | HOST_SYNC : host;
    }

    void open(NinePRequest r) {
        Fid fid = fids.get(r.u32());
        int flags = hostFlags(r.u32());
        fids.checkOpen(fid);
        try (Entry entry = fids.find(fid)) {
            reply.qid(entry.status(), session.home).u32(0);
            fids.setOpen(fid, entry.open(flags), flags);
        }
    }

    void create(NinePRequest r) {
        Fid fid = fids.get(r.u32());
        String name = r.name();
        int wanted = r.u32();
        int mode = r.u32() & PERMISSIONS;
        session.checkWritable();
        int flags = hostFlags(wanted);
        fids.checkOpen(fid);
        try (Entry directory = fids.find(fid)) {
            // Before the file is there: afterwards nothing may fail.
            PathTree.Node child = fids.tree().child(fid.node, name);
            OpenFile file;
            try {
                file = createOrOpen(directory, name, flags, mode, (wanted & O_EXCL) != 0);
            } catch (LinuxException | NinePException e) {
                fids.tree().release(child);
                throw e;
            }
            fids.tree().release(fid.node);
            fid.node = child;
            fids.setOpen(fid, file, flags);
            reply.qid(file.status(), session.home).u32(0);
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

    int read(NinePRequest r, DescriptorChain chain, ScatterList list) {
        OpenFile file = Fids.opened(fids.get(r.u32()));
        long offset = r.u64();
        long count = Integer.toUnsignedLong(r.u32());
        long room = Math.min(chain.writable(), session.messageSize) - READ_HEADER;
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

    void write(NinePRequest r, DescriptorChain chain, ScatterList list) {
        Fid fid = fids.get(r.u32());
        long offset = r.u64();
        long count = Integer.toUnsignedLong(r.u32());
        session.checkWritable();
        OpenFile file = Fids.opened(fid);
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

    void readDirectory(NinePRequest r) {
        Fid fid = fids.get(r.u32());
        long offset = r.u64();
        long count = Integer.toUnsignedLong(r.u32());
        OpenFile directory = Fids.opened(fid);
        int room = (int) Math.min(Math.min(count, session.messageSize - READ_HEADER), MAX_ENTRIES);
        if (room < LONGEST_ENTRY) {
            throw new NinePException(EINVAL);
        }
        reply.u32(0);
        long device = directory.status().device();
        byte[] entries = directory.entries(offset, room);
        boolean root = fid.node == fids.tree().root();
        ByteBuffer b = ByteBuffer.wrap(entries).order(ByteOrder.nativeOrder());
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
                    new String(entries, at + KERNEL_ENTRY, length, StandardCharsets.ISO_8859_1);
            // What is above the shared folder is none of the guest's business.
            long number = root && name.equals("..") ? session.homeInode : inode;
            int qidType = kind == 4 ? QID_DIRECTORY : kind == 10 ? QID_SYMBOLIC_LINK : 0;
            reply.qid(qidType, 0, NinePReply.path(number, device, session.home))
                    .u64(next)
                    .u8(kind)
                    .string(name);
            at += bytes;
        }
        reply.patch32(HEADER, reply.length() - READ_HEADER);
    }

    void sync(NinePRequest r) {
        Fid fid = fids.get(r.u32());
        boolean dataOnly = r.left() >= 4 && r.u32() != 0;
        Fids.opened(fid).sync(dataOnly);
    }

    void lock(NinePRequest r) {
        Fid ignored = fids.get(r.u32());
        reply.u8(LOCK_SUCCESS);
    }

    void getLock(NinePRequest r) {
        Fid ignored = fids.get(r.u32());
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
}
