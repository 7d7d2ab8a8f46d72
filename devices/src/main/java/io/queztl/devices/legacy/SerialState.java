package io.queztl.devices.legacy;

import java.util.List;

/**
 * A {@link Serial} at rest.
 *
 * @param divisor divisor latch
 * @param interruptEnable IER
 * @param fifoControl FCR's trigger level and enable bit
 * @param lineControl LCR
 * @param modemControl MCR
 * @param lineStatus the error bits of LSR
 * @param modemStatus MSR
 * @param scratch SCR
 * @param transmitterEmpty the THRE interrupt is latched
 * @param timeout the receive timeout interrupt is latched
 * @param fifo received bytes the guest has not read, oldest first
 * @param input bytes that wait on the host's side for room in the FIFO
 */
public record SerialState(
        int divisor,
        int interruptEnable,
        int fifoControl,
        int lineControl,
        int modemControl,
        int lineStatus,
        int modemStatus,
        int scratch,
        boolean transmitterEmpty,
        boolean timeout,
        List<Integer> fifo,
        List<Integer> input) {}
