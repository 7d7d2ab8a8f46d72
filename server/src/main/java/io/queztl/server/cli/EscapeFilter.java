package io.queztl.server.cli;

/**
 * Finds the escape key Ctrl-A in what is typed: Ctrl-A x ends the VM, Ctrl-A twice sends one
 * Ctrl-A, Ctrl-A and any other key is dropped.
 */
final class EscapeFilter {
    private static final byte ESCAPE = 1;

    private boolean escaped;
    private boolean quit;

    /**
     * Filters bytes in place.
     *
     * @return how many are left for the guest, from index 0
     */
    int filter(byte[] bytes, int length) {
        int kept = 0;
        for (int i = 0; i < length && !quit; i++) {
            byte b = bytes[i];
            if (!escaped) {
                if (b == ESCAPE) {
                    escaped = true;
                } else {
                    bytes[kept++] = b;
                }
                continue;
            }
            escaped = false;
            if (b == ESCAPE) {
                bytes[kept++] = b;
            } else if (b == 'x' || b == 'X') {
                quit = true;
            }
        }
        return kept;
    }

    /** True once Ctrl-A x was typed. */
    boolean quit() {
        return quit;
    }
}
