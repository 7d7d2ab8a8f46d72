package io.queztl.emulator.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.machine.cpu.VcpuExit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Exceptions, interrupts and system calls in 64-bit mode. */
@ParameterizedClass
@EnumSource
final class LongModeTest {
    private final Guest g;

    LongModeTest(ExecutionMode mode) {
        g = Guest.longMode(mode);
    }

    @AfterEach
    void close() {
        g.close();
    }

    private void assertFrame(long rip, int cs, long rsp, int ss) {
        assertFrame(0, rip, cs, rsp, ss);
    }

    private void assertFrame(int skip, long rip, int cs, long rsp, int ss) {
        assertThat(g.stack64(skip)).isEqualTo(rip);
        assertThat(g.stack64(skip + 1)).isEqualTo(cs);
        assertThat(g.stack64(skip + 3)).isEqualTo(rsp);
        assertThat(g.stack64(skip + 4)).isEqualTo(ss);
    }

    @Test
    void divideByZero_pushesFrameWithoutErrorCode() {
        // xor ecx, ecx; div ecx
        g.code(Guest.CODE, "31c9f7f1");
        assertThat(g.runToHandler()).isZero();
        assertFrame(Guest.CODE + 2, Guest.KERNEL_CODE, Guest.STACK, Guest.KERNEL_DATA);
        assertThat((int) g.stack64(2) & Flags.RF).isNotZero();
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.STACK - 40);
    }

    @Test
    void unalignedStack_isAlignedTo16() {
        g.cpu.r[Cpu.RSP] = Guest.STACK - 5;
        // ud2
        g.code(Guest.CODE, "0f0b");
        assertThat(g.runToHandler()).isEqualTo(6);
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.STACK - 16 - 40);
        assertThat(g.stack64(3)).isEqualTo(Guest.STACK - 5);
    }

    @Test
    void badSelector_pushesItAsErrorCode() {
        // mov eax, 0x1233; mov ds, eax
        g.code(Guest.CODE, "b8331200008ed8");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.stack64(0)).isEqualTo(0x1230);
        assertFrame(1, Guest.CODE + 5, Guest.KERNEL_CODE, Guest.STACK, Guest.KERNEL_DATA);
    }

    @Test
    void notPresentSegment_isNp() {
        g.descriptor(Guest.FREE, 0x00cf_1300_0000_ffffL);
        // mov eax, 0x50; mov es, eax
        g.code(Guest.CODE, "b8500000008ec0");
        assertThat(g.runToHandler()).isEqualTo(11);
        assertThat(g.stack64(0)).isEqualTo(0x50);
    }

    @Test
    void nonCanonicalAddress_isGpOrSs() {
        // movabs rax, 0x8000000000000000; mov ecx, [rax]
        g.code(Guest.CODE, "48b800000000000000808b08");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.stack64(0)).isZero();
        g.resume(Guest.CODE);
        g.cpu.r[Cpu.RSP] = Guest.STACK;
        // movabs rbp, 0x8000000000000000; mov ecx, [rbp]
        g.code(Guest.CODE, "48bd00000000000000808b4d00");
        assertThat(g.runToHandler()).isEqualTo(12);
    }

    @Test
    void interruptStackTable_switchesStack() {
        g.gate64(6, Guest.HANDLERS + 96, Guest.KERNEL_CODE, 0x8e, 1);
        // ud2
        g.code(Guest.CODE, "0f0b");
        assertThat(g.runToHandler()).isEqualTo(6);
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.IST1 - 40);
        assertFrame(Guest.CODE, Guest.KERNEL_CODE, Guest.STACK, Guest.KERNEL_DATA);
    }

    private void enterUser() {
        // push 0x23; push 0xa000; push 0x202; push 0x2b; push 0x2000; iretq
        g.code(Guest.CODE, "6a236800a0000068020200006a2b680020000048cf");
    }

    @Test
    void iretqToUserAndSyscall_comeBack() {
        enterUser();
        // mov ebx, cs; mov ebp, ss; syscall
        g.code(Guest.USER_CODE, "8ccb8cd50f05");
        // hlt
        g.code(Guest.SYSTEM_CALL, "f4");
        g.cpu.msrs.fmask = Flags.IF;
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.rip).isEqualTo(Guest.SYSTEM_CALL + 1);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(Guest.USER_CODE64);
        assertThat(g.cpu.r[Cpu.RBP]).isEqualTo(Guest.USER_DATA);
        assertThat(g.cpu.r[Cpu.RCX]).isEqualTo(Guest.USER_CODE + 6);
        assertThat((int) g.cpu.r[11] & Flags.IF).isNotZero();
        assertThat(g.cpu.rflags() & Flags.IF).isZero();
        assertThat(g.cpu.selector[Cpu.CS]).isEqualTo(Guest.KERNEL_CODE);
        assertThat(g.cpu.selector[Cpu.SS]).isEqualTo(Guest.KERNEL_DATA);
        assertThat(g.cpu.cpl).isZero();
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.USER_STACK);
    }

    @Test
    void sysretq_entersUserMode() {
        // mov ecx, 0x2000; mov r11d, 0x202; sysretq
        g.code(Guest.CODE, "b90020000041bb02020000480f07");
        // mov eax, cs; hlt
        g.code(Guest.USER_CODE, "8cc8f4");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.cpu.r[Cpu.RAX]).isEqualTo(Guest.USER_CODE64);
        assertFrame(1, Guest.USER_CODE + 2, Guest.USER_CODE64, Guest.STACK, Guest.USER_DATA);
        assertThat(g.cpu.selector[Cpu.SS]).isZero();
    }

    @Test
    void sysretl_entersCompatibilityMode() {
        // mov ecx, 0x2000; mov r11d, 0x202; .byte 0x0f, 0x07
        g.code(Guest.CODE, "b90020000041bb020200000f07");
        // 32-bit code: inc ecx (a REX prefix in 64-bit mode); hlt
        g.code(Guest.USER_CODE, "41f4");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.cpu.r[Cpu.RCX]).isEqualTo(0x2001);
        assertFrame(1, Guest.USER_CODE + 1, Guest.USER_CODE32, Guest.STACK, Guest.USER_DATA);
    }

    @Test
    void softwareInterruptFromUser_checksGatePrivilege() {
        enterUser();
        // int 0x40
        g.code(Guest.USER_CODE, "cd40");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.stack64(0)).isEqualTo(0x40 * 8 + 2);
        assertFrame(1, Guest.USER_CODE, Guest.USER_CODE64, Guest.USER_STACK, Guest.USER_DATA);
        g.resume(Guest.CODE);
        g.gate64(0x40, Guest.HANDLERS + 0x400, Guest.KERNEL_CODE, 0xee, 0);
        assertThat(g.runToHandler()).isEqualTo(0x40);
        assertFrame(Guest.USER_CODE + 2, Guest.USER_CODE64, Guest.USER_STACK, Guest.USER_DATA);
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.STACK - 40);
    }

    @Test
    void callGate_entersSupervisor() {
        enterUser();
        long gate = 0x3000 | (long) Guest.KERNEL_CODE << 16 | 0xecL << 40;
        g.descriptor(Guest.FREE, gate);
        g.descriptor(Guest.FREE + 8, 0);
        g.memory.write32(0x2100, 0);
        g.memory.write16(0x2104, Guest.FREE);
        // call fword ptr [0x2100]; hlt
        g.code(Guest.USER_CODE, "ff1c2500210000f4");
        // cmp esp, 0x7fe0; jne 1f; retfq; 1: hlt
        g.code(Guest.SYSTEM_CALL, "81fce07f0000750248cbf4");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertFrame(1, Guest.USER_CODE + 7, Guest.USER_CODE64, Guest.USER_STACK, Guest.USER_DATA);
    }

    @Test
    void faultWhileDeliveringContributoryFault_isDoubleFault() {
        g.gate64(6, Guest.HANDLERS, Guest.FREE, 0x8e, 0);
        g.gate64(13, Guest.HANDLERS, Guest.KERNEL_CODE, 0x0e, 0);
        // ud2
        g.code(Guest.CODE, "0f0b");
        assertThat(g.runToHandler()).isEqualTo(8);
        assertThat(g.stack64(0)).isZero();
        assertFrame(1, Guest.CODE, Guest.KERNEL_CODE, Guest.STACK, Guest.KERNEL_DATA);
    }

    @Test
    void faultWhileDeliveringBenignFault_isDeliveredWithExt() {
        g.gate64(6, Guest.HANDLERS, Guest.FREE, 0x8e, 0);
        // ud2
        g.code(Guest.CODE, "0f0b");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.stack64(0)).isEqualTo(Guest.FREE | 1);
    }

    @Test
    void faultWhileDeliveringDoubleFault_shutsDown() {
        g.cpu.idtLimit = 0;
        // ud2
        g.code(Guest.CODE, "0f0b");
        assertThat(g.run()).isInstanceOf(VcpuExit.Shutdown.class);
    }

    @Test
    void pageFaultOnExceptionStack_becomesDoubleFaultOnIst() {
        g.gate64(8, Guest.HANDLERS + 128, Guest.KERNEL_CODE, 0x8e, 1);
        // mov rsp, 0x400000; mov eax, [0x500000]
        g.code(Guest.CODE, "48c7c4000040008b042500005000");
        assertThat(g.runToHandler()).isEqualTo(8);
        assertThat(g.cpu.r[Cpu.RSP]).isEqualTo(Guest.IST1 - 48);
    }

    // --- interrupts
    // ---------------------------------------------------------------------------------

    private void raise(int vector) {
        g.interrupts.vector = vector;
        g.cpu.attend(Cpu.ATTENTION_INTERRUPT);
    }

    @Test
    void sti_holdsInterruptBackForOneInstruction() {
        raise(0x50);
        // sti; nop; nop; hlt
        g.code(Guest.CODE, "fb9090f4");
        assertThat(g.runToHandler()).isEqualTo(0x50);
        assertThat(g.stack64(0)).isEqualTo(Guest.CODE + 2);
        assertThat(g.cpu.rflags() & Flags.IF).isZero();
    }

    @Test
    void movSs_holdsInterruptBackForOneInstruction() {
        // mov eax, ss; sti; mov ss, eax; nop; nop; hlt
        g.code(Guest.CODE, "8cd0fb8ed09090f4");
        raise(0x51);
        assertThat(g.runToHandler()).isEqualTo(0x51);
        assertThat(g.stack64(0)).isEqualTo(Guest.CODE + 6);
    }

    @Test
    void halted_wakesOnInterruptAndReturnsBehindHlt() {
        // sti; hlt; nop
        g.code(Guest.CODE, "fbf490");
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.interpreter.hasWork()).isFalse();
        raise(0x52);
        assertThat(g.interpreter.hasWork()).isTrue();
        assertThat(g.runToHandler()).isEqualTo(0x52);
        assertThat(g.stack64(0)).isEqualTo(Guest.CODE + 2);
    }

    @Test
    void nmi_isHeldBackUntilIret() {
        g.gate64(2, Guest.SYSTEM_CALL, Guest.KERNEL_CODE, 0x8e, 0);
        // inc ebx; cmp ebx, 1; jne 1f; inc ecx; 1: iretq
        g.code(Guest.SYSTEM_CALL, "ffc383fb017502ffc148cf");
        // nop; nop; hlt
        g.code(Guest.CODE, "9090f4");
        g.cpu.attend(Cpu.ATTENTION_NMI);
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(1);
        assertThat(g.cpu.nmiBlocked).isFalse();
        g.resume(Guest.CODE);
        g.cpu.nmiBlocked = true;
        g.cpu.attend(Cpu.ATTENTION_NMI);
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(1);
    }

    // --- page faults
    // ----------------------------------------------------------------------------------

    private void page(long address, long entryBits) {
        g.memory.write64(Guest.PT + (address >> 12) * 8, address | entryBits);
    }

    private void assertPageFault(long address, int error) {
        assertThat(g.runToHandler()).isEqualTo(14);
        assertThat(g.stack64(0)).isEqualTo(error);
        assertThat(g.cpu.cr2).isEqualTo(address);
    }

    @Test
    void supervisorRead_ofMissingPage() {
        page(0x30000, 0);
        // mov eax, [0x30010]
        g.code(Guest.CODE, "8b042510000300");
        assertPageFault(0x30010, 0);
    }

    @Test
    void supervisorWrite_ofReadOnlyPage() {
        page(0x30000, 1);
        // mov [0x30010], eax
        g.code(Guest.CODE, "89042510000300");
        assertPageFault(0x30010, 3);
    }

    @Test
    void supervisorFetch_ofNoExecutePage() {
        page(0x30000, 3 | 1L << 63);
        // mov eax, 0x30000; jmp rax
        g.code(Guest.CODE, "b800000300ffe0");
        assertPageFault(0x30000, 0x11);
    }

    @Test
    void supervisorAccess_toUserPagesUnderSmapAndSmep() {
        for (long p : new long[] {Guest.CODE, 0x7000, Guest.GDT, Guest.IDT, Guest.TSS, 0x14000}) {
            page(p, 3);
        }
        g.cpu.cr4 |= 1 << 20 | 1 << 21;
        g.cpu.updateMode();
        // stac; mov eax, [0x30010]; clac; mov eax, [0x30018]
        g.code(Guest.CODE, "0f01cb8b0425100003000f01ca8b042518000300");
        assertPageFault(0x30018, 1);
        g.resume(Guest.CODE);
        // mov eax, 0x30000; jmp rax
        g.code(Guest.CODE, "b800000300ffe0");
        assertPageFault(0x30000, 0x11);
    }

    @Test
    void userAccess_toSupervisorPage() {
        page(0x30000, 3);
        enterUser();
        // mov [0x30010], eax
        g.code(Guest.USER_CODE, "89042510000300");
        assertPageFault(0x30010, 7);
    }

    @Test
    void reservedBit_isReported() {
        page(0x30000, 3 | 1L << 51);
        // mov eax, [0x30010]
        g.code(Guest.CODE, "8b042510000300");
        assertPageFault(0x30010, 9);
    }

    @Test
    void protectionKey_isReported() {
        page(0x30000, 7 | 5L << 59);
        g.cpu.cr4 |= 1 << 22;
        g.cpu.updateMode();
        // xor ecx, ecx; xor edx, edx; mov eax, 0x400; wrpkru; mov eax, [0x30010]
        g.code(Guest.CODE, "31c931d2b8000400000f01ef8b042510000300");
        assertPageFault(0x30010, 0x21);
    }

    // --- debugging
    // ------------------------------------------------------------------------------------

    @Test
    void trapFlag_stepsOneInstruction() {
        // pushf; or dword ptr [rsp], 0x100; popf; nop; nop; hlt
        g.code(Guest.CODE, "9c810c24000100009d9090f4");
        assertThat(g.runToHandler()).isEqualTo(1);
        assertThat(g.stack64(0)).isEqualTo(Guest.CODE + 10);
        assertThat(g.cpu.dr[6] & 0x4000).isNotZero();
        assertThat((int) g.stack64(2) & Flags.TF).isNotZero();
        assertThat(g.cpu.rflags() & Flags.TF).isZero();
    }

    @Test
    void instructionBreakpoint_stopsBeforeAndResumesWithRf() {
        // mov eax, 0x1010; mov dr0, rax; mov eax, 2; mov dr7, rax; nop; hlt
        g.code(Guest.CODE, "b8101000000f23c0b8020000000f23f890f4");
        assertThat(g.runToHandler()).isEqualTo(1);
        assertThat(g.stack64(0)).isEqualTo(Guest.CODE + 16);
        assertThat(g.cpu.dr[6] & 15).isEqualTo(1);
        assertThat(g.cpu.dr[6] & 0x4000).isZero();
        // or dword ptr [rsp + 16], 0x10000; iretq
        g.code(Guest.SYSTEM_CALL, "814c24100000010048cf");
        g.resume(Guest.SYSTEM_CALL);
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.rip).isEqualTo(Guest.CODE + 18);
    }

    @Test
    void dataBreakpoint_trapsAfterTheWrite() {
        // Write breakpoint 1, four bytes.
        // mov eax, 0x30010; mov dr1, rax; mov eax, 0xd00008; mov dr7, rax; mov eax, [0x30010];
        // mov word ptr [0x30012], ax; nop; hlt
        g.code(Guest.CODE, "b8100003000f23c8b80800d0000f23f88b042510000300668904251200030090f4");
        assertThat(g.runToHandler()).isEqualTo(1);
        assertThat(g.stack64(0)).isEqualTo(Guest.CODE + 31);
        assertThat(g.cpu.dr[6] & 15).isEqualTo(2);
    }

    @Test
    void generalDetect_faultsOnDebugRegisterAccess() {
        // mov eax, 0x2000; mov dr7, rax; mov rcx, dr0
        g.code(Guest.CODE, "b8002000000f23f80f21c1");
        assertThat(g.runToHandler()).isEqualTo(1);
        assertThat(g.stack64(0)).isEqualTo(Guest.CODE + 8);
        assertThat(g.cpu.dr[6] & 0x2000).isNotZero();
        assertThat(g.cpu.dr[7] & 0x2000).isZero();
    }

    // --- alignment checks, INVPCID, compatibility mode
    // ------------------------------------------------

    private void enterUserWithAlignmentChecks() {
        g.cpu.cr0 |= 1 << 18;
        // push 0x23; push 0xa000; push 0x40202; push 0x2b; push 0x2000; iretq
        g.code(Guest.CODE, "6a236800a0000068020204006a2b680020000048cf");
    }

    @Test
    void misalignedLoadInUserMode_isAcOnlyIfCr0Asks() {
        enterUserWithAlignmentChecks();
        // mov eax, [0x30004]; mov ebx, [0x30001]; hlt
        g.code(Guest.USER_CODE, "8b0425040003008b1c2501000300f4");
        assertThat(g.runToHandler()).isEqualTo(17);
        assertThat(g.stack64(0)).isZero();
        assertFrame(1, Guest.USER_CODE + 7, Guest.USER_CODE64, Guest.USER_STACK, Guest.USER_DATA);
        g.cpu.cr0 &= ~(1L << 18);
        g.cpu.updateMode();
        g.resume(Guest.CODE);
        assertThat(g.runToHandler()).isEqualTo(13);
    }

    @Test
    void misalignedStoreInUserMode_isAc() {
        enterUserWithAlignmentChecks();
        // mov [0x30003], al; mov [0x30003], ax
        g.code(Guest.USER_CODE, "880425030003006689042503000300");
        assertThat(g.runToHandler()).isEqualTo(17);
        assertFrame(1, Guest.USER_CODE + 7, Guest.USER_CODE64, Guest.USER_STACK, Guest.USER_DATA);
    }

    @Test
    void misalignedLoadOfSupervisor_isAllowed() {
        g.cpu.cr0 |= 1 << 18;
        // pushf; or dword ptr [rsp], 0x40000; popf; mov ebx, [0x30001]; hlt
        g.code(Guest.CODE, "9c810c24000004009d8b1c2501000300f4");
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.rflags() & Flags.AC).isNotZero();
    }

    @Test
    void invpcid_dropsTranslationsWithEveryType() {
        // mov eax, [0x30000]; mov qword ptr [0x23180], 0x31007; invpcid rdi, [0x34000];
        // mov ebx, [0x30000]; hlt
        String code = "8b04250000030048c704258031020007100300660f38823c25004003008b1c2500000300f4";
        g.code(Guest.CODE, code);
        g.memory.write32(0x30000, 0x11);
        g.memory.write32(0x31000, 0x22);
        g.memory.write64(0x34008, 0x30000);
        for (int type = 0; type < 4; type++) {
            page(0x30000, 7);
            g.cpu.mem.flushAll();
            g.cpu.r[Cpu.RDI] = type;
            g.resume(Guest.CODE);
            assertThat(g.runToHandler()).as("type %d", type).isEqualTo(-1);
            assertThat(g.cpu.r[Cpu.RAX]).isEqualTo(0x11);
            assertThat(g.cpu.r[Cpu.RBX]).as("type %d", type).isEqualTo(0x22);
        }
        g.cpu.r[Cpu.RDI] = 4;
        g.resume(Guest.CODE);
        assertThat(g.runToHandler()).isEqualTo(13);
        // A PCID without CR4.PCIDE.
        g.memory.write64(0x34000, 1);
        g.cpu.r[Cpu.RDI] = 1;
        g.resume(Guest.CODE);
        assertThat(g.runToHandler()).isEqualTo(13);
    }

    @Test
    void iretdInCompatibilityMode_returnsToSamePrivilege() {
        // mov ecx, 0x2000; mov r11d, 0x202; .byte 0x0f, 0x07
        g.code(Guest.CODE, "b90020000041bb020200000f07");
        // 32-bit code: pushfd; push cs; push 0x2100; iretd
        g.code(Guest.USER_CODE, "9c0e6800210000cf");
        // inc ecx; hlt
        g.code(0x2100, "41f4");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.cpu.r[Cpu.RCX]).isEqualTo(0x2001);
        assertFrame(1, 0x2101, Guest.USER_CODE32, Guest.STACK, Guest.USER_DATA);
    }

    @Test
    void iretdInCompatibilityMode_entersUserMode64() {
        g.descriptor(Guest.KERNEL_CODE32, 0x00cf_9b00_0000_ffffL);
        // push 0x40; push 0x2000; retfq
        g.code(Guest.CODE, "6a40680020000048cb");
        // 32-bit code: push 0x23; push 0xa000; push 0x202; push 0x2b; push 0x2100; iretd
        g.code(Guest.USER_CODE, "6a236800a0000068020200006a2b6800210000cf");
        // movabs rbx, 0x123456789abcdef; hlt
        g.code(0x2100, "48bbefcdab8967452301f4");
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(0x123456789abcdefL);
        assertFrame(1, 0x210a, Guest.USER_CODE64, Guest.USER_STACK, Guest.USER_DATA);
    }
}
