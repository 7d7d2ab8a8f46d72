import org.jspecify.annotations.NullMarked;

/** What tests of several modules share: oracles, text vectors and seeds. */
@NullMarked
module io.queztl.testkit {
    requires static transitive org.jspecify;
    requires transitive io.queztl.machine;

    exports io.queztl.testkit.oracle;
    exports io.queztl.testkit.random;
    exports io.queztl.testkit.vector;
    exports io.queztl.testkit.virtio;
}
