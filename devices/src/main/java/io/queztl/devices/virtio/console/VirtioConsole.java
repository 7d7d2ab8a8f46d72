package io.queztl.devices.virtio.console;

import static io.queztl.devices.virtio.console.ConsoleLayout.*;

import io.queztl.devices.virtio.DescriptorChain;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.Virtqueue;
import io.queztl.machine.memory.GuestMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The console device (VirtIO 1.2, 5.3): one terminal, or several ports that are terminals or known
 * by their names. A device with one terminal offers no control queues: then the guest reads the
 * terminal's size from the configuration space, whose layout all drivers agree on, while some take
 * the two numbers of a RESIZE message the other way round.
 */
public final class VirtioConsole extends VirtioDevice {
    /** VirtIO device type. */
    public static final int DEVICE_ID = 3;

    /** PCI class: other communication controller. */
    public static final int PCI_CLASS = 0x07_8000;

    /** The most ports that a device can have. */
    public static final int MAX_PORT_COUNT = 31;

    private static final int QUEUE_SIZE = 64;
    private static final int CHUNK = 4096;

    /** Buffers of one queue that are served before it is another's turn. */
    private static final int TURN = 32;

    private final boolean multiport;
    private final ConsolePort[] ports;
    private final DescriptorChain chain;
    private final byte[] chunk = new byte[CHUNK];

    /**
     * @param name for threads and messages
     * @param ports the first may be a terminal by itself, or 1–31 of any kind
     */
    public VirtioConsole(String name, GuestMemory memory, List<ConsolePort> ports) {
        super(name, DEVICE_ID, memory, CONFIG_BYTES, 1, sizes(ports));
        if (ports.isEmpty() || ports.size() > MAX_PORT_COUNT) {
            throw new IllegalArgumentException(ports.size() + " ports");
        }
        this.ports = ports.toArray(ConsolePort[]::new);
        multiport = multiport(ports);
        chain = new DescriptorChain(memory);
        setConfig(MAX_PORTS, 4, ports.size());
        for (int i = 0; i < this.ports.length; i++) {
            this.ports[i].attach(this, i);
        }
    }

    private static boolean multiport(List<ConsolePort> ports) {
        return ports.size() > 1 || !ports.getFirst().isConsole();
    }

    private static int[] sizes(List<ConsolePort> ports) {
        int[] sizes = new int[multiport(ports) ? 2 + 2 * ports.size() : 2];
        Arrays.fill(sizes, QUEUE_SIZE);
        return sizes;
    }

    @Override
    protected long deviceFeatures() {
        return multiport ? F_SIZE | F_MULTIPORT : F_SIZE;
    }

    // ---- from the ports

    /** A port has something for the guest, or takes more from it. Any thread. */
    void attention(int port) {
        kick(queue(port));
        kick(queue(port) + 1);
        if (multiport) {
            kick(CONTROL_TO_GUEST);
        }
    }

    void resized(int port, int columns, int rows) {
        if (port == 0) {
            setConfig(COLUMNS, 2, columns);
            setConfig(ROWS, 2, rows);
            if (!negotiated(F_MULTIPORT)) {
                configChanged();
            }
        }
        attention(port);
    }

    // ---- queues

    @Override
    protected void process(int queue, Virtqueue ring) {
        boolean several = negotiated(F_MULTIPORT);
        if (queue == CONTROL_TO_GUEST || queue == CONTROL_FROM_GUEST) {
            if (several && queue == CONTROL_TO_GUEST) {
                tell(queue, ring);
            } else if (several) {
                hear(queue, ring);
            }
            return;
        }
        int port = queue < 2 ? 0 : queue / 2 - 1;
        if (port > 0 && !several) {
            return;
        }
        if (queue % 2 == 0) {
            toGuest(queue, ring, ports[port], several);
        } else {
            fromGuest(queue, ring, ports[port]);
        }
    }

    private void toGuest(int queue, Virtqueue ring, ConsolePort port, boolean several) {
        int turn = TURN;
        do {
            ring.disableNotifications();
            while (port.deliverable(several) && ring.pop(chain)) {
                ring.push(chain, port.deliver(chain));
                complete(queue, ring);
                if (--turn == 0) {
                    kick(queue);
                    return;
                }
            }
        } while (ring.enableNotifications() && port.deliverable(several));
    }

