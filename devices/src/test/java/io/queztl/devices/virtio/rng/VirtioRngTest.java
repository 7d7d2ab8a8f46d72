package io.queztl.devices.virtio.rng;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.VirtioDeviceContract;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.testkit.virtio.VirtqueueDriver.Buffer;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class VirtioRngTest extends VirtioDeviceContract {
    @Override
    protected VirtioDevice create(GuestMemory ram) {
        return new VirtioRng("rng", ram, new Random(1));
    }

    @Override
    protected Object state(VirtioDevice d) {
        return ((VirtioRng) d).state();
    }

    @Override
    protected void restore(VirtioDevice d, Object state) {
        ((VirtioRng) d).restore((VirtioRngState) state);
    }

    @Override
    protected List<Buffer> request() {
        return List.of(new Buffer(DATA, 64, true), new Buffer(DATA + 100, 3, true));
    }

    @Test
    void buffer_isFilledToItsEndAndNoFurther() throws Exception {
        start(0);
        int ignored = queues[0].add(request());
        registers.notifyQueue(0);
        assertThat(await(0).written()).isEqualTo(67);
        byte[] expected = new byte[4096];
        new Random(1).nextBytes(expected);
        for (int i = 0; i < 64; i++) {
            assertThat((byte) memory.read8(DATA + i)).isEqualTo(expected[i]);
        }
        assertThat(memory.read8(DATA + 64)).isZero();
        assertThat((byte) memory.read8(DATA + 102)).isEqualTo(expected[66]);
        assertThat(memory.read8(DATA + 103)).isZero();
    }
}
