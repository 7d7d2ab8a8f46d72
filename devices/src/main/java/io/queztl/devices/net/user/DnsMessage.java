package io.queztl.devices.net.user;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * As much of a DNS message (RFC 1035 section 4) as a forwarder needs: the one question, and answers
 * made of addresses.
 *
 * @param name without the dot at its end; null if there is no question that can be read
 * @param type of the records asked for
 * @param end where the question ends
 */
record DnsMessage(@Nullable String name, int type, int end) {
    static final int HEADER = 12;
    static final int A = 1;
    static final int AAAA = 28;
    static final int OK = 0;
    static final int SERVER_FAILURE = 2;

    private static final int RESPONSE = 0x8000;
    private static final int RECURSION_DESIRED = 0x0100;
    private static final int RECURSION_AVAILABLE = 0x0080;
    private static final int OPCODE = 0x7800;
    private static final int INTERNET = 1;
    private static final int MAX_NAME = 255;
    private static final int MAX_LABEL = 63;
    private static final int TTL_SECONDS = 10;

    /** Reads a query that starts at the buffer's start; null if it is none. */
    static @Nullable DnsMessage query(ByteBuffer b) {
        int bytes = b.limit();
        if (bytes < HEADER || (b.getShort(2) & RESPONSE) != 0) {
            return null;
        }
        DnsMessage unreadable = new DnsMessage(null, 0, HEADER);
        if ((b.getShort(2) & OPCODE) != 0 || b.getShort(4) != 1) {
            return unreadable;
        }
        StringBuilder name = new StringBuilder();
        int i = HEADER;
        while (i < bytes && b.get(i) != 0) {
            int length = b.get(i) & 0xff;
            if (length > MAX_LABEL || i + 1 + length > bytes || i - HEADER > MAX_NAME) {
                return unreadable;
            }
            byte[] label = new byte[length];
            b.get(i + 1, label);
            name.append(name.isEmpty() ? "" : ".");
            name.append(new String(label, StandardCharsets.ISO_8859_1));
            i += 1 + length;
        }
        if (i + 5 > bytes || b.getShort(i + 3) != INTERNET) {
            return unreadable;
        }
        return new DnsMessage(name.toString(), b.getShort(i + 1) & 0xffff, i + 5);
    }

    /** True if a message is the answer to a query, as far as can be seen. */
    static boolean answers(ByteBuffer answer, ByteBuffer query, DnsMessage question) {
        if (answer.limit() < HEADER
                || (answer.getShort(2) & RESPONSE) == 0
                || answer.getShort(0) != query.getShort(0)) {
            return false;
        }
        boolean repeats = question.name != null && answer.getShort(4) == 1;
        if (!repeats) {
            return true;
        }
        int n = question.end - HEADER;
        return answer.limit() >= question.end
                && answer.slice(HEADER, n).equals(query.slice(HEADER, n));
    }

    /**
     * Makes an answer of our own.
     *
     * @param at where in the target
     * @return its bytes
     */
    int answer(ByteBuffer query, ByteBuffer target, int at, int code, List<IpAddress> addresses) {
        target.put(at, query, 0, end);
        int flags = query.getShort(2) & (OPCODE | RECURSION_DESIRED);
        target.putShort(at + 2, (short) (RESPONSE | flags | RECURSION_AVAILABLE | code));
        target.putShort(at + 4, (short) (name == null ? 0 : 1));
        target.putShort(at + 6, (short) addresses.size());
        target.putInt(at + 8, 0);
        int i = at + end;
        for (IpAddress address : addresses) {
            int length = address.isV4() ? 4 : 16;
            target.putShort(i, (short) (0xc000 | HEADER)); // the name of the question
            target.putShort(i + 2, (short) type);
            target.putShort(i + 4, (short) INTERNET);
            target.putInt(i + 6, TTL_SECONDS);
            target.putShort(i + 10, (short) length);
            address.put(target, i + 12);
            i += 12 + length;
        }
        return i - at;
    }
}
