package io.queztl.vmm.builder;

import io.queztl.devices.virtio.balloon.VirtioBalloon;
import io.queztl.devices.virtio.vsock.VirtioVsock;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.config.BalloonConfig;
import io.queztl.vmm.config.VmException;
import io.queztl.vmm.config.VsockConfig;
import java.io.IOException;

/** Makes the devices of which a VM has one at most. */
final class SmallDevices {
    private final Closer closer;
    private final GuestMemory memory;
    private final PciSlots slots;
    private boolean sockets;
    private boolean balloon;

    SmallDevices(Closer closer, GuestMemory memory, PciSlots slots) {
        this.closer = closer;
        this.memory = memory;
        this.slots = slots;
    }

    void add(VsockConfig config) {
        once(sockets, "socket device (--vsock)");
        sockets = true;
        try {
            VirtioVsock device =
                    closer.add(new VirtioVsock("vsock", memory, config.cid(), config.socket()));
            var ignored = slots.add(device, VirtioVsock.PCI_CLASS);
        } catch (IOException e) {
            throw new VmException(
                    VmException.Code.HOST,
                    "--vsock cannot have the socket %s: %s."
                            .formatted(config.socket(), OptionalDevices.reason(e)),
                    e);
        }
    }

    void add(BalloonConfig config) {
        once(balloon, "balloon");
        balloon = true;
        if (config.target() >= memory.ram().byteSize()) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "the balloon is to take all of the guest's memory; give --balloon less.");
        }
        VirtioBalloon device = closer.add(new VirtioBalloon("balloon", memory));
        device.target(config.target());
        var ignored = slots.add(device, VirtioBalloon.PCI_CLASS);
    }

    private static void once(boolean there, String what) {
        if (there) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "a VM has one %s at most; leave the other out.".formatted(what));
        }
    }
}
