import org.jspecify.annotations.NullMarked;

/** What tests of several modules share: oracles and text vectors. */
@NullMarked
module io.queztl.testkit {
    requires static transitive org.jspecify;
    requires transitive io.queztl.machine;

    exports io.queztl.testkit.oracle;
    exports io.queztl.testkit.vector;
}
