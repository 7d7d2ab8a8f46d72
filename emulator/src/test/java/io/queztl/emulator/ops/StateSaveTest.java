package io.queztl.emulator.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.cpu.Shared;
import io.queztl.emulator.interpret.OneInstruction;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.irq.LocalInterrupts;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.VmClock;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** State images and unmasked floating-point exceptions, which the host oracle does not cover. */
class StateSaveTest {
    private static final String FXSAVE = "0fae06";
    private static final String FXSAVE64 = "480fae06";
    private static final String FXRSTOR64 = "480fae0e";
    private static final String XSAVE64 = "480fae26";
    private static final String XRSTOR64 = "480fae2e";
    private static final String XSAVEOPT64 = "480fae36";
    private static final String XSAVEC64 = "480fc726";
    private static final String LDMXCSR = "0fae16";
    private static final String ADDPS = "0f58c1";
    private static final String DIVSS = "f30f5ec1";

    private static final long AREA = 0x10000;
    private static final long MAPPED_END = 0x12000;
    private static final int UD = 6, NM = 7, GP = 13, PF = 14, XM = 19;

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
                        StateSaveTest.class.getClassLoader(),
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
        c.cr4 = 1 << 5 | 1 << 9 | 1 << 10 | 1 << 18;
        c.xcr0 = 3;
        c.efer = 1 << 8 | 1 << 10;
        c.attributes[Cpu.CS] = 0xA09B;
        c.attributes[Cpu.SS] = 0xC093;
        c.updateMode();
        c.rip = 0x8000;
        c.r[Cpu.RSI] = AREA;
        c.r[Cpu.RAX] = -1;
        c.r[Cpu.RDX] = -1;
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private void run(String hex) {
        byte[] code = HexFormat.of().parseHex(hex);
        one.run(Arrays.copyOf(code, 32), code.length, 8);
    }

    private int fault(String hex) {
        GuestException e = catchThrowableOfType(GuestException.class, () -> run(hex));
        assertThat(e).as("fault of " + hex).isNotNull();
        return e.vector;
    }

    private long at(int offset) {
        return memory.read64(AREA + offset);
    }

    private void fillArea(long value) {
        for (int n = 0; n < 4096; n += 8) {
            memory.write64(AREA + n, value);
        }
    }

    private void someState() {
        for (int n = 0; n < 16 * Cpu.VEC_STRIDE; n++) {
            c.vec[n] = n % 4 < 2 ? 0x0101_0101_0101_0101L * (n + 1) : 0;
        }
        for (int n = 0; n < 8; n++) {
            c.x87.significand[n] = 0x8000_0000_0000_0000L + n;
            c.x87.signExponent[n] = 0x4000 + n;
        }
        c.x87.control = 0x27F;
        c.x87.status = 0x4100;
        c.x87.top = 5;
        c.x87.empty = 0x0F;
        c.x87.lastOpcode = 0x123;
        c.x87.lastInstruction = 0x1234_5678_9ABCL;
        c.x87.lastData = 0x2345_6789_ABCDL;
        c.mxcsr = 0x1FA0;
    }

    @Test
    void fxsave64_ofSomeState_hasTheLegacyLayout() {
        someState();
        fillArea(-1);
        run(FXSAVE64);
        assertThat(at(0)).isEqualTo(0x0123_00F0_6900_027FL);
        assertThat(at(8)).isEqualTo(0x1234_5678_9ABCL);
        assertThat(at(16)).isEqualTo(0x2345_6789_ABCDL);
        assertThat(at(24)).isEqualTo(0x0000_FFFF_0000_1FA0L);
        assertThat(at(32)).as("ST0 is R5").isEqualTo(0x8000_0000_0000_0005L);
        assertThat(at(40)).isEqualTo(0x4005);
        assertThat(at(32 + 3 * 16)).as("ST3 is R0").isEqualTo(0x8000_0000_0000_0000L);
        assertThat(at(160)).isEqualTo(c.vec[0]);
        assertThat(at(160 + 15 * 16 + 8)).isEqualTo(c.vec[15 * Cpu.VEC_STRIDE + 1]);
        assertThat(at(416)).as("beyond XMM15").isEqualTo(-1);
    }

    @Test
    void fxsave_withoutRexW_has32BitPointersAndSelectors() {
        someState();
        c.x87.lastInstructionSelector = 0x33;
        c.x87.lastDataSelector = 0x2B;
        run(FXSAVE);
        assertThat(at(8)).isEqualTo(0x0000_0033_5678_9ABCL);
        assertThat(at(16)).isEqualTo(0x0000_002B_6789_ABCDL);
    }

