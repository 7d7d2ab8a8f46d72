import org.jspecify.annotations.NullMarked;

/** The devices of the machine: interrupt controllers, legacy, PCI, disks, networks, VirtIO. */
@NullMarked
module io.queztl.devices {
    requires static transitive org.jspecify;
    requires transitive io.queztl.machine;
    requires io.queztl.linux;
    requires aircompressor.v3;

    exports io.queztl.devices.firmware;
    exports io.queztl.devices.host;
    exports io.queztl.devices.irq;
    exports io.queztl.devices.legacy;
    exports io.queztl.devices.net;
    exports io.queztl.devices.net.user;
    exports io.queztl.devices.pci;
    exports io.queztl.devices.power;
    exports io.queztl.devices.storage;
    exports io.queztl.devices.virtio;
    exports io.queztl.devices.virtio.balloon;
    exports io.queztl.devices.virtio.block;
    exports io.queztl.devices.virtio.fs9p;
    exports io.queztl.devices.virtio.net;
    exports io.queztl.devices.virtio.console;
    exports io.queztl.devices.virtio.rng;
    exports io.queztl.devices.virtio.vsock;
}
