package io.queztl.emulator.sight;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.MemoryAddress;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A region of translated code is not entered again. */
@Name("queztl.Invalidation")
@Label("Invalidation")
@Category({"Queztl", "Software CPU"})
@Description("A region of translated code will not be entered again")
@StackTrace(false)
final class InvalidationEvent extends Event {
    @Label("Guest-Physical Address")
    @MemoryAddress
    long physical;

    @Label("Guest Instructions")
    int instructions;

    @Label("Reason")
    String reason = "";

    static void emit(long physical, int instructions, InvalidationReason reason) {
        InvalidationEvent e = new InvalidationEvent();
        if (e.shouldCommit()) {
            e.physical = physical;
            e.instructions = instructions;
            e.reason = reason.name();
            e.commit();
        }
    }
}
