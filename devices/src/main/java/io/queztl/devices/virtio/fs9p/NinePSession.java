package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.EROFS;

import io.queztl.linux.FileStatus;
import io.queztl.linux.HostFolder;
import io.queztl.linux.HostFolder.Entry;

/** What all requests of a client share. */
final class NinePSession {
    final Fids fids;
    final NinePReply reply = new NinePReply();

    /** Host's device and inode number of the shared folder itself. */
    final long home;

    final long homeInode;
    private final boolean readOnly;

    /** The largest message, in bytes; 0 before a version is agreed on. */
    int messageSize;

    /**
     * @param folder closed by its owner
     * @param readOnly whether everything that changes a file is refused
     */
    NinePSession(HostFolder folder, boolean readOnly) {
        this.readOnly = readOnly;
        fids = new Fids(folder);
        try (Entry root = folder.find("")) {
            FileStatus status = root.status();
            home = status.device();
            homeInode = status.inode();
        }
    }

    /** Forgets the client. */
    void reset() {
        fids.reset();
        messageSize = 0;
    }

    void checkWritable() {
        if (readOnly) {
            throw new NinePException(EROFS);
        }
    }
}
