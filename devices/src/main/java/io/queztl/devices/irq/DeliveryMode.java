package io.queztl.devices.irq;

/** Delivery modes of interrupt messages, LVT entries and the ICR (SDM volume 3, 11.5.1, 11.6.1). */
final class DeliveryMode {
    static final int FIXED = 0;
    static final int LOWEST_PRIORITY = 1;
    static final int SMI = 2;
    static final int NMI = 4;
    static final int INIT = 5;
    static final int STARTUP = 6;
    static final int EXTINT = 7;

    private DeliveryMode() {}
}
