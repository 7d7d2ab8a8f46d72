import org.jspecify.annotations.NullMarked;

/** FFM bindings to libc: the only module with native access. */
@NullMarked
module io.queztl.linux {
    requires static transitive org.jspecify;

    exports io.queztl.linux;
}
