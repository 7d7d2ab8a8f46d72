package io.queztl.emulator.interpret;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.ops.Reset;
import io.queztl.emulator.translate.HandMadeRegion;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.cpu.VcpuExit;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.VmClock;
import io.queztl.testkit.vector.QuietInterrupts;
import java.util.HexFormat;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Regions that are right and regions that are wrong, under the lock-step check. */
final class LockStepTest {
    private static final int CODE = 0x1000, DATA = 0x8000, UNMAPPED = 0x40_0000;
    private static final int PML4 = 0x20000, PDPT = 0x21000, PD = 0x22000, PT = 0x23000;

    /** MOV EAX, 5; MOV [RBX], EAX; ADD EAX, 1; HLT. */
    private static final String STORE = "b805000000890383c001f4";

    /** A loop with stores, a call, flags, SSE and LOCK XADD, then REP MOVSB and HLT. */
    private static final String LOOP =
            "b9e8030000be00800000bf00900000890c8e48010f314f08e81e000000ff47100f94c0660f6ec1"
                    + "f30f58c00f114720ffc975dcb958020000f3a4f451486bc94d48c1c103f0480fc14f1859c3";

    private final GuestMemory memory = new GuestMemory(4 << 20);

    @AfterEach
    void close() {
        memory.close();
    }

    private Cpu longMode(ExecutionMode mode, String code) {
        memory.write(CODE, HexFormat.of().parseHex(code));
        memory.write64(PML4, PDPT | 7);
        memory.write64(PDPT, PD | 7);
        memory.write64(PD, PT | 7);
        for (int p = 0; p < 512; p++) {
            memory.write64(PT + 8 * p, p * 4096L | 7);
        }
        Cpu c =
                new Cpu(
                        0,
                        new Shared(memory, new Bus(), 1, mode),
                        new Bus(),
                        new QuietInterrupts(),
                        new VmClock(),
                        CpuModel.max());
        Reset.powerOn(c);
        c.cr0 = 0x8001_0033L;
        c.cr3 = PML4;
        c.cr4 = 0x620;
        c.efer = 0xd00;
        c.base[Cpu.CS] = 0;
        c.attributes[Cpu.CS] = 0xa09b;
        c.attributes[Cpu.SS] = 0xc093;
        c.idtLimit = 0;
        c.updateMode();
        start(c);
        return c;
    }

    private static void start(Cpu c) {
        c.halted = false;
        c.rip = CODE;
        c.r[Cpu.RBX] = DATA;
        c.r[Cpu.RSP] = 0xc000;
    }

    /** What {@link #STORE} does, done right. */
    private static void right(Cpu c) {
        boolean ignored = c.mem.store32(c.r[Cpu.RBX], 5);
        c.r[Cpu.RAX] = 6;
        Flags.add(c, 5, 1, 6, 4);
        c.rip = CODE + 10;
        c.instructions += 3;
    }

    private Interpreter interpreter(HandMadeRegion.Body body, long rbx) {
        Cpu c = longMode(ExecutionMode.INTERPRETER, STORE);
        Interpreter i = new Interpreter(c);
        assertThat(i.run()).isInstanceOf(VcpuExit.Halted.class);
        start(c);
        c.r[Cpu.RBX] = rbx;
        memory.write32(DATA, 0);
        Block b =
                Objects.requireNonNull(
                        c.shared.codeCache.find((long) CODE << 2 | Block.sizeCode(8)));
        Insn[] faulting = {b.decoded[1]};
        b.entry = new HandMadeRegion(CODE, faulting, body).entry(CODE & 4095);
        i.check(true);
        return i;
    }

    private void caught(HandMadeRegion.Body body, String named) {
        Interpreter i = interpreter(body, DATA);
        assertThat(i.run()).isInstanceOf(VcpuExit.Failure.class);
        assertThat(i.difference()).contains(named).contains("MOV");
    }

    @Test
    void rightRegion_isEqual() {
        Interpreter i = interpreter(LockStepTest::right, DATA);
        assertThat(i.run()).isInstanceOf(VcpuExit.Halted.class);
        assertThat(i.difference()).isNull();
        assertThat(i.checked()).startsWith("1 rounds with 3 instructions equal, 0 ");
        assertThat(memory.read32(DATA)).isEqualTo(5);
    }

