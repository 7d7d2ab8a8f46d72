package io.queztl.emulator.oracle;

import static io.queztl.testkit.oracle.CaseLayout.CODE;
import static io.queztl.testkit.oracle.CaseLayout.CODE_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.CODE_LENGTH;
import static io.queztl.testkit.oracle.CaseLayout.DATA_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.DATA_BYTES;
import static io.queztl.testkit.oracle.CaseLayout.FXSAVE;
import static io.queztl.testkit.oracle.CaseLayout.MODE32;
import static io.queztl.testkit.oracle.CaseLayout.READ_ONLY_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.RFLAGS;
import static io.queztl.testkit.oracle.CaseLayout.RIP;
import static io.queztl.testkit.oracle.CaseLayout.WINDOW;
import static io.queztl.testkit.oracle.CaseLayout.WINDOW_ADDRESS;
import static io.queztl.testkit.oracle.CaseLayout.WINDOW_BYTES;
import static io.queztl.testkit.oracle.CaseLayout.YMM_HIGH;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Fills in random register states that make sense for an instruction. */
final class StateMaker {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final int RAX = 0;
    private static final int RCX = 1;
    private static final int RDX = 2;
    private static final int RBX = 3;
    private static final int RSP = 4;
    private static final int RBP = 5;
    private static final int RSI = 6;
    private static final int RDI = 7;

    private final Dice dice;
    private final ValuePools pools;
    private final long[] r = new long[16];

    StateMaker(Dice dice, ValuePools pools) {
        this.dice = dice;
        this.pools = pools;
    }

    /** Where in the window a memory operand lies: aligned for vectors, mostly. */
    static int targetOffset(IsaRow row, Dice dice) {
        int o = 64 + dice.below(WINDOW_BYTES - 192);
        if (row.vector() || row.x87() || row.mnemonic().startsWith("CMPXCHG")) {
            return dice.percent(88) ? o & -16 : o;
        }
        return dice.percent(60) ? o & -8 : o;
    }

    private static boolean floats(String m) {
        return m.endsWith("PS") || m.endsWith("SS") || m.contains("PS2") || m.contains("SS2");
    }

    private static boolean doubles(String m) {
        return m.endsWith("PD") || m.endsWith("SD") || m.contains("PD2") || m.contains("SD2");
    }

    /** Writes the state before at {@code s}, an offset in {@code m}. */
    void make(Form f, MemorySegment m, long s) {
        IsaRow row = f.row;
        String name = row.mnemonic();
        boolean vector = row.vector();
        boolean x87 = row.x87();

        byte[] pool = pools.integers;
        if (vector) {
            int k = dice.below(100);
            if (floats(name)) {
                pool = k < 85 ? pools.floats : k < 92 ? pools.doubles : pools.integers;
            } else if (doubles(name)) {
                pool = k < 85 ? pools.doubles : k < 92 ? pools.floats : pools.integers;
            } else {
                pool = k < 80 ? pools.integers : k < 90 ? pools.floats : pools.doubles;
            }
        } else if (x87) {
            int k = dice.below(4);
            pool =
                    k == 0
                            ? pools.floats
                            : k == 1 ? pools.doubles : k == 2 ? pools.extended : pools.integers;
        }
        copy(pool, m, s + WINDOW, WINDOW_BYTES, 16);
        fp(m, s, vector, x87, pool);

        for (int i = 0; i < 16; i++) {
            r[i] = getLong(pools.integers, dice.below(ValuePools.BYTES / 8) * 8);
        }
        long window = WINDOW_ADDRESS;
        r[RSP] = window + 256 + dice.below(512) / 8 * 8;
        if (dice.percent(2)) {
            r[RSP] = badAddress(f);
        }
        long flags =
                0x202 | dice.next() & 0x8D5 | (dice.percent(row.string() ? 40 : 5) ? 0x400 : 0);
        implicit(f, name, m, s);
        memoryOperand(f, m, s);
        if (f.vectorIndex != Form.NONE && dice.percent(95)) {
            indices(f, m, s);
        }

        for (int i = 0; i < 16; i++) {
            if (f.mode32) {
                r[i] = i < 8 ? r[i] & 0xffff_ffffL : 0;
            }
            m.set(LONG, s + 8 * i, r[i]);
        }
        m.set(LONG, s + RIP, f.rip);
        m.set(LONG, s + RFLAGS, flags);
        m.set(LONG, s + MODE32, f.mode32 ? 1 : 0);
        m.set(LONG, s + CODE_LENGTH, f.length);
        MemorySegment.copy(f.code, 0, m, ValueLayout.JAVA_BYTE, s + CODE, 16);
    }

