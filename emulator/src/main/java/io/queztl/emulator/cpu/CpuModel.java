package io.queztl.emulator.cpu;

import static io.queztl.emulator.cpu.Feature.*;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * A named CPU: its feature set, from which CPUID and the decoder follow. The x86-64-v models have
 * the instructions of the psABI level of that name, and all of the system architecture.
 *
 * @param name as on the command line
 * @param features what it has
 */
public record CpuModel(String name, Set<Feature> features) {
    /** System features, of no concern to applications: every model has them. */
    private static final Set<Feature> SYSTEM =
            EnumSet.of(
                    VME,
                    DE,
                    PSE,
                    TSC,
                    MSR,
                    PAE,
                    MCE,
                    SEP,
                    MTRR,
                    PGE,
                    PAT,
                    PSE36,
                    X2APIC,
                    TSC_DEADLINE,
                    FSGSBASE,
                    TSC_ADJUST,
                    SMEP,
                    INVPCID,
                    SMAP,
                    UMIP,
                    NX,
                    PDPE1GB,
                    RDTSCP,
                    RDRAND,
                    RDSEED,
                    RDPID,
                    LAHF_LM,
                    CLFLUSHOPT,
                    CLWB,
                    PREFETCHW,
                    ERMS,
                    FSRM);

    private static final Set<Feature> V1 =
            with(SYSTEM, FPU, CX8, CMOV, CLFLUSH, MMX, FXSR, SSE, SSE2, SYSCALL, LM);

    private static final Set<Feature> V2 = with(V1, PNI, SSSE3, CX16, SSE4_1, SSE4_2, POPCNT);

    private static final Set<Feature> V3 =
            with(V2, XSAVE, XSAVEOPT, XSAVEC, AVX, AVX2, BMI1, BMI2, F16C, FMA, ABM, MOVBE);

    /**
     * Not in max: what is not implemented, and 5-level paging and PCIDs, which cost a software TLB
     * time and give it nothing.
     */
    private static final Set<Feature> NOT_IN_MAX =
            EnumSet.of(VAES, VPCLMULQDQ, GFNI, MONITOR, CLZERO, PCID, LA57, XSAVES);

    private static Set<Feature> with(Set<Feature> base, Feature... more) {
        EnumSet<Feature> all = EnumSet.copyOf(base);
        all.addAll(List.of(more));
        return all;
    }

    /** Everything that is implemented. */
    public static CpuModel max() {
        EnumSet<Feature> all = EnumSet.allOf(Feature.class);
        all.removeAll(NOT_IN_MAX);
        return new CpuModel("max", all);
    }

    /** All models, oldest first. */
    public static List<CpuModel> all() {
        return List.of(
                new CpuModel("x86-64-v1", V1),
                new CpuModel("x86-64-v2", V2),
                new CpuModel("x86-64-v3", V3),
                max());
    }

    /** Names of all models, oldest first. */
    public static List<String> names() {
        return all().stream().map(CpuModel::name).toList();
    }

    /**
     * The model of a name.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static CpuModel named(String name) {
        return all().stream()
                .filter(m -> m.name.equals(name))
                .findFirst()
                .orElseThrow(() ->
                        new IllegalArgumentException(
                                "no CPU model '%s'; there are %s".formatted(name, names())));
    }

    /** True if the model has the feature. */
    public boolean has(Feature feature) {
        return features.contains(feature);
    }
}
