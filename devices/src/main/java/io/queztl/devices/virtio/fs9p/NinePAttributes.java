package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.*;

import io.queztl.devices.virtio.fs9p.Fids.Fid;
import io.queztl.linux.FileStatus;
import io.queztl.linux.FileSystemStatus;
import io.queztl.linux.HostFolder;
import io.queztl.linux.HostFolder.Entry;
import io.queztl.linux.HostFolder.Inode;
import io.queztl.linux.HostFolder.OpenFile;

/** The requests about attributes, of files and of the file system. */
final class NinePAttributes {
    private static final int ROOT = 0;
    private static final int NOBODY = 65534;
    private static final int MODE = 01777;
    private static final long OMIT = 0x3fff_fffe;
    private static final long NOW = 0x3fff_ffff;

    private final int user = HostFolder.user();
    private final int group = HostFolder.group();
    private final NinePSession session;
    private final Fids fids;
    private final NinePReply reply;

    NinePAttributes(NinePSession session) {
        this.session = session;
        fids = session.fids;
        reply = session.reply;
    }

    private int shownUser(FileStatus status) {
        return status.user() == user ? ROOT : NOBODY;
    }

    private int shownGroup(FileStatus status) {
        return status.group() == group ? ROOT : NOBODY;
    }

    void getAttributes(NinePRequest r) {
        FileStatus s = fids.status(fids.get(r.u32()));
        long deviceNumber =
                (s.specialDevice() & 0xff)
                        | (s.specialDevice() >>> 32 & 0xfff) << 8
                        | (s.specialDevice() & 0xfff00) << 12;
        reply.u64(ATTRIBUTES)
                .qid(s, session.home)
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

    void setAttributes(NinePRequest r) {
        Fid fid = fids.get(r.u32());
        Change change =
                new Change(
                        r.u32(),
                        r.u32(),
                        r.u32(),
                        r.u32(),
                        r.u64(),
                        new long[] {r.u64(), r.u64(), r.u64(), r.u64()});
        session.checkWritable();
        OpenFile file = fid.file;
        if (file != null && !fids.tree().alive(fid.node)) {
            apply(change, file);
            return;
        }
        try (Entry entry = fids.find(fid)) {
            apply(change, entry);
        }
    }

    /** What a client asks for, as it is in the message. */
    private record Change(int which, int mode, int user, int group, long size, long[] times) {}

    private void apply(Change c, Inode target) {
        int which = c.which;
        FileStatus before = target.status();
        if ((which & SET_USER) != 0 && c.user != shownUser(before)
                || (which & SET_GROUP) != 0 && c.group != shownGroup(before)) {
            throw new NinePException(EPERM);
        }
        if ((which & SET_MODE) != 0) {
            target.mode(c.mode & MODE);
        }
        if ((which & (SET_ACCESSED | SET_MODIFIED)) != 0) {
            time(c.times, 0, which, SET_ACCESSED, SET_ACCESSED_TO);
            time(c.times, 2, which, SET_MODIFIED, SET_MODIFIED_TO);
            target.times(c.times);
        }
        if ((which & SET_SIZE) != 0) {
            target.size(c.size);
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

    void readLink(NinePRequest r) {
        try (Entry entry = fids.find(fids.get(r.u32()))) {
            if (entry.status().type() != FileStatus.SYMBOLIC_LINK) {
                throw new NinePException(EINVAL);
            }
            reply.string(entry.target());
        }
    }

    void fileSystem(NinePRequest r) {
        try (Entry entry = fids.find(fids.get(r.u32()))) {
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
}
