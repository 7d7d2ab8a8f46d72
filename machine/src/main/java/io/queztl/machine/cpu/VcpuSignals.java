package io.queztl.machine.cpu;

/**
 * The pins of a vCPU, as interrupt controllers drive them. Any thread may call these; none blocks.
 */
public interface VcpuSignals {
    /** The answer of {@code LocalInterrupts.pending()} may have become true: look, or wake. */
    void interruptChanged();

    /** Edge on the NMI pin. */
    void nmi();

    /** INIT: the vCPU resets and waits for SIPI, the bootstrap processor starts at its vector. */
    void initSignal();

    /** SIPI: a vCPU that waits after INIT starts in real mode at {@code vector << 12}. */
    void startup(int vector);
}
