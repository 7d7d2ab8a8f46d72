package io.queztl.machine.memory;

/** Told when a page that holds translated code is written by something other than a vCPU. */
@FunctionalInterface
public interface CodeWatcher {
    /** Drops what was translated from the page; any thread. */
    void codeWritten(long guestPhysicalPage);
}
