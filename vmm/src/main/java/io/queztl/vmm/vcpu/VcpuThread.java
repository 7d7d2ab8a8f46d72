package io.queztl.vmm.vcpu;

import io.queztl.machine.cpu.Vcpu;
import io.queztl.machine.cpu.VcpuExit;
import io.queztl.machine.cpu.VcpuSignals;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One vCPU and the platform thread that runs it.
 *
 * <pre>
 *              resume                    finish
 *   PAUSED ───────────▶ RUNNING ───────────────▶ FINISHED
 *      ▲                  │  │                       ▲
 *      └──────────────────┘  └─ halted: parked       │
 *       pause, triple fault,    until a signal       │
 *       failure, debug stop                          │
 *      └─────────────────── finish ──────────────────┘
 * </pre>
 *
 * <p>It starts PAUSED. Only the thread itself changes the state and touches the {@link Vcpu}, apart
 * from the methods that any thread may call. Other threads put commands into a queue, and then kick
 * the vCPU and unpark the thread. Interrupt controllers must be given this object as the vCPU's
 * {@link VcpuSignals}: it passes each signal on and then wakes the thread if it is halted. There is
 * no lock; a signal that comes between the look and the park is kept by the thread's permit.
 */
public final class VcpuThread implements VcpuSignals {
    /** What the vCPU is doing. */
    public enum State {
        /** Waits for commands. */
        PAUSED,
        /** Runs guest code, or is halted until something comes. */
        RUNNING,
        /** Ended for good. */
        FINISHED
    }

    /** A device that is quick answers before a thread would sleep and wake again. */
    private static final long HALT_POLL_NANOS = 30_000;

    private sealed interface Command {
        record Pause(CompletableFuture<State> done) implements Command {}

        record Resume() implements Command {}

        record Finish() implements Command {}

        record Call(Runnable action) implements Command {}
    }

    private final Vcpu vcpu;
    private final VcpuListener listener;
    private final Thread thread;
    private final ConcurrentLinkedQueue<Command> commands = new ConcurrentLinkedQueue<>();
    private volatile State state = State.PAUSED;
    private volatile boolean started;
    private @Nullable Consumer<Vcpu> tracer;

    /**
     * Makes the thread; {@link #start} starts it.
     *
     * @param vcpu the vCPU that nothing else runs
     * @param listener hears of what the vCPU cannot deal with
     */
    public VcpuThread(Vcpu vcpu, VcpuListener listener) {
        this.vcpu = vcpu;
        this.listener = listener;
        this.thread =
                Thread.ofPlatform()
                        .daemon()
                        .name("queztl-vcpu-" + vcpu.index())
                        .unstarted(this::loop);
    }

    /** Calls {@code tracer} after each instruction, on the vCPU's thread; before {@link #start}. */
    public void trace(Consumer<Vcpu> tracer) {
        this.tracer = tracer;
        vcpu.singleStep(true);
    }

    /** Starts the thread, in state PAUSED. */
    public void start() {
        started = true;
        thread.start();
    }

    /** The state now; it may have changed when the caller looks. */
    public State state() {
        return state;
    }

    /** 0 for the bootstrap processor. */
    public int index() {
        return vcpu.index();
    }

    /** Lets the vCPU run; returns at once. */
    public void resume() {
        send(new Command.Resume());
    }

    /**
     * Stops the vCPU between two instructions; the future has the state it is in then. Before
     * {@link #start} that is PAUSED, and a {@link #resume} from before is taken back.
     */
    public Future<State> pause() {
        CompletableFuture<State> done = new CompletableFuture<>();
        send(new Command.Pause(done));
        if (!started) {
            // If the thread starts just now it finds the command, and nothing ran before that.
            boolean ignored = done.complete(State.PAUSED);
        }
        return done;
    }

    /** Ends the thread; returns at once. */
    public void finish() {
        send(new Command.Finish());
    }

