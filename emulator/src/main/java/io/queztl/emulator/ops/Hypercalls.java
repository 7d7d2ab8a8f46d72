package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import java.util.concurrent.locks.LockSupport;

/**
 * KVM's hypercalls (Linux Documentation/virt/kvm/x86/hypercalls.rst): the number in RAX, arguments
 * in RBX, RCX, RDX and RSI, the result in RAX. Outside 64-bit mode all of them have 32 bits.
 */
public final class Hypercalls {
    private static final int POLL_INTERRUPTS = 1, KICK_CPU = 5;
    private static final long NOT_PERMITTED = -1, UNKNOWN = -1000;

    private Hypercalls() {}

    /** VMCALL and VMMCALL. */
    public static void call(Cpu c, Insn i) {
        int size = c.mode64 ? 8 : 4;
        c.reg(Cpu.RAX, size, c.cpl != 0 ? NOT_PERMITTED : call(c, c.reg(Cpu.RAX, size)));
    }

    private static long call(Cpu c, long number) {
        if (number == POLL_INTERRUPTS) {
            c.attend(Cpu.ATTENTION_INTERRUPT);
            return 0;
        }
        if (number == KICK_CPU) {
            Cpu target = c.shared.exclusive.cpu((int) c.r[Cpu.RCX]);
            if (target != null) {
                kick(target);
            }
            return 0;
        }
        return UNKNOWN;
    }

    /**
     * Ends the vCPU's HLT or, as the vCPU may be just about to halt, its next one. It also ends a
     * wait in PAUSE.
     */
    private static void kick(Cpu target) {
        target.unhalted = true;
        LockSupport.unpark(target.thread);
    }

    /** Takes the vCPU out of HLT if it was kicked; on its own thread. */
    public static void unhalt(Cpu c) {
        if (c.unhalted) {
            c.unhalted = false;
            c.halted = false;
        }
    }
}
