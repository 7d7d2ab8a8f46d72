package io.queztl.machine.cpu;

import java.util.List;
import java.util.SortedMap;

/**
 * The architectural state of one vCPU, in no accelerator's own form, so that a snapshot taken under
 * one resumes under another.
 *
 * @param registers rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 … r15
 * @param rip the next instruction
 * @param rflags all of RFLAGS
 * @param segments es, cs, ss, ds, fs, gs, ldtr, tr
 * @param gdtBase linear base of the GDT
 * @param gdtLimit byte limit of the GDT
 * @param idtBase linear base of the IDT
 * @param idtLimit byte limit of the IDT
 * @param control cr0, cr2, cr3, cr4, cr8
 * @param debug dr0 … dr3, dr6, dr7
 * @param xcr0 XCR0
 * @param msrs model-specific registers by number, EFER among them; IA32_TSC (0x10) is the value
 *     that the TSC had when the VM's clock stood at 0, so that it does not age in a snapshot
 * @param xsave the x87, SSE and AVX state as the standard (not compacted) XSAVE image
 * @param events what is on its way to the CPU
 */
public record CpuState(
        List<Long> registers,
        long rip,
        long rflags,
        List<SegmentState> segments,
        long gdtBase,
        int gdtLimit,
        long idtBase,
        int idtLimit,
        List<Long> control,
        List<Long> debug,
        long xcr0,
        SortedMap<Integer, Long> msrs,
        byte[] xsave,
        Events events) {
    /**
     * @param halted in HLT
     * @param waitForSipi after INIT, before SIPI
     * @param nmiPending an NMI was latched
     * @param nmiBlocked between NMI delivery and IRET
     * @param interruptShadow STI or MOV SS was the last instruction
     * @param unhalted another vCPU has asked by KVM_HC_KICK_CPU that this one's HLT ends, and it
     *     has not been in HLT since
     */
    public record Events(
            boolean halted,
            boolean waitForSipi,
            boolean nmiPending,
            boolean nmiBlocked,
            boolean interruptShadow,
            boolean unhalted) {}
}
