package io.queztl.devices.firmware;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.devices.SnapshotContract;
import io.queztl.testkit.random.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PflashTest extends SnapshotContract<Pflash, PflashState> {
    private static final int SIZE = 4 * Pflash.BLOCK;
    private static final int READY = 0x80;

    private final List<String> kept = new ArrayList<>();
    private boolean broken;

    @Override
    protected Pflash create() {
        byte[] content = new byte[SIZE];
        Arrays.fill(content, (byte) 0x5a);
        return new Pflash(content, this::keep);
    }

    private boolean keep(byte[] content, int start, int bytes) {
        kept.add(start + "+" + bytes);
        return !broken;
    }

    @Override
    protected void use(Pflash device) {
        program(device, 0x10, 0x77);
        device.write(0x20, 1, 0xe8);
        device.write(0x20, 1, 3);
        device.write(0x20, 1, 0x11);
    }

    @Override
    protected void change(Pflash device) {
        device.write(0, 1, 0xff);
        program(device, 0x10, 0x78);
    }

    @Override
    protected PflashState state(Pflash device) {
        return device.state();
    }

    @Override
    protected void restore(Pflash device, PflashState state) {
        device.restore(state);
    }

    private static void program(Pflash flash, int at, int value) {
        flash.write(at, 1, 0x40);
        flash.write(at, 1, value);
    }

    @Test
    void array_isReadAtAnyWidth() {
        Pflash flash = create();
        assertThat(flash.read(1, 1)).isEqualTo(0x5a);
        assertThat(flash.read(3, 8)).isEqualTo(0x5a5a5a5a5a5a5a5aL);
        assertThat(flash.read(SIZE - 1, 4)).isEqualTo(0xffff_ff5aL);
    }

    @Test
    void program_showsStatus_andIsKeptWhenReadAgain() {
        Pflash flash = create();
        program(flash, 0x123, 0x42);
        assertThat(flash.read(0x123, 1)).isEqualTo(READY);
        assertThat(kept).isEmpty();
        flash.write(0, 1, 0xff);
        assertThat(flash.read(0x123, 1)).isEqualTo(0x42);
        assertThat(kept).containsExactly("291+1");
        flash.write(0, 1, 0xff);
        assertThat(kept).hasSize(1);
    }

    /** How OVMF tells flash from RAM and ROM. */
    @Test
    void probe_byOvmf_findsFlash() {
        Pflash flash = create();
        flash.write(7, 1, 0x50);
        assertThat(flash.read(7, 1)).isEqualTo(0x5a);
        flash.write(7, 1, 0x70);
        assertThat(flash.read(7, 1)).isZero();
        flash.write(7, 1, 0xff);
        assertThat(flash.read(7, 1)).isEqualTo(0x5a);
    }

    @Test
    void erase_setsABlock_andOnlyWhenConfirmed() {
        Pflash flash = create();
        flash.write(Pflash.BLOCK + 5, 1, 0x20);
        flash.write(Pflash.BLOCK + 5, 1, 0xd0);
        flash.write(0, 1, 0x20);
        flash.write(0, 1, 0x00);
        assertThat(flash.read(0, 1)).isEqualTo(READY | 0x30);
        flash.write(0, 1, 0x50);
        flash.write(0, 1, 0x70);
        assertThat(flash.read(0, 1)).isZero();
        flash.write(0, 1, 0xff);
        assertThat(flash.read(Pflash.BLOCK - 1, 2)).isEqualTo(0xff5a);
        assertThat(flash.read(2 * Pflash.BLOCK - 1, 2)).isEqualTo(0x5aff);
    }

    @Test
    void bufferedWrite_needsItsCountAndConfirmation() {
        Pflash flash = create();
        flash.write(8, 1, 0xe8);
        assertThat(flash.read(8, 1)).isEqualTo(READY);
        flash.write(8, 1, 3);
        flash.write(8, 4, 0x04030201);
        flash.write(8, 1, 0xd0);
        flash.write(8, 1, 0xff);
        assertThat(flash.read(8, 4)).isEqualTo(0x04030201);
        assertThat(flash.read(12, 1)).isEqualTo(0x5a);
    }

    @Test
    void identifierAndQuery_sayWhatItIs() {
        Pflash flash = create();
        flash.write(0, 1, 0x90);
        assertThat(flash.read(0, 2)).isEqualTo(0x1889);
        flash.write(0, 1, 0x98);
        assertThat(flash.read(0x10, 4)).isEqualTo(0x01_595251);
        assertThat(flash.read(0x27, 1)).isEqualTo(14); // 2^14 bytes
        assertThat(flash.read(0x2d, 4)).isEqualTo(0x0010_0003); // 4 blocks of 16 × 256
    }

    @Test
    void store_thatFails_isTriedAgain() {
        Pflash flash = create();
        broken = true;
        program(flash, 1, 2);
        flash.write(0, 1, 0xff);
        flash.write(0, 1, 0x70);
        assertThat(flash.read(0, 1)).isEqualTo(READY | 0x10);
        broken = false;
        flash.flush();
        assertThat(kept).containsExactly("1+1", "1+1");
    }

    @Test
    void restore_ofAnotherSize_isRefused() {
        Pflash flash = create();
        PflashState small = new Pflash(new byte[Pflash.BLOCK], (c, s, b) -> true).state();
        assertThatThrownBy(() -> flash.restore(small)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void hostileAccesses_areAnswered() {
        long seed = Seeds.seed("PflashTest");
        Random random = new Random(seed);
        Pflash flash = create();
        int[] commands = {0x10, 0x20, 0x40, 0x50, 0x70, 0x90, 0x98, 0xd0, 0xe8, 0xff};
        int steps = Seeds.all() ? 1_000_000 : 10_000;
        for (int i = 0; i < steps; i++) {
            int size = 1 << random.nextInt(4);
            long at = random.nextInt(SIZE);
            if (random.nextInt(3) == 0) {
                long ignored = flash.read(at, size);
            } else {
                long value =
                        random.nextBoolean()
                                ? commands[random.nextInt(commands.length)]
                                : random.nextLong();
                flash.write(at, size, value);
            }
        }
        flash.write(0, 1, 0xd0); // ends whatever was begun
        flash.write(0, 1, 0xff);
        flash.write(0, 1, 0xff);
        Pflash other = create();
        other.restore(flash.state());
        assertThat(other.state()).as("seed %d", seed).isEqualTo(flash.state());
    }
}
