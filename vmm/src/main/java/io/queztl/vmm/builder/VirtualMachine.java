package io.queztl.vmm.builder;

import io.queztl.devices.legacy.OutputBuffer;
import io.queztl.devices.legacy.Serial;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.block.VirtioBlock;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.VmClock;
import io.queztl.vmm.config.VmException;
import io.queztl.vmm.gdb.GdbServer;
import io.queztl.vmm.vcpu.VcpuListener;
import io.queztl.vmm.vcpu.VcpuThread;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;

/**
 * A machine that was put together by {@link VmBuilder}. Its life:
 *
 * <pre>
 *   built ──start──▶ running ◀──resume── paused
 *     │               │  └──────pause──────▲ │
 *     └──── stop ─────┴──── guest ends ──────┴──▶ ended (an Outcome) ──close──▶ gone
 * </pre>
 *
 * <p>Any thread may call any method; {@link #close} once, by whoever built it. The first outcome
 * counts. Devices report the guest's end on vCPU threads, so nothing here waits for a vCPU except
 * {@link #pause} and {@link #close}.
 */
public final class VirtualMachine implements AutoCloseable {
    private static final long JOIN_MILLIS = 5_000;
    private static final long FLUSH_MILLIS = 3_600_000;
    private static final long STOPPED_FLUSH_MILLIS = 500;

    private final Closer closer;
    private final VmClock clock;
    private final Serial console;
    private final List<OutputBuffer> outputs;
    private final Runnable powerButton;
    private final CompletableFuture<Outcome> exit;
    private final List<VcpuThread> vcpus;
    private final GuestMemory memory;
    private final DebugHook debug;
    private final List<VirtioDevice> devices;
    private final Peripherals peripherals;

    VirtualMachine(
            Closer closer,
            VmClock clock,
            Serial console,
            List<OutputBuffer> outputs,
            Runnable powerButton,
            CompletableFuture<Outcome> exit,
            List<VcpuThread> vcpus,
            GuestMemory memory,
            DebugHook debug,
            List<VirtioDevice> devices,
            Peripherals peripherals) {
        this.devices = List.copyOf(devices);
        this.peripherals = peripherals;
        peripherals.onPause(this::pauseForDevice);
        this.memory = memory;
        this.debug = debug;
        this.closer = closer;
        this.clock = clock;
        this.console = console;
        this.outputs = List.copyOf(outputs);
        this.powerButton = powerButton;
        this.exit = exit;
        this.vcpus = List.copyOf(vcpus);
        // Whatever ends the VM ends the vCPUs; nobody has to be waiting for it.
        exit.thenRun(() -> this.vcpus.forEach(VcpuThread::finish));
    }

    /** Starts the vCPUs, and the time if it was paused. */
    public void start() {
        clock.resume();
        vcpus.forEach(VcpuThread::start);
        vcpus.forEach(VcpuThread::resume);
    }

    /** Starts the vCPUs' threads but runs nothing before {@link #resume}. */
    public void startPaused() {
        vcpus.forEach(VcpuThread::start);
    }

    /** Stops all vCPUs between two instructions, and the time; returns when they stand. */
    public void pause() throws InterruptedException {
        List<Future<VcpuThread.State>> states = new ArrayList<>();
        for (VcpuThread vcpu : vcpus) {
            states.add(vcpu.pause());
        }
        for (Future<VcpuThread.State> state : states) {
            try {
                VcpuThread.State ignored = state.get();
            } catch (ExecutionException e) {
                throw new IllegalStateException(e);
            }
        }
        clock.pause();
    }

    private void pauseForDevice() {
        try {
            pause();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Lets time and vCPUs go on. */
    public void resume() {
        clock.resume();
        vcpus.forEach(VcpuThread::resume);
    }

    /** Presses the power button: a guest that listens switches itself off. */
    public void powerButton() {
        powerButton.run();
    }

    /** Ends the VM as if its plug was pulled; returns at once. */
    public void stop() {
        boolean ignored = exit.complete(new Outcome.Stopped());
    }

    /** Waits until the VM has ended, however that came. */
    public Outcome awaitExit() throws InterruptedException {
        try {
            return exit.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The first serial port. */
    public Serial console() {
        return console;
    }

    /** The VirtIO devices of one kind, in the order in which they were plugged in. */
    public <T extends VirtioDevice> List<T> devices(Class<T> kind) {
        return devices.stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    /** Optional devices to work with. */
    public Peripherals peripherals() {
        return peripherals;
    }

    /** True once an outcome is known. */
    public boolean ended() {
        return exit.isDone();
    }

    /** The vCPUs, in order of their index. */
    public List<VcpuThread> vcpus() {
        return vcpus;
    }

    /**
     * Makes a disk larger while the guest uses it; its driver is told.
     *
     * @param index of the disk, in the order of the configuration, from 0 on
     * @param bytes the new size
     * @throws VmException if there is no such disk, or it cannot get this size
     */
    public void resizeDisk(int index, long bytes) {
        List<VirtioBlock> disks = devices(VirtioBlock.class);
        if (index < 0 || index >= disks.size()) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "there is no disk %d: the VM has %d, counted from 0."
                            .formatted(index, disks.size()));
        }
        try {
            disks.get(index).resize(bytes);
        } catch (IOException e) {
            throw new VmException(
                    VmException.Code.HOST,
                    "disk %d cannot be resized: %s.".formatted(index, e.getMessage()),
                    e);
        }
    }

    /**
     * Lets a debugger attach by GDB's remote protocol.
     *
     * @param port TCP port on the loopback interface
     * @return the stub, closed with the VM
     * @throws IOException if the port cannot be had
     */
    public GdbServer debug(int port) throws IOException {
        GdbServer server = closer.add(new GdbServer(port, vcpus, memory));
        debug.listener = server::stopped;
        return server;
    }

    /**
     * Waits until what the guest has printed is written: as long as it takes, but only shortly if
     * the VM was stopped from outside, because then whoever reads may be gone.
     */
    public void flush() {
        boolean stopped = exit.getNow(null) instanceof Outcome.Stopped;
        for (OutputBuffer output : outputs) {
            boolean ignored = output.flush(stopped ? STOPPED_FLUSH_MILLIS : FLUSH_MILLIS);
        }
    }

    /** Ends the VM if it has not ended, waits for its threads and gives everything back. */
    @Override
    public void close() {
        finish();
        closer.close();
    }

    /** Ends the VM and waits for its vCPUs: what they count stands still from then on. */
    public void finish() {
        stop();
        for (VcpuThread vcpu : vcpus) {
            boolean ignored = vcpu.join(JOIN_MILLIS);
        }
    }

    /** What ends the VM when a vCPU cannot go on. */
    record Listener(CompletableFuture<Outcome> exit, DebugHook debug) implements VcpuListener {
        @Override
        public void tripleFault(int vcpu, String reason) {
            boolean ignored =
                    exit.complete(new Outcome.Crashed("vCPU %d: %s".formatted(vcpu, reason)));
        }

        @Override
        public void failed(int vcpu, String reason) {
            boolean ignored =
                    exit.complete(new Outcome.Failed("vCPU %d: %s".formatted(vcpu, reason)));
        }

        @Override
        public void debugged(int vcpu) {
            debug.listener.accept(vcpu);
        }
    }

    /** Where debug stops go: to whoever attached last. */
    static final class DebugHook {
        volatile IntConsumer listener = vcpu -> {};
    }
}
