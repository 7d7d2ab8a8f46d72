package io.queztl.emulator.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.interpret.OneInstruction;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.irq.LocalInterrupts;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.VmClock;
import io.queztl.testkit.random.Seeds;
import java.lang.reflect.Proxy;
import java.math.BigInteger;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The cases of integer instructions that are easy to get wrong. */
class IntegerTest {
    private static final long MAPPED_END = 0x12000;

    private final GuestMemory memory = new GuestMemory(1 << 20);
    private final Cpu c =
            new Cpu(
                    0,
                    new Shared(memory, new Bus(), 1),
                    new Bus(),
                    idleInterrupts(),
                    new VmClock(),
                    CpuModel.max());
    private final OneInstruction one = new OneInstruction(c);

    /** A local APIC that no instruction here asks. */
    private static LocalInterrupts idleInterrupts() {
        return (LocalInterrupts)
                Proxy.newProxyInstance(
                        IntegerTest.class.getClassLoader(),
                        new Class<?>[] {LocalInterrupts.class},
                        (proxy, method, arguments) -> {
                            throw new UnsupportedOperationException(method.getName());
                        });
    }

    @BeforeEach
    void enterLongModeWithPagesUpToMappedEnd() {
        memory.write64(0x1000, 0x2003);
        memory.write64(0x2000, 0x3003);
        memory.write64(0x3000, 0x4003);
        for (long page = 0x8000; page < MAPPED_END; page += 4096) {
            memory.write64(0x4000 + 8 * (page >> 12), page | 3);
        }
        c.cr0 = 0x8000_0011L;
        c.cr3 = 0x1000;
        c.cr4 = 1 << 5;
        c.efer = 1 << 8 | 1 << 10;
        c.attributes[Cpu.CS] = 0xA09B;
        c.attributes[Cpu.SS] = 0xC093;
        c.updateMode();
        c.rip = 0x8000;
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private void run(String hex) {
        byte[] code = HexFormat.of().parseHex(hex);
        byte[] padded = java.util.Arrays.copyOf(code, 32);
        one.run(padded, code.length, 8);
    }

    private GuestException fault(String hex) {
        return catchThrowableOfType(GuestException.class, () -> run(hex));
    }

    // --- shifts
    // -----------------------------------------------------------------------------------

    @Test
    void rcl_anyCount_equalsThatManySingleRotations() {
        for (int size : new int[] {1, 2, 4, 8}) {
            int counts = size == 8 ? 64 : 32;
            for (int count = 0; count < counts; count++) {
                for (int carry = 0; carry < 2; carry++) {
                    long start = 0x9182_7364_5566_77A5L & Flags.mask(size);
                    long left = start;
                    boolean leftCarry = carry != 0;
                    for (int k = 0; k < count; k++) {
                        boolean out = (left >>> (size * 8 - 1) & 1) != 0;
                        left = (left << 1 | (leftCarry ? 1 : 0)) & Flags.mask(size);
                        leftCarry = out;
                    }
                    Flags.arithmetic(c, carry);
                    assertThat(Shift.rcl(c, start, count, size) & Flags.mask(size)).isEqualTo(left);
                    assertThat(Flags.cf(c)).isEqualTo(leftCarry);
                    // And back.
                    assertThat(Shift.rcr(c, left, count, size) & Flags.mask(size)).isEqualTo(start);
                    assertThat(Flags.cf(c)).isEqualTo(carry != 0);
                }
            }
        }
    }

    @Test
    void shld_16BitsByMoreThan16_repeatsTheSecondOperand() {
        assertThat(Shift.shld(c, 0x1234, 0xabcd, 17, 2)).isEqualTo(0x579b);
        assertThat(Shift.shrd(c, 0x1234, 0xabcd, 17, 2)).isEqualTo(0xd5e6);
        assertThat(Shift.shld(c, 0x1234, 0xabcd, 4, 2)).isEqualTo(0x234a);
        assertThat(Flags.cf(c)).isTrue();
    }

    @Test
    void shl_countZero_leavesFlags() {
        Flags.arithmetic(c, Flags.CF | Flags.OF | Flags.ZF);
        assertThat(Shift.shl(c, 5, 32, 4)).isEqualTo(5);
        assertThat(Flags.arithmetic(c)).isEqualTo(Flags.CF | Flags.OF | Flags.ZF);
    }

    // --- division
    // ---------------------------------------------------------------------------------

    @Test
    void div_128By64_agreesWithBigInteger() {
        Random random = new Random(Seeds.seed("division"));
        for (int n = 0; n < 20_000; n++) {
            long d = random.nextLong() >>> random.nextInt(64);
            if (d == 0) {
                continue;
            }
            long high = Long.remainderUnsigned(random.nextLong(), d);
            long low = random.nextBoolean() ? random.nextLong() : -1;
            BigInteger dividend = unsigned(high).shiftLeft(64).or(unsigned(low));
            assertThat(MulDiv.divide(high, low, d))
                    .isEqualTo(dividend.divide(unsigned(d)).longValue());
        }
    }

    private static BigInteger unsigned(long v) {
        return new BigInteger(Long.toUnsignedString(v));
    }

    @Test
    void div_quotientTooLarge_raisesDivideErrorAndChangesNothing() {
        c.r[Cpu.RDX] = 7;
        c.r[Cpu.RAX] = 1;
        c.r[Cpu.RBX] = 7;
        assertThat(fault("48f7f3").vector).isZero();
        assertThat(c.r[Cpu.RDX]).isEqualTo(7);
        assertThat(c.rip).isEqualTo(0x8000);
        c.r[Cpu.RBX] = 0;
        assertThat(fault("f7f3").vector).isZero();
    }

    @Test
    void idiv_mostNegativeQuotient_isAllowedAndOneMoreIsNot() {
        c.r[Cpu.RDX] = -1;
        c.r[Cpu.RAX] = Long.MIN_VALUE;
        c.r[Cpu.RBX] = 1;
        run("48f7fb");
        assertThat(c.r[Cpu.RAX]).isEqualTo(Long.MIN_VALUE);
        assertThat(c.r[Cpu.RDX]).isZero();
        c.rip = 0x8000;
        c.r[Cpu.RDX] = -1;
        c.r[Cpu.RBX] = -1;
        assertThat(fault("48f7fb").vector).isZero();
        // The same in 32 bits: -2^63 / -1 overflows the host's division as well.
        c.r[Cpu.RDX] = 0x8000_0000L;
        c.r[Cpu.RAX] = 0;
        assertThat(fault("f7fb").vector).isZero();
    }

    // --- strings
    // ----------------------------------------------------------------------------------

    @Test
    void repMovsb_intoUnmappedPage_stopsExactlyThere() {
        byte[] data = new byte[64];
        new Random(1).nextBytes(data);
        memory.write(0x9000, data);
        c.r[Cpu.RSI] = 0x9000;
        c.r[Cpu.RDI] = MAPPED_END - 10;
        c.r[Cpu.RCX] = 64;
        GuestException e = fault("f3a4");
        assertThat(e.vector).isEqualTo(14);
        assertThat(c.cr2).isEqualTo(MAPPED_END);
        assertThat(c.r[Cpu.RCX]).isEqualTo(54);
        assertThat(c.r[Cpu.RSI]).isEqualTo(0x900A);
        assertThat(c.r[Cpu.RDI]).isEqualTo(MAPPED_END);
        assertThat(c.rip).isEqualTo(0x8000);
        for (int k = 0; k < 10; k++) {
            assertThat(memory.read8(MAPPED_END - 10 + k)).isEqualTo(data[k] & 0xff);
        }
    }

    @Test
    void repMovsb_overlappingForward_repeatsThePattern() {
        memory.write16(0x9000, 0x4241);
        c.r[Cpu.RSI] = 0x9000;
        c.r[Cpu.RDI] = 0x9002;
        c.r[Cpu.RCX] = 6000;
        run("f3a4");
        assertThat(memory.read16(0x9000 + 6000)).isEqualTo(0x4241);
        assertThat(memory.read8(0x9002 + 6000)).isZero();
        assertThat(c.r[Cpu.RCX]).isZero();
    }

    @Test
    void repStosq_downwards_fillsBelow() {
        c.systemFlag(Flags.DF, true);
        c.r[Cpu.RAX] = 0x0102_0304_0506_0708L;
        c.r[Cpu.RDI] = 0xA008;
        c.r[Cpu.RCX] = 3;
        run("f348ab");
        assertThat(memory.read64(0x9FF8)).isEqualTo(0x0102_0304_0506_0708L);
        assertThat(memory.read64(0x9FF0)).isZero();
        assertThat(c.r[Cpu.RDI]).isEqualTo(0x9FF0);
    }

    @Test
    void repStosb_withAttention_givesWayAndCanBeResumed() {
        c.r[Cpu.RAX] = 0x55;
        c.r[Cpu.RDI] = 0x9000;
        c.r[Cpu.RCX] = 0x2000;
        c.attend(Cpu.ATTENTION_KICK);
        run("f3aa");
        assertThat(c.r[Cpu.RCX]).isZero();
        assertThat(memory.read8(0xAFFF)).isEqualTo(0x55);
        assertThat(memory.read8(0xB000)).isZero();
    }

    @Test
    void repneScasb_findsTheByteInTheNextPage() {
        memory.write8(0xA003, 0x7F);
        c.r[Cpu.RAX] = 0x7F;
        c.r[Cpu.RDI] = 0x9FF0;
        c.r[Cpu.RCX] = -1;
        run("f2ae");
        assertThat(c.r[Cpu.RDI]).isEqualTo(0xA004);
        assertThat(c.r[Cpu.RCX]).isEqualTo(-1 - 0x14);
        assertThat(Flags.zf(c)).isTrue();
    }

    // --- stack and flags
    // --------------------------------------------------------------------------

    @Test
    void popMemoryRelativeToRsp_usesTheIncrementedPointer() {
        memory.write64(0x9000, 42);
        c.r[Cpu.RSP] = 0x9000;
        run("8f442410"); // pop [rsp+16]
        assertThat(memory.read64(0x9018)).isEqualTo(42);
        assertThat(c.r[Cpu.RSP]).isEqualTo(0x9008);
    }

    @Test
    void popf_atCpl3_leavesIoplAndInterruptFlag() {
        c.attributes[Cpu.SS] = 0xC0F3;
        c.updateMode();
        for (long page = 0x1000; page <= 0x3000; page += 0x1000) {
            memory.write64(page, memory.read64(page) | 4);
        }
        memory.write64(0x4000 + 8 * 9, 0x9007);
        memory.write64(0x9000, Flags.IOPL | Flags.CF | Flags.ID);
        c.rflags(Flags.IF);
        c.r[Cpu.RSP] = 0x9000;
        run("9d");
        assertThat(c.rflags()).isEqualTo(Flags.IF | Flags.CF | Flags.ID | 2);
    }

    @Test
    void cmpxchg16b_misaligned_raisesGeneralProtection() {
        c.r[Cpu.RDI] = 0x9008;
        assertThat(fault("480fc70f").vector).isEqualTo(13);
    }

    @Test
    void btsMemory_withNegativeIndex_reachesBelowTheOperand() {
        c.r[Cpu.RAX] = -1;
        c.r[Cpu.RDI] = 0x9010;
        run("480fab07");
        assertThat(memory.read64(0x9008)).isEqualTo(Long.MIN_VALUE);
    }
}
