package io.queztl.devices;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What every device's snapshot must do: save, change, restore, save again, equal. */
public abstract class SnapshotContract<D, S> {
    /** A device as after power-on. */
    protected abstract D create();

    /** Brings it to a state that differs from power-on wherever it can. */
    protected abstract void use(D device);

    /** Brings it to yet another state. */
    protected abstract void change(D device);

    protected abstract S state(D device);

    protected abstract void restore(D device, S state);

    @Test
    void restore_afterChange_givesTheSavedState() {
        D device = create();
        use(device);
        S saved = state(device);
        change(device);
        assertThat(state(device)).isNotEqualTo(saved);
        restore(device, saved);
        assertThat(state(device)).isEqualTo(saved);
    }

    @Test
    void restore_intoFreshDevice_givesTheSavedState() {
        D device = create();
        S fresh = state(device);
        use(device);
        S saved = state(device);
        assertThat(saved).isNotEqualTo(fresh);
        D other = create();
        restore(other, saved);
        assertThat(state(other)).isEqualTo(saved);
    }
}
