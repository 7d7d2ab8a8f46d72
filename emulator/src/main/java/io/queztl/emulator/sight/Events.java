package io.queztl.emulator.sight;

import io.queztl.machine.cpu.VcpuExit;
import java.util.function.Supplier;

/**
 * Where JFR events begin. The event classes are only touched if the JVM has module {@code jdk.jfr};
 * without a recording JFR's own switches make each method nearly empty.
 */
public final class Events {
    private static final boolean AVAILABLE = available();

    private Events() {}

    private static boolean available() {
        try {
            Class<?> ignored = Class.forName("jdk.jfr.Event", false, Events.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException | LinkageError e) {
            return false;
        }
    }

    static void translation(Translation t, Translation.Outcome outcome) {
        if (AVAILABLE) {
            TranslationEvent.emit(t, outcome);
        }
    }

    static void invalidation(long physical, int instructions, InvalidationReason reason) {
        if (AVAILABLE) {
            InvalidationEvent.emit(physical, instructions, reason);
        }
    }

    static void eviction(int regions, int instructions, int left) {
        if (AVAILABLE) {
            RegionEvictionEvent.emit(regions, instructions, left);
        }
    }

    /** An exception of the guest is delivered. */
    public static void fault(int vcpu, int vector, long rip, int errorCode, long cr2) {
        if (AVAILABLE) {
            GuestFaultEvent.emit(vcpu, vector, rip, errorCode, cr2);
        }
    }

    /** Runs guest code until an exit. */
    public static VcpuExit run(int vcpu, Supplier<VcpuExit> guest) {
        return AVAILABLE ? VcpuExitEvent.run(vcpu, guest) : guest.get();
    }

    /** The kind of an exit. */
    public static Counters.Exit kind(VcpuExit exit) {
        return switch (exit) {
            case VcpuExit.Kicked k -> Counters.Exit.KICKED;
            case VcpuExit.Halted h -> Counters.Exit.HALTED;
            case VcpuExit.Shutdown s -> Counters.Exit.SHUTDOWN;
            case VcpuExit.Debug d -> Counters.Exit.DEBUG;
            case VcpuExit.Failure f -> Counters.Exit.FAILURE;
        };
    }
}
