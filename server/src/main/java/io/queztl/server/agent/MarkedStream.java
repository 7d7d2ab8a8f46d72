package io.queztl.server.agent;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;

/**
 * Takes what comes from a port of the guest and passes on what a command has printed: the bytes
 * between a mark and its next occurrence. Behind that a status follows, if there is one: digits and
 * the end of the line. Whatever comes before and afterwards is dropped.
 */
final class MarkedStream extends OutputStream {
    private static final int MAX_STATUS = 8;

    private enum Part {
        BEFORE,
        INSIDE,
        STATUS,
        AFTER
    }

    private final byte[] mark;
    private final OutputStream target;
    private final boolean hasStatus;
    private final StringBuilder digits = new StringBuilder();
    private final CompletableFuture<Integer> end = new CompletableFuture<>();
    private byte[] held = new byte[0];
    private Part part = Part.BEFORE;

    /**
     * @param mark ASCII
     * @param hasStatus whether a status follows the second mark
     */
    MarkedStream(String mark, OutputStream target, boolean hasStatus) {
        this.mark = mark.getBytes(StandardCharsets.US_ASCII);
        this.target = target;
        this.hasStatus = hasStatus;
    }

    /** The status, 0 if there is to be none, once everything was passed on. */
    CompletableFuture<Integer> end() {
        return end;
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int start, int length) throws IOException {
        byte[] all = Arrays.copyOf(held, held.length + length);
        System.arraycopy(bytes, start, all, held.length, length);
        int at = 0;
        while (part == Part.BEFORE || part == Part.INSIDE) {
            int found = find(all, at);
            pass(all, at, found);
            at = found;
            if (all.length - found < mark.length) {
                break; // part of a mark, or nothing
            }
            at += mark.length;
            if (part == Part.BEFORE) {
                part = Part.INSIDE;
            } else {
                part = hasStatus ? Part.STATUS : Part.AFTER;
            }
        }
        while (part == Part.STATUS && at < all.length) {
            char c = (char) all[at++];
            if (c < '0' || c > '9' || digits.length() == MAX_STATUS) {
                part = Part.AFTER;
            } else {
                digits.append(c);
            }
        }
        held =
                part == Part.BEFORE || part == Part.INSIDE
                        ? Arrays.copyOfRange(all, at, all.length)
                        : new byte[0];
        if (part == Part.AFTER) {
            target.flush();
            boolean ignored =
                    end.complete(digits.isEmpty() ? 0 : Integer.parseInt(digits.toString()) & 0xff);
        }
    }

    private void pass(byte[] all, int from, int to) throws IOException {
        if (part == Part.INSIDE && to > from) {
            target.write(all, from, to - from);
            target.flush();
        }
    }

    /** Where the mark is, or where at the end it may begin, or the end. */
    private int find(byte[] all, int from) {
        for (int i = from; i < all.length; i++) {
            if (all[i] == mark[0]) {
                int n = Math.min(mark.length, all.length - i);
                if (Arrays.equals(all, i, i + n, mark, 0, n)) {
                    return i;
                }
            }
        }
        return all.length;
    }
}
