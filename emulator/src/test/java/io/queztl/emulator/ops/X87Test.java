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
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What user mode of the host cannot show: CR0 bits, pending exceptions, pointers, environments. */
class X87Test {
    private static final long EM = 4, TS = 8, MP = 2, NE = 1 << 5;
    private static final int UD = 6, NM = 7, MF = 16;
    private static final String FLD1 = "d9e8", FADD = "d8c1", FWAIT = "9b", FNCLEX = "dbe2";
    private static final String FNSTSW_AX = "dfe0", FNINIT = "dbe3", FNSTCW = "d93e";
    private static final String FNSTENV = "d936", FLDENV = "d926", FNSAVE = "dd36", FRSTOR = "dd26";
    private static final String FLD_M64 = "dd06", PADDB = "0ffcc1", EMMS = "0f77";

    private static final long AREA = 0x10000;
    private static final int PENDING = 0x8081;

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
                        X87Test.class.getClassLoader(),
                        new Class<?>[] {LocalInterrupts.class},
                        (proxy, method, arguments) -> {
                            throw new UnsupportedOperationException(method.getName());
                        });
    }

    @BeforeEach
    void enterLongMode() {
        memory.write64(0x1000, 0x2003);
        memory.write64(0x2000, 0x3003);
        memory.write64(0x3000, 0x83); // 2 MiB, present and writable
        c.cr0 = 0x8000_0011L | NE;
        c.cr3 = 0x1000;
        c.cr4 = 1 << 5 | 1 << 9;
        c.efer = 1 << 8 | 1 << 10;
        c.attributes[Cpu.CS] = 0xA09B;
        c.attributes[Cpu.SS] = 0xC093;
        c.attributes[Cpu.DS] = 0xC093;
        c.limit[Cpu.DS] = -1;
        c.updateMode();
        c.rip = 0x8000;
        c.r[Cpu.RSI] = AREA;
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private void run(String code, int codeSize) {
        byte[] bytes = HexFormat.of().parseHex(code);
        one.run(bytes, bytes.length, codeSize);
    }

    private void run(String code) {
        run(code, c.codeSize);
    }

    private int faultOf(String code) {
        GuestException e = catchThrowableOfType(GuestException.class, () -> run(code));
        return e == null ? -1 : e.vector;
    }

    private void protectedMode(int codeSize) {
        c.efer = 0;
        c.cr0 = 0x11 | NE;
        c.attributes[Cpu.CS] = codeSize == 4 ? 0xC09B : 0x9B;
        c.selector[Cpu.CS] = 0x10;
        c.selector[Cpu.DS] = 0x18;
        c.updateMode();
    }

    @Test
    void emulationOrTaskSwitched_isDeviceNotAvailable() {
        c.cr0 |= EM;
        assertThat(faultOf(FLD1)).isEqualTo(NM);
        assertThat(faultOf(FNINIT)).isEqualTo(NM);
        assertThat(faultOf(PADDB)).isEqualTo(UD);
        assertThat(faultOf(EMMS)).isEqualTo(UD);
        c.cr0 ^= EM | TS;
        assertThat(faultOf(FLD1)).isEqualTo(NM);
        assertThat(faultOf(FNSTCW)).isEqualTo(NM);
        assertThat(faultOf(PADDB)).isEqualTo(NM);
    }

    @Test
    void wait_looksAtTaskSwitchedAndMonitor() {
        c.cr0 |= TS;
        assertThat(faultOf(FWAIT)).isEqualTo(-1);
        c.cr0 |= MP;
        assertThat(faultOf(FWAIT)).isEqualTo(NM);
        c.cr0 ^= TS | EM;
        assertThat(faultOf(FWAIT)).isEqualTo(-1);
    }

    @Test
    void pendingException_faultsInTheNextWaitingInstructionOnly() {
        c.x87.control = 0x37E;
        c.x87.status = PENDING;
        assertThat(faultOf(FLD1)).isEqualTo(MF);
        assertThat(faultOf(FWAIT)).isEqualTo(MF);
        assertThat(faultOf(FLDENV)).isEqualTo(MF);
        assertThat(faultOf(EMMS)).isEqualTo(MF);
        assertThat(faultOf(FNSTCW)).isEqualTo(-1);
        assertThat(faultOf(FNSTSW_AX)).isEqualTo(-1);
        assertThat(c.r[Cpu.RAX]).isEqualTo(PENDING);
        run(FNCLEX);
        assertThat(faultOf(FLD1)).isEqualTo(-1);
    }

    @Test
    void pendingExceptionWithoutNumericError_isNotReported() {
        c.cr0 &= ~NE;
        c.x87.control = 0x37E;
        c.x87.status = PENDING;
        assertThat(faultOf(FLD1)).isEqualTo(-1);
    }

    @Test
    void unmaskedStackUnderflow_leavesRegistersAndIsPending() {
        c.x87.control = 0x37E;
        run(FADD);
        assertThat(c.x87.empty).isEqualTo(0xff);
        assertThat(c.x87.status).isEqualTo(0x80C1);
        assertThat(faultOf(FWAIT)).isEqualTo(MF);
    }

    @Test
    void pointers_nameTheLastInstructionAndItsOperand() {
        run(FLD_M64);
        run(FNSTENV);
        assertThat(memory.read32(AREA + 12)).isEqualTo(0x8000);
        assertThat(memory.read32(AREA + 16)).isEqualTo(0x506 << 16);
        assertThat(memory.read32(AREA + 20)).isEqualTo((int) AREA);
        assertThat(memory.read32(AREA + 24)).isEqualTo(0xffff_0000);
    }

    @Test
    void protectedEnvironment_survivesStoreAndLoad() {
        for (int codeSize = 2; codeSize <= 4; codeSize += 2) {
            protectedMode(codeSize);
            environmentSurvives(codeSize == 2 ? "67" : "", 0x10, 0x18);
        }
    }

    @Test
    void realModeEnvironment_survivesStoreAndLoad() {
        c.efer = 0;
        c.cr0 = 0x10 | NE;
        c.attributes[Cpu.CS] = 0x9B;
        c.selector[Cpu.CS] = 0;
        c.selector[Cpu.DS] = 0;
        c.updateMode();
        environmentSurvives("67", 0, 0);
        environmentSurvives("6766", 0, 0);
    }

    private void environmentSurvives(String prefixes, int codeSelector, int dataSelector) {
        run(FNINIT);
        run(FLD1);
        run(prefixes + FLD_M64);
        long ip = c.x87.lastInstruction;
        long dp = c.x87.lastData;
        long low = prefixes.contains("66") == (c.codeSize == 2) ? -1 : 0xffff;
        int status = c.x87.status;
        c.x87.control = 0x27F;
        long linear = AREA;
        run(prefixes + FNSAVE);
        assertThat(c.x87.empty).isEqualTo(0xff);
        assertThat(memory.read16(linear) & 0xffff).isEqualTo(0x27F);
        run(prefixes + FRSTOR);
        assertThat(c.x87.control).isEqualTo(0x27F);
        assertThat(c.x87.status).isEqualTo(status);
        assertThat(c.x87.top).isEqualTo(6);
        assertThat(c.x87.empty).isEqualTo(0x3f);
        assertThat(c.x87.signExponent[7]).isEqualTo(0x3FFF);
        assertThat(c.x87.significand[7]).isEqualTo(1L << 63);
        assertThat(c.x87.lastInstructionSelector).isEqualTo(codeSelector);
        assertThat(c.x87.lastDataSelector).isEqualTo(dataSelector);
        assertThat(c.x87.lastInstruction & low).isEqualTo(ip & low);
        assertThat(c.x87.lastData & low & 0xfffff).isEqualTo(dp & low & 0xfffff);
    }

    @Test
    void mmxInstruction_takesOverTheRegistersAndEmmsFreesThem() {
        run(FLD1);
        run(PADDB);
        assertThat(c.x87.top).isZero();
        assertThat(c.x87.empty).isZero();
        assertThat(c.x87.signExponent[0]).isEqualTo(0xffff);
        run(EMMS);
        assertThat(c.x87.empty).isEqualTo(0xff);
    }
}
