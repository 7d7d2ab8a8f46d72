package io.queztl.server.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The kernel command line of a run: what every Linux should hear, then what the user appends. Test
 * kernels (multiboot) get the user's part only, because they read it as their arguments.
 */
final class KernelCommandLine {
    /** A panic reboots at once, which ends the VM with a failure. */
    static final String DEFAULTS = "console=ttyS0 panic=-1";

    /**
     * The kernel's self-tests of its ciphers are a third of its start-up on a software CPU; machine
     * check banks the CPU has none.
     */
    private static final String STOCK = " cryptomgr.notests mce=off";

    /** Hides errors too: some kernels report devices that a VM never has. Panics are shown. */
    private static final String HIDDEN = " quiet loglevel=3";

    private static final int MULTIBOOT_MAGIC = 0x1bad_b002;
    private static final int MULTIBOOT_SEARCH_BYTES = 8192;
    private static final int LINUX_MAGIC = 0x5372_6448;
    private static final int LINUX_MAGIC_OFFSET = 0x202;

    private KernelCommandLine() {}

    /**
     * Makes the line.
     *
     * @param kernel null for the stock kernel, whose messages are hidden
     * @param append what the user adds
     * @param verbose show the stock kernel's messages
     */
    static String of(@Nullable Path kernel, @Nullable String append, boolean verbose) {
        String users = append == null ? "" : append;
        if (kernel != null && isMultiboot(kernel)) {
            return users;
        }
        String line = DEFAULTS;
        if (kernel == null) {
            line += STOCK + (verbose ? "" : HIDDEN);
        }
        return users.isEmpty() ? line : line + " " + users;
    }

    /**
     * The line of a disk's own kernel: what its boot loader says; the console that we have comes
     * last, where a kernel takes it for {@code /dev/console}.
     *
     * @param append what the user adds, or null
     */
    static String ofDisk(String options, @Nullable String append) {
        List<String> words = new ArrayList<>(List.of(options.strip().split("\\s+")));
        String last = "";
        boolean panic = false;
        for (String word : words) {
            last = word.startsWith("console=") ? word : last;
            panic |= word.startsWith("panic=");
        }
        if (!last.startsWith("console=ttyS0")) {
            words.add("console=ttyS0");
        }
        if (!panic) {
            words.add("panic=-1");
        }
        if (append != null && !append.isEmpty()) {
            words.add(append);
        }
        return String.join(" ", words).strip();
    }

    /** Looks for a multiboot header (specification 0.6.96, 3.1.1); an unreadable file has none. */
    private static boolean isMultiboot(Path kernel) {
        if (!Files.isRegularFile(kernel)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(kernel)) {
            ByteBuffer start =
                    ByteBuffer.wrap(in.readNBytes(MULTIBOOT_SEARCH_BYTES))
                            .order(ByteOrder.LITTLE_ENDIAN);
            if (start.limit() >= LINUX_MAGIC_OFFSET + 4
                    && start.getInt(LINUX_MAGIC_OFFSET) == LINUX_MAGIC) {
                return false;
            }
            for (int i = 0; i + 12 <= start.limit(); i += 4) {
                int sum = start.getInt(i) + start.getInt(i + 4) + start.getInt(i + 8);
                if (start.getInt(i) == MULTIBOOT_MAGIC && sum == 0) {
                    return true;
                }
            }
            return false;
        } catch (IOException e) {
            // The boot loader says what is wrong with it.
            return false;
        }
    }
}
