package io.queztl.vmm.vcpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.machine.cpu.VcpuExit;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class VcpuThreadTest {
    private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
    private final ScriptedVcpu vcpu = new ScriptedVcpu();
    private final VcpuThread thread =
            new VcpuThread(
                    vcpu,
                    new VcpuListener() {
                        @Override
                        public void tripleFault(int index, String reason) {
                            events.add("triple fault: " + reason);
                        }

                        @Override
                        public void failed(int index, String reason) {
                            events.add("failed: " + reason);
                        }

                        @Override
                        public void debugged(int index) {
                            events.add("debugged");
                        }
                    });

    @AfterEach
    void end() {
        thread.finish();
        assertThat(thread.join(5_000)).isTrue();
        assertThat(thread.state()).isEqualTo(VcpuThread.State.FINISHED);
    }

    private void startRunning() throws InterruptedException {
        thread.start();
        thread.resume();
        awaitRuns(1);
    }

    private void awaitRuns(int count) throws InterruptedException {
        while (vcpu.runs.get() < count) {
            Thread.sleep(1);
        }
    }

    @Test
    void start_withoutResume_runsNothing() throws Exception {
        thread.start();
        assertThat(thread.pause().get()).isEqualTo(VcpuThread.State.PAUSED);
        assertThat(vcpu.runs).hasValue(0);
    }

    @Test
    void pause_beforeStart_isPausedAtOnceAndTakesResumeBack() throws Exception {
        thread.resume();
        assertThat(thread.pause().get()).isEqualTo(VcpuThread.State.PAUSED);
        thread.start();
        assertThat(thread.call(v -> v.index()).get()).isZero();
        assertThat(vcpu.runs).hasValue(0);
        thread.resume();
        awaitRuns(1);
    }

    @Test
    void pause_whileRunning_standsUntilResumed() throws Exception {
        startRunning();
        assertThat(thread.pause().get()).isEqualTo(VcpuThread.State.PAUSED);
        int runs = vcpu.runs.get();
        Thread.sleep(20);
        assertThat(vcpu.runs).hasValue(runs);
        thread.resume();
        awaitRuns(runs + 1);
    }

    @Test
    void signal_whileHalted_runsAgain() throws Exception {
        vcpu.exits(new VcpuExit.Halted());
        startRunning();
        for (int i = 1; i <= 1000; i++) {
            awaitRuns(i);
            thread.interruptChanged();
        }
    }

    @Test
    void halted_withoutSignal_runsNothing() throws Exception {
        vcpu.exits(new VcpuExit.Halted());
        startRunning();
        Thread.sleep(20);
        assertThat(vcpu.runs).hasValue(1);
    }

    @Test
    void pause_whileHalted_pauses() throws Exception {
        vcpu.exits(new VcpuExit.Halted());
        startRunning();
        assertThat(thread.pause().get()).isEqualTo(VcpuThread.State.PAUSED);
        thread.interruptChanged();
        Thread.sleep(20);
        assertThat(vcpu.runs).hasValue(1);
    }

    @Test
    void call_whileRunning_runsOnTheVcpusThread() throws Exception {
        startRunning();
        assertThat(thread.call(v -> Thread.currentThread().getName()).get())
                .isEqualTo("queztl-vcpu-0");
    }

    @Test
    void call_thatThrows_failsAndVcpuGoesOn() throws Exception {
        startRunning();
        var result =
                thread.call(v -> {
                    throw new IllegalArgumentException("no");
                });
        assertThatThrownBy(result::get).hasRootCauseMessage("no");
        assertThat(thread.call(v -> v.index()).get()).isZero();
    }

    @Test
    void call_afterFinish_isCancelled() {
        thread.start();
        thread.finish();
        assertThat(thread.join(5_000)).isTrue();
        assertThatThrownBy(() -> thread.call(v -> 1).get())
                .isInstanceOf(CancellationException.class);
    }

    @Test
    void shutdown_exit_isToldAndPauses() throws Exception {
        vcpu.exits(new VcpuExit.Shutdown("why"));
        startRunning();
        assertThat(events.poll(10, TimeUnit.SECONDS)).isEqualTo("triple fault: why");
        assertThat(thread.pause().get()).isEqualTo(VcpuThread.State.PAUSED);
        assertThat(vcpu.runs).hasValue(1);
    }

    @Test
    void run_thatThrows_isToldAsFailure() throws Exception {
        vcpu.fails(new IllegalStateException("bug"));
        startRunning();
        assertThat(events.poll(10, TimeUnit.SECONDS))
                .startsWith("failed: java.lang.IllegalStateException: bug");
    }
}
