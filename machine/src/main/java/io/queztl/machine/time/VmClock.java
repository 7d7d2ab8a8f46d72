package io.queztl.machine.time;

/** A {@link Clock} over {@link System#nanoTime()} that can be paused. */
public final class VmClock implements Clock {
    private volatile long offset = System.nanoTime();
    private volatile long pausedAt = -1;

    @Override
    public long nanos() {
        long p = pausedAt;
        return p >= 0 ? p : System.nanoTime() - offset;
    }

    @Override
    public long wallNanos() {
        java.time.Instant now = java.time.Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }

    /** Stops the time. */
    public synchronized void pause() {
        if (pausedAt < 0) {
            pausedAt = System.nanoTime() - offset;
        }
    }

    /** Lets the time go on from where it stopped. */
    public synchronized void resume() {
        if (pausedAt >= 0) {
            offset = System.nanoTime() - pausedAt;
            pausedAt = -1;
        }
    }
}