    /**
     * Runs {@code action} with the vCPU on its thread, between two instructions.
     *
     * @return its result; fails if the vCPU has finished
     */
    public <T> Future<T> call(Function<Vcpu, T> action) {
        CompletableFuture<T> result = new CompletableFuture<>();
        send(
                new Command.Call(() -> {
                    if (state == State.FINISHED) {
                        result.cancel(false);
                        return;
                    }
                    try {
                        result.complete(action.apply(vcpu));
                    } catch (RuntimeException e) {
                        result.completeExceptionally(e);
                    } catch (Error e) {
                        // The thread ends; nobody may wait for it.
                        result.completeExceptionally(e);
                        throw e;
                    }
                }));
        return result;
    }

    /**
     * Waits for the thread to end after {@link #finish}.
     *
     * @return false if it still runs after {@code millis} milliseconds
     */
    public boolean join(long millis) {
        if (Thread.currentThread() == thread || thread.getState() == Thread.State.NEW) {
            return true;
        }
        boolean interrupted = false;
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        long left;
        while (thread.isAlive() && (left = deadline - System.nanoTime()) > 0) {
            try {
                TimeUnit.NANOSECONDS.timedJoin(thread, left);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return !thread.isAlive();
    }

    @Override
    public void interruptChanged() {
        vcpu.interruptChanged();
        LockSupport.unpark(thread);
    }

    @Override
    public void nmi() {
        vcpu.nmi();
        LockSupport.unpark(thread);
    }

    @Override
    public void initSignal() {
        vcpu.initSignal();
        LockSupport.unpark(thread);
    }

    @Override
    public void startup(int vector) {
        vcpu.startup(vector);
        LockSupport.unpark(thread);
    }

    private void send(Command command) {
        commands.add(command);
        vcpu.kick();
        LockSupport.unpark(thread);
        if (state == State.FINISHED) {
            // The thread may have looked for the last time before the command was there.
            drain();
        }
    }

    private void loop() {
        try {
            while (state != State.FINISHED) {
                drain();
                switch (state) {
                    case PAUSED -> {
                        if (commands.isEmpty()) {
                            LockSupport.park(this);
                        }
                    }
                    case RUNNING -> handle(vcpu.run());
                    case FINISHED -> {}
                }
            }
        } catch (Throwable e) {
            state = State.FINISHED;
            listener.failed(vcpu.index(), describe(e));
        } finally {
            state = State.FINISHED;
            drain();
        }
    }

    private void drain() {
        Command command;
        while ((command = commands.poll()) != null) {
            switch (command) {
                case Command.Pause p -> {
                    if (state == State.RUNNING) {
                        state = State.PAUSED;
                    }
                    p.done.complete(state);
                }
                case Command.Resume r -> {
                    if (state == State.PAUSED) {
                        state = State.RUNNING;
                    }
                }
                case Command.Finish f -> state = State.FINISHED;
                case Command.Call c -> c.action.run();
            }
        }
    }

    private void handle(VcpuExit exit) {
        switch (exit) {
            case VcpuExit.Kicked k -> {}
            case VcpuExit.Halted h -> {
                long start = System.nanoTime();
                while (!vcpu.hasWork() && commands.isEmpty()) {
                    if (System.nanoTime() - start < HALT_POLL_NANOS) {
                        Thread.onSpinWait();
                    } else {
                        LockSupport.park(this);
                    }
                }
            }
            case VcpuExit.Shutdown s -> {
                state = State.PAUSED;
                listener.tripleFault(vcpu.index(), s.reason());
            }
            case VcpuExit.Failure f -> {
                state = State.PAUSED;
                listener.failed(vcpu.index(), f.reason());
            }
            case VcpuExit.Debug d -> {
                Consumer<Vcpu> t = tracer;
                if (t != null) {
                    t.accept(vcpu);
                } else {
                    state = State.PAUSED;
                    listener.debugged(vcpu.index());
                }
            }
        }
    }

    /** One line that names the error and where it came from. */
    private static String describe(Throwable e) {
        StackTraceElement[] trace = e.getStackTrace();
        return e + (trace.length == 0 ? "" : " at " + trace[0]);
    }
}