    @Test
    void fxrstor64_ofSavedState_restoresIt() {
        someState();
        run(FXSAVE64);
        long[] vectors = c.vec.clone();
        long[] significands = c.x87.significand.clone();
        Arrays.fill(c.vec, 0);
        Arrays.fill(c.x87.significand, 0);
        c.x87.top = 1;
        c.x87.empty = 0;
        c.mxcsr = 0x1F80;
        run(FXRSTOR64);
        assertThat(c.vec).isEqualTo(vectors);
        assertThat(c.x87.significand).isEqualTo(significands);
        assertThat(c.x87.top).isEqualTo(5);
        assertThat(c.x87.empty).isEqualTo(0x0F);
        assertThat(c.x87.status).isEqualTo(0x4100);
        assertThat(c.mxcsr).isEqualTo(0x1FA0);
    }

    @Test
    void fxrstor_withPendingUnmaskedException_setsTheSummary() {
        run(FXSAVE64);
        memory.write64(AREA, 0x0001_037EL);
        run(FXRSTOR64);
        assertThat(c.x87.status).isEqualTo(0x8081);
        memory.write64(AREA, 0x8080_037EL);
        run(FXRSTOR64);
        assertThat(c.x87.status).isZero();
    }

    @Test
    void fxrstor_withReservedMxcsrBit_faultsAndChangesNothing() {
        run(FXSAVE64);
        memory.write64(AREA, 0x77F);
        memory.write64(AREA + 24, 0x1_1F80);
        assertThat(fault(FXRSTOR64)).isEqualTo(GP);
        assertThat(c.x87.control).isEqualTo(0x37F);
    }

    @Test
    void ldmxcsr_withReservedBit_faults() {
        memory.write64(AREA, 0x1_0000);
        assertThat(fault(LDMXCSR)).isEqualTo(GP);
        memory.write64(AREA, 0xFFBF);
        run(LDMXCSR);
        assertThat(c.mxcsr).isEqualTo(0xFFBF);
    }

    @Test
    void fxsave_misalignedTaskSwitchedOrUnmapped_faults() {
        c.r[Cpu.RSI] = AREA + 8;
        assertThat(fault(FXSAVE64)).isEqualTo(GP);
        c.r[Cpu.RSI] = MAPPED_END - 256;
        fillArea(-1);
        assertThat(fault(FXSAVE64)).isEqualTo(PF);
        assertThat(memory.read64(MAPPED_END - 256)).as("nothing written").isZero();
        c.r[Cpu.RSI] = AREA;
        c.cr0 |= 8;
        c.updateMode();
        assertThat(fault(FXSAVE64)).isEqualTo(NM);
    }

    @Test
    void xsave_inInitialState_keepsTheBitsOfOtherComponents() {
        memory.write64(AREA + 512, 7);
        run(XSAVE64);
        assertThat(at(512)).isEqualTo(4);
        assertThat(at(24)).isEqualTo(0x0000_FFFF_0000_1F80L);
        assertThat(at(0)).isEqualTo(0x37F);
    }

    @Test
    void xsaveopt_inInitialState_writesOnlyMxcsrAndHeader() {
        fillArea(-1);
        memory.write64(AREA + 512, 0);
        run(XSAVEOPT64);
        assertThat(at(0)).isEqualTo(-1);
        assertThat(at(160)).isEqualTo(-1);
        assertThat(at(24)).isEqualTo(0x0000_FFFF_0000_1F80L);
        assertThat(at(512)).isZero();
    }

    @Test
    void xsavec_withOnlyMxcsrChanged_savesSse() {
        fillArea(-1);
        c.mxcsr = 0x3F80;
        run(XSAVEC64);
        assertThat(at(0)).isEqualTo(-1);
        assertThat(at(24)).isEqualTo(0x0000_FFFF_0000_3F80L);
        assertThat(at(160)).isZero();
        assertThat(at(512)).isEqualTo(2);
        assertThat(at(520)).isEqualTo(0x8000_0000_0000_0003L);
        assertThat(at(528)).isEqualTo(-1);
    }

