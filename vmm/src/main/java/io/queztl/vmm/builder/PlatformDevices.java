package io.queztl.vmm.builder;

import io.queztl.devices.legacy.PvPanic;
import io.queztl.devices.legacy.Watchdog;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.time.Timers;
import io.queztl.vmm.config.PanicConfig;
import io.queztl.vmm.config.VmConfig;
import io.queztl.vmm.config.VmException;
import io.queztl.vmm.config.WatchdogConfig;
import io.queztl.vmm.layout.Layout;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Makes the optional devices at fixed ports, which the guest finds by its ACPI tables. */
final class PlatformDevices {
    private final Bus ports;
    private final Timers timers;
    private final CompletableFuture<Outcome> exit;
    private final Peripherals peripherals;

    PlatformDevices(
            Bus ports, Timers timers, CompletableFuture<Outcome> exit, Peripherals peripherals) {
        this.ports = ports;
        this.timers = timers;
        this.exit = exit;
        this.peripherals = peripherals;
    }

    /**
     * Checks that there is one of each at most.
     *
     * @throws VmException if there are more
     */
    static void check(VmConfig config) {
        for (Class<? extends io.queztl.vmm.config.DeviceConfig> kind :
                List.of(WatchdogConfig.class, PanicConfig.class)) {
            if (config.devices(kind).size() > 1) {
                throw new VmException(
                        VmException.Code.CONFIGURATION,
                        "a VM has one watchdog and one panic port at most; leave the others out.");
            }
        }
    }

    void add(WatchdogConfig config) {
        Runnable action =
                switch (config.action()) {
                    case RESET -> () -> end(new Outcome.WatchdogExpired());
                    case POWEROFF -> () -> end(new Outcome.PoweredOff());
                    case PAUSE -> peripherals::pause;
                };
        Watchdog device = new Watchdog(timers, action);
        ports.add(Layout.WATCHDOG_PORT, Watchdog.PORTS, device);
    }

    void addPanic() {
        ports.add(Layout.PANIC_PORT, PvPanic.PORTS, new PvPanic(() -> end(new Outcome.Panicked())));
    }

    private void end(Outcome outcome) {
        boolean ignored = exit.complete(outcome);
    }
}
