package io.queztl.emulator.translate;

import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_void;

import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import io.queztl.emulator.decode.Row;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.MethodTypeDesc;

/**
 * Vector moves, conversions, comparisons and x87 instructions that do their own operand access: the
 * interpreter's semantics, called with the registers in the CPU, but without a loss of those in
 * locals, since it is known which they write.
 */
final class CallRows {
    private static final MethodTypeDesc EXEC =
            MethodTypeDesc.of(CD_void, Emitter.CPU_CLASS, Emitter.INSN_CLASS);

    private final Emitter e;
    private final CodeBuilder b;

    CallRows(Emitter e) {
        this.e = e;
        this.b = e.b;
    }

    /** True if {@link #emit} emits a row of kind {@code insn}. */
    static boolean knows(Insn i) {
        if (i.row.kind != Row.Kind.INSN || i.row.end || i.lock) {
            return false;
        }
        String s = i.row.semantics;
        if (s.startsWith("X87")) {
            String m = i.row.mnemonic;
            return !m.contains("COMI")
                    && !m.contains("CMOV")
                    && !m.contains("STSW")
                    && !m.contains("SAVE")
                    && !m.contains("RSTOR")
                    && !m.contains("WAIT");
        }
        return s.startsWith("SseMove.")
                || s.startsWith("AvxMove.") && moves(i.row.mnemonic)
                || s.startsWith("SseConvert.cvt")
                || setsFlags(i);
    }

    /** The others of its class compare strings. */
    private static boolean moves(String mnemonic) {
        return mnemonic.startsWith("VMOV")
                || mnemonic.startsWith("VPEXTR")
                || mnemonic.equals("VPMOVMSKB");
    }

    /** True if it sets all arithmetic flags; the others leave them alone. */
    static boolean setsFlags(Insn i) {
        return i.row.semantics.startsWith("SseCompare.") && i.row.mnemonic.contains("COMIS");
    }

    /** The number of the general register it writes, or -1. */
    static int written(Insn i) {
        if (i.row.operands.isEmpty()) {
            return -1;
        }
        Operand.Kind k = i.row.operands.getFirst().kind();
        boolean general =
                switch (k) {
                    case REG, VVVV, OPCODE_REG, FIXED -> true;
                    case RM -> !i.mem;
                    default -> false;
                };
        return general ? i.register(0) : -1;
    }

    boolean emit(Insn i) {
        if (!knows(i)) {
            return false;
        }
        if (e.hot) {
            e.show();
        }
        e.blockRip();
        e.pushInsn();
        b.astore(Emitter.EXCEPTION);
        if (i.row.vex || !i.row.semantics.startsWith("X87") && !vector(i.row)) {
            b.aload(Emitter.EXCEPTION).getfield(Emitter.INSN_CLASS, "exec", Emitter.EXEC_CLASS);
            b.aload(Emitter.CPU).aload(Emitter.EXCEPTION);
            b.invokeinterface(Emitter.EXEC_CLASS, "exec", EXEC);
        } else {
            if (!i.row.semantics.startsWith("X87")) {
                b.aload(Emitter.CPU);
                b.invokevirtual(Emitter.CPU_CLASS, "checkSse", MethodTypeDesc.of(CD_void));
            }
            b.aload(Emitter.CPU).aload(Emitter.EXCEPTION);
            b.invokestatic(IntegerRows.owner(i), IntegerRows.method(i), EXEC);
        }
        if (setsFlags(i)) {
            e.readFlags();
        }
        e.lose(written(i));
        e.forget(LaneUse.lost(i));
        if (i.mem) {
            // It may have written to the code of this region.
            Label l = e.exitBehind();
            b.aload(Emitter.THIS).getfield(Emitter.REGION_CLASS, "valid", CD_boolean).ifeq(l);
        }
        return true;
    }

    private static boolean vector(Row row) {
        return row.operands.stream()
                .map(Operand::kind)
                .anyMatch(k ->
                        k == Operand.Kind.VEC_REG
                                || k == Operand.Kind.VEC_VVVV
                                || k == Operand.Kind.VEC_RM);
    }
}
