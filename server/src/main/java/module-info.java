import org.jspecify.annotations.NullMarked;

/** The command line, and later the API, of Queztl. */
@NullMarked
module io.queztl.server {
    requires static transitive org.jspecify;
    requires io.queztl.linux;
    requires io.queztl.machine;
    requires io.queztl.emulator;
    requires io.queztl.devices;
    requires io.queztl.vmm;
    requires info.picocli;
    requires org.apache.commons.compress;
    requires org.tukaani.xz;
    requires aircompressor.v3;
    requires tools.jackson.core;
    requires tools.jackson.databind;
    requires java.management;
    requires java.net.http;
    requires jdk.unsupported;

    exports io.queztl.server;
    exports io.queztl.server.cli;

    opens io.queztl.server.cli to
            info.picocli;
}
