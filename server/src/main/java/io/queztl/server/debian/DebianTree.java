package io.queztl.server.debian;

import io.queztl.vmm.image.FileNode;
import io.queztl.vmm.image.FileTree;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;

/**
 * Makes the files of a fresh Debian those of a VM: what is the building host's goes, the console
 * and the network are set up, and what would only cost time at each start is switched off. Nothing
 * in it is of one VM: keys and names come at the first start.
 */
final class DebianTree {
    /** Its name unless the user gives it another one. */
    private static final String HOST_NAME = "debian";

    private static final String UNITS = "etc/systemd/system/";

    /** Of the building host, or of its way of building. */
    private static final List<String> FOREIGN =
            List.of(
                    "etc/apt/apt.conf.d/99mmdebstrap",
                    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
                    "etc/ssh/ssh_host_ecdsa_key",
                    "etc/ssh/ssh_host_ecdsa_key.pub",
                    "etc/ssh/ssh_host_ed25519_key",
                    "etc/ssh/ssh_host_ed25519_key.pub",
                    "etc/ssh/ssh_host_rsa_key",
                    "etc/ssh/ssh_host_rsa_key.pub",
                    "etc/apt/sources.list.d/0000main.list",
                    "etc/apt/sources.list.d/0000main.sources",
                    "var/lib/dbus/machine-id");

    /** Units that are enabled and do nothing for a guest that is used and thrown away. */
    private static final List<String> NEEDLESS =
            List.of(
                    "timers.target.wants/apt-daily.timer",
                    "timers.target.wants/apt-daily-upgrade.timer",
                    "timers.target.wants/dpkg-db-backup.timer",
                    "timers.target.wants/e2scrub_all.timer",
                    "timers.target.wants/fstrim.timer",
                    "multi-user.target.wants/e2scrub_reap.service",
                    "getty.target.wants/getty@tty1.service");

    private final FileTree tree;

    private DebianTree(FileTree tree) {
        this.tree = tree;
    }

    /**
     * Does it.
     *
     * @param root what the file system of the tree will be known by
     * @param now seconds since 1970
     * @param agent the script of Queztl's agent
     */
    static void adapt(FileTree tree, DebianSources sources, UUID root, long now, byte[] agent)
            throws IOException {
        new DebianTree(tree).adapt(sources, root, now, agent);
    }

    private void adapt(DebianSources sources, UUID root, long now, byte[] agent)
            throws IOException {
        FOREIGN.forEach(this::remove);
        for (String unit : NEEDLESS) {
            remove(UNITS + unit);
        }
        text("etc/hostname", HOST_NAME + "\n");
        text(
                "etc/hosts",
                """
                127.0.0.1 localhost
                127.0.1.1 %s
                ::1 localhost ip6-localhost ip6-loopback
                ff02::1 ip6-allnodes
                ff02::2 ip6-allrouters
                """
                        .formatted(HOST_NAME));
        text("etc/fstab", "UUID=%s / ext4 errors=remount-ro 0 1\n".formatted(root));
        // Empty, not missing: there is a number of its own from the first start on, no questions.
        text("etc/machine-id", "");
        text("etc/resolv.conf", "");
        text("etc/apt/sources.list", String.join("\n", sources.lines()) + "\n");
        if (!sources.guestProxies().isEmpty()) {
            text("etc/apt/apt.conf.d/90proxy", String.join("\n", sources.guestProxies()) + "\n");
        }
        // Says that the files below /etc and /var are as new as those below /usr, or systemd would
        // go through them at the first start.
        for (String folder : new String[] {"etc", "var"}) {
            text(folder + "/.updated", "TIMESTAMP_NSEC=%d000000000\n".formatted(now));
            FileNode node = tree.find(folder + "/.updated", false);
            if (node != null) {
                FileNode ignored = node.changed(now, 1);
            }
        }
        text("etc/default/locale", "LANG=C.UTF-8\n");
        add("etc/systemd/system.conf.d/queztl.conf", "system.conf");
        add("etc/network/interfaces.d/queztl", "interfaces");
        add("etc/profile.d/queztl-terminal.sh", "terminal.sh");
        add("etc/udev/rules.d/80-queztl.rules", "devices.rules");
        add(UNITS + "serial-getty@.service.d/queztl.conf", "autologin.conf");
        add(UNITS + "queztl-agent.service", "agent.service");
        tree.file("usr/local/lib/queztl/agent", 0755, agent);
        add(UNITS + "queztl-ssh-host-key.service", "ssh-host-key.service");
        tree.add(
                UNITS + "multi-user.target.wants/queztl-ssh-host-key.service",
                new FileNode(FileNode.Kind.SYMBOLIC_LINK, 0777)
                        .pointingTo("/" + UNITS + "queztl-ssh-host-key.service"));
    }

    private void add(String path, String resource) throws IOException {
        tree.file(path, 0644, resource(resource));
    }

    private void text(String path, String text) throws IOException {
        tree.file(path, 0644, text.getBytes(StandardCharsets.UTF_8));
    }

    private void remove(String path) {
        FileNode folder = tree.root();
        String[] names = path.split("/");
        for (int i = 0; i < names.length - 1; i++) {
            FileNode next = folder.child(names[i]);
            if (next == null) {
                return;
            }
            folder = next;
        }
        FileNode ignored = folder.children().remove(names[names.length - 1]);
    }

    static byte[] resource(String name) throws IOException {
        try (InputStream in = DebianTree.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IOException("the resource " + name + " is missing");
            }
            return in.readAllBytes();
        }
    }
}
