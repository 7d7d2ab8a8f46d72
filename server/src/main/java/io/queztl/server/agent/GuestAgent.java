package io.queztl.server.agent;

import io.queztl.devices.virtio.console.ConsolePort;
import io.queztl.devices.virtio.console.PortOutput;
import io.queztl.server.control.ControlException;
import io.queztl.vmm.builder.AgentPorts;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;

/**
 * The agent in a guest, a shell script there, as the host sees it ({@code docs/agent.md}). What the
 * guest sends is what its commands print, and nothing else is believed. Any thread may call.
 */
public final class GuestAgent {
    /** The longest command line, in bytes. */
    public static final int MAX_SCRIPT = 48 << 10;

    private static final int MARK_BYTES = 16;
    private static final int POLL_MILLIS = 100;

    private final AgentPorts ports;
    private final SecureRandom random = new SecureRandom();
    private final boolean[] used = new boolean[AgentPorts.SESSIONS]; // guarded by this

    /** An agent that may come to these ports. */
    public GuestAgent(AgentPorts ports) {
        this.ports = ports;
        ports.control().open(PortOutput.DISCARD);
        for (AgentPorts.Streams s : ports.sessions()) {
            s.output().open(PortOutput.DISCARD);
            s.error().open(PortOutput.DISCARD);
        }
    }

    /** True if it listens. */
    public boolean present() {
        return ports.control().guestOpen();
    }

    /**
     * Waits until it listens.
     *
     * @throws ControlException if it does not come
     */
    public void await(int seconds) throws ControlException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (!present()) {
            if (System.nanoTime() - end > 0) {
                throw new ControlException(
                        "the agent in the guest does not answer: the guest is not up yet, or has"
                                + " none.");
            }
            Thread.sleep(POLL_MILLIS);
        }
    }

    /**
     * Starts a command line of the guest's shell.
     *
     * @param out takes what it prints, on a thread of its own; so {@code err}
     * @throws ControlException if it is too long, or as many commands as can run at once do
     */
    public AgentSession start(String script, OutputStream out, OutputStream err)
            throws ControlException, InterruptedException {
        byte[] bytes = script.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > MAX_SCRIPT) {
            throw new ControlException(
                    "the command has %d bytes; at most %d go to a guest."
                            .formatted(bytes.length, MAX_SCRIPT));
        }
        int number = take();
        byte[] raw = new byte[MARK_BYTES];
        random.nextBytes(raw);
        String mark = HexFormat.of().formatHex(raw);
        AgentSession session =
                new AgentSession(this, number, ports.sessions().get(number), mark, out, err);
        session.open();
        order("exec %d %s %s".formatted(number, mark, Base64.getEncoder().encodeToString(bytes)));
        return session;
    }

    /** Has the guest switch itself off. */
    public void shutdown() throws InterruptedException {
        order("shutdown");
    }

    private synchronized int take() throws ControlException {
        for (int i = 0; i < used.length; i++) {
            AgentPorts.Streams s = ports.sessions().get(i);
            // What an ended command has left running may have its streams open still.
            boolean open = s.input().guestOpen() || s.output().guestOpen() || s.error().guestOpen();
            if (!used[i] && !open) {
                used[i] = true;
                return i;
            }
        }
        throw new ControlException(
                ("%d commands run in the guest already, or have left programs behind that do;"
                                + " wait for one of them.")
                        .formatted(used.length));
    }

    synchronized void give(int number) {
        used[number] = false;
    }

    synchronized void order(String line) throws InterruptedException {
        byte[] bytes = (line + "\n").getBytes(StandardCharsets.US_ASCII);
        send(ports.control(), bytes, bytes.length);
    }

    /**
     * Sends all of it.
     *
     * @return false if the guest did not take it for a while
     */
    static boolean send(ConsolePort port, byte[] bytes, int length) throws InterruptedException {
        int sent = 0;
        while (sent < length) {
            sent += port.send(bytes, sent, length - sent);
            if (sent < length && !port.awaitRoom(1000) && !port.guestOpen()) {
                return false;
            }
        }
        return true;
    }
}
