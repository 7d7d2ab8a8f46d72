package io.queztl.devices.net.user;

/**
 * A user network's counters.
 *
 * @param received packets taken from the guest
 * @param malformed those of them that were broken, or not the guest's to send
 * @param overrun packets of the guest that were dropped because too many waited
 * @param sent packets given to the guest
 * @param dropped packets for the guest that it had no room for
 * @param connections TCP connections now
 * @param udpFlows UDP flows now
 * @param queries DNS questions under way now
 * @param bufferBytes memory that TCP data takes now
 * @param faults errors of the network's own, which should be 0
 */
public record UserNetworkStatistics(
        long received,
        long malformed,
        long overrun,
        long sent,
        long dropped,
        int connections,
        int udpFlows,
        int queries,
        int bufferBytes,
        long faults) {}
