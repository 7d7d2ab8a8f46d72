package io.queztl.emulator.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Feature;
import io.queztl.emulator.cpu.StateCodec;
import io.queztl.emulator.ops.Cpuid;
import io.queztl.emulator.ops.Reset;
import io.queztl.machine.cpu.CpuState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** From reset to long mode; identification, MSRs and saved state. */
@ParameterizedClass
@EnumSource
final class ModeSwitchTest {
    private final ExecutionMode mode;

    ModeSwitchTest(ExecutionMode mode) {
        this.mode = mode;
    }

    @Test
    void resetVector_isAtTheTopOfFourGibibytes() {
        try (Guest g = Guest.reset(mode)) {
            assertThat(g.cpu.base[Cpu.CS] + g.cpu.rip).isEqualTo(0xffff_fff0L);
            assertThat(g.cpu.cr0).isEqualTo(0x6000_0010L);
            Reset.startup(g.cpu, 0x9a);
            assertThat(g.cpu.base[Cpu.CS] + g.cpu.rip).isEqualTo(0x9a000);
        }
    }

    @Test
    void realToProtectedToLongMode_runsCodeInEach() {
        try (Guest g = Guest.reset(mode);
                Guest tables = Guest.longMode(mode)) {
            byte[] copy = new byte[0x4000];
            tables.memory.read(Guest.PML4, copy, 0, copy.length);
            g.memory.write(Guest.PML4, copy);
            tables.memory.read(Guest.GDT, copy, 0, 0x100);
            g.memory.write(Guest.GDT, copy, 0, 0x100);
            g.memory.write16(0x500, 0xff);
            g.memory.write32(0x502, (int) Guest.GDT);
            Reset.startup(g.cpu, 1);
            // mov ax, cs; mov ss, ax; mov sp, 0x1000; xor ax, ax; mov ds, ax; int 0x10;
            // lgdt [0x500]; mov eax, 0x11; mov cr0, eax; .byte 0x66, 0xea, 0, 0x20, 0, 0, 0x40, 0
            g.code(
                    Guest.CODE,
                    "8cc88ed0bc001031c08ed8cd100f0116000566b8110000000f22c066ea002000004000");
            g.memory.write32(0x10 * 4, 0x0100_0800);
            // mov si, 0x55; iret
            g.code(0x1800, "be5500cf");
            // mov eax, 0x10; mov ds, eax; mov ss, eax; mov esp, 0x8000; mov eax, 0x620;
            // mov cr4, eax; mov eax, 0x20000; mov cr3, eax; mov ecx, 0xc0000080; xor edx, edx; mov
            // eax, 0x900; wrmsr; mov eax, 0x80010011; mov cr0, eax; mov edi, 0x66; .byte 0xea, 0,
            // 0x30, 0, 0, 8, 0
            g.code(
                    Guest.USER_CODE,
                    "b8100000008ed88ed0bc00800000b8200600000f22e0b8000002000f22d8b9800000c031d2b80009"
                            + "00000f30b8110001800f22c0bf66000000ea003000000800");
            // movabs rbx, 0x123456789abcdef; push rbx; pop r15; hlt
            g.code(Guest.SYSTEM_CALL, "48bbefcdab896745230153415ff4");
            assertThat(g.runToHandler()).isEqualTo(-1);
            assertThat(g.cpu.mode64).isTrue();
            assertThat(g.cpu.r[Cpu.RSI]).isEqualTo(0x55);
            assertThat(g.cpu.r[Cpu.RDI]).isEqualTo(0x66);
            assertThat(g.cpu.r[15]).isEqualTo(0x123456789abcdefL);
            assertThat(g.cpu.efer).isEqualTo(0xd00);
        }
    }

    @Test
    void cpuid_reportsVendorFeaturesAndClock() {
        try (Guest g = Guest.longMode(mode)) {
            int[] out = new int[4];
            Cpuid.leaf(g.cpu, 0, 0, out);
            assertThat(out[1]).isEqualTo(0x68747541);
            for (Feature f : Feature.values()) {
                int[] leaf = new int[4];
                Cpuid.leaf(g.cpu, f.leaf, f.leaf == 0xd ? 1 : 0, leaf);
                assertThat(leaf[f.register] >> f.bit & 1)
                        .as(f.name())
                        .isEqualTo(g.cpu.model.has(f) ? 1 : 0);
            }
            int[] hypervisor = new int[4];
            Cpuid.leaf(g.cpu, 0x4000_0001, 0, hypervisor);
            assertThat(hypervisor[0]).isEqualTo(0x0100_0088);
            int[] beyond = new int[4];
            Cpuid.leaf(g.cpu, 0x9000_0000, 0, beyond);
            assertThat(beyond).containsOnly(0);
        }
    }

    @Test
    void unknownMsr_isGpAndKnownOnesKeepValues() {
        try (Guest g = Guest.longMode(mode)) {
            // mov ecx, 0xc0000102; mov eax, 0x1234; xor edx, edx; wrmsr; swapgs; mov rbx, gs:[0];
            // rdmsr; mov esi, eax; mov ecx, 0x12345; rdmsr
            g.code(
                    Guest.CODE,
                    "b9020100c0b83412000031d20f300f01f865488b1c25000000000f3289c6b9452301000f32");
            assertThat(g.runToHandler()).isEqualTo(13);
            assertThat(g.cpu.base[Cpu.GS]).isEqualTo(0x1234);
            assertThat(g.cpu.r[Cpu.RSI]).isZero();
        }
    }

