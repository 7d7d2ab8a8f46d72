package io.queztl.devices;

import io.queztl.machine.cpu.VcpuSignals;
import java.util.ArrayList;
import java.util.List;

/** The pins of a vCPU that is not there, with what came in on them. */
public final class RecordingSignals implements VcpuSignals {
    private final List<String> events = new ArrayList<>();

    @Override
    public synchronized void interruptChanged() {
        events.add("interrupt");
    }

    @Override
    public synchronized void nmi() {
        events.add("nmi");
    }

    @Override
    public synchronized void initSignal() {
        events.add("init");
    }

    @Override
    public synchronized void startup(int vector) {
        events.add("startup " + vector);
    }

    /** What came since the last call. */
    public synchronized List<String> take() {
        List<String> taken = List.copyOf(events);
        events.clear();
        return taken;
    }
}