    @Test
    void xrstor_ofCompactedImage_restoresAndInitializes() {
        someState();
        c.xcr0 = 0x203;
        c.pkru = 0x5555_5554;
        c.r[Cpu.RAX] = 0x202;
        run(XSAVEC64);
        assertThat(at(576)).as("PKRU follows the header").isEqualTo(0x5555_5554);
        long[] vectors = c.vec.clone();
        Arrays.fill(c.vec, 0);
        c.pkru = 0;
        c.mxcsr = 0x1F80;
        c.r[Cpu.RAX] = -1;
        run(XRSTOR64);
        assertThat(c.vec).isEqualTo(vectors);
        assertThat(c.pkru).isEqualTo(0x5555_5554);
        assertThat(c.mxcsr).isEqualTo(0x1FA0);
        assertThat(c.x87.control).as("x87 initialized").isEqualTo(0x37F);
        assertThat(c.x87.empty).isEqualTo(0xFF);
    }

    @Test
    void xrstor_ofStandardImage_takesMxcsrWhateverXstateBvSays() {
        someState();
        memory.write64(AREA + 24, 0x1F81);
        run(XRSTOR64);
        assertThat(c.mxcsr).isEqualTo(0x1F81);
        assertThat(c.vec[0]).as("initialized").isZero();
    }

    @Test
    void xrstor_ofBrokenHeader_faults() {
        memory.write64(AREA + 512, 4);
        assertThat(fault(XRSTOR64)).as("component not in XCR0").isEqualTo(GP);
        memory.write64(AREA + 512, 0);
        memory.write64(AREA + 528, 1);
        assertThat(fault(XRSTOR64)).as("reserved header bytes").isEqualTo(GP);
        memory.write64(AREA + 528, 0);
        memory.write64(AREA + 520, 0x8000_0000_0000_0001L);
        memory.write64(AREA + 512, 2);
        assertThat(fault(XRSTOR64)).as("component not in XCOMP_BV").isEqualTo(GP);
        memory.write64(AREA + 512, 1);
        memory.write64(AREA + 568, 1);
        assertThat(fault(XRSTOR64)).as("reserved header bytes").isEqualTo(GP);
        memory.write64(AREA + 568, 0);
        memory.write64(AREA, 0x37F);
        run(XRSTOR64);
    }

    @Test
    void xsave_misalignedOrWithoutOsxsave_faults() {
        c.r[Cpu.RSI] = AREA + 32;
        assertThat(fault(XSAVE64)).isEqualTo(GP);
        c.cr4 &= ~(1L << 18);
        c.updateMode();
        assertThat(fault(XSAVE64)).isEqualTo(UD);
    }

    // --- unmasked floating-point exceptions; expected flags are those of a host CPU
    // --------------------

    private void operands(int a0, int a1, int a2, int b0, int b1, int b2) {
        c.vec[0] = a0 & 0xffff_ffffL | (long) a1 << 32;
        c.vec[1] = a2 & 0xffff_ffffL | 0x3f80_0000L << 32;
        c.vec[Cpu.VEC_STRIDE] = b0 & 0xffff_ffffL | (long) b1 << 32;
        c.vec[Cpu.VEC_STRIDE + 1] = b2 & 0xffff_ffffL | 0x3f80_0000L << 32;
    }

    private static int bits(float f) {
        return Float.floatToRawIntBits(f);
    }

    @Test
    void addps_withUnmaskedException_raisesItAndWritesNothing() {
        // A signaling NaN, a denormal with an inexact sum, an overflow.
        operands(0x7f80_0001, 1, bits(3e38f), bits(1), bits(1), bits(3e38f));
        long before = c.vec[0];
        int[][] maskAndFlags = {
            {0x1F00, 0x03}, {0x1E80, 0x03}, {0x1B80, 0x2B}, {0x0F80, 0x2B},
        };
        for (int[] m : maskAndFlags) {
            c.mxcsr = m[0];
            assertThat(fault(ADDPS)).isEqualTo(XM);
            assertThat(c.mxcsr).isEqualTo(m[0] | m[1]);
            assertThat(c.vec[0]).isEqualTo(before);
        }
        c.cr4 &= ~(1L << 10);
        c.updateMode();
        assertThat(fault(ADDPS)).as("without OSXMMEXCPT").isEqualTo(UD);
    }

    @Test
    void divss_ofDenormalByZero_raisesOnlyDivideByZero() {
        operands(1, 0, 0, 0, 0, 0);
        run(DIVSS);
        assertThat(c.mxcsr).isEqualTo(0x1F84);
        assertThat((int) c.vec[0]).isEqualTo(0x7f80_0000);
    }
}
