package io.queztl.vmm.builder;

import io.queztl.devices.irq.IrqRouter;
import io.queztl.devices.pci.PciHostBridge;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.VirtioPci;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.irq.MsiSink;
import io.queztl.vmm.config.VmException;
import io.queztl.vmm.layout.Layout;
import java.util.ArrayList;
import java.util.List;

/** Plugs devices into bus 0, slot after slot, and gives them addresses as firmware does. */
final class PciSlots {
    private final PciHostBridge bridge;
    private final Bus mmio;
    private final Bus ports;
    private final MsiSink messages;
    private final IrqRouter irqs;
    private final List<VirtioDevice> devices = new ArrayList<>();
    private int next = Layout.PCI_FIRST_SLOT;

    PciSlots(PciHostBridge bridge, Bus mmio, Bus ports, MsiSink messages, IrqRouter irqs) {
        this.bridge = bridge;
        this.mmio = mmio;
        this.ports = ports;
        this.messages = messages;
        this.irqs = irqs;
    }

    /**
     * Puts a device into the next free slot.
     *
     * @throws VmException if all slots are taken
     */
    VirtioPci add(VirtioDevice device, int classCode) {
        if (next > Layout.PCI_LAST_SLOT) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "a VM has room for %d PCI devices; leave some out."
                            .formatted(Layout.PCI_LAST_SLOT - Layout.PCI_FIRST_SLOT + 1));
        }
        int slot = next++;
        VirtioPci function =
                new VirtioPci(
                        device,
                        classCode,
                        mmio,
                        ports,
                        messages,
                        irqs.line(Layout.pciGsi(slot, 0)));
        bridge.add(slot, 0, function.pci());
        devices.add(device);
        return function;
    }

    /** What was plugged in, in order. */
    List<VirtioDevice> devices() {
        return devices;
    }

    /** The slot that was taken last. */
    int last() {
        return next - 1;
    }

    /** Gives all devices addresses. */
    void assignAddresses() {
        bridge.assignAddresses(
                Layout.PCI_MMIO32,
                Layout.PCI_MMIO32 + Layout.PCI_MMIO32_BYTES,
                Layout.PCI_PORTS,
                Layout.PCI_PORTS_END);
    }
}
