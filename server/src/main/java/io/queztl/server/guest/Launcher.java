package io.queztl.server.guest;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * A program for the guest, of some 200 bytes, that becomes another user and then another program:
 * {@code launcher /path/of/program arguments...}. busybox has nothing that sets numbers of a user
 * and of several groups which no file of the guest need name. It is a static ELF file of x86-64
 * with one segment: header, code, numbers; the calls are setgroups, setgid, setuid and execve. Its
 * status is 126 if one of them fails, as of a shell that cannot run a program.
 */
public final class Launcher {
    private static final int HEADER_BYTES = 64;
    private static final int SEGMENT_BYTES = 56;
    private static final long BASE = 0x40_0000;
    private static final int MOVE_EAX = 0xb8;
    private static final int MOVE_EDI = 0xbf;
    private static final int SETUID = 105;
    private static final int SETGID = 106;
    private static final int SETGROUPS = 116;
    private static final int EXECVE = 59;
    private static final int EXIT = 60;
    private static final int CANNOT_RUN = 126;
    private static final int CODE_BYTES = 96;

    private Launcher() {}

    /** The program for a user, a group and further groups, all by number. */
    public static byte[] program(int user, int group, List<Integer> groups) {
        int code = HEADER_BYTES + SEGMENT_BYTES;
        int numbers = code + CODE_BYTES;
        int length = numbers + 4 * groups.size();
        ByteBuffer b = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        header(b, code, length);
        int[] failures = new int[3];
        // lea rsi, [rip + numbers]
        b.position(code);
        b.put((byte) 0x48).put((byte) 0x8d).put((byte) 0x35).putInt(numbers - (code + 7));
        failures[0] = call(b, SETGROUPS, groups.size());
        failures[1] = call(b, SETGID, group);
        failures[2] = call(b, SETUID, user);
        // mov rdi, [rsp+16]; lea rsi, [rsp+16]: the arguments behind our own name
        put(b, 0x48, 0x8b, 0x7c, 0x24, 0x10, 0x48, 0x8d, 0x74, 0x24, 0x10);
        // mov rcx, [rsp]; lea rdx, [rsp+rcx*8+16]: the environment behind all of them
        put(b, 0x48, 0x8b, 0x0c, 0x24, 0x48, 0x8d, 0x54, 0xcc, 0x10);
        b.put((byte) MOVE_EAX).putInt(EXECVE);
        put(b, 0x0f, 0x05);
        int fail = b.position();
        b.put((byte) MOVE_EAX).putInt(EXIT).put((byte) MOVE_EDI).putInt(CANNOT_RUN);
        put(b, 0x0f, 0x05);
        for (int from : failures) {
            b.put(from - 1, (byte) (fail - from));
        }
        b.position(numbers);
        groups.forEach(b::putInt);
        return b.array();
    }

    private static void put(ByteBuffer b, int... bytes) {
        for (int each : bytes) {
            b.put((byte) each);
        }
    }

    /** mov eax, number; mov edi, argument; syscall; test eax, eax; js to where it fails. */
    private static int call(ByteBuffer b, int number, int argument) {
        b.put((byte) MOVE_EAX).putInt(number).put((byte) MOVE_EDI).putInt(argument);
        put(b, 0x0f, 0x05, 0x85, 0xc0, 0x78, 0);
        return b.position();
    }

    private static void header(ByteBuffer b, int entry, int length) {
        put(b, 0x7f, 'E', 'L', 'F', 2, 1, 1);
        b.position(16);
        b.putShort((short) 2).putShort((short) 62).putInt(1);
        b.putLong(BASE + entry).putLong(HEADER_BYTES).putLong(0).putInt(0);
        b.putShort((short) HEADER_BYTES).putShort((short) SEGMENT_BYTES).putShort((short) 1);
        b.position(HEADER_BYTES);
        // To load: readable and executable, from the file's start on.
        b.putInt(1).putInt(5).putLong(0).putLong(BASE).putLong(BASE);
        b.putLong(length).putLong(length).putLong(0x1000);
    }
}
