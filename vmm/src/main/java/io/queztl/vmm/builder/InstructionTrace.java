package io.queztl.vmm.builder;

import io.queztl.machine.cpu.CpuState;
import io.queztl.machine.cpu.Vcpu;
import java.util.List;

/** Writes a vCPU's registers on one line, for {@code --trace}. */
final class InstructionTrace {
    private static final String[] NAMES = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15"
    };
    private static final int CS = 1;

    private InstructionTrace() {}

    /** The state before the next instruction: where it is, flags, general registers. */
    static String line(Vcpu vcpu) {
        CpuState state = vcpu.state();
        StringBuilder line = new StringBuilder(400);
        line.append(
                "cpu%d %04x:%016x rflags=%x cr0=%x cr3=%x"
                        .formatted(
                                vcpu.index(),
                                state.segments().get(CS).selector(),
                                state.rip(),
                                state.rflags(),
                                state.control().get(0),
                                state.control().get(2)));
        List<Long> registers = state.registers();
        for (int i = 0; i < NAMES.length; i++) {
            line.append(' ').append(NAMES[i]).append('=');
            line.append(Long.toHexString(registers.get(i)));
        }
        return line.toString();
    }
}
