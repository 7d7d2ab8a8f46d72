package io.queztl.vmm.vcpu;

/** What a vCPU thread tells the VM. Called on that thread; implementations must not wait for it. */
public interface VcpuListener {
    /** The vCPU shut down after a triple fault; it is paused now. */
    void tripleFault(int vcpu, String reason);

    /** The accelerator cannot go on; the vCPU is paused now. */
    void failed(int vcpu, String reason);

    /** A breakpoint was hit or a single step done; the vCPU is paused now. */
    void debugged(int vcpu);
}
