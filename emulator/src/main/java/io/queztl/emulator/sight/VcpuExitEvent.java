package io.queztl.emulator.sight;

import io.queztl.machine.cpu.VcpuExit;
import java.util.function.Supplier;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A vCPU ran guest code, and left it. The duration is the time in the guest. */
@Name("queztl.VcpuExit")
@Label("vCPU Exit")
@Category({"Queztl", "Software CPU"})
@Description("A vCPU ran guest code for the event's duration, and left it")
@StackTrace(false)
final class VcpuExitEvent extends Event {
    @Label("vCPU")
    int vcpu;

    @Label("Kind")
    String kind = "";

    static VcpuExit run(int vcpu, Supplier<VcpuExit> guest) {
        VcpuExitEvent e = new VcpuExitEvent();
        e.begin();
        VcpuExit exit = guest.get();
        e.end();
        if (e.shouldCommit()) {
            e.vcpu = vcpu;
            e.kind = Events.kind(exit).name();
            e.commit();
        }
        return exit;
    }
}
