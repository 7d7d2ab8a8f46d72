package io.queztl.emulator.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.InstructionTable;
import io.queztl.emulator.decode.Row;
import io.queztl.machine.cpu.VcpuExit;
import io.queztl.testkit.random.Seeds;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Runs garbage: random bytes, and random instructions with random operands, in every mode, over
 * random registers, with descriptor tables and page tables within the reach of its own stores.
 * Whatever it does, the vCPU goes on, halts or shuts down; nothing is thrown and nothing hangs.
 */
final class GarbageTest {
    private static final int GUESTS = Seeds.all() ? 20_000 : 1_000;
    private static final int STEPS = 200;
    private static final int FREE_GUESTS = Seeds.all() ? 5_000 : 300;
    private static final int EXITS = 20;

    private final long seed = Seeds.seed("garbage");
    private final SplittableRandom random = new SplittableRandom(seed);
    private final List<Integer> opcodes =
            InstructionTable.get().rows().stream()
                    .filter(r -> !r.mnemonic.equals("HLT"))
                    .map(GarbageTest::opcodeBytes)
                    .toList();

    private static int opcodeBytes(Row row) {
        return row.map << 16 | row.opcode << 8 | (row.vex ? 1 : 0);
    }

    @Test
    void realMode_survivesGarbage() {
        run(() -> {
            Guest g = Guest.reset(ExecutionMode.INTERPRETER);
            g.cpu.rip = 0;
            g.cpu.base[Cpu.CS] = Guest.CODE;
            g.cpu.r[Cpu.RSP] = 0x8000;
            g.cpu.updateMode();
            return g;
        });
    }

    @Test
    void protectedMode_survivesGarbage() {
        run(() -> Guest.protectedMode(ExecutionMode.INTERPRETER));
    }

    @Test
    void longMode_survivesGarbage() {
        run(() -> Guest.longMode(ExecutionMode.INTERPRETER));
    }

    @ParameterizedTest
    @EnumSource
    void longModeWithoutSingleSteps_survivesGarbage(ExecutionMode mode) throws Exception {
        AtomicReference<Guest> current = new AtomicReference<>();
        Thread kicker =
                Thread.ofPlatform()
                        .daemon()
                        .start(() -> {
                            while (!Thread.interrupted()) {
                                LockSupport.parkNanos(1_000_000);
                                Guest g = current.get();
                                if (g != null) {
                                    g.cpu.attend(Cpu.ATTENTION_KICK);
                                }
                            }
                        });
        long instructions = 0;
        for (int n = 0; n < FREE_GUESTS; n++) {
            try (Guest g = Guest.longMode(mode)) {
                fill(g);
                current.set(g);
                for (int k = 0; k < EXITS; k++) {
                    VcpuExit exit;
                    try {
                        exit = g.interpreter.run();
                    } catch (RuntimeException | Error e) {
                        fail(
                                "%s, seed %d, guest %d, rip %x".formatted(mode, seed, n, g.cpu.rip),
                                e);
                        return;
                    }
                    if (exit instanceof VcpuExit.Shutdown) {
                        break;
                    }
                    g.cpu.halted = false;
                    g.cpu.rip = Guest.CODE + random.nextInt(0x800);
                }
                instructions += g.cpu.instructions;
            }
        }
        kicker.interrupt();
        kicker.join();
        System.out.printf("garbage: %s, %d instructions, seed %d%n", mode, instructions, seed);
        assertThat(instructions).isPositive();
    }

    private void fill(Guest g) {
        g.memory.write(Guest.CODE, code(0x800));
        for (int r = 0; r < 16; r++) {
            if (r != Cpu.RSP || random.nextInt(4) == 0) {
                g.cpu.r[r] = value();
            }
        }
        for (int k = 0; k < g.cpu.vec.length; k++) {
            g.cpu.vec[k] = random.nextLong();
        }
    }

    private void run(Supplier<Guest> machine) {
        int shutdowns = 0;
        long instructions = 0;
        for (int n = 0; n < GUESTS; n++) {
            try (Guest g = machine.get()) {
                fill(g);
                for (int k = 0; k < STEPS; k++) {
                    g.interpreter.singleStep(true);
                    VcpuExit exit;
                    try {
                        exit = g.interpreter.run();
                    } catch (RuntimeException | Error e) {
                        fail(
                                "seed %d, guest %d, rip %x, cr0 %x, cs %x"
                                        .formatted(
                                                seed,
                                                n,
                                                g.cpu.rip,
                                                g.cpu.cr0,
                                                g.cpu.selector[Cpu.CS]),
                                e);
                        return;
                    }
                    if (exit instanceof VcpuExit.Shutdown) {
                        shutdowns++;
                        break;
                    }
                    if (exit instanceof VcpuExit.Halted) {
                        // A fault's handler is one HLT: go on somewhere in the garbage.
                        g.cpu.halted = false;
                        g.cpu.rip = g.cpu.rip & ~0xfffL & 0xffff | random.nextInt(0x800);
                        if (g.cpu.codeSize != 2 || g.cpu.base[Cpu.CS] == 0) {
                            g.cpu.rip = Guest.CODE + random.nextInt(0x800);
                        }
                    }
                }
                instructions += g.cpu.instructions;
            }
        }
        System.out.printf(
                "garbage: %d guests, %d instructions, %d shutdowns, seed %d%n",
                GUESTS, instructions, shutdowns, seed);
        assertThat(instructions).isPositive();
    }

    private long value() {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextInt(0x30000);
            case 1 -> random.nextInt(16);
            case 2 -> random.nextLong();
            case 3 -> -random.nextInt(0x1000);
            case 4 -> random.nextInt(0x400000) & ~0xf;
            default -> random.nextInt() & 0xffff_ffffL;
        };
    }

    private byte[] code(int length) {
        byte[] code = new byte[length];
        random.nextBytes(code);
        if (random.nextInt(4) == 0) {
            return code;
        }
        int at = 0;
        while (at < length - 24) {
            if (random.nextInt(4) == 0) {
                code[at++] = prefix();
            }
            if (random.nextInt(3) == 0) {
                code[at++] = (byte) (0x40 | random.nextInt(16));
            }
            int opcode = opcodes.get(random.nextInt(opcodes.size()));
            int map = opcode >> 16;
            if ((opcode & 1) != 0) {
                code[at++] = (byte) 0xC4;
                code[at++] = (byte) (map | random.nextInt(8) << 5);
                code[at++] = (byte) random.nextInt();
            } else if (map > 0) {
                code[at++] = 0x0F;
                if (map > 1) {
                    code[at++] = (byte) (map == 2 ? 0x38 : 0x3A);
                }
            }
            code[at++] = (byte) (opcode >> 8);
            at += random.nextInt(7);
        }
        return Arrays.copyOf(code, length);
    }

    private byte prefix() {
        int[] all = {0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x2E, 0x36, 0x64, 0x65, 0x66, 0xF3};
        return (byte) all[random.nextInt(all.length)];
    }
}
