package io.queztl.machine.irq;

/** Takes message-signalled interrupts: writes to the 0xFEE00000 range (SDM volume 3, 11.11). */
@FunctionalInterface
public interface MsiSink {
    /**
     * @param address the message address
     * @param data the message data
     */
    void send(long address, int data);
}
