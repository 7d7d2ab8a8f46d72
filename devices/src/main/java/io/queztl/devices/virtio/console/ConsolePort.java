package io.queztl.devices.virtio.console;

import static io.queztl.devices.virtio.console.ConsoleLayout.*;

import io.queztl.devices.virtio.DescriptorChain;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One port of a {@link VirtioConsole}: bytes both ways between the guest and a host that comes and
 * goes. Towards the guest at most {@link #INPUT_BYTES} wait here; towards the host nothing does, a
 * guest's buffer stays in its queue until the host has taken it.
 *
 * <p>With several ports the guest hears of the host: opened, then its bytes, then closed once they
 * are read; a host that comes back before that drops what was left. What the guest writes while no
 * host is there is lost.
 *
 * <p>The host's side may be called by any thread. The lock is taken last of all.
 */
public final class ConsolePort {
    /** Bytes that wait for the guest at most. */
    public static final int INPUT_BYTES = 64 << 10;

    /** The longest name, in bytes. */
    public static final int MAX_NAME = 64;

    /** What {@link #messages} holds: a bit for each control event. */
    private static final int[] MESSAGES = {PORT_ADD, CONSOLE_PORT, RESIZE, PORT_NAME};

    private final String name;
    private final boolean console;
    private final byte[] input = new byte[INPUT_BYTES];
    private volatile @Nullable VirtioConsole device;
    private volatile PortOutput output = PortOutput.DISCARD;
    private int index;
    // guarded by this
    private int head;
    private int count;
    private int columns;
    private int rows;
    private boolean hostOpen;
    private boolean ready;
    private boolean guestOpen;
    private boolean openTold;
    private boolean closing;
    private int messages;
    private long consumed;

    private ConsolePort(String name, boolean console) {
        this.name = name;
        this.console = console;
    }

    /** A port that the guest makes a terminal of: Linux's {@code /dev/hvc0}. */
    public static ConsolePort console() {
        return new ConsolePort("", true);
    }

    /**
     * A port that the guest finds by its name: in Linux {@code /dev/virtio-ports/NAME} where udev
     * is, else by {@code /sys/class/virtio-ports}.
     */
    public static ConsolePort named(String name) {
        return new ConsolePort(name, false);
    }

    /** Its name; empty for a console. */
    public String name() {
        return name;
    }

    /** True for a terminal. */
    public boolean isConsole() {
        return console;
    }

    void attach(VirtioConsole owner, int number) {
        index = number;
        device = owner;
    }

    // ---- the host's side

    /** The host is there and takes what the guest writes; what its predecessor left is dropped. */
    public void open(PortOutput target) {
        synchronized (this) {
            hostOpen = true;
            count = 0;
            notifyAll();
        }
        output = target;
        wake();
    }

    /** The host is gone. */
    public void close() {
        output = PortOutput.DISCARD;
        synchronized (this) {
            hostOpen = false;
            closing = openTold;
        }
        wake();
    }

    private void wake() {
        VirtioConsole d = device;
        if (d != null) {
            d.attention(index);
        }
    }

    /** The host takes more of what the guest writes. */
    public void outputReady() {
        wake();
    }

    /**
     * Gives the guest bytes.
     *
     * @return how many had room
     */
    public int send(byte[] bytes, int start, int length) {
        int n;
        synchronized (this) {
            n = Math.min(length, INPUT_BYTES - count);
            int tail = (head + count) % INPUT_BYTES;
            int first = Math.min(n, INPUT_BYTES - tail);
            System.arraycopy(bytes, start, input, tail, first);
            System.arraycopy(bytes, start + first, input, 0, n - first);
            count += n;
        }
        wake();
        return n;
    }

    /**
     * Waits until there is room for bytes to the guest.
     *
     * @return false if there was none within {@code millis} milliseconds
     */
    public synchronized boolean awaitRoom(long millis) throws InterruptedException {
        long end = System.nanoTime() + millis * 1_000_000;
        while (count == INPUT_BYTES) {
            long left = (end - System.nanoTime() + 999_999) / 1_000_000;
            if (left <= 0) {
                return false;
            }
            wait(left);
        }
        return true;
    }

    /** True if somebody in the guest has opened the port; for named ports. */
    public synchronized boolean guestOpen() {
        return guestOpen;
    }

    /** Tells the guest the size of its terminal. */
    public void resize(int newColumns, int newRows) {
        VirtioConsole d = device;
        synchronized (this) {
            if (columns == newColumns && rows == newRows) {
                return;
            }
            columns = newColumns & 0xffff;
            rows = newRows & 0xffff;
            if (ready && console) {
                messages |= 1 << RESIZE;
            }
        }
        if (d != null) {
            d.resized(index, newColumns, newRows);
        }
    }

    // ---- the device's side; its worker only, but for state and restore

    /** True if there are bytes that the guest may have now. */
    synchronized boolean deliverable(boolean multiport) {
        boolean heard = guestOpen && openTold && !(closing && hostOpen);
        return count > 0 && (!multiport || heard);
    }

    /** Moves bytes into a buffer; how many. */
    int deliver(DescriptorChain chain) {
        int done;
        boolean finished;
        synchronized (this) {
            int first = Math.min(count, INPUT_BYTES - head);
            done = chain.write(input, head, first);
            if (done == first) {
                done += chain.write(input, 0, count - first);
            }
            head = (head + done) % INPUT_BYTES;
            count -= done;
            finished = count == 0 && closing;
            notifyAll();
        }
        if (finished) {
            wake();
        }
        return done;
    }

    /** How much of the guest's next buffer is taken. */
    synchronized long consumed() {
        return consumed;
    }

    synchronized void consumed(long bytes) {
        consumed = bytes;
    }

    int write(byte[] bytes, int length) {
        return output.write(bytes, 0, length);
    }

    synchronized void added() {
        ready = false;
        messages = 1 << PORT_ADD;
    }

    synchronized void ready(boolean works) {
        ready = works;
        if (works) {
            messages |= console ? 1 << CONSOLE_PORT | 1 << RESIZE : 1 << PORT_NAME;
        }
    }

    synchronized void guestOpen(boolean open) {
        guestOpen = open;
    }

    synchronized boolean hasControl() {
        return messages != 0 || ready && openChange();
    }

    /** True if the guest must hear that the host has opened or closed the port. */
    private boolean openChange() {
        return openTold ? closing && (count == 0 || hostOpen) : hostOpen || count > 0;
    }

    /** Writes the next control message for the guest; false if there is none. */
    synchronized boolean control(DescriptorChain chain) {
        if (messages == 0) {
            if (!ready || !openChange()) {
                return false;
            }
            openTold = !openTold;
            closing = openTold && !hostOpen;
            message(chain, PORT_OPEN, openTold ? 1 : 0);
            return true;
        }
        int event = 0;
        for (int candidate : MESSAGES) {
            if (event == 0 && (messages & 1 << candidate) != 0) {
                event = candidate;
            }
        }
        messages &= ~(1 << event);
        message(chain, event, 1);
        if (event == RESIZE) {
            chain.write16(columns);
            chain.write16(rows);
        } else if (event == PORT_NAME) {
            byte[] text = name.getBytes(StandardCharsets.UTF_8);
            int ignored = chain.write(text, 0, text.length);
        }
        return true;
    }

    private void message(DescriptorChain chain, int event, int value) {
        chain.write32(index);
        chain.write16(event);
        chain.write16(value);
    }

    /** What the driver has said is forgotten; bytes for the guest wait for its next driver. */
    synchronized void reset() {
        ready = false;
        guestOpen = false;
        openTold = false;
        closing = false;
        messages = 0;
        consumed = 0;
    }

    synchronized ConsolePortState state() {
        List<Byte> bytes = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            bytes.add(input[(head + i) % INPUT_BYTES]);
        }
        return new ConsolePortState(
                ready, guestOpen, openTold, closing, messages, consumed, List.copyOf(bytes));
    }

    synchronized void restore(ConsolePortState s) {
        if (s.input().size() > INPUT_BYTES) {
            throw new IllegalArgumentException(s.input().size() + " bytes for a console port");
        }
        ready = s.ready();
        guestOpen = s.guestOpen();
        openTold = s.openTold();
        closing = s.closing() || openTold && !hostOpen;
        messages = s.messages();
        consumed = s.consumed();
        head = 0;
        count = 0;
        for (byte b : s.input()) {
            input[count++] = b;
        }
        notifyAll();
    }
}
