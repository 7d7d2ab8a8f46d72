package io.queztl.vmm.builder;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Closes what was opened, last first, each exactly once; a failure of one does not keep the others
 * open. Not for several threads at once.
 */
public final class Closer implements AutoCloseable {
    private final Deque<AutoCloseable> open = new ArrayDeque<>();

    /** Takes over the closing of {@code resource}. */
    public <T extends AutoCloseable> T add(T resource) {
        open.push(resource);
        return resource;
    }

    /**
     * Closes everything.
     *
     * @throws IllegalStateException with the first failure, the later ones suppressed in it
     */
    @Override
    public void close() {
        IllegalStateException failure = null;
        while (!open.isEmpty()) {
            try {
                open.pop().close();
            } catch (Exception e) {
                if (failure == null) {
                    failure = new IllegalStateException("closing failed", e);
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
