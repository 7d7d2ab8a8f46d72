package io.queztl.emulator.sight;

import io.queztl.emulator.cpu.GuestException;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.MemoryAddress;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** An exception of the guest. Off unless a recording asks for it: there are many. */
@Name("queztl.GuestFault")
@Label("Guest Fault")
@Category({"Queztl", "Software CPU"})
@Description("An exception was delivered to the guest")
@Enabled(false)
@StackTrace(false)
final class GuestFaultEvent extends Event {
    private static final int PAGE_FAULT = 14;

    @Label("vCPU")
    int vcpu;

    @Label("Vector")
    int vector;

    @Label("RIP")
    @MemoryAddress
    long rip;

    @Label("Error Code")
    @Description("0 for exceptions that have none")
    int errorCode;

    @Label("Address")
    @MemoryAddress
    @Description("CR2, for page faults")
    long address;

    static void emit(int vcpu, int vector, long rip, int errorCode, long cr2) {
        GuestFaultEvent e = new GuestFaultEvent();
        if (e.shouldCommit()) {
            e.vcpu = vcpu;
            e.vector = vector;
            e.rip = rip;
            e.errorCode = errorCode == GuestException.NO_ERROR_CODE ? 0 : errorCode;
            e.address = vector == PAGE_FAULT ? cr2 : 0;
            e.commit();
        }
    }
}
