package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import java.util.concurrent.locks.LockSupport;

/**
 * PAUSE. A guest that spins waits for another vCPU or a device, which may be waiting for the host
 * CPU that the spinning vCPU keeps busy; or it waits for the time. So after some PAUSE instructions
 * with hardly anything between them the thread yields, and later sleeps for short times. Interrupts
 * and all else that is signalled to the vCPU end a sleep; what another vCPU just writes to memory
 * is seen {@value #SLEEP_MICROS} µs later at worst, and what the host's timers add.
 */
final class SpinWait {
    /** More instructions than this between two PAUSEs are progress. */
    private static final int PROGRESS = 64;

    /** PAUSEs before the first yield: a few microseconds. */
    private static final int SPINS = 128;

    /** PAUSEs before the first sleep. */
    private static final int YIELDS = SPINS + 512;

    /** PAUSEs between two yields, and two sleeps. */
    private static final int STRIDE = 32;

    static final int SLEEP_MICROS = 50;

    private SpinWait() {}

    static void pause(Cpu c) {
        long now = c.instructions;
        if (now - c.pausedAt > PROGRESS) {
            c.pauses = 0;
        }
        c.pausedAt = now;
        int n = ++c.pauses;
        if (n < SPINS || n % STRIDE != 0) {
            Thread.onSpinWait();
        } else if (n < YIELDS) {
            Thread.yield();
        } else {
            sleep(c);
        }
    }

    private static void sleep(Cpu c) {
        c.pauses = YIELDS;
        // Others must not have to wait for this one meanwhile.
        c.shared.exclusive.leave(c);
        try {
            if (c.attention == 0) {
                LockSupport.parkNanos(c, SLEEP_MICROS * 1000L);
            }
        } finally {
            c.shared.exclusive.enter(c);
        }
    }
}