    private void fromGuest(int queue, Virtqueue ring, ConsolePort port) {
        int turn = TURN;
        do {
            ring.disableNotifications();
            while (ring.pop(chain)) {
                if (!take(port)) {
                    // The host's end is full; it calls when it is not.
                    ring.unpop(chain);
                    return;
                }
                ring.push(chain, 0);
                complete(queue, ring);
                if (--turn == 0) {
                    kick(queue);
                    return;
                }
            }
        } while (ring.enableNotifications());
    }

    /** Hands a buffer to the host; false if some of it has to wait. */
    private boolean take(ConsolePort port) {
        long consumed = port.consumed();
        chain.skipReadable(consumed);
        while (chain.readable() > 0) {
            // A buffer may be as long as the guest likes, and a reset does not wait for it.
            int n = live() ? chain.read(chunk, 0, CHUNK) : 0;
            int taken = n == 0 ? 0 : port.write(chunk, n);
            consumed += taken;
            if (n == 0 || taken < n) {
                port.consumed(consumed);
                return false;
            }
        }
        port.consumed(0);
        return true;
    }

    private void tell(int queue, Virtqueue ring) {
        do {
            ring.disableNotifications();
            for (ConsolePort port : ports) {
                while (port.hasControl() && ring.pop(chain)) {
                    if (!port.control(chain)) {
                        ring.unpop(chain);
                        break;
                    }
                    ring.push(chain, chain.written());
                    complete(queue, ring);
                }
            }
        } while (ring.enableNotifications() && Arrays.stream(ports).anyMatch(this::hasControl));
        for (int i = 0; i < ports.length; i++) {
            kick(queue(i));
        }
    }

    private boolean hasControl(ConsolePort port) {
        return port.hasControl();
    }

    private void hear(int queue, Virtqueue ring) {
        do {
            ring.disableNotifications();
            while (ring.pop(chain)) {
                if (chain.readable() < CONTROL_BYTES) {
                    guestError("a control message of %d bytes".formatted(chain.readable()));
                } else {
                    hear(chain.read32(), chain.read16(), chain.read16());
                }
                ring.push(chain, 0);
                complete(queue, ring);
            }
        } while (ring.enableNotifications());
        kick(CONTROL_TO_GUEST);
    }

    private void hear(int port, int event, int value) {
        if (event == DEVICE_READY) {
            if (value == 1) {
                Arrays.stream(ports).forEach(ConsolePort::added);
            }
            return;
        }
        if (port < 0 || port >= ports.length) {
            guestError("a message for port %d".formatted(port));
            return;
        }
        switch (event) {
            case PORT_READY -> ports[port].ready(value == 1);
            case PORT_OPEN -> {
                ports[port].guestOpen(value == 1);
                kick(queue(port));
            }
            default -> guestError("control event %d".formatted(event));
        }
    }

    @Override
    protected void deviceReset() {
        for (ConsolePort port : ports) {
            port.reset();
        }
    }

    @Override
    protected void queueReset(int queue) {
        if (queue % 2 == 1 && queue != CONTROL_FROM_GUEST) {
            ports[queue < 2 ? 0 : queue / 2 - 1].consumed(0);
        }
    }

    /** A copy of its state. */
    public VirtioConsoleState state() {
        return atRest(() -> {
            List<ConsolePortState> list = new ArrayList<>();
            for (ConsolePort port : ports) {
                list.add(port.state());
            }
            return new VirtioConsoleState(commonState(), List.copyOf(list));
        });
    }

    /**
     * Replaces its state.
     *
     * @throws IllegalArgumentException if it is of a device with other ports
     */
    public void restore(VirtioConsoleState state) {
        if (state.ports().size() != ports.length) {
            throw new IllegalArgumentException(name() + " has " + ports.length + " ports");
        }
        boolean ignored =
                atRest(() -> {
                    restoreCommon(state.common());
                    for (int i = 0; i < ports.length; i++) {
                        ports[i].restore(state.ports().get(i));
                    }
                    return true;
                });
    }
}