    @Test
    void wrongRegister_isCaught() {
        caught(
                c -> {
                    right(c);
                    c.r[Cpu.RDX] ^= 1L << 40;
                },
                "rdx: interpreter");
    }

    @Test
    void wrongVectorRegister_isCaught() {
        caught(
                c -> {
                    right(c);
                    c.vec[4 * 3 + 2] ^= 4;
                },
                "ymm3 bits 191:128: interpreter");
    }

    @Test
    void wrongFlag_isCaught() {
        caught(
                c -> {
                    right(c);
                    Flags.arithmetic(c, Flags.arithmetic(c) ^ Flags.AF);
                },
                "rflags: interpreter");
    }

    @Test
    void wrongValueStored_isCaught() {
        caught(
                c -> {
                    right(c);
                    boolean ignored = c.mem.store8(DATA, 4);
                },
                "memory at physical 0x8000, 4 bytes: interpreter 0x00000005, translated 0x00000004");
    }

    @Test
    void storeTooMany_isCaught() {
        caught(
                c -> {
                    right(c);
                    boolean ignored = c.mem.store8(DATA + 100, 4);
                },
                "memory at physical 0x8064, 1 bytes: interpreter 0x00, translated 0x04");
    }

    @Test
    void storeTooFew_isCaught() {
        caught(
                c -> {
                    right(c);
                    boolean ignored = c.mem.store32(DATA, 0);
                },
                "memory at physical 0x8000, 4 bytes: interpreter 0x00000005, translated 0x00000000");
    }

    @Test
    void instructionsMiscounted_isCaught() {
        caught(
                c -> {
                    right(c);
                    c.instructions--;
                },
                "rip: interpreter 0x1007, translated 0x100a");
    }

    @Test
    void faultThatIsMissed_isCaught() {
        Interpreter i =
                interpreter(
                        c -> {
                            c.r[Cpu.RAX] = 6;
                            Flags.add(c, 5, 1, 6, 4);
                            c.rip = CODE + 10;
                            c.instructions += 3;
                        },
                        UNMAPPED);
        assertThat(i.run()).isInstanceOf(VcpuExit.Failure.class);
        assertThat(i.difference()).contains("the interpreter faults with vector 14");
    }

    @Test
    void sameFault_isEqualAndDelivered() {
        Interpreter i =
                interpreter(
                        c -> {
                            c.r[Cpu.RAX] = 5;
                            c.rip = CODE + 5;
                            c.instructions += 1;
                            boolean ignored = c.mem.store32(c.r[Cpu.RBX], 5);
                        },
                        UNMAPPED);
        // There is no IDT.
        assertThat(i.run()).isInstanceOf(VcpuExit.Shutdown.class);
        assertThat(i.checked()).startsWith("1 rounds with 1 instructions equal, 0 ");
    }

    @Test
    void wrongVectorOfFault_isCaught() {
        Interpreter i =
                interpreter(
                        c -> {
                            c.r[Cpu.RAX] = 5;
                            c.rip = CODE + 5;
                            c.instructions += 1;
                            throw c.gp(0);
                        },
                        UNMAPPED);
        assertThat(i.run()).isInstanceOf(VcpuExit.Failure.class);
        assertThat(i.difference())
                .contains("translated code faults with vector 13")
                .contains("vector 14");
    }

    @Test
    void differenceThatDoesNotStay_isNotOne() {
        int[] rounds = {0};
        Interpreter i =
                interpreter(
                        c -> {
                            right(c);
                            c.r[Cpu.RDX] += rounds[0]++ == 0 ? 1 : 0;
                        },
                        DATA);
        assertThat(i.run()).isInstanceOf(VcpuExit.Halted.class);
        assertThat(i.checked()).endsWith(" 1 changed from outside meanwhile");
    }

    @Test
    void translatedLoop_isEqual() {
        Cpu c = longMode(ExecutionMode.TRANSLATOR, LOOP);
        Interpreter i = new Interpreter(c);
        i.check(true);
        assertThat(i.run()).isInstanceOf(VcpuExit.Halted.class);
        assertThat(i.difference()).isNull();
        assertThat(i.checked()).doesNotStartWith("0 rounds");
        assertThat(c.r[Cpu.RCX]).isZero();
    }
}
