package io.queztl.emulator.translate;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;

/** What ends a part: branches, calls, returns, and rows that the interpreter ends a block with. */
final class ControlRows {
    private final Emitter e;
    private final CodeBuilder b;

    ControlRows(Emitter e) {
        this.e = e;
        this.b = e.b;
    }

    void emit(Insn i) {
        e.mark(i);
        if (!Control.known(i)) {
            e.run(i);
            if (Control.passing(i)) {
                e.passOrLeave(i);
            } else {
                e.leaveAsIs();
            }
            return;
        }
        switch (i.row.semantics) {
            case "Branch.jmp" -> e.continueAt(e.part.target());
            case "Branch.jmpIndirect" -> {
                e.operand(i, 0);
                b.lstore(Emitter.RIP);
                canonical(i);
                e.leaveTo(e.links++);
            }
            case "Branch.call" -> {
                e.rip(e.part.target());
                b.lstore(Emitter.RIP);
                call(i);
            }
            case "Branch.callIndirect" -> {
                e.operand(i, 0);
                b.lstore(Emitter.RIP);
                canonical(i);
                call(i);
            }
            case "Branch.ret", "Branch.retImmediate" -> {
                e.load(() -> e.register(Cpu.RSP), 8);
                b.lstore(Emitter.RIP);
                canonical(i);
                long extra = i.row.semantics.equals("Branch.ret") ? 0 : i.immediate & 0xffff;
                new IntegerRows(e).moveStack(8 + extra);
                e.returnToCaller();
            }
            case "Branch.jcxz" -> {
                e.register(Cpu.RCX, i.addressSize);
                b.lconst_0().lcmp().ifeq(e.branchTarget(e.part.target()));
                e.continueAt(e.part.next());
            }
            case "Branch.loop" -> {
                e.register(Cpu.RCX, i.addressSize);
                b.lconst_1().lsub();
                e.setRegister(Cpu.RCX, i.addressSize);
                if (!e.hot) {
                    e.writeBack();
                }
                e.register(Cpu.RCX, i.addressSize);
                b.lconst_0().lcmp().ifne(e.branchTarget(e.part.target()));
                e.continueAt(e.part.next());
            }
            default -> {
                Label taken = e.branchTarget(e.part.target());
                new Conditions(e).jump(Control.condition(i), taken);
                e.continueAt(e.part.next());
            }
        }
    }

    private void call(Insn i) {
        e.rip(e.part.next());
        b.lstore(Emitter.VALUE);
        new IntegerRows(e).push();
        e.call(i);
    }

    /** An address that may not be canonical: the interpreter's own way finds out. */
    private void canonical(Insn i) {
        Label odd = b.newLabel();
        b.lload(Emitter.RIP).bipush(16).lshl().bipush(16).lshr();
        b.lload(Emitter.RIP).lcmp().ifne(odd);
        e.later(() -> {
            b.labelBinding(odd);
            e.run(i);
            e.leaveAsIs();
        });
    }
}
