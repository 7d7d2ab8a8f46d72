package io.queztl.server.cli;

/** Where what is typed goes in the guest. */
interface ConsoleInput {
    /** Gives the guest bytes; how many had room. */
    int send(byte[] bytes, int start, int length);

    /** Waits for room; false if there was none within {@code millis} milliseconds. */
    boolean awaitRoom(long millis) throws InterruptedException;
}
