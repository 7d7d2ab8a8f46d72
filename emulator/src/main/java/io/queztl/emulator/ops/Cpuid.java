package io.queztl.emulator.ops;

import static io.queztl.emulator.cpu.Feature.Register.EAX;
import static io.queztl.emulator.cpu.Feature.Register.EBX;
import static io.queztl.emulator.cpu.Feature.Register.ECX;
import static io.queztl.emulator.cpu.Feature.Register.EDX;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Feature;
import io.queztl.emulator.decode.Insn;
import java.nio.charset.StandardCharsets;

/**
 * CPUID (APM volume 3, appendix E; SDM volume 2). Reports what the CPU model has and nothing else.
 * Vendor and family are AMD's of a generation without Meltdown and its kin, which this CPU does not
 * have either, so that kernels do not pay for mitigations.
 */
public final class Cpuid {
    /** Family 0x1A, model 2, stepping 1; also RDX after reset. */
    static final int SIGNATURE = 0x00b0_0f21;

    /** Width of a physical address: UEFI firmware maps all of it, in pages of 2 MiB. */
    public static final int PHYSICAL_BITS = 40;

    private static final int MAX_BASIC = 0x16;
    private static final int MAX_EXTENDED = 0x8000_0021;
    private static final int HYPERVISOR = 0x4000_0000;

    /** Timing information, as VMware defined it and KVM guests look for it. */
    private static final int MAX_HYPERVISOR = 0x4000_0010;

    /**
     * KVM_FEATURE_CLOCKSOURCE2, KVM_FEATURE_PV_UNHALT and KVM_FEATURE_CLOCKSOURCE_STABLE_BIT. What
     * else KVM has for crowded hosts, Linux uses only with stolen time, of which there is no
     * account.
     */
    private static final int KVM_FEATURES = 1 << 3 | 1 << 7 | 1 << 24;

    private static final int TSC_KHZ = 1_000_000;
    private static final int LINE_BYTES = 64;

    private Cpuid() {}

    /** CPUID. */
    public static void cpuid(Cpu c, Insn i) {
        int[] out = new int[4];
        leaf(c, (int) c.r[Cpu.RAX], (int) c.r[Cpu.RCX], out);
        c.r[Cpu.RAX] = out[EAX] & 0xffff_ffffL;
        c.r[Cpu.RBX] = out[EBX] & 0xffff_ffffL;
        c.r[Cpu.RCX] = out[ECX] & 0xffff_ffffL;
        c.r[Cpu.RDX] = out[EDX] & 0xffff_ffffL;
    }

    /** Puts EAX, EBX, ECX and EDX of a leaf into {@code out}, which must be zero. */
    public static void leaf(Cpu c, int leaf, int subleaf, int[] out) {
        if (Integer.compareUnsigned(leaf, MAX_BASIC) > 0
                && (leaf & 0xf000_0000) != HYPERVISOR
                && (leaf & 0x8000_0000) == 0) {
            return;
        }
        switch (leaf) {
            case 0 -> vendor(out, MAX_BASIC);
            case 1 -> versionAndFeatures(c, out);
            case 6 -> out[EAX] = 1 << 2; // the APIC timer never stops
            case 7 -> {
                if (subleaf == 0) {
                    features(c, leaf, out);
                }
            }
            case 0xb -> topology(c, subleaf, out);
            case 0xd -> stateComponents(c, subleaf, out);
            case 0x15 -> {
                out[EAX] = 1;
                out[EBX] = 1;
                out[ECX] = TSC_KHZ * 1000;
            }
            case 0x16 -> {
                out[EAX] = TSC_KHZ / 1000;
                out[EBX] = TSC_KHZ / 1000;
                out[ECX] = 100;
            }
            case HYPERVISOR -> {
                out[EAX] = MAX_HYPERVISOR;
                out[EBX] = characters("KVMK");
                out[ECX] = characters("VMKV");
                out[EDX] = characters("M\0\0\0");
            }
            case HYPERVISOR + 1 -> out[EAX] = KVM_FEATURES;
            case HYPERVISOR + 0x10 -> {
                out[EAX] = TSC_KHZ;
                out[EBX] = TSC_KHZ;
            }
            default -> extended(c, leaf, subleaf, out);
        }
    }

    private static void extended(Cpu c, int leaf, int subleaf, int[] out) {
        switch (leaf) {
            case 0x8000_0000 -> vendor(out, MAX_EXTENDED);
            case 0x8000_0001 -> extendedFeatures(c, out);
            case 0x8000_0002, 0x8000_0003, 0x8000_0004 -> brand(c, leaf - 0x8000_0002, out);
            case 0x8000_0005 -> {
                out[EAX] = 0xff40_ff40; // L1 TLBs, 2 MiB pages: 64 entries, fully associative
                out[EBX] = 0xff40_ff40;
                out[ECX] = 32 << 24 | 8 << 16 | 1 << 8 | LINE_BYTES;
                out[EDX] = 32 << 24 | 8 << 16 | 1 << 8 | LINE_BYTES;
            }
            case 0x8000_0006 -> {
                out[ECX] = 1024 << 16 | 6 << 12 | 1 << 8 | LINE_BYTES;
                out[EDX] = 32 << 18 | 8 << 12 | 1 << 8 | LINE_BYTES;
            }
            case 0x8000_0007 -> out[EDX] = 1 << 8; // the TSC is invariant
            case 0x8000_0008 -> {
                int linearBits = c.model.has(Feature.LA57) ? 57 : 48;
                out[EAX] = linearBits << 8 | PHYSICAL_BITS;
                features(c, leaf, out);
                // WBNOINVD, SSB_NO, BTC_NO; XSAVE always saves the x87 error pointers.
                out[EBX] |= 1 << 9 | 1 << 26 | 1 << 29 | 1 << 2;
                out[ECX] = coreBits(c) << 12 | c.shared.vcpus - 1;
            }
            case 0x8000_001d -> caches(c, subleaf, out);
            case 0x8000_001e -> {
                out[EAX] = c.index;
                out[EBX] = c.index & 0xff;
            }
            // LFENCE serializes, null selectors clear the base, automatic IBRS, no SRSO.
            case 0x8000_0021 -> out[EAX] = 1 << 2 | 1 << 6 | 1 << 8 | 1 << 29;
            default -> {}
        }
    }

