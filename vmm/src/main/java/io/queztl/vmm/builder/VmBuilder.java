package io.queztl.vmm.builder;

import io.queztl.devices.irq.ApicSystem;
import io.queztl.devices.irq.IoApic;
import io.queztl.devices.irq.IrqRouter;
import io.queztl.devices.irq.Pic;
import io.queztl.devices.legacy.Cmos;
import io.queztl.devices.legacy.DebugConsole;
import io.queztl.devices.legacy.DebugExit;
import io.queztl.devices.legacy.FastA20;
import io.queztl.devices.legacy.Hpet;
import io.queztl.devices.legacy.I8042;
import io.queztl.devices.legacy.OutputBuffer;
import io.queztl.devices.legacy.Pit;
import io.queztl.devices.legacy.PostPort;
import io.queztl.devices.legacy.ResetControl;
import io.queztl.devices.legacy.Serial;
import io.queztl.devices.pci.PciHostBridge;
import io.queztl.devices.power.AcpiPm;
import io.queztl.devices.virtio.VirtioPci;
import io.queztl.devices.virtio.rng.VirtioRng;
import io.queztl.linux.LinuxException;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.cpu.Accelerator;
import io.queztl.machine.cpu.Vcpu;
import io.queztl.machine.cpu.VmParameters;
import io.queztl.machine.irq.IrqLine;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.TimerThread;
import io.queztl.machine.time.VmClock;
import io.queztl.vmm.acpi.AcpiMachine;
import io.queztl.vmm.acpi.AcpiTables;
import io.queztl.vmm.boot.BootEntry;
import io.queztl.vmm.boot.BootLoader;
import io.queztl.vmm.config.FirmwareConfig;
import io.queztl.vmm.config.MemorySize;
import io.queztl.vmm.config.PanicConfig;
import io.queztl.vmm.config.VmConfig;
import io.queztl.vmm.config.VmException;
import io.queztl.vmm.config.WatchdogConfig;
import io.queztl.vmm.layout.Layout;
import io.queztl.vmm.vcpu.VcpuThread;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Puts a machine together: memory, kernel, time, interrupt controllers, devices, vCPUs, in this
 * order. If a step fails, what the earlier ones opened is closed again.
 */
public final class VmBuilder {
    private static final int SERIAL_PORTS = 2;
    private static final boolean PM_TIMER_32_BITS = false;

    private final VmConfig config;
    private final Accelerator accelerator;
    private OutputStream console = OutputStream.nullOutputStream();
    private OutputStream second = OutputStream.nullOutputStream();
    private OutputStream firmwareDebug = OutputStream.nullOutputStream();
    private @Nullable Consumer<String> trace;

    /** Builds what {@code config} says, its CPUs made by {@code accelerator}. */
    public VmBuilder(VmConfig config, Accelerator accelerator) {
        this.config = config;
        this.accelerator = accelerator;
    }

    /** Where the first serial port and the debug console print; closed by its owner. */
    public VmBuilder console(OutputStream out) {
        console = out;
        return this;
    }

    /** Where the second serial port prints; closed by its owner. */
    public VmBuilder second(OutputStream out) {
        second = out;
        return this;
    }

    /** Where firmware's debug port prints; closed by its owner. */
    public VmBuilder firmwareDebug(OutputStream out) {
        firmwareDebug = out;
        return this;
    }

    /** Prints a line after each instruction of each vCPU. */
    public VmBuilder trace(Consumer<String> printer) {
        trace = printer;
        return this;
    }

