package io.queztl.devices.virtio.vsock;

/**
 * Numbers of the socket device (VirtIO 1.2, 5.10). Its packet header and its configuration space:
 *
 * <pre>
 *  0 u64 src_cid   8 u64 dst_cid   16 u32 src_port   20 u32 dst_port   24 u32 len
 * 28 u16 type     30 u16 op        32 u32 flags      36 u32 buf_alloc  40 u32 fwd_cnt
 *
 * config  0 u64 guest_cid
 * </pre>
 */
final class VsockLayout {
    static final int CONFIG_BYTES = 8;
    static final int HEADER_BYTES = 44;

    static final int TO_GUEST = 0;
    static final int FROM_GUEST = 1;
    static final int EVENTS = 2;

    static final long F_STREAM = 1;

    /** The host's own address. */
    static final long HOST_CID = 2;

    static final int TYPE_STREAM = 1;

    static final int REQUEST = 1;
    static final int RESPONSE = 2;
    static final int RST = 3;
    static final int SHUTDOWN = 4;
    static final int RW = 5;
    static final int CREDIT_UPDATE = 6;
    static final int CREDIT_REQUEST = 7;

    /** Flag of SHUTDOWN: receives no more. */
    static final int NO_RECEIVE = 1;

    /** Flag of SHUTDOWN: sends no more. */
    static final int NO_SEND = 2;

    static final int EVENT_TRANSPORT_RESET = 0;

    private VsockLayout() {}
}
