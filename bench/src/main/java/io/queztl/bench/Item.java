package io.queztl.bench;

/**
 * One thing that is measured inside the guest.
 *
 * @param name how to print it: letters, digits and dashes
 * @param group the boot that it runs in
 * @param command for the guest's shell, with {@code %d} where the amount of work goes; what it
 *     prints must be the same on every machine
 * @param count the amount: about a second under QEMU's TCG on the machine it was chosen on
 */
record Item(String name, Group group, String command, int count) {
    /** Items that share a guest. Each group boots under each contestant in turn. */
    enum Group {
        INTEGER,
        FLOATING_POINT,
        TOOLS,
        SYSTEM,
        /** With disks; see {@link IoSuite}. */
        DISK,
        /** With networks; see {@link NetSuite}. */
        NETWORK
    }

    /** An item of our own program, {@code bench NAME COUNT}. */
    static Item program(String name, Group group, int count) {
        return new Item(name, group, "/bench/bench " + name + " %d", count);
    }

    /** The command with its amount of work. */
    String command(boolean quick) {
        return command.formatted(quick ? Math.max(1, count / 4) : count);
    }
}