    /** Registers and stack contents that an instruction uses without naming them. */
    private void implicit(Form f, String name, MemorySegment m, long s) {
        long window = WINDOW_ADDRESS;
        long segment = f.segmentGs ? DATA_ADDRESS : 0;
        boolean wide = f.addressSize == (f.mode32 ? 4 : 8);
        if (f.row.string()) {
            long upper = wide ? 0 : dice.next() << 32;
            r[RSI] = upper | window - segment + 200 + dice.below(600);
            r[RDI] = upper | window + 200 + dice.below(600);
            r[RCX] = f.rep != 0 && !wide ? dice.next() << 32 | dice.below(20) : dice.below(20);
            if (f.mode32 && !wide) {
                r[RCX] = dice.next() & 0xffff_0000L | dice.below(20);
            }
            if (dice.percent(2)) {
                r[dice.percent(50) ? RSI : RDI] = badAddress(f);
            }
            return;
        }
        switch (name) {
            case "XLAT", "XLATB" ->
                    r[RBX] = window - segment + (f.segmentGs ? 100 : 128) + dice.below(500);
            case "MASKMOVDQU", "MASKMOVQ" -> r[RDI] = window - segment + 64 + dice.below(800);
            case "ENTER", "LEAVE" -> {
                if (!dice.percent(3)) {
                    r[RBP] = window + 256 + dice.below(512) / 8 * 8;
                }
            }
            case "DIV", "IDIV" -> {
                // Random dividends nearly always overflow.
                if (dice.percent(70)) {
                    long high = dice.percent(60) ? 0 : dice.percent(60) ? -1 : dice.between(0, 100);
                    r[RDX] = high;
                    if (f.operandSize == 4) {
                        r[RAX] = dice.percent(50) ? r[RAX] : ValuePools.integer(dice);
                    }
                    if (f.row.opcode() == 0xF6) {
                        r[RAX] = r[RAX] & ~0xff00L | (high & 1) << 8;
                    }
                }
            }
            case "SHL", "SHR", "SAR", "ROL", "ROR", "RCL", "RCR", "SHLD", "SHRD" -> {
                if (dice.percent(80)) {
                    r[RCX] = dice.percent(30) ? dice.below(2) : dice.below(70);
                }
            }
            case "BT", "BTS", "BTR", "BTC" -> {
                if (f.memory && f.row.extension() < 0) {
                    r[f.modrmReg] = dice.between(-400, 400);
                }
            }
            case "LOOP", "LOOPE", "LOOPNE", "JCXZ", "JECXZ", "JRCXZ" -> {
                if (dice.percent(50)) {
                    r[RCX] = dice.below(3) | (dice.percent(30) ? dice.next() << 32 : 0);
                }
            }
            case "POPF", "POPFD", "POPFQ" -> {
                // Neither TF nor AC: the host would trap in the oracle itself.
                long at = r[RSP] - window;
                if (at >= 0 && at < WINDOW_BYTES - 8) {
                    long v = m.get(LONG, s + WINDOW + at) & ~0x40100L;
                    m.set(LONG, s + WINDOW + at, v);
                }
            }
            case "RET" -> {
                long at = r[RSP] - window;
                if (at >= 0 && at < WINDOW_BYTES - 8 && !dice.percent(10)) {
                    m.set(LONG, s + WINDOW + at, branchTarget(f));
                }
            }
            default -> {}
        }
    }

