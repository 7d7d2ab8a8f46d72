package io.queztl.server.debian;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.vmm.image.FileNode;
import io.queztl.vmm.image.FileTree;
import io.queztl.vmm.image.Spool;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DebianTreeTest {
    private static final UUID ROOT = UUID.fromString("01234567-89ab-cdef-0123-456789abcdef");
    private static final DebianSources SOURCES =
            DebianSources.of(
                    "bookworm main Debian http://mirror.example/debian/\n",
                    "Acquire::http::Proxy \"http://proxy.example/\";\n");

    @TempDir private Path folder = Path.of("");

    private static String text(FileTree tree, String path) throws IOException {
        byte[] bytes = tree.contents(path, 1 << 16);
        return new String(Objects.requireNonNull(bytes, path), StandardCharsets.UTF_8);
    }

    private static void adapt(FileTree tree) throws IOException {
        DebianTree.adapt(tree, SOURCES, ROOT, 1_800_000_000, "#!/bin/sh\n".getBytes());
    }

    @Test
    void whatIsTheHosts_isGone() throws Exception {
        try (Spool spool = Spool.in(folder, 1 << 20)) {
            FileTree tree = new FileTree(spool);
            String[] gone = {
                "etc/ssh/ssh_host_rsa_key",
                "etc/ssh/ssh_host_ed25519_key.pub",
                "etc/apt/apt.conf.d/99mmdebstrap",
                "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
                "etc/systemd/system/timers.target.wants/apt-daily.timer"
            };
            for (String path : gone) {
                tree.file(path, 0600, new byte[10]);
            }
            tree.file("etc/ssh/sshd_config", 0644, new byte[3]);
            tree.file("etc/hostname", 0644, "host\n".getBytes());
            tree.file("etc/machine-id", 0444, new byte[33]);
            tree.file("etc/resolv.conf", 0644, new byte[20]);
            adapt(tree);
            for (String path : gone) {
                assertThat(tree.find(path, false)).as(path).isNull();
            }
            assertThat(tree.find("etc/ssh/sshd_config", false)).isNotNull();
            assertThat(text(tree, "etc/hostname")).isEqualTo("debian\n");
            assertThat(text(tree, "etc/machine-id")).isEmpty();
            assertThat(text(tree, "etc/resolv.conf")).isEmpty();
        }
    }

    @Test
    void emptyTree_getsWhatAVmNeeds() throws Exception {
        try (Spool spool = Spool.in(folder, 1 << 20)) {
            FileTree tree = new FileTree(spool);
            adapt(tree);
            assertThat(text(tree, "etc/fstab")).contains("UUID=" + ROOT + " / ext4");
            assertThat(text(tree, "etc/apt/sources.list"))
                    .isEqualTo("deb http://mirror.example/debian/ bookworm main\n");
            assertThat(text(tree, "etc/apt/apt.conf.d/90proxy")).contains("proxy.example");
            assertThat(text(tree, "etc/hosts")).contains("127.0.1.1 debian\n");
            FileNode updated = Objects.requireNonNull(tree.find("var/.updated", false));
            assertThat(updated.seconds()).isEqualTo(1_800_000_000);
            FileNode agent = Objects.requireNonNull(tree.find("usr/local/lib/queztl/agent", false));
            assertThat(agent.permissions()).isEqualTo(0755);
            String unit = "etc/systemd/system/multi-user.target.wants/queztl-ssh-host-key.service";
            FileNode link = Objects.requireNonNull(tree.find(unit, false));
            assertThat(tree.find(link.target(), true)).isNotNull();
        }
    }
}
