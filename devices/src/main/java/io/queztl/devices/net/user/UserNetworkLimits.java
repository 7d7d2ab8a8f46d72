package io.queztl.devices.net.user;

/**
 * How much of the host one guest may use through its network.
 *
 * @param connections TCP connections, in whatever state
 * @param halfOpen TCP connections that one side has not accepted yet
 * @param udpFlows pairs of UDP endpoints
 * @param queries DNS questions under way
 * @param pings echo requests to the outside under way
 * @param bufferBytes memory for TCP data on its way, in both directions
 * @param streamBytes the same for one direction of one connection
 */
public record UserNetworkLimits(
        int connections,
        int halfOpen,
        int udpFlows,
        int queries,
        int pings,
        int bufferBytes,
        int streamBytes) {

    /** What a guest gets unless told otherwise. */
    public static final UserNetworkLimits DEFAULT =
            new UserNetworkLimits(1024, 256, 512, 128, 32, 64 << 20, 512 << 10);
}
