package io.queztl.devices.virtio.fs9p;

/**
 * The numbers of 9P2000.L: the messages of Plan 9's protocol (Plan 9 manual, section 5) and those
 * that Linux adds. A message begins with
 *
 * <pre>
 *   size[4] type[1] tag[2]
 * </pre>
 *
 * and goes on with the fields of its type, all little-endian; a string is its length[2] and bytes.
 * A qid, which names a file, is type[1] version[4] path[8]. An answer's type is the request's and
 * one more; or {@link #R_ERROR} with the error number of Linux [4].
 */
final class NinePLayout {
    static final int HEADER = 7;

    /** Header and count: what comes before the data of an answer to {@link #T_READ}. */
    static final int READ_HEADER = HEADER + 4;

    static final int QID = 13;

    static final int R_ERROR = 7;
    static final int T_STATFS = 8;
    static final int T_OPEN = 12;
    static final int T_CREATE = 14;
    static final int T_SYMLINK = 16;
    static final int T_MKNOD = 18;
    static final int T_RENAME = 20;
    static final int T_READLINK = 22;
    static final int T_GETATTR = 24;
    static final int T_SETATTR = 26;
    static final int T_XATTRWALK = 30;
    static final int T_XATTRCREATE = 32;
    static final int T_READDIR = 40;
    static final int T_FSYNC = 50;
    static final int T_LOCK = 52;
    static final int T_GETLOCK = 54;
    static final int T_LINK = 70;
    static final int T_MKDIR = 72;
    static final int T_RENAMEAT = 74;
    static final int T_UNLINKAT = 76;
    static final int T_VERSION = 100;
    static final int T_AUTH = 102;
    static final int T_ATTACH = 104;
    static final int T_FLUSH = 108;
    static final int T_WALK = 110;
    static final int T_READ = 116;
    static final int T_WRITE = 118;
    static final int T_CLUNK = 120;
    static final int T_REMOVE = 122;

    static final String VERSION = "9P2000.L";
    static final int NO_FID = -1;
    static final int MAX_WALK = 16;

    static final int QID_DIRECTORY = 0x80;
    static final int QID_SYMBOLIC_LINK = 0x02;

    /** Flags of an open: Linux's on most architectures, whatever the host's are. */
    static final int O_ACCESS = 3;

    static final int O_EXCL = 0200;
    static final int O_TRUNC = 01000;
    static final int O_APPEND = 02000;
    static final int O_DSYNC = 010000;
    static final int O_SYNC = 04000000;

    /** Which fields of a {@link #T_SETATTR} count. */
    static final int SET_MODE = 1;

    static final int SET_USER = 2;
    static final int SET_GROUP = 4;
    static final int SET_SIZE = 8;
    static final int SET_ACCESSED = 0x10;
    static final int SET_MODIFIED = 0x20;
    static final int SET_ACCESSED_TO = 0x80;
    static final int SET_MODIFIED_TO = 0x100;

    /** All of {@code stat}'s fields. */
    static final long ATTRIBUTES = 0x7ff;

    static final int REMOVE_DIRECTORY = 0x200;
    static final int LOCK_SUCCESS = 0;
    static final int LOCK_UNLOCKED = 2;

    /** The magic number of the file system in Linux. */
    static final int FILE_SYSTEM = 0x0102_1997;

    static final int EPERM = 1;
    static final int ENOENT = 2;
    static final int EIO = 5;
    static final int EBADF = 9;
    static final int EEXIST = 17;
    static final int EBUSY = 16;
    static final int ENOTDIR = 20;
    static final int EINVAL = 22;
    static final int ENFILE = 23;
    static final int EMFILE = 24;
    static final int EROFS = 30;
    static final int ENAMETOOLONG = 36;
    static final int EPROTO = 71;
    static final int EMSGSIZE = 90;
    static final int EOPNOTSUPP = 95;
    static final int ESTALE = 116;

    private NinePLayout() {}
}