    private long branchTarget(Form f) {
        long t = CODE_ADDRESS + dice.below(0x900);
        if (f.mode32 && dice.percent(50)) {
            t |= dice.next() << 32;
        }
        return t;
    }

    /** Points the memory operand into the window, or now and then to where it faults. */
    private void memoryOperand(Form f, MemorySegment m, long s) {
        IsaRow row = f.row;
        String name = row.mnemonic();
        boolean branch =
                row.opcode() == 0xFF
                        && row.map() == 0
                        && (row.extension() == 2 || row.extension() == 4);
        // Which of two faults of a CALL comes first differs between vendors.
        boolean twoFaults = r[RSP] >>> 12 != WINDOW_ADDRESS >>> 12;
        if (!f.memory) {
            if (branch && (twoFaults || dice.percent(85))) {
                r[f.modrmRm] = branchTarget(f);
            }
            return;
        }
        int offset = f.base == Form.NONE ? f.fixedOffset : targetOffset(row, dice);
        if (f.addressSize != 2) {
            long target = WINDOW_ADDRESS + offset;
            if (dice.percent(3)) {
                target = badAddress(f);
            }
            if (f.segmentGs) {
                target -= DATA_ADDRESS;
            }
            if (f.base == Form.NONE) {
                if (f.index != Form.NONE) {
                    int k = dice.below(4);
                    r[f.index] = k | (f.addressSize == 4 ? dice.next() << 32 : 0);
                    offset += k << f.scale;
                }
            } else if (f.index == f.base) {
                // Only some targets can be had; a fault elsewhere is as good.
                r[f.base] = (target - f.displacement) / (1L + (1L << f.scale));
                offset =
                        (int)
                                (r[f.base] * (1L + (1L << f.scale))
                                        + f.displacement
                                        - WINDOW_ADDRESS);
            } else {
                long at = f.index == Form.NONE ? 0 : r[f.index] << f.scale;
                r[f.base] = target - f.displacement - at;
                if (f.addressSize == 4 && !f.mode32) {
                    r[f.base] = r[f.base] & 0xffff_ffffL | dice.next() << 32;
                }
            }
        }
        if (offset < 0 || offset > WINDOW_BYTES - 16) {
            return;
        }
        long at = s + WINDOW + offset;
        if (branch && (twoFaults || dice.percent(90))) {
            m.set(LONG, at, branchTarget(f));
        } else if (name.equals("CMPXCHG") && dice.percent(50)) {
            m.set(LONG, at, r[RAX]);
        } else if (name.equals("CMPXCHG8B") && dice.percent(60)) {
            m.set(INT, at, (int) r[RAX]);
            m.set(INT, at + 4, (int) r[RDX]);
        } else if (name.equals("CMPXCHG16B") && dice.percent(60)) {
            m.set(LONG, at, r[RAX]);
            m.set(LONG, at + 8, r[RDX]);
        } else if (name.endsWith("LDMXCSR")) {
            // AMD's misaligned-access bit, which a model without that feature has not.
            int random = m.get(INT, at) & ~(1 << 17);
            m.set(INT, at, dice.percent(90) ? dice.below(0x10000) : random);
        } else if (name.equals("FLDCW") && dice.percent(80)) {
            m.set(SHORT, at, (short) control());
        } else if (name.equals("FBLD") && dice.percent(80)) {
            for (int i = 0; i < 9; i++) {
                m.set(ValueLayout.JAVA_BYTE, at + i, (byte) (dice.below(10) << 4 | dice.below(10)));
            }
        }
    }

    /** Small indices for a gather. */
    private void indices(Form f, MemorySegment m, long s) {
        boolean quad = (f.row.opcode() & 1) != 0;
        for (int k = 0; k < 4; k++) {
            long q = dice.between(-8, 8);
            if (!quad) {
                q = q & 0xffff_ffffL | (long) dice.between(-8, 8) << 32;
            }
            long at = k < 2 ? FXSAVE + 160 + 8 * k : YMM_HIGH + 8 * (k - 2);
            m.set(LONG, s + at + 16 * f.vectorIndex, q);
        }
    }

