package io.queztl.emulator.cpu;

/**
 * Features that a CPU model has or lacks; names as in Linux's /proc/cpuinfo, each with the CPUID
 * bit that reports it (SDM volume 2, CPUID; APM volume 3, appendix E).
 */
public enum Feature {
    // Leaf 1, EDX.
    FPU(1, Register.EDX, 0),
    VME(1, Register.EDX, 1),
    DE(1, Register.EDX, 2),
    PSE(1, Register.EDX, 3),
    TSC(1, Register.EDX, 4),
    MSR(1, Register.EDX, 5),
    PAE(1, Register.EDX, 6),

    /** CR4.MCE can be set, as UEFI firmware does unasked; there are no machine-check banks. */
    MCE(1, Register.EDX, 7),
    CX8(1, Register.EDX, 8),
    SEP(1, Register.EDX, 11),
    MTRR(1, Register.EDX, 12),
    PGE(1, Register.EDX, 13),
    CMOV(1, Register.EDX, 15),
    PAT(1, Register.EDX, 16),
    PSE36(1, Register.EDX, 17),
    CLFLUSH(1, Register.EDX, 19),
    MMX(1, Register.EDX, 23),
    FXSR(1, Register.EDX, 24),
    SSE(1, Register.EDX, 25),
    SSE2(1, Register.EDX, 26),

    // Leaf 1, ECX.
    PNI(1, Register.ECX, 0),
    PCLMULQDQ(1, Register.ECX, 1),
    MONITOR(1, Register.ECX, 3),
    SSSE3(1, Register.ECX, 9),
    FMA(1, Register.ECX, 12),
    CX16(1, Register.ECX, 13),
    PCID(1, Register.ECX, 17),
    SSE4_1(1, Register.ECX, 19),
    SSE4_2(1, Register.ECX, 20),
    X2APIC(1, Register.ECX, 21),
    MOVBE(1, Register.ECX, 22),
    POPCNT(1, Register.ECX, 23),
    TSC_DEADLINE(1, Register.ECX, 24),
    AES(1, Register.ECX, 25),
    XSAVE(1, Register.ECX, 26),
    AVX(1, Register.ECX, 28),
    F16C(1, Register.ECX, 29),
    RDRAND(1, Register.ECX, 30),

    // Leaf 7, EBX.
    FSGSBASE(7, Register.EBX, 0),
    TSC_ADJUST(7, Register.EBX, 1),
    BMI1(7, Register.EBX, 3),
    AVX2(7, Register.EBX, 5),
    SMEP(7, Register.EBX, 7),
    BMI2(7, Register.EBX, 8),
    ERMS(7, Register.EBX, 9),
    INVPCID(7, Register.EBX, 10),
    RDSEED(7, Register.EBX, 18),
    ADX(7, Register.EBX, 19),
    SMAP(7, Register.EBX, 20),
    CLFLUSHOPT(7, Register.EBX, 23),
    CLWB(7, Register.EBX, 24),
    SHA_NI(7, Register.EBX, 29),

    // Leaf 7, ECX and EDX.
    UMIP(7, Register.ECX, 2),
    PKU(7, Register.ECX, 3),
    GFNI(7, Register.ECX, 8),
    VAES(7, Register.ECX, 9),
    VPCLMULQDQ(7, Register.ECX, 10),
    LA57(7, Register.ECX, 16),
    RDPID(7, Register.ECX, 22),
    FSRM(7, Register.EDX, 4),

    // Leaf 0xD, sub-leaf 1.
    XSAVEOPT(0xd, Register.EAX, 0),
    XSAVEC(0xd, Register.EAX, 1),
    XSAVES(0xd, Register.EAX, 3),

    // Leaf 0x80000001.
    SYSCALL(0x8000_0001, Register.EDX, 11),
    NX(0x8000_0001, Register.EDX, 20),
    MMXEXT(0x8000_0001, Register.EDX, 22),
    PDPE1GB(0x8000_0001, Register.EDX, 26),
    RDTSCP(0x8000_0001, Register.EDX, 27),
    LM(0x8000_0001, Register.EDX, 29),
    LAHF_LM(0x8000_0001, Register.ECX, 0),
    ABM(0x8000_0001, Register.ECX, 5),
    SSE4A(0x8000_0001, Register.ECX, 6),
    PREFETCHW(0x8000_0001, Register.ECX, 8),

    // Leaf 0x80000008.
    CLZERO(0x8000_0008, Register.EBX, 0);

    /** CPUID result registers, in the order in which results are kept. */
    public static final class Register {
        /** Index of a result register. */
        public static final int EAX = 0, EBX = 1, ECX = 2, EDX = 3;

        private Register() {}
    }

    /** CPUID leaf; sub-leaf 0, or 1 for leaf 0xD. */
    public final int leaf;

    /** A {@link Register}. */
    public final int register;

    /** Bit in it. */
    public final int bit;

    Feature(int leaf, int register, int bit) {
        this.leaf = leaf;
        this.register = register;
        this.bit = bit;
    }
}
