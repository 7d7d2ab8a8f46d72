import org.jspecify.annotations.NullMarked;

/** The command line, and later the API, of Queztl. */
@NullMarked
module io.queztl.server {
    requires static transitive org.jspecify;
    requires info.picocli;
    requires io.queztl.linux;
}
