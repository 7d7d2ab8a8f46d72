package io.queztl.emulator.sight;

/** Why translated code is not entered again. */
public enum InvalidationReason {
    /** The guest, or a device, wrote to the code. */
    WRITTEN,
    /** A region made later covers the same code. */
    REPLACED,
    /** The decoded blocks took too much memory and were all dropped. */
    TRIMMED,
    /** The generated code took too much memory and the older half was dropped. */
    EVICTED
}
