package io.queztl.server.cli;

import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The far end of the guest's second serial port, on which the init of {@code --exec} says that the
 * command starts, with a line {@code ready}, and how it ended: {@code status=N}. What the command
 * prints goes to the first port, so it cannot be taken for a status.
 */
final class StatusPort extends OutputStream {
    private static final Pattern STATUS = Pattern.compile("(?s)status=([0-9]{1,3})\\r?\\n");

    /** The guest may send any amount; this much is looked at. */
    private static final int LIMIT = 256;

    private static final String READY = "ready";

    private final StringBuilder received = new StringBuilder();
    private final Runnable ready;
    private boolean saidReady;

    /**
     * @param ready run once, on the port's thread, when the guest's command starts
     */
    StatusPort(Runnable ready) {
        this.ready = ready;
    }

    @Override
    public void write(int b) {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int start, int length) {
        if (receive(bytes, start, length)) {
            ready.run();
        }
    }

    private synchronized boolean receive(byte[] bytes, int start, int length) {
        int take = Math.min(length, LIMIT - received.length());
        received.append(new String(bytes, start, Math.max(take, 0), StandardCharsets.ISO_8859_1));
        boolean first = !saidReady && received.indexOf(READY) >= 0;
        saidReady |= first;
        return first;
    }

    /** The command's status, 0 to 255, if one has arrived. */
    synchronized OptionalInt status() {
        Matcher m = STATUS.matcher(received);
        return m.find() ? OptionalInt.of(Integer.parseInt(m.group(1)) & 0xff) : OptionalInt.empty();
    }
}
