package io.queztl.server.cli;

import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The far end of the guest's second serial port, on which the init of {@code --exec} says how the
 * command ended: a line {@code status=N}. What the command prints goes to the first port, so it
 * cannot be taken for a status.
 */
final class StatusPort extends OutputStream {
    private static final Pattern STATUS = Pattern.compile("(?s)status=([0-9]{1,3})\\r?\\n");

    /** The guest may send any amount; this much is looked at. */
    private static final int LIMIT = 256;

    private final StringBuilder received = new StringBuilder();

    @Override
    public synchronized void write(int b) {
        if (received.length() < LIMIT) {
            received.append((char) (b & 0xff));
        }
    }

    @Override
    public synchronized void write(byte[] bytes, int start, int length) {
        int take = Math.min(length, LIMIT - received.length());
        received.append(new String(bytes, start, Math.max(take, 0), StandardCharsets.ISO_8859_1));
    }

    /** The command's status, 0 to 255, if one has arrived. */
    synchronized OptionalInt status() {
        Matcher m = STATUS.matcher(received);
        return m.find()
                ? OptionalInt.of(Integer.parseInt(m.group(1)) & 0xff)
                : OptionalInt.empty();
    }
}
