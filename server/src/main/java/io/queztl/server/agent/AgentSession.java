package io.queztl.server.agent;

import io.queztl.devices.legacy.OutputBuffer;
import io.queztl.devices.virtio.console.ConsolePort;
import io.queztl.devices.virtio.console.PortOutput;
import io.queztl.vmm.builder.AgentPorts;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A command that runs in the guest. */
public final class AgentSession implements AutoCloseable {
    private static final int FLUSH_MILLIS = 500;
    private static final int KILL_MILLIS = 3000;

    private final GuestAgent agent;
    private final int number;
    private final AgentPorts.Streams ports;
    private final String mark;
    private final MarkedStream out;
    private final MarkedStream err;
    private final OutputBuffer outBuffer;
    private final OutputBuffer errBuffer;
    private boolean inputOpen; // guarded by this

    AgentSession(
            GuestAgent agent,
            int number,
            AgentPorts.Streams ports,
            String mark,
            OutputStream out,
            OutputStream err) {
        this.agent = agent;
        this.number = number;
        this.ports = ports;
        this.mark = mark;
        this.out = new MarkedStream(mark, out, true);
        this.err = new MarkedStream(mark, err, false);
        outBuffer = new OutputBuffer("agent-out-" + number, this.out);
        errBuffer = new OutputBuffer("agent-err-" + number, this.err);
    }

    void open() {
        open(ports.output(), outBuffer);
        open(ports.error(), errBuffer);
        ports.input().open((bytes, start, length) -> length);
        byte[] first = (mark + "\n").getBytes(StandardCharsets.US_ASCII);
        int ignored = ports.input().send(first, 0, first.length);
        synchronized (this) {
            inputOpen = true;
        }
    }

    private static void open(ConsolePort port, OutputBuffer buffer) {
        buffer.onDrained(port::outputReady);
        port.open(buffer::offer);
    }

    /** Sends the command what it reads; waits as long as it does not. */
    public void input(byte[] bytes, int length) throws InterruptedException {
        synchronized (this) {
            if (!inputOpen) {
                return;
            }
        }
        boolean ignored = GuestAgent.send(ports.input(), bytes, length);
    }

    /** There is no more for the command to read. */
    public synchronized void endInput() {
        if (inputOpen) {
            inputOpen = false;
            ports.input().close();
        }
    }

    /** Has the guest end it, by SIGTERM and then by SIGKILL, and waits a little for that. */
    public void kill() throws InterruptedException {
        for (String signal : new String[] {"TERM", "KILL"}) {
            agent.order("kill %d %s".formatted(number, signal));
            if (await(KILL_MILLIS).isPresent()) {
                return;
            }
        }
    }

    /**
     * Waits for the end of the command and of what it has printed.
     *
     * @return its status; empty if it has not ended after so many milliseconds
     */
    public OptionalInt await(long millis) throws InterruptedException {
        try {
            int ignored = err.end().get(millis, TimeUnit.MILLISECONDS);
            return OptionalInt.of(out.end().get(millis, TimeUnit.MILLISECONDS));
        } catch (TimeoutException e) {
            return OptionalInt.empty();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Leaves the command alone and gives its streams back. */
    @Override
    public void close() {
        endInput();
        // Still open, so that nobody in the guest who writes has to wait for ever.
        ports.output().open(PortOutput.DISCARD);
        ports.error().open(PortOutput.DISCARD);
        boolean ignored = outBuffer.flush(FLUSH_MILLIS) && errBuffer.flush(FLUSH_MILLIS);
        outBuffer.close();
        errBuffer.close();
        agent.give(number);
    }
}
