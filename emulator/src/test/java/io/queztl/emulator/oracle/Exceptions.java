package io.queztl.emulator.oracle;

import io.queztl.testkit.oracle.CaseLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Set;

/**
 * What may differ between correct CPUs, beyond the undefined flags: undefined results,
 * approximations, and last bits of transcendental functions.
 */
final class Exceptions {
    private static final Set<String> TRANSCENDENTAL =
            Set.of("FSIN", "FCOS", "FSINCOS", "FPTAN", "FPATAN", "F2XM1", "FYL2X", "FYL2XP1");
    private static final Set<String> COMPARE_TO_FLAGS =
            Set.of("FCOMI", "FCOMIP", "FUCOMI", "FUCOMIP");
    private static final Set<String> APPROXIMATE =
            Set.of(
                    "RCPPS",
                    "RCPSS",
                    "RSQRTPS",
                    "RSQRTSS",
                    "VRCPPS",
                    "VRCPSS",
                    "VRSQRTPS",
                    "VRSQRTSS");

    /** Units in the last place within which a transcendental result may lie of another CPU's. */
    private static final long TRANSCENDENTAL_ULPS = 1;

    /** RCPPS and RSQRTPS promise a relative error below 1.5 × 2^-12; two such may be 3 × apart. */
    private static final double APPROXIMATION = 3.0 / 4096;

    private Exceptions() {}

    /** 16-bit SHLD and SHRD by more than 16 have no defined result. */
    private static boolean undefinedShift(Form f, MemorySegment m, long before) {
        String n = f.row.mnemonic();
        return (n.equals("SHLD") || n.equals("SHRD"))
                && f.operandSize == 2
                && UndefinedFlags.count(f, m.get(ValueLayout.JAVA_LONG_UNALIGNED, before + 8)) > 16;
    }

    static boolean registerMayDiffer(Form f, MemorySegment m, long before, int register) {
        // A POPA that faults half-way has loaded some registers on some CPUs.
        return f.row.mnemonic().equals("POPA")
                || !f.memory && register == f.modrmRm && undefinedShift(f, m, before);
    }

    static boolean flagsMayDiffer(Form f, MemorySegment m, long before) {
        // With an unmasked invalid operation AMD sets the flags and Intel does not.
        return undefinedShift(f, m, before)
                || COMPARE_TO_FLAGS.contains(f.row.mnemonic())
                        && (m.get(ValueLayout.JAVA_SHORT_UNALIGNED, before + CaseLayout.FXSAVE) & 1)
                                == 0;
    }

    /** Which of its two operands CMPS reads first, and so which fault it raises, differs. */
    static boolean addressMayDiffer(Form f) {
        return f.row.mnemonic().equals("CMPS") || f.row.mnemonic().equals("CMPSB");
    }

    static boolean memoryMayDiffer(Form f, SoftwareRunner soft, MemorySegment m, long before) {
        return f.memory && undefinedShift(f, m, before);
    }

    static boolean statusMayDiffer(
            Form f, int nativeStatus, int softStatus, MemorySegment m, long before) {
        int differ = nativeStatus ^ softStatus;
        if (TRANSCENDENTAL.contains(f.row.mnemonic())) {
            // Condition codes other than C2 are undefined, C1 and PE follow the last bit, and if
            // PE is not masked ES and B follow it.
            return (differ & ~((differ & 0x20) != 0 ? 0xC3A0 : 0x4320)) == 0;
        }
        if (COMPARE_TO_FLAGS.contains(f.row.mnemonic())) {
            // Intel clears C1, AMD leaves it.
            return differ == 0x200;
        }
        if (f.row.mnemonic().startsWith("FPREM") && (nativeStatus & 1) != 0) {
            // No quotient, so the condition codes that would hold its bits mean nothing.
            return (differ & ~0x4300) == 0;
        }
        return false;
    }

    static boolean mxcsrMayDiffer(Form f, int nativeMxcsr, int softMxcsr) {
        return false;
    }

    static boolean x87MayDiffer(Form f, long sig, int exp, long softSig, int softExp) {
        if (!TRANSCENDENTAL.contains(f.row.mnemonic())) {
            return false;
        }
        if (exp == softExp) {
            return Math.abs(sig - softSig) <= TRANSCENDENTAL_ULPS;
        }
        return Math.abs(exp - softExp) == 1
                && (sig == Long.MIN_VALUE && softSig >= -TRANSCENDENTAL_ULPS
                        || softSig == Long.MIN_VALUE && sig >= -TRANSCENDENTAL_ULPS);
    }

    static boolean vectorMayDiffer(Form f, long n, long soft) {
        if (!APPROXIMATE.contains(f.row.mnemonic())) {
            return false;
        }
        return near((int) n, (int) soft) && near((int) (n >>> 32), (int) (soft >>> 32));
    }

    private static boolean near(int a, int b) {
        float x = Float.intBitsToFloat(a);
        float y = Float.intBitsToFloat(b);
        return a == b || Math.abs(x - y) <= Math.abs(x) * APPROXIMATION;
    }
}
