import org.jspecify.annotations.NullMarked;

/** The contracts between accelerators, devices and the VMM, and their plain data. */
@NullMarked
module io.queztl.machine {
    requires static transitive org.jspecify;
    requires io.queztl.linux;

    exports io.queztl.machine.bus;
    exports io.queztl.machine.cpu;
    exports io.queztl.machine.irq;
    exports io.queztl.machine.memory;
    exports io.queztl.machine.time;
}
