import org.jspecify.annotations.NullMarked;

/** The virtual machine monitor: puts memory, CPUs and devices together and boots guests. */
@NullMarked
module io.queztl.vmm {
    requires static transitive org.jspecify;
    requires transitive io.queztl.machine;
    requires io.queztl.linux;
    requires io.queztl.emulator;
    requires io.queztl.devices;
    requires org.apache.commons.compress;
    requires org.tukaani.xz;
    requires aircompressor.v3;
    requires jdk.unsupported;

    exports io.queztl.vmm.acpi;
    exports io.queztl.vmm.boot;
    exports io.queztl.vmm.bootdisk;
    exports io.queztl.vmm.builder;
    exports io.queztl.vmm.config;
    exports io.queztl.vmm.disk;
    exports io.queztl.vmm.ext4;
    exports io.queztl.vmm.gdb;
    exports io.queztl.vmm.image;
    exports io.queztl.vmm.layout;
    exports io.queztl.vmm.vcpu;
}
