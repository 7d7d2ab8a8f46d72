import org.jspecify.annotations.NullMarked;

/** The software x86-64 CPU. */
@NullMarked
module io.queztl.emulator {
    requires static transitive org.jspecify;
    requires transitive io.queztl.machine;
    requires jdk.unsupported;
    requires static jdk.jfr;

    exports io.queztl.emulator;
    exports io.queztl.emulator.cpu;
    exports io.queztl.emulator.decode;
    exports io.queztl.emulator.sight;
}
