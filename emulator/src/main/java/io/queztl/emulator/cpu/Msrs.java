package io.queztl.emulator.cpu;

/** MSRs that instructions use directly; SDM volume 4. */
public final class Msrs {
    /** IA32_STAR: segment selectors of SYSCALL. */
    public long star;

    /** IA32_LSTAR: 64-bit entry of SYSCALL. */
    public long lstar;

    /** IA32_CSTAR: compatibility-mode entry of SYSCALL. */
    public long cstar;

    /** IA32_FMASK: RFLAGS bits that SYSCALL clears. */
    public long fmask;

    /** IA32_KERNEL_GS_BASE. */
    public long kernelGsBase;

    /** IA32_TSC_AUX. */
    public long tscAux;

    /** IA32_SYSENTER_CS. */
    public long sysenterCs;

    /** IA32_SYSENTER_ESP. */
    public long sysenterEsp;

    /** IA32_SYSENTER_EIP. */
    public long sysenterEip;

    /** IA32_PAT. */
    public long pat = 0x0007_0406_0007_0406L;

    /** What is added to the clock to make the TSC; IA32_TSC_ADJUST and writes to IA32_TSC. */
    public long tscOffset;

    /** IA32_TSC_ADJUST. */
    public long tscAdjust;

    /** Any other MSR that is plain storage, by number. */
    public final java.util.TreeMap<Integer, Long> others = new java.util.TreeMap<>();
}
