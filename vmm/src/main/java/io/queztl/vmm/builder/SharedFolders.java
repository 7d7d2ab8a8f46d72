package io.queztl.vmm.builder;

import io.queztl.devices.virtio.fs9p.Virtio9p;
import io.queztl.linux.HostFolder;
import io.queztl.linux.LinuxException;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.config.ShareConfig;
import io.queztl.vmm.config.VmException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;

/** Makes the devices of {@code --share}. */
final class SharedFolders {
    private SharedFolders() {}

    /**
     * Makes one.
     *
     * @throws VmException if the folder cannot be shared
     */
    static Virtio9p make(ShareConfig share, Closer closer, GuestMemory memory) {
        if (!HostFolder.available()) {
            throw cannot(share, "that needs Linux");
        }
        if (!Files.isDirectory(share.folder())) {
            throw cannot(share, "there is no such folder");
        }
        HostFolder folder;
        try {
            String path = share.folder().toString();
            folder = closer.add(HostFolder.open(path.getBytes(StandardCharsets.UTF_8)));
        } catch (LinuxException e) {
            throw cannot(share, e.getMessage());
        }
        return closer.add(
                new Virtio9p(
                        "share-" + share.tag(), memory, folder, share.tag(), !share.writable()));
    }

    private static VmException cannot(
            ShareConfig share, @org.jspecify.annotations.Nullable String why) {
        return new VmException(
                VmException.Code.HOST,
                "the folder %s cannot be shared: %s.".formatted(share.folder(), why));
    }
}
