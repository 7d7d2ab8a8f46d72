package io.queztl.devices.virtio.net;

/**
 * Numbers of the network device (VirtIO 1.2, 5.1). Its queues, its configuration space and what
 * goes through the queues:
 *
 * <pre>
 * queues   0 receive 1, 1 transmit 1, 2 receive 2 ..., the last one control; without
 *          VIRTIO_NET_F_MQ the control queue is number 2
 * config   0 u8 mac[6]   6 u16 status   8 u16 max_virtqueue_pairs   10 u16 mtu
 * packet   { u8 flags; u8 gso_type; u16 hdr_len; u16 gso_size; u16 csum_start; u16 csum_offset;
 *          u16 num_buffers; } Ethernet frame
 * command  { u8 class; u8 command; } data { u8 ack; }
 * </pre>
 */
final class NetLayout {
    static final int MAC = 0;
    static final int STATUS = 6;
    static final int MAX_PAIRS = 8;
    static final int MTU = 10;
    static final int CONFIG_BYTES = 12;

    static final int S_LINK_UP = 1;
    static final int S_ANNOUNCE = 2;

    static final long F_CSUM = 1L;
    static final long F_GUEST_CSUM = 1L << 1;
    static final long F_CTRL_GUEST_OFFLOADS = 1L << 2;
    static final long F_MTU = 1L << 3;
    static final long F_MAC = 1L << 5;
    static final long F_GUEST_TSO4 = 1L << 7;
    static final long F_GUEST_TSO6 = 1L << 8;
    static final long F_GUEST_ECN = 1L << 9;
    static final long F_HOST_TSO4 = 1L << 11;
    static final long F_HOST_TSO6 = 1L << 12;
    static final long F_HOST_ECN = 1L << 13;
    static final long F_MRG_RXBUF = 1L << 15;
    static final long F_STATUS = 1L << 16;
    static final long F_CTRL_VQ = 1L << 17;
    static final long F_CTRL_RX = 1L << 18;
    static final long F_CTRL_VLAN = 1L << 19;
    static final long F_CTRL_RX_EXTRA = 1L << 20;
    static final long F_GUEST_ANNOUNCE = 1L << 21;
    static final long F_MQ = 1L << 22;
    static final long F_CTRL_MAC_ADDR = 1L << 23;

    /** The features that say what the driver takes undone; the same bits as in a command. */
    static final long GUEST_OFFLOADS = F_GUEST_CSUM | F_GUEST_TSO4 | F_GUEST_TSO6 | F_GUEST_ECN;

    static final int NUM_BUFFERS = 10;
    static final int ETHERNET_HEADER = 14;

    static final int CLASS_RX = 0;
    static final int RX_MODES = 6;
    static final int CLASS_MAC = 1;
    static final int MAC_TABLE_SET = 0;
    static final int MAC_ADDR_SET = 1;
    static final int CLASS_VLAN = 2;
    static final int VLAN_ADD = 0;
    static final int VLAN_DEL = 1;
    static final int CLASS_ANNOUNCE = 3;
    static final int ANNOUNCE_ACK = 0;
    static final int CLASS_MQ = 4;
    static final int MQ_PAIRS_SET = 0;
    static final int CLASS_OFFLOADS = 5;
    static final int OFFLOADS_SET = 0;

    static final int ACK_OK = 0;
    static final int ACK_ERROR = 1;

    private NetLayout() {}
}
