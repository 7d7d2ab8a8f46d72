package io.queztl.devices;

import io.queztl.machine.time.Clock;
import io.queztl.machine.time.Timers;
import java.util.ArrayList;
import java.util.List;

/** A clock that stands until a test moves it, and timers that run while it does. */
public final class ManualTimers implements Timers, Clock {
    private final class Entry implements Timer {
        private final Runnable action;
        private boolean armed;
        private long deadline;

        Entry(Runnable action) {
            this.action = action;
        }

        @Override
        public void arm(long deadlineNanos) {
            armed = true;
            deadline = deadlineNanos;
        }

        @Override
        public void disarm() {
            armed = false;
        }
    }

    private final List<Entry> entries = new ArrayList<>();
    private long nanos = 1_000_000;
    private long wall = 1_000_000_000_000_000_000L; // 2001-09-09T01:46:40Z

    @Override
    public Clock clock() {
        return this;
    }

    @Override
    public Timer timer(Runnable action) {
        Entry entry = new Entry(action);
        entries.add(entry);
        return entry;
    }

    @Override
    public long nanos() {
        return nanos;
    }

    @Override
    public long wallNanos() {
        return wall;
    }

    /** Moves the time on, running each timer at its deadline. */
    public void advance(long by) {
        long end = nanos + by;
        while (true) {
            Entry next = null;
            for (Entry e : entries) {
                if (e.armed && e.deadline <= end && (next == null || e.deadline < next.deadline)) {
                    next = e;
                }
            }
            if (next == null) {
                break;
            }
            next.armed = false;
            move(Math.max(next.deadline, nanos));
            next.action.run();
        }
        move(end);
    }

    /** Moves the time on without running timers, as when the timer thread is late. */
    public void skip(long by) {
        move(nanos + by);
    }

    private void move(long to) {
        wall += to - nanos;
        nanos = to;
    }
}
