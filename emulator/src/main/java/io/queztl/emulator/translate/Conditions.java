package io.queztl.emulator.translate;

import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;

/** Jumps on condition codes, straight from operands where they are known. */
final class Conditions {
    private static final ClassDesc LONG = ConstantDescs.CD_Long;
    private static final MethodTypeDesc COMPARE = MethodTypeDesc.of(CD_int, CD_long, CD_long);
    private static final MethodTypeDesc CONDITION =
            MethodTypeDesc.of(CD_boolean, CD_long, CD_long, CD_int);

    private final Emitter e;
    private final CodeBuilder b;

    Conditions(Emitter e) {
        this.e = e;
        this.b = e.b;
    }

    /** Jumps if a condition (0–15, as in Jcc) holds. */
    void jump(int condition, Label target) {
        FlagUse.Source s = e.source;
        if (!FlagUse.covers(s, condition)) {
            b.lload(Emitter.FLAG_RESULT);
            e.carryWord();
            b.loadConstant(condition >> 1);
            b.invokestatic(Emitter.FLAGS_CLASS, "condition", CONDITION);
            branch(condition, target);
            return;
        }
        if (s == FlagUse.Source.DOUBLES) {
            doubles(condition, target);
            return;
        }
        boolean not = (condition & 1) != 0;
        switch (condition >> 1) {
            case 2 -> result(not ? 1 : 0, target);
            case 4 -> result(not ? 3 : 2, target);
            default -> {
                switch (s) {
                    case LOGIC -> logic(condition, target);
                    case SUBTRACTION -> subtraction(condition, target);
                    case ADDITION -> addition(condition, target);
                    default -> {
                        b.lload(Emitter.FIRST).l2i();
                        branch(condition, target);
                    }
                }
            }
        }
    }

    /** Numbers that are not comparable set CF, ZF and PF. */
    private void doubles(int condition, Label target) {
        b.dload(LaneRows.LEFT).dload(LaneRows.RIGHT);
        switch (condition) {
            case 2 -> b.dcmpl().iflt(target);
            case 3 -> b.dcmpl().ifge(target);
            case 6 -> b.dcmpl().ifle(target);
            case 7 -> b.dcmpl().ifgt(target);
            case 4 -> {
                b.dcmpl().ifeq(target);
                unordered(target, true);
            }
            case 5 -> {
                Label no = b.newLabel();
                b.dcmpl().ifeq(no);
                unordered(target, false);
                b.labelBinding(no);
            }
            default -> {
                b.pop2().pop2();
                unordered(target, condition == 10);
            }
        }
    }

    /** Jumps if one of the doubles compared is no number, or if both are. */
    private void unordered(Label target, boolean wanted) {
        Label odd = wanted ? target : b.newLabel();
        b.dload(LaneRows.LEFT).dload(LaneRows.LEFT).dcmpl().ifne(odd);
        b.dload(LaneRows.RIGHT).dload(LaneRows.RIGHT).dcmpl().ifne(odd);
        if (!wanted) {
            b.goto_(target);
            b.labelBinding(odd);
        }
    }

    private void branch(int condition, Label target) {
        if ((condition & 1) != 0) {
            b.ifeq(target);
        } else {
            b.ifne(target);
        }
    }

    /** Compares the result word with 0: 0 equal, 1 not equal, 2 less, 3 not less. */
    private void result(int how, Label target) {
        b.lload(Emitter.FLAG_RESULT).lconst_0().lcmp();
        switch (how) {
            case 0 -> b.ifeq(target);
            case 1 -> b.ifne(target);
            case 2 -> b.iflt(target);
            default -> b.ifge(target);
        }
    }

    /** CF and OF are clear. */
    private void logic(int condition, Label target) {
        switch (condition) {
            case 0, 2 -> {}
            case 1, 3 -> b.goto_(target);
            case 6 -> result(0, target);
            case 7 -> result(1, target);
            case 12 -> result(2, target);
            case 13 -> result(3, target);
            default -> {
                b.lload(Emitter.FLAG_RESULT).lconst_0().lcmp();
                if (condition == 14) {
                    b.ifle(target);
                } else {
                    b.ifgt(target);
                }
            }
        }
    }

    private void subtraction(int condition, Label target) {
        int size = e.flagSize;
        if (condition >= 12) {
            b.lload(Emitter.FIRST);
            e.signExtend(size);
            b.lload(Emitter.SECOND);
            e.signExtend(size);
            b.lcmp();
        } else {
            unsigned(Emitter.FIRST, Emitter.SECOND, size);
        }
        switch (condition) {
            case 2, 12 -> b.iflt(target);
            case 3, 13 -> b.ifge(target);
            case 6, 14 -> b.ifle(target);
            default -> b.ifgt(target);
        }
    }

    /** Compares two zero-extended values; immediates may have more above their size. */
    private void unsigned(int first, int second, int size) {
        b.lload(first);
        e.zeroExtend(size);
        b.lload(second);
        e.zeroExtend(size);
        if (size == 8) {
            b.invokestatic(LONG, "compareUnsigned", COMPARE);
        } else {
            b.lcmp();
        }
    }

    /** CF of an addition: the result is below an operand. */
    private void addition(int condition, Label target) {
        int size = e.flagSize;
        unsigned(Emitter.RESULT, Emitter.FIRST, size);
        switch (condition) {
            case 2 -> b.iflt(target);
            case 3 -> b.ifge(target);
            case 6 -> {
                b.iflt(target);
                result(0, target);
            }
            default -> {
                Label no = b.newLabel();
                b.iflt(no);
                result(1, target);
                b.labelBinding(no);
            }
        }
    }
}
