package io.queztl.vmm.builder;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.devices.virtio.VirtioPci;
import io.queztl.devices.virtio.block.VirtioBlock;
import io.queztl.devices.virtio.fs9p.Virtio9p;
import io.queztl.devices.virtio.net.VirtioNet;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.config.AgentConfig;
import io.queztl.vmm.config.BalloonConfig;
import io.queztl.vmm.config.ConsoleConfig;
import io.queztl.vmm.config.DeviceConfig;
import io.queztl.vmm.config.DiskConfig;
import io.queztl.vmm.config.NetConfig;
import io.queztl.vmm.config.PanicConfig;
import io.queztl.vmm.config.PortConfig;
import io.queztl.vmm.config.ShareConfig;
import io.queztl.vmm.config.VmConfig;
import io.queztl.vmm.config.VmException;
import io.queztl.vmm.config.VsockConfig;
import io.queztl.vmm.config.WatchdogConfig;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;

/** Makes the devices that a configuration asks for and plugs them in. */
final class OptionalDevices {
    private static final int MAX_DISK_QUEUES = 4;

    private final VmConfig config;
    private final Closer closer;
    private final GuestMemory memory;
    private final PciSlots slots;
    private final NetworkDevices networks;
    private final OutputStream console;
    private final ConsoleDevices consoles;
    private final SmallDevices small;
    private final PlatformDevices platform;
    private final List<String> bootOrder = new ArrayList<>();
    private int disks;

    /**
     * @param console where a VirtIO terminal prints
     * @param peripherals takes what is worked with later
     * @param platform adds what is on no bus that can be probed
     */
    OptionalDevices(
            VmConfig config,
            Closer closer,
            GuestMemory memory,
            PciSlots slots,
            OutputStream console,
            Peripherals peripherals,
            PlatformDevices platform) {
        this.platform = platform;
        this.console = console;
        consoles = new ConsoleDevices(closer, memory, slots, peripherals);
        small = new SmallDevices(closer, memory, slots);
        this.config = config;
        this.closer = closer;
        this.memory = memory;
        this.slots = slots;
        networks = new NetworkDevices(closer, memory);
    }

    /**
     * Adds all of them, in order.
     *
     * @throws VmException if the host cannot give what one of them needs
     */
    void add() {
        for (DeviceConfig device : config.devices()) {
            switch (device) {
                case DiskConfig disk -> add(disk);
                case NetConfig net -> {
                    VirtioPci ignored = slots.add(networks.make(net), VirtioNet.PCI_CLASS);
                }
                case ConsoleConfig terminal -> consoles.addTerminal(console);
                case PortConfig port -> consoles.note(port);
                case AgentConfig agent -> consoles.addAgent();
                case ShareConfig share -> {
                    VirtioPci ignored =
                            slots.add(
                                    SharedFolders.make(share, closer, memory), Virtio9p.PCI_CLASS);
                }
                case VsockConfig vsock -> small.add(vsock);
                case BalloonConfig balloon -> small.add(balloon);
                case WatchdogConfig watchdog -> platform.add(watchdog);
                case PanicConfig panic -> platform.addPanic();
            }
        }
        consoles.addPorts();
    }

    private void add(DiskConfig disk) {
        DiskImage image = closer.add(open(disk));
        int queues = Math.min(config.cpus(), MAX_DISK_QUEUES);
        VirtioBlock device =
                closer.add(
                        new VirtioBlock(
                                "disk" + disks++,
                                memory,
                                image,
                                disk.serial(),
                                queues,
                                !disk.writeThrough()));
        VirtioPci ignored = slots.add(device, VirtioBlock.PCI_CLASS);
        // As Open Firmware names a disk behind a PCI function: what SeaBIOS and OVMF compare with.
        bootOrder.add("/pci@i0cf8/scsi@%x/disk@0,0".formatted(slots.last()));
    }

    /** What firmware tries to boot from, first to last. */
    List<String> bootOrder() {
        return List.copyOf(bootOrder);
    }

    private static DiskImage open(DiskConfig disk) {
        if (disk.snapshot()) {
            throw new IllegalStateException("nobody has made an overlay of " + disk.location());
        }
        try {
            return Images.open(
                    disk.location(),
                    disk.format(),
                    new ImageOptions(disk.readOnly(), disk.overlay()));
        } catch (IOException e) {
            throw new VmException(
                    VmException.Code.HOST,
                    "the disk %s cannot be opened: %s.".formatted(disk.location(), reason(e)),
                    e);
        }
    }

    static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException n -> "there is no such file";
            case AccessDeniedException a -> "this user may not read and write it";
            default -> String.valueOf(e.getMessage());
        };
    }
}
