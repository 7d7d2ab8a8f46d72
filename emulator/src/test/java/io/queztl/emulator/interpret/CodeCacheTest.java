package io.queztl.emulator.interpret;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.decode.Decoder;
import io.queztl.emulator.ops.Reset;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.VmClock;
import io.queztl.testkit.vector.QuietInterrupts;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** The blocks of two vCPUs, and writes to code that come from elsewhere meanwhile. */
@ParameterizedClass
@EnumSource
final class CodeCacheTest {
    private static final int CODE = 0x1000;

    private final GuestMemory memory = new GuestMemory(1 << 20);
    private final Shared shared;
    private final Cpu first;
    private final Cpu second;
    private volatile int published;
    private volatile boolean done;

    CodeCacheTest(ExecutionMode mode) {
        shared = new Shared(memory, new Bus(), 2, mode);
        first = cpu(0);
        second = cpu(1);
    }

    private Cpu cpu(int index) {
        Cpu c =
                new Cpu(
                        index,
                        shared,
                        new Bus(),
                        new QuietInterrupts(),
                        new VmClock(),
                        CpuModel.max());
        Reset.powerOn(c);
        c.waitForSipi = false;
        c.base[Cpu.CS] = 0;
        c.rip = CODE;
        c.updateMode();
        return c;
    }

    @BeforeEach
    void movEaxAndHalt() {
        memory.write(CODE, new byte[] {0x66, (byte) 0xb8, 0, 0, 0, 0, (byte) 0xf4});
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private Block decode(Cpu c) {
        // As two vCPUs do that look for the same block at the same time.
        Decoder decoder = new Decoder(c.model);
        return shared.codeCache.decode(c, decoder, new byte[4096 + 16], CODE, CODE, 64);
    }

    @Test
    void blockThatTwoMade_isValidOnce() {
        Block one = decode(first);
        Block two = decode(second);
        assertThat(one.valid).isFalse();
        assertThat(two.valid).isTrue();
        assertThat(shared.codeCache.find(two.key)).isSameAs(two);
    }

    @Test
    void writtenCode_leavesNoValidBlock() {
        Block one = decode(first);
        Block two = decode(second);
        memory.write8(CODE + 2, 1);
        assertThat(one.valid).isFalse();
        assertThat(two.valid).isFalse();
        assertThat(shared.codeCache.find(two.key)).isNull();
    }

    /** A vCPU may be between the reading of an instruction's first word and of its second. */
    @Test
    void writtenCode_leavesImmediatesAsTheyWere() {
        memory.write8(CODE + 2, 1);
        Block one = decode(first);
        memory.write8(CODE + 2, 2);
        assertThat(Words.form(one.words[0])).isEqualTo(Forms.STOP);
        assertThat(one.words[1]).isEqualTo(1);
    }

    @Test
    void writesBesideCode_leaveTheBlock() {
        Block one = decode(first);
        first.mem.store8(CODE - 1, 1);
        first.mem.store64(CODE + one.bytes, 1);
        first.mem.store64(CODE + 0xff8, 1);
        assertThat(one.valid).isTrue();
        first.mem.store8(CODE + one.bytes - 1, 0xf4);
        assertThat(one.valid).isFalse();
    }

    /** As a chipset does that shows ROM in place of RAM. */
    @Test
    void pageWithOtherMemoryBehind_runsTheOtherCode() {
        Interpreter interpreter = new Interpreter(first);
        var ignored = interpreter.run();
        assertThat((int) first.r[Cpu.RAX]).isZero();
        memory.write(0x2000, new byte[] {0x66, (byte) 0xb8, 7, 0, 0, 0, (byte) 0xf4});
        memory.remap(CODE, 0x1000, 0x2000, true);
        first.halted = false;
        first.rip = CODE;
        ignored = interpreter.run();
        assertThat((int) first.r[Cpu.RAX]).isEqualTo(7);
        first.mem.store8(CODE + 2, 9);
        assertThat(memory.read8(0x2002)).isEqualTo(7);
        memory.remap(CODE, 0x1000, CODE, false);
        first.mem.store8(CODE + 2, 9);
        assertThat(memory.read8(CODE + 2)).isEqualTo(9);
    }

    @Test
    void blockThatWasInvalidated_forgetsItsSuccessors() {
        Block one = decode(first);
        one.successor0 = one;
        one.successor1 = one;
        memory.write8(CODE + 2, 1);
        assertThat(one.successor0).isNull();
        assertThat(one.successor1).isNull();
    }

    @Test
    void codeWrittenByDevices_isSeenByWhatRunsLater() throws InterruptedException {
        Interpreter interpreter = new Interpreter(first);
        Thread device =
                Thread.ofPlatform()
                        .daemon()
                        .start(() -> {
                            for (int n = 1; !done; n++) {
                                memory.write32(CODE + 2, n);
                                published = n;
                                if ((n & 15) == 0) {
                                    Thread.yield();
                                }
                            }
                        });
        try {
            for (int k = 0; k < 50_000; k++) {
                int least = published;
                first.halted = false;
                first.rip = CODE;
                first.r[Cpu.RAX] = -1;
                var ignored = interpreter.run();
                assertThat((int) first.r[Cpu.RAX]).isGreaterThanOrEqualTo(least);
            }
        } finally {
            done = true;
            device.join();
        }
    }
}
