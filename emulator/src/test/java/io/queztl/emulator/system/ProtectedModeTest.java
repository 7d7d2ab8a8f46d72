package io.queztl.emulator.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** 32-bit protected mode: exceptions, call gates, tasks, virtual-8086 mode. */
@ParameterizedClass
@EnumSource
final class ProtectedModeTest {
    private static final int NEW_TSS = 0x13000;

    private final Guest g;

    ProtectedModeTest(ExecutionMode mode) {
        g = Guest.protectedMode(mode);
    }

    @AfterEach
    void close() {
        g.close();
    }

    private void enterUser() {
        // push 0x23; push 0xa000; push 0x2; push 0x1b; push 0x2000; iretd
        g.code(Guest.CODE, "6a236800a000006a026a1b6800200000cf");
    }

    @Test
    void faultAtSamePrivilege_pushesThreeWordsAndErrorCode() {
        // mov eax, 0x1234; mov ds, eax
        g.code(Guest.CODE, "b8341200008ed8");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.STACK - 16);
        assertThat(g.stack32(0)).isEqualTo(0x1234);
        assertThat(g.stack32(1)).isEqualTo((int) Guest.CODE + 5);
        assertThat(g.stack32(2)).isEqualTo(Guest.KERNEL_CODE32);
        assertThat(g.stack32(3) & Flags.RF).isNotZero();
    }

    @Test
    void faultInUserMode_switchesToRingZeroStack() {
        enterUser();
        // hlt
        g.code(Guest.USER_CODE, "f4");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.STACK - 24);
        assertThat(g.stack32(1)).isEqualTo((int) Guest.USER_CODE);
        assertThat(g.stack32(2)).isEqualTo(Guest.USER_CODE32);
        assertThat(g.stack32(4)).isEqualTo((int) Guest.USER_STACK);
        assertThat(g.stack32(5)).isEqualTo(Guest.USER_DATA);
        assertThat(g.cpu.selector[Cpu.SS]).isEqualTo(Guest.KERNEL_DATA);
        assertThat(g.cpu.selector[Cpu.DS]).isZero();
    }

    @Test
    void limitViolation_isGpAndSsForStack() {
        g.cpu.limit[Cpu.DS] = 0xfff;
        // mov eax, [0xffd]
        g.code(Guest.CODE, "a1fd0f0000");
        assertThat(g.runToHandler()).isEqualTo(13);
        g.resume(Guest.CODE);
        g.cpu.limit[Cpu.SS] = 0x9000;
        // mov ebp, 0xa000; mov eax, [ebp]
        g.code(Guest.CODE, "bd00a000008b4500");
        assertThat(g.runToHandler()).isEqualTo(12);
    }

    @Test
    void expandDownSegment_allowsOnlyAboveLimit() {
        g.descriptor(Guest.FREE, 0x0040_9700_0000_0fffL);
        // mov eax, 0x50; mov es, eax; mov eax, es:[0x1000]; mov eax, es:[0xfff]
        g.code(Guest.CODE, "b8500000008ec026a10010000026a1ff0f0000");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.stack32(1)).isEqualTo((int) Guest.CODE + 13);
    }

    @Test
    void callGateFromUser_copiesParametersAndReturns() {
        enterUser();
        long gate = 0x3000 | (long) Guest.KERNEL_CODE32 << 16 | 2L << 32 | 0xecL << 40;
        g.descriptor(Guest.FREE, gate);
        // push 0x11; push 0x22; .byte 0x9a, 0, 0, 0, 0, 0x53, 0; mov ecx, esp; mov edx, cs; hlt
        g.code(Guest.USER_CODE, "6a116a229a00000000530089e18ccaf4");
        // mov eax, [esp + 8]; mov ebx, [esp + 12]; retf 8
        g.code(Guest.SYSTEM_CALL, "8b4424088b5c240cca0800");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.cpu.r[Cpu.RAX]).isEqualTo(0x22);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(0x11);
        assertThat(g.cpu.r[Cpu.RCX]).isEqualTo(Guest.USER_STACK);
        assertThat(g.cpu.r[Cpu.RDX]).isEqualTo(Guest.USER_CODE32);
    }

    private void newTask(long eip) {
        g.descriptor(Guest.FREE, 0x0000_8901_3000_0067L);
        g.memory.write32(NEW_TSS + 0x20, (int) eip);
        g.memory.write32(NEW_TSS + 0x24, 2);
        g.memory.write32(NEW_TSS + 0x28, 0x1234);
        g.memory.write32(NEW_TSS + 0x38, 0x6000);
        for (int s = 0; s < 6; s++) {
            g.memory.write32(NEW_TSS + 0x48 + 4 * s, Guest.KERNEL_DATA);
        }
        g.memory.write32(NEW_TSS + 0x4c, Guest.KERNEL_CODE32);
    }

    @Test
    void callToTask_nestsAndIretReturns() {
        newTask(Guest.SYSTEM_CALL);
        // mov ebx, 0x77; .byte 0x9a, 0, 0, 0, 0, 0x50, 0; hlt
        g.code(Guest.CODE, "bb770000009a000000005000f4");
        // mov [0x500], eax; mov [0x504], esp; pushf; pop [0x508]; iret
        g.code(Guest.SYSTEM_CALL, "a3000500008925040500009c8f0508050000cf");
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.rip).isEqualTo(Guest.CODE + 13);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(0x77);
        assertThat(g.memory.read32(0x500)).isEqualTo(0x1234);
        assertThat(g.memory.read32(0x504)).isEqualTo(0x6000);
        assertThat(g.memory.read32(0x508) & Flags.NT).isNotZero();
        assertThat(g.memory.read16(NEW_TSS)).isEqualTo(Guest.TASK);
        assertThat(g.cpu.rflags() & Flags.NT).isZero();
        assertThat(g.cpu.selector[Cpu.TR]).isEqualTo(Guest.TASK);
        assertThat(g.memory.read8(Guest.GDT + Guest.FREE + 5)).isEqualTo(0x89);
        assertThat(g.memory.read8(Guest.GDT + Guest.TASK + 5)).isEqualTo(0x8b);
        assertThat(g.cpu.cr0 & 8).isNotZero();
    }

    @Test
    void jumpToTask_clearsBusyOfOldTask() {
        newTask(Guest.SYSTEM_CALL);
        // .byte 0xea, 0, 0, 0, 0, 0x50, 0
        g.code(Guest.CODE, "ea000000005000");
        // hlt
        g.code(Guest.SYSTEM_CALL, "f4");
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.selector[Cpu.TR]).isEqualTo(Guest.FREE);
        assertThat(g.memory.read8(Guest.GDT + Guest.FREE + 5)).isEqualTo(0x8b);
        assertThat(g.memory.read8(Guest.GDT + Guest.TASK + 5)).isEqualTo(0x89);
        assertThat(g.cpu.rflags() & Flags.NT).isZero();
        assertThat(g.memory.read32(Guest.TSS + 0x20)).isEqualTo((int) Guest.CODE + 7);
    }

    @Test
    void exceptionThroughTaskGate_pushesErrorCodeOnNewStack() {
        newTask(Guest.SYSTEM_CALL);
        g.gate32(13, 0, Guest.FREE, 0x85);
        // mov eax, 0x1234; mov ds, eax
        g.code(Guest.CODE, "b8341200008ed8");
        // hlt
        g.code(Guest.SYSTEM_CALL, "f4");
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(0x6000 - 4);
        assertThat(g.stack32(0)).isEqualTo(0x1234);
        assertThat(g.memory.read32(Guest.TSS + 0x20)).isEqualTo((int) Guest.CODE + 5);
        assertThat(g.cpu.rflags() & Flags.NT).isNotZero();
    }

    @Test
    void newTaskWithBadSegment_faultsInTheNewTask() {
        newTask(Guest.SYSTEM_CALL);
        g.memory.write32(NEW_TSS + 0x48, 0x1238);
        // .byte 0xea, 0, 0, 0, 0, 0x50, 0
        g.code(Guest.CODE, "ea000000005000");
        assertThat(g.runToHandler()).isEqualTo(10);
        assertThat(g.stack32(0)).isEqualTo(0x1238);
        assertThat(g.stack32(1)).isEqualTo((int) Guest.SYSTEM_CALL);
        assertThat(g.cpu.selector[Cpu.TR]).isEqualTo(Guest.FREE);
    }

    // --- virtual-8086 mode
    // ------------------------------------------------------------------------------

    private void enterVirtual8086(int flags) {
        g.cpu.r[Cpu.RAX] = flags | Flags.VM | 2;
        // push 4; push 3; push 2; push 1; push 0x900; push 0x1000; push eax; push 0x200; push 0;
        // iretd
        g.code(Guest.CODE, "6a046a036a026a01680009000068001000005068000200006a00cf");
    }

    @Test
    void v86_entersByIretAndLeavesByFault() {
        enterVirtual8086(0);
        // mov ax, cs; mov bx, 0x300; mov ds, bx; mov cx, ds; hlt
        g.code(Guest.USER_CODE, "8cc8bb00038edb8cd9f4");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.cpu.r[Cpu.RAX] & 0xffff).isEqualTo(0x200);
        assertThat(g.cpu.r[Cpu.RCX] & 0xffff).isEqualTo(0x300);
        assertThat(g.cpu.rflags() & Flags.VM).isZero();
        assertThat(g.cpu.selector[Cpu.DS]).isZero();
        int[] frame = {0, 9, 0x200, g.stack32(3), 0x1000, 0x900, 1, 0x300, 3, 4};
        for (int k = 0; k < frame.length; k++) {
            assertThat(g.stack32(k)).as("word %d", k).isEqualTo(frame[k]);
        }
        assertThat(g.stack32(3) & Flags.VM).isNotZero();
    }

    @Test
    void v86InterruptInstruction_needsIopl3() {
        enterVirtual8086(0);
        // int 0x21
        g.code(Guest.USER_CODE, "cd21");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.stack32(0)).isZero();
        g.resume(Guest.CODE);
        g.gate32(0x21, Guest.HANDLERS + 0x210, Guest.KERNEL_CODE32, 0xee);
        enterVirtual8086(Flags.IOPL);
        assertThat(g.runToHandler()).isEqualTo(0x21);
        assertThat(g.stack32(0)).isEqualTo(2);
    }

    @Test
    void v86InterruptRedirection_staysInVirtual8086Mode() {
        g.cpu.cr4 |= 1;
        enterVirtual8086(Flags.VIF);
        g.memory.write32(0x21 * 4, 0x0200_0010);
        // int 0x21; mov dx, 1; cli; sti; hlt
        g.code(Guest.USER_CODE, "cd21ba0100fafbf4");
        // mov bx, 7; iret
        g.code(0x2010, "bb0700cf");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.cpu.r[Cpu.RBX] & 0xffff).isEqualTo(7);
        assertThat(g.cpu.r[Cpu.RDX] & 0xffff).isEqualTo(1);
        assertThat(g.stack32(1)).isEqualTo(7);
        assertThat(g.stack32(3) & Flags.VIF).isNotZero();
    }

    @Test
    void portInUserMode_followsPermissionBitmap() {
        enterUser();
        g.memory.write8(Guest.TSS + 0x88 + 0x80 / 8, 2);
        // in al, 0x80; in al, 0x81
        g.code(Guest.USER_CODE, "e480e481");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.stack32(1)).isEqualTo((int) Guest.USER_CODE + 2);
    }

    @Test
    void descriptorInspection_setsZf() {
        // mov ecx, 0x10; lar eax, ecx; lsl ebx, ecx; mov ecx, 0x1230; setz dl; lar esi, ecx;
        // setz dh; hlt
        g.code(Guest.CODE, "b9100000000f02c10f03d9b9301200000f94c20f02f10f94c6f4");
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.r[Cpu.RAX]).isEqualTo(0xcf9300);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(0xffff_ffffL);
        assertThat(g.cpu.r[Cpu.RDX] & 0xffff).isEqualTo(1);
    }

    // --- 16-bit gates and tasks
    // -----------------------------------------------------------------------

    @Test
    void interruptGate16_pushesWordsAndReturns() {
        g.gate32(0x30, Guest.SYSTEM_CALL, Guest.KERNEL_CODE32, 0x86);
        // int 0x30; hlt
        g.code(Guest.CODE, "cd30f4");
        // hlt
        g.code(Guest.SYSTEM_CALL, "f4");
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.STACK - 6);
        assertThat(g.memory.read16(Guest.STACK - 6)).isEqualTo((int) Guest.CODE + 2);
        assertThat(g.memory.read16(Guest.STACK - 4)).isEqualTo(Guest.KERNEL_CODE32);
        // mov ebx, 5; iretw
        g.code(Guest.SYSTEM_CALL, "bb0500000066cf");
        g.resume(Guest.SYSTEM_CALL);
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.rip).isEqualTo(Guest.CODE + 3);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(5);
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.STACK);
    }

    @Test
    void callGate16FromUser_pushesAndCopiesWords() {
        enterUser();
        long gate = 0x3000 | (long) Guest.KERNEL_CODE32 << 16 | 1L << 32 | 0xe4L << 40;
        g.descriptor(Guest.FREE, gate);
        // pushw 0x11; .byte 0x9a, 0, 0, 0, 0, 0x53, 0; hlt
        g.code(Guest.USER_CODE, "666a119a000000005300f4");
        // hlt
        g.code(Guest.SYSTEM_CALL, "f4");
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.STACK - 10);
        int[] frame = {
            (int) Guest.USER_CODE + 10,
            Guest.USER_CODE32,
            0x11,
            (int) Guest.USER_STACK - 2,
            Guest.USER_DATA
        };
        for (int k = 0; k < frame.length; k++) {
            assertThat(g.memory.read16(Guest.STACK - 10 + 2 * k))
                    .as("word %d", k)
                    .isEqualTo(frame[k]);
        }
    }

    @Test
    void callToTask16_nestsAndIretReturns() {
        g.descriptor(Guest.FREE, 0x0000_8101_3000_002bL);
        g.memory.fill(NEW_TSS, 0x2c, (byte) 0);
        g.memory.write16(NEW_TSS + 0x0e, (int) Guest.SYSTEM_CALL);
        g.memory.write16(NEW_TSS + 0x10, 2);
        g.memory.write16(NEW_TSS + 0x12, 0x1234);
        g.memory.write16(NEW_TSS + 0x1a, 0x6000);
        g.memory.write16(NEW_TSS + 0x22, Guest.KERNEL_DATA);
        g.memory.write16(NEW_TSS + 0x24, Guest.KERNEL_CODE32);
        g.memory.write16(NEW_TSS + 0x26, Guest.KERNEL_DATA);
        g.memory.write16(NEW_TSS + 0x28, Guest.KERNEL_DATA);
        // mov ebx, 0x77; .byte 0x9a, 0, 0, 0, 0, 0x50, 0; hlt
        g.code(Guest.CODE, "bb770000009a000000005000f4");
        // mov [0x500], ax; iret
        g.code(Guest.SYSTEM_CALL, "66a300050000cf");
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.rip).isEqualTo(Guest.CODE + 13);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(0x77);
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.STACK);
        assertThat(g.memory.read16(0x500)).isEqualTo(0x1234);
        assertThat(g.memory.read16(NEW_TSS)).isEqualTo(Guest.TASK);
        assertThat(g.memory.read16(NEW_TSS + 0x0e)).isEqualTo((int) Guest.SYSTEM_CALL + 7);
        assertThat(g.memory.read8(Guest.GDT + Guest.FREE + 5)).isEqualTo(0x81);
    }

    // --- LDT, SYSENTER, I/O breakpoints
    // ---------------------------------------------------------------

    @Test
    void localDescriptor_isUsedAndItsTableHasALimit() {
        g.descriptor(Guest.FREE, 0x0000_8201_3000_000fL);
        g.memory.write64(NEW_TSS + 8, 0x0040_9203_0000_0fffL);
        g.memory.write32(0x30004, 0x1234_5678);
        // mov eax, 0x50; lldt ax; sldt ecx; mov eax, 0xc; mov es, eax; mov edx, es:[4];
        // mov ebx, 0x14; mov es, ebx
        g.code(Guest.CODE, "b8500000000f00d00f00c1b80c0000008ec0268b1504000000bb140000008ec3");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.stack32(0)).isEqualTo(0x14);
        assertThat(g.stack32(1)).isEqualTo((int) Guest.CODE + 30);
        assertThat(g.cpu.r[Cpu.RCX]).isEqualTo(Guest.FREE);
        assertThat(g.cpu.r[Cpu.RDX]).isEqualTo(0x1234_5678);
        assertThat(g.memory.read8(NEW_TSS + 8 + 5)).as("accessed").isEqualTo(0x93);
        assertThat(g.cpu.selector[Cpu.ES]).isEqualTo(0xc);
    }

    @Test
    void sysenterAndSysexit_switchPrivilegeWithFlatSegments() {
        g.cpu.msrs.sysenterCs = 8;
        g.cpu.msrs.sysenterEsp = 0x7000;
        g.cpu.msrs.sysenterEip = Guest.SYSTEM_CALL;
        enterUser();
        // sysenter
        g.code(Guest.USER_CODE, "0f34");
        // mov esi, cs; mov edi, esp; mov ecx, 0x9000; mov edx, 0x2100; sysexit
        g.code(Guest.SYSTEM_CALL, "8cce89e7b900900000ba002100000f35");
        // mov ebx, cs; mov ebp, ss; hlt
        g.code(0x2100, "8ccb8cd5f4");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.cpu.r[Cpu.RSI]).isEqualTo(8);
        assertThat(g.cpu.r[Cpu.RDI]).isEqualTo(0x7000);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(Guest.USER_CODE32);
        assertThat(g.cpu.r[Cpu.RBP]).isEqualTo(Guest.USER_DATA);
        assertThat(g.stack32(1)).isEqualTo(0x2104);
        assertThat(g.stack32(4)).isEqualTo(0x9000);
    }

    @Test
    void sysenterWithoutCodeSegment_isGp() {
        // sysenter
        g.code(Guest.CODE, "0f34");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.stack32(1)).isEqualTo((int) Guest.CODE);
    }

    @Test
    void portBreakpoint_trapsAfterTheAccess() {
        g.cpu.cr4 |= 8;
        // mov eax, 0x80; mov dr2, eax; mov eax, 0x2000010; mov dr7, eax; in al, 0x81; in al, 0x80;
        // nop; hlt
        g.code(Guest.CODE, "b8800000000f23d0b8100000020f23f8e481e48090f4");
        assertThat(g.runToHandler()).isEqualTo(1);
        assertThat(g.stack32(0)).isEqualTo((int) Guest.CODE + 20);
        assertThat(g.cpu.dr[6] & 15).isEqualTo(4);
    }
}
