package io.queztl.emulator.sight;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.MemoryAddress;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** A region of guest code was translated, or could not be. */
@Name("queztl.Translation")
@Label("Translation")
@Category({"Queztl", "Software CPU"})
@Description("A region of guest code was translated to JVM bytecode, or could not be")
@StackTrace(false)
final class TranslationEvent extends Event {
    @Label("Guest-Linear Address")
    @MemoryAddress
    long address;

    @Label("Guest-Physical Address")
    @MemoryAddress
    long physical;

    @Label("Guest Instructions")
    int instructions;

    @Label("Bytecode")
    @DataAmount
    int bytecode;

    @Label("Generate Time")
    @Timespan
    long generateTime;

    @Label("Publish Time")
    @Description("From the begin of the translation until vCPUs could enter it")
    @Timespan
    long publishTime;

    @Label("Outcome")
    String outcome = "";

    static void emit(Translation t, Translation.Outcome outcome) {
        TranslationEvent e = new TranslationEvent();
        if (e.shouldCommit()) {
            e.address = t.linear;
            e.physical = t.physical;
            e.instructions = t.instructions;
            e.bytecode = t.bytecode;
            e.generateTime = t.generateNanos;
            e.publishTime = t.publishNanos;
            e.outcome = outcome.name();
            e.commit();
        }
    }
}
