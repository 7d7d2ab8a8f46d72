package io.queztl.server.cli;

import io.queztl.devices.virtio.console.ConsolePort;
import io.queztl.linux.Terminal;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.guest.StockModules;
import io.queztl.vmm.builder.VirtualMachine;
import io.queztl.vmm.config.ConsoleConfig;
import io.queztl.vmm.config.DeviceConfig;
import io.queztl.vmm.config.PortConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code queztl run} for the terminal and for ports between guest and host. */
final class ConsoleOptions {
    private static final String VIRTIO = "virtio";

    @Option(
            names = "--console",
            paramLabel = "serial|virtio",
            description = {
                "what of the guest's this terminal is: its first serial port (default), or"
                        + " /dev/hvc0, which knows the terminal's size"
            })
    private String console = "serial";

    @Option(
            names = "--port",
            paramLabel = "NAME=SOCKET",
            description =
                    "a VirtIO port of this name, at a Unix socket of the host; may be given several"
                            + " times")
    private List<String> ports = new ArrayList<>();

    /** True if the terminal is the VirtIO one. */
    boolean virtio() {
        if (!console.equals(VIRTIO) && !console.equals("serial")) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--console takes 'serial' or 'virtio', not '%s'.".formatted(console));
        }
        return console.equals(VIRTIO);
    }

    /** What the options ask for. */
    List<DeviceConfig> configs() {
        List<DeviceConfig> configs = new ArrayList<>();
        if (virtio()) {
            configs.add(new ConsoleConfig());
        }
        for (String port : ports) {
            configs.add(PortConfig.parse(port));
        }
        return configs;
    }

    /** The modules that the stock guest loads for them. */
    List<List<String>> modules() {
        return virtio() || !ports.isEmpty() ? List.of(StockModules.CONSOLE) : List.of();
    }

    /** The stock guest's terminal, a name in its {@code /dev}. */
    String guestDevice() {
        return virtio() ? "hvc0" : "ttyS0";
    }

    /**
     * What to add to a kernel's command line: the stock guest's init takes the terminal by itself,
     * and would print what the kernel has said a second time.
     */
    @Nullable String append(@Nullable Path kernel, @Nullable String users) {
        if (kernel == null || !virtio()) {
            return users;
        }
        return "console=hvc0" + (users == null ? "" : " " + users);
    }

    /** Where what is typed goes; the guest hears of the terminal's size from now on. */
    ConsoleInput input(VirtualMachine vm, @Nullable Terminal terminal) {
        ConsolePort port = vm.peripherals().console();
        if (port == null) {
            return new ConsoleInput() {
                @Override
                public int send(byte[] bytes, int start, int length) {
                    return vm.console().receive(bytes, start, length);
                }

                @Override
                public boolean awaitRoom(long millis) throws InterruptedException {
                    return vm.console().awaitRoom(millis);
                }
            };
        }
        if (terminal != null) {
            Runnable resize =
                    () -> {
                        Terminal.Size size = terminal.size();
                        port.resize(size.columns(), size.rows());
                    };
            resize.run();
            WindowSignal.onChange(resize);
        }
        return new ConsoleInput() {
            @Override
            public int send(byte[] bytes, int start, int length) {
                return port.send(bytes, start, length);
            }

            @Override
            public boolean awaitRoom(long millis) throws InterruptedException {
                return port.awaitRoom(millis);
            }
        };
    }
}
