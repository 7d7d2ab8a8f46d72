package io.queztl.devices.virtio.balloon;

/**
 * Numbers of the memory balloon (VirtIO 1.2, 5.5). Its configuration space and its queues:
 *
 * <pre>
 * config   0 u32 num_pages   4 u32 actual   8 u32 free_page_hint_cmd_id   12 u32 poison_val
 * queues   0 inflate   1 deflate   2 statistics   3 free page hints   4 free page reports
 * </pre>
 *
 * Queues of features that were not chosen keep their numbers, by the specification. Older drivers
 * number the queues that they use one after another; with hints and statistics chosen both agree.
 */
final class BalloonLayout {
    static final int NUM_PAGES = 0;
    static final int ACTUAL = 4;
    static final int CONFIG_BYTES = 16;

    static final int INFLATE = 0;
    static final int DEFLATE = 1;
    static final int STATISTICS = 2;
    static final int HINTS = 3;
    static final int REPORTS = 4;

    static final long F_STATISTICS = 1 << 1;
    static final long F_DEFLATE_ON_OOM = 1 << 2;
    static final long F_HINTS = 1 << 3;
    static final long F_REPORTS = 1 << 5;

    /** Bytes in a page, whatever the guest's pages are. */
    static final int PAGE = 4096;

    static final int STATISTIC_BYTES = 10;

    private BalloonLayout() {}
}