    /**
     * Checks what only accelerator and host can tell.
     *
     * @throws VmException if one of them cannot give what {@code config} asks for
     */
    public static void check(VmConfig config, Accelerator accelerator) {
        if (!accelerator.cpuModels().contains(config.cpuModel())) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "there is no CPU model '%s'; choose one of %s with --cpu."
                            .formatted(
                                    config.cpuModel(), String.join(", ", accelerator.cpuModels())));
        }
        PlatformDevices.check(config);
        long host = HostMemory.total();
        if (config.memoryBytes() > host) {
            throw new VmException(
                    VmException.Code.HOST,
                    "the host has %dM of memory, a guest of %s does not fit; give it less."
                            .formatted(host >> 20, MemorySize.format(config.memoryBytes())));
        }
    }

    /**
     * Builds the machine, its vCPUs not started yet.
     *
     * @throws VmException if accelerator or host cannot give what is asked for
     * @throws io.queztl.vmm.boot.BootException if the kernel cannot be booted
     */
    public VirtualMachine build() {
        check(config, accelerator);
        Closer closer = new Closer();
        try {
            return build(closer);
        } catch (LinuxException | OutOfMemoryError e) {
            closer.close();
            throw new VmException(
                    VmException.Code.HOST,
                    "the host has not enough memory left for a guest of %s; give it less."
                            .formatted(MemorySize.format(config.memoryBytes())),
                    e);
        } catch (RuntimeException e) {
            closer.close();
            throw e;
        }
    }

    private VirtualMachine build(Closer closer) {
        FirmwareConfig firmware = config.firmware();
        FirmwareBoard board = firmware == null ? null : new FirmwareBoard(firmware, closer);
        GuestMemory memory =
                closer.add(
                        board == null
                                ? new GuestMemory(config.memoryBytes())
                                : board.memory(config.memoryBytes()));
        AcpiMachine machine =
                new AcpiMachine(config.cpus(), SERIAL_PORTS, false, true)
                        .with(
                                !config.devices(WatchdogConfig.class).isEmpty(),
                                !config.devices(PanicConfig.class).isEmpty());
        BootEntry entry = board == null ? load(machine, memory) : null;

        VmClock clock = new VmClock();
        TimerThread timers = closer.add(new TimerThread(clock));
        CompletableFuture<Outcome> exit = new CompletableFuture<>();
        Bus mmio = new Bus();
        Bus ports = new Bus();

        ApicSystem apics = new ApicSystem(config.cpus(), timers);
        Pic pic = new Pic(apics::externalChanged);
        apics.external(pic);
        IoApic ioApic = new IoApic(apics);
        IrqRouter irqs = new IrqRouter(pic, ioApic);
        mmio.add(Layout.IOAPIC, IoApic.WINDOW, ioApic);
        ports.add(Layout.PIC_MASTER_PORT, 2, pic.master());
        ports.add(Layout.PIC_SLAVE_PORT, 2, pic.slave());
        ports.add(Layout.PIC_ELCR_PORT, 2, pic.edgeLevel());

        addTimers(mmio, ports, irqs, apics, timers, memory);
        AcpiPm power = addPower(ports, irqs, timers, exit);
        Peripherals peripherals = new Peripherals();
        PlatformDevices platform = new PlatformDevices(ports, timers, exit, peripherals);
        PciSlots slots =
                addPci(
                        closer,
                        memory,
                        mmio,
                        ports,
                        apics,
                        irqs,
                        exit,
                        peripherals,
                        platform,
                        board,
                        machine);

        List<OutputBuffer> outputs = peripherals.outputs();
        Serial serial = null;
        for (int i = 0; i < SERIAL_PORTS; i++) {
            OutputBuffer output =
                    closer.add(new OutputBuffer("com" + (i + 1), i == 0 ? console : second));
            outputs.add(output);
            IrqLine line = irqs.line(Layout.serialIrqs()[i]);
            Serial port = new Serial(line, output, timers);
            if (board != null) {
                port.receiveAlways();
            }
            ports.add(Layout.serialPorts()[i], Serial.PORTS, port);
            serial = serial == null ? port : serial;
        }
        if (config.debugConsole()) {
            OutputBuffer output = closer.add(new OutputBuffer("debug-console", console));
            outputs.add(output);
            ports.add(Layout.DEBUG_CONSOLE_PORT, 1, new DebugConsole(output));
        }

        if (board != null && board.debug()) {
            OutputBuffer output = closer.add(new OutputBuffer("firmware-debug", firmwareDebug));
            outputs.add(output);
            ports.add(Layout.FIRMWARE_DEBUG_PORT, 1, new DebugConsole(output));
        }

        List<? extends Vcpu> cpus =
                accelerator.createVcpus(
                        new VmParameters(
                                memory, mmio, ports, clock, apics.localApics(), config.cpuModel()));
        Vcpu boot = cpus.getFirst();
        if (entry != null) {
            boot.restore(entry.toCpuState(boot.state()));
        }
        List<VcpuThread> threads = new ArrayList<>();
        VirtualMachine.DebugHook debug = new VirtualMachine.DebugHook();
        for (Vcpu cpu : cpus) {
            VcpuThread thread = new VcpuThread(cpu, new VirtualMachine.Listener(exit, debug));
            apics.attach(cpu.index(), thread);
            Consumer<String> printer = trace;
            if (printer != null) {
                thread.trace(v -> printer.accept(InstructionTrace.line(v)));
            }
            threads.add(thread);
        }
        return new VirtualMachine(
                closer,
                clock,
                java.util.Objects.requireNonNull(serial),
                outputs,
                power::press,
                exit,
                threads,
                memory,
                debug,
                slots.devices(),
                peripherals);
    }

    private static void addTimers(
            Bus mmio,
            Bus ports,
            IrqRouter irqs,
            ApicSystem apics,
            TimerThread timers,
            GuestMemory memory) {
        Hpet hpet = new Hpet(irqs::line, apics, timers);
        mmio.add(Layout.HPET, Hpet.WINDOW, hpet);
        Pit pit = new Pit(hpet.intervalTimerLine(), timers);
        ports.add(Layout.PIT_PORT, Pit.PORTS, pit);
        ports.add(Layout.PORT_B, 1, pit.systemControl());
        long all = memory.ramBytes();
        long low = memory.regions().getFirst().bytes();
        Cmos cmos = new Cmos(hpet.realTimeClockLine(), timers, low, all - low);
        ports.add(Layout.RTC_PORT, Cmos.PORTS, cmos);
    }

    private PciSlots addPci(
            Closer closer,
            GuestMemory memory,
            Bus mmio,
            Bus ports,
            ApicSystem apics,
            IrqRouter irqs,
            CompletableFuture<Outcome> exit,
            Peripherals peripherals,
            PlatformDevices platform,
            @Nullable FirmwareBoard board,
            AcpiMachine machine) {
        // The reset register lies among the configuration ports: the bridge passes it on.
        ResetControl reset =
                new ResetControl(() -> {
                    boolean ignored = exit.complete(new Outcome.Reset());
                });
        PciHostBridge bridge =
                board == null
                        ? new PciHostBridge(mmio, ports, reset, Layout.ECAM)
                        : board.bridge(memory, mmio, ports, reset);
        ports.add(Layout.PCI_CONFIG_PORT, PciHostBridge.PORTS, bridge.ports());
        PciSlots slots = new PciSlots(bridge, mmio, ports, apics, irqs);
        VirtioPci ignored =
                slots.add(closer.add(new VirtioRng("rng", memory)), VirtioRng.PCI_CLASS);
        OptionalDevices devices =
                new OptionalDevices(config, closer, memory, slots, console, peripherals, platform);
        devices.add();
        if (board == null) {
            mmio.add(Layout.ECAM, PciHostBridge.ECAM_WINDOW, bridge.ecam());
            slots.assignAddresses();
        } else {
            board.add(closer, memory, mmio, ports, bridge, config, machine, devices.bootOrder());
        }
        return slots;
    }

    private BootEntry load(AcpiMachine machine, GuestMemory memory) {
        long rsdp = AcpiTables.write(memory, machine);
        return BootLoader.load(config.bootRequest().withRsdp(rsdp), memory);
    }

    private AcpiPm addPower(
            Bus ports, IrqRouter irqs, TimerThread timers, CompletableFuture<Outcome> exit) {
        Runnable reset =
                () -> {
                    boolean ignored = exit.complete(new Outcome.Reset());
                };
        AcpiPm power =
                new AcpiPm(
                        irqs.line(Layout.SCI_IRQ),
                        timers,
                        PM_TIMER_32_BITS,
                        () -> {
                            boolean ignored = exit.complete(new Outcome.PoweredOff());
                        });
        // The tables name no command port: the machine is in ACPI mode from the start.
        power.command().write(0, 1, AcpiPm.ENABLE_COMMAND);
        ports.add(Layout.PM_PORT, AcpiPm.PORTS, power);
        I8042 i8042 = new I8042(irqs.line(Layout.KEYBOARD_IRQ), false, reset);
        ports.add(Layout.I8042_DATA_PORT, 1, i8042.data());
        ports.add(Layout.I8042_COMMAND_PORT, 1, i8042.command());
        ports.add(Layout.PORT_A, 1, new FastA20(reset));
        ports.add(Layout.POST_PORT, 1, new PostPort());
        if (config.debugExit()) {
            ports.add(
                    Layout.DEBUG_EXIT_PORT,
                    DebugExit.PORTS,
                    new DebugExit(status -> {
                        boolean ignored = exit.complete(new Outcome.DebugExit(status));
                    }));
        }
        return power;
    }
}
