package io.queztl.emulator.sight;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** Translated code took more than its budget and the older half went. */
@Name("queztl.RegionEviction")
@Label("Region Eviction")
@Category({"Queztl", "Software CPU"})
@Description("Translated code took more than its budget: the older half of it was dropped")
@StackTrace(false)
final class RegionEvictionEvent extends Event {
    @Label("Regions")
    int regions;

    @Label("Guest Instructions")
    int instructions;

    @Label("Guest Instructions Left")
    int left;

    static void emit(int regions, int instructions, int left) {
        RegionEvictionEvent e = new RegionEvictionEvent();
        if (e.shouldCommit()) {
            e.regions = regions;
            e.instructions = instructions;
            e.left = left;
            e.commit();
        }
    }
}
