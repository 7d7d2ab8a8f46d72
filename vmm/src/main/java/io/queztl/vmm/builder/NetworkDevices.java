package io.queztl.vmm.builder;

import io.queztl.devices.net.CapturingNetwork;
import io.queztl.devices.net.MacAddress;
import io.queztl.devices.net.NetworkBackend;
import io.queztl.devices.net.OffloadingNetwork;
import io.queztl.devices.net.PasstNetwork;
import io.queztl.devices.net.SwitchNetwork;
import io.queztl.devices.net.TapNetwork;
import io.queztl.devices.net.user.UserNetwork;
import io.queztl.devices.virtio.net.VirtioNet;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.config.NetConfig;
import io.queztl.vmm.config.VmException;
import java.io.IOException;
import java.nio.file.Path;

/** Makes network interfaces and what they are connected to. */
final class NetworkDevices {
    private final Closer closer;
    private final GuestMemory memory;
    private int count;

    NetworkDevices(Closer closer, GuestMemory memory) {
        this.closer = closer;
        this.memory = memory;
    }

    /**
     * Makes one.
     *
     * @throws VmException if the host cannot give what it is to be connected to
     */
    VirtioNet make(NetConfig config) {
        NetworkBackend backend;
        try {
            NetworkBackend network = open(config);
            Path capture = config.capture();
            backend = closer.add(capture == null ? network : capturing(network, capture));
        } catch (IOException e) {
            throw new VmException(
                    VmException.Code.HOST, "there is no network: " + e.getMessage() + ".", e);
        }
        MacAddress given = config.mac();
        MacAddress mac = given == null ? MacAddress.random() : given;
        return closer.add(
                new VirtioNet(
                        "net" + count++, memory, backend, mac, config.mtu(), backend.queues()));
    }

    private static NetworkBackend open(NetConfig config) throws IOException {
        return switch (config.link()) {
            case NetConfig.UserLink user -> new UserNetwork(user.options());
            case NetConfig.TapLink tap ->
                    TapNetwork.open(tap.name(), tap.bridge(), tap.queues(), config.mtu());
            case NetConfig.PasstLink passt ->
                    new OffloadingNetwork(PasstNetwork.connect(passt.socket()));
            case NetConfig.SwitchLink port -> SwitchNetwork.join(port.folder());
        };
    }

    private static NetworkBackend capturing(NetworkBackend backend, Path file) throws IOException {
        try {
            return new CapturingNetwork(backend, file);
        } catch (IOException e) {
            backend.close();
            throw new IOException(
                    "packets cannot be captured in %s, which cannot be written".formatted(file), e);
        }
    }
}
