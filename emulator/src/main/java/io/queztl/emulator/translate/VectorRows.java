package io.queztl.emulator.translate;

import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import io.queztl.emulator.decode.Row;
import io.queztl.emulator.ops.AvxLanes;
import io.queztl.emulator.ops.VectorOperands;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/** SSE instructions: the interpreter's semantics with constant arguments. */
final class VectorRows {
    private static final ClassDesc OPERANDS = ClassDesc.of(VectorOperands.class.getName());
    private static final MethodTypeDesc CHECK = MethodTypeDesc.of(CD_void);

    private final Emitter e;
    private final CodeBuilder b;

    VectorRows(Emitter e) {
        this.e = e;
        this.b = e.b;
    }

    /** True if a row of a vector kind may set the arithmetic flags. */
    static boolean setsFlags(Insn i) {
        String m = i.row.mnemonic;
        return m.contains("COMIS")
                || m.contains("TEST")
                || m.contains("STRI")
                || m.contains("STRM");
    }

    /** Emits an instruction, or returns false. */
    boolean emit(Insn i) {
        if (setsFlags(i)) {
            return false;
        }
        Row.Kind k = i.row.kind;
        boolean two = k == Row.Kind.VEC || k == Row.Kind.VECI;
        boolean one = k == Row.Kind.VEC1 || k == Row.Kind.VEC1I;
        if (!two && !one) {
            return false;
        }
        boolean immediate = k == Row.Kind.VECI || k == Row.Kind.VEC1I;
        int last =
                two
                                && i.row.operands.size() > 2
                                && i.row.operands.get(1).kind() == Operand.Kind.VEC_VVVV
                        ? 2
                        : 1;
        if (e.hot) {
            e.show();
        }
        b.aload(Emitter.CPU);
        b.invokevirtual(Emitter.CPU_CLASS, i.vex ? "checkAvx" : "checkSse", CHECK);
        int source = i.register(last);
        if (i.mem) {
            source = Cpu.VEC_SCRATCH;
            Operand o = i.row.operands.get(last);
            b.aload(Emitter.CPU);
            e.address(i);
            b.loadConstant(i.wide && i.operandSize(last) >= 16 ? 32 : i.operandSize(last));
            b.loadConstant(!i.vex && o.aligned() ? 1 : 0);
            b.invokestatic(
                    OPERANDS,
                    "load",
                    MethodTypeDesc.of(CD_void, Emitter.CPU_CLASS, CD_long, CD_int, CD_boolean));
        }
        int d = i.r1;
        int first = last == 2 ? i.r2 : d;
        String name = IntegerRows.method(i);
        if (i.wide && !AvxLanes.independent(i.row)) {
            call(i, name + "Wide", two, immediate, d, first, source);
            e.forget(LaneUse.lost(i));
            return true;
        }
        call(i, name, two, immediate, d, first, source);
        if (i.wide) {
            call(i, name, two, immediate, d + 2, first + 2, source + 2);
        } else if (i.vex) {
            b.aload(Emitter.CPU).loadConstant(d);
            b.invokestatic(
                    OPERANDS, "clearUpper", MethodTypeDesc.of(CD_void, Emitter.CPU_CLASS, CD_int));
        }
        e.forget(LaneUse.lost(i));
        return true;
    }

    private void call(
            Insn i, String name, boolean two, boolean immediate, int d, int first, int source) {
        b.aload(Emitter.CPU).loadConstant(d);
        if (two) {
            b.loadConstant(first);
        }
        b.loadConstant(source);
        if (immediate) {
            b.loadConstant((int) i.immediate & 0xff);
        }
        ClassDesc[] parameters = new ClassDesc[3 + (two ? 1 : 0) + (immediate ? 1 : 0)];
        java.util.Arrays.fill(parameters, CD_int);
        parameters[0] = Emitter.CPU_CLASS;
        b.invokestatic(IntegerRows.owner(i), name, MethodTypeDesc.of(CD_void, parameters));
    }
}