    @Test
    void efer_refusesUnknownBitsAndLmeUnderPaging() {
        try (Guest g = Guest.longMode(mode)) {
            // mov ecx, 0xc0000080; rdmsr; or eax, 0x200000; wrmsr; and eax, 0xfffffeff; wrmsr
            g.code(Guest.CODE, "b9800000c00f320d000020000f3025fffeffff0f30");
            assertThat(g.runToHandler()).isEqualTo(13);
            assertThat(g.cpu.efer).isEqualTo(0x20_0d01);
        }
    }

    @Test
    void kvmClock_isWrittenConsistently() {
        try (Guest g = Guest.longMode(mode)) {
            // mov ecx, 0x4b564d01; mov eax, 0x30041; xor edx, edx; wrmsr; mov ecx, 0x4b564d00;
            // mov eax, 0x30080; wrmsr; hlt
            g.code(Guest.CODE, "b9014d564bb84100030031d20f30b9004d564bb8800003000f30f4");
            assertThat(g.runToHandler()).isEqualTo(-1);
            assertThat(g.memory.read32(0x30040)).isEqualTo(2);
            assertThat(g.memory.read64(0x30048)).isEqualTo(g.memory.read64(0x30050)).isPositive();
            assertThat(g.memory.read32(0x30058)).isEqualTo(0x8000_0000);
            assertThat(g.memory.read32(0x3005c)).isEqualTo(0x101);
            assertThat(g.memory.read32(0x30080)).isEqualTo(2);
            assertThat(g.memory.read32(0x30084)).isPositive();
        }
    }

    @Test
    void savedState_restoresExactly() {
        try (Guest g = Guest.longMode(mode);
                Guest other = Guest.reset(mode)) {
            Cpu c = g.cpu;
            for (int k = 0; k < 16; k++) {
                c.r[k] = 0x0101_0101_0101_0101L * k;
                c.vec[k * Cpu.VEC_STRIDE] = k;
                c.vec[k * Cpu.VEC_STRIDE + 1] = ~k;
            }
            c.rflags(0xad7);
            c.x87.top = 5;
            c.x87.empty = 0x1f;
            c.x87.significand[6] = 0x8000_0000_0000_0001L;
            c.x87.signExponent[6] = 0xbfff;
            c.mxcsr = 0x1fa0;
            c.dr[0] = 0x1234;
            c.nmiBlocked = true;
            g.clock.pause();
            other.clock.pause();
            CpuState saved = StateCodec.save(c);
            StateCodec.restore(other.cpu, saved);
            CpuState again = StateCodec.save(other.cpu);
            assertThat(again).usingRecursiveComparison().isEqualTo(saved);
            assertThat(other.cpu.mode64).isTrue();
        }
    }

    @Test
    void reservedControlRegisterBits_areGp() {
        for (String code :
                new String[] {
                    // CR0.NW without CR0.CD
                    "b8210000a00f22c0",
                    // CR4 bit 23
                    "b8200080000f22e0",
                    // clear PAE in long mode
                    "31c00f22e0",
                    // CR8 above 15
                    "b810000000440f22c0"
                }) {
            try (Guest g = Guest.longMode(mode)) {
                g.code(Guest.CODE, code);
                assertThat(g.runToHandler()).as(code).isEqualTo(13);
            }
        }
    }

    @Test
    void paePointerEntries_areThoseOfTheLastCr3Write() {
        try (Guest g = Guest.protectedMode(mode)) {
            g.memory.write64(0x20000, 0x21001);
            g.memory.write64(0x21000, 0x83);
            g.memory.write32(0x30000, 0x1234);
            // mov eax, 0x620; mov cr4, eax; mov eax, 0x20000; mov cr3, eax; mov eax, cr0;
            // or eax, 0x80000000; mov cr0, eax; mov dword ptr [0x20008], 0x21001;
            // mov ebx, [0x40030000]; hlt
            g.code(
                    Guest.CODE,
                    "b8200600000f22e0b8000002000f22d80f20c00d000000800f22c0c70508000200011002008b1d"
                            + "00000340f4");
            assertThat(g.runToHandler()).isEqualTo(14);
            assertThat(g.stack32(0)).isZero();
            assertThat(g.cpu.cr2).isEqualTo(0x4003_0000);
            // A restored CPU reads them anew.
            StateCodec.restore(g.cpu, StateCodec.save(g.cpu));
            g.resume(Guest.CODE + 37);
            assertThat(g.runToHandler()).isEqualTo(-1);
            assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(0x1234);
            g.cpu.r[Cpu.RBX] = 0;
            g.memory.write64(0x20008, 0);
            // mov eax, cr3; mov cr3, eax; mov dword ptr [0x20008], 0x21001; mov cr3, eax;
            // mov ebx, [0x40030000]; mov dword ptr [0x20010], 3; mov cr3, eax
            g.code(
                    Guest.USER_CODE,
                    "0f20d80f22d8c70508000200011002000f22d88b1d00000340c70510000200030000000f22d8");
            g.resume(Guest.USER_CODE);
            assertThat(g.runToHandler()).isEqualTo(13);
            assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(0x1234);
            assertThat(g.stack32(1)).isEqualTo((int) Guest.USER_CODE + 35);
        }
    }
}