    private static int characters(String four) {
        byte[] b = four.getBytes(StandardCharsets.US_ASCII);
        return b[0] | b[1] << 8 | b[2] << 16 | b[3] << 24;
    }

    private static void vendor(int[] out, int maximum) {
        out[EAX] = maximum;
        out[EBX] = characters("Auth");
        out[EDX] = characters("enti");
        out[ECX] = characters("cAMD");
    }

    private static void brand(Cpu c, int part, int[] out) {
        String name = "Queztl software CPU " + c.model.name();
        String text = name + "\0".repeat(48 - name.length());
        for (int k = 0; k < 4; k++) {
            int at = part * 16 + k * 4;
            out[k] = characters(text.substring(at, at + 4));
        }
    }

    private static void features(Cpu c, int leaf, int[] out) {
        for (Feature f : c.model.features()) {
            if (f.leaf == leaf) {
                out[f.register] |= 1 << f.bit;
            }
        }
    }

    private static void versionAndFeatures(Cpu c, int[] out) {
        int vcpus = c.shared.vcpus;
        out[EAX] = SIGNATURE;
        out[EBX] = (c.index & 0xff) << 24 | Math.min(vcpus, 255) << 16 | LINE_BYTES / 8 << 8;
        features(c, 1, out);
        out[ECX] |= 1 << 31; // a hypervisor
        if ((c.cr4 & 1 << 18) != 0) {
            out[ECX] |= 1 << 27; // OSXSAVE
        }
        if ((c.interrupts.apicBase() & 1 << 11) != 0) {
            out[EDX] |= 1 << 9; // APIC
        }
        if (vcpus > 1) {
            out[EDX] |= 1 << 28; // HTT
        }
    }

    /** Bits of leaf 1 EDX that AMD repeats in leaf 0x80000001. */
    private static final int REPEATED = 0x0183_f3ff;

    private static void extendedFeatures(Cpu c, int[] out) {
        int[] basic = new int[4];
        versionAndFeatures(c, basic);
        features(c, 0x8000_0001, out);
        out[EAX] = SIGNATURE;
        out[EDX] |= basic[EDX] & REPEATED;
        out[ECX] |= 1 << 22; // topology extensions
        if (c.shared.vcpus > 1) {
            out[ECX] |= 1 << 1; // CmpLegacy: cores, not threads
        }
    }

    /** Bits of the APIC id that number the cores. */
    private static int coreBits(Cpu c) {
        return 32 - Integer.numberOfLeadingZeros(c.shared.vcpus - 1);
    }

    private static void topology(Cpu c, int subleaf, int[] out) {
        out[ECX] = subleaf & 0xff;
        out[EDX] = c.index;
        if (subleaf == 0) {
            out[EBX] = 1;
            out[ECX] |= 1 << 8;
        } else if (subleaf == 1) {
            out[EAX] = coreBits(c);
            out[EBX] = c.shared.vcpus;
            out[ECX] |= 2 << 8;
        }
    }

    private static void caches(Cpu c, int subleaf, int[] out) {
        switch (subleaf) {
            case 0 -> cache(out, 1, 1, 32, 8, 1);
            case 1 -> cache(out, 2, 1, 32, 8, 1);
            case 2 -> cache(out, 3, 2, 1024, 8, 1);
            case 3 -> cache(out, 3, 3, 16384, 16, c.shared.vcpus);
            default -> {}
        }
    }

    private static void cache(int[] out, int type, int level, int kib, int ways, int sharing) {
        out[EAX] = type | level << 5 | 1 << 8 | Math.min(sharing - 1, 0xfff) << 14;
        out[EBX] = ways - 1 << 22 | LINE_BYTES - 1;
        out[ECX] = kib * 1024 / LINE_BYTES / ways - 1;
    }

    private static void stateComponents(Cpu c, int subleaf, int[] out) {
        if (!c.model.has(Feature.XSAVE)) {
            return;
        }
        long supported = StateSave.supported(c.model);
        switch (subleaf) {
            case 0 -> {
                out[EAX] = (int) supported;
                out[EBX] = StateSave.standardSize(c.xcr0);
                out[ECX] = StateSave.standardSize(supported);
                out[EDX] = (int) (supported >>> 32);
            }
            case 1 -> {
                features(c, 0xd, out);
                out[EBX] = c.model.has(Feature.XSAVEC) ? StateSave.compactedSize(c.xcr0) : 0;
            }
            default -> {
                if (subleaf > 1 && subleaf < 63 && (supported >> subleaf & 1) != 0) {
                    out[EAX] = StateSave.componentSize(subleaf);
                    out[EBX] = StateSave.componentOffset(subleaf);
                }
            }
        }
    }
}