    /** An address whose access faults, or only a write does. */
    private long badAddress(Form f) {
        // CPUs differ in whether they look at GS offsets before the base is added.
        return switch (dice.below(f.mode32 || f.segmentGs ? 4 : 6)) {
            case 0 -> READ_ONLY_ADDRESS + 64 + dice.below(3000);
            case 1 -> DATA_ADDRESS + DATA_BYTES - dice.below(8);
            case 2 -> 0x2000_0000L + dice.below(0x10000);
            case 3 -> dice.below(0x1000);
            case 4 -> 0x8000_0000_0000L << dice.below(16) | dice.below(0x1000);
            default -> 0xffff_8000_0000_0000L + dice.below(0x1000);
        };
    }

    private void fp(MemorySegment m, long s, boolean vector, boolean x87, byte[] pool) {
        long fx = s + FXSAVE;
        copy(pool, m, fx + 160, 256, 16);
        copy(pools.integers, m, s + YMM_HIGH, 256, 16);
        int control = 0x37F;
        int status = 0;
        int tags = 0xff;
        if (x87) {
            control = control();
            status = dice.percent(50) ? 0 : (int) dice.next() & 0x4700;
            int exceptions = dice.percent(60) ? 0 : (int) dice.next() & 0x7f;
            if (!dice.percent(10)) {
                exceptions &= control; // nothing pending
            }
            if ((exceptions & ~control & 0x3f) != 0) {
                exceptions |= 0x8080;
            }
            status |= exceptions | dice.below(8) << 11;
            tags = dice.percent(60) ? 0xff : (int) dice.next() & 0xff;
        } else if (vector) {
            // MMX instructions must not care.
            status = dice.below(8) << 11;
            tags = (int) dice.next() & 0xff;
        }
        m.set(LONG, fx, control | (long) status << 16 | (long) tags << 32);
        m.set(LONG, fx + 8, 0L);
        m.set(LONG, fx + 16, 0L);
        int mxcsr = 0x1F80;
        if (vector) {
            if (dice.percent(50)) {
                mxcsr |= dice.below(4) << 13;
            }
            if (dice.percent(12)) {
                mxcsr |= 0x40;
            }
            if (dice.percent(12)) {
                mxcsr |= 0x8000;
            }
            if (dice.percent(30)) {
                mxcsr |= dice.below(64);
            }
            if (dice.percent(8)) {
                mxcsr &= ~(dice.below(64) << 7);
            }
        }
        m.set(INT, fx + 24, mxcsr);
        m.set(INT, fx + 28, 0);
        int from = dice.below((ValuePools.BYTES - 128) / 16) * 16;
        byte[] registers = x87 || dice.percent(50) ? pools.extended : pool;
        for (int i = 0; i < 8; i++) {
            m.set(LONG, fx + 32 + 16 * i, getLong(registers, from + 16 * i));
            m.set(LONG, fx + 40 + 16 * i, getLong(registers, from + 16 * i + 8) & 0xffff);
        }
    }

    private int control() {
        int c = 0x7F;
        c |= dice.pick(3, 3, 3, 2, 0, dice.below(4)) << 8;
        c |= dice.pick(0, 0, dice.below(4)) << 10;
        if (dice.percent(10)) {
            c &= ~dice.below(64);
        }
        return c;
    }

    private void copy(byte[] pool, MemorySegment m, long at, int bytes, int alignment) {
        int from = dice.below((ValuePools.BYTES - bytes) / alignment) * alignment;
        MemorySegment.copy(pool, from, m, ValueLayout.JAVA_BYTE, at, bytes);
    }

    private static final java.lang.invoke.VarHandle LONGS =
            java.lang.invoke.MethodHandles.byteArrayViewVarHandle(
                    long[].class, java.nio.ByteOrder.LITTLE_ENDIAN);

    private static long getLong(byte[] pool, int at) {
        return (long) LONGS.get(pool, at);
    }
}
