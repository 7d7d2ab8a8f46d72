package io.queztl.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageFormat;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.server.guest.FirstBoot;
import io.queztl.vmm.config.DeviceConfig;
import io.queztl.vmm.config.DiskConfig;
import io.queztl.vmm.config.PanicConfig;
import io.queztl.vmm.config.VmConfig;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskBootOptionsTest {
    private static final FirstBoot NOTHING = new FirstBoot(List.of(), null);

    @TempDir private Path folder = Path.of("");

    /** Runs a command that must be refused in one sentence. */
    private static String refused(int status, String... line) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int found =
                Cli.run(
                        new ByteArrayInputStream(new byte[0]),
                        OutputStream.nullOutputStream(),
                        err,
                        line);
        String said = err.toString(StandardCharsets.UTF_8);
        assertThat(found).as(said).isEqualTo(status);
        assertThat(said).hasLineCount(1);
        return said;
    }

    @Test
    void optionsThatDoNotGoTogether_areRefused() throws Exception {
        assertThat(refused(2, "run", "--boot", "disk")).contains("--disk");
        assertThat(refused(2, "run", "--boot", "cdrom")).contains("'cdrom'");
        assertThat(refused(2, "run", "--boot", "disk", "--kernel", "x")).contains("--kernel");
        assertThat(refused(2, "run", "--boot", "disk", "--firmware", "ovmf"))
                .contains("--firmware");
        assertThat(refused(2, "run", "--boot", "disk", "alpine")).contains("leave IMAGE");
        assertThat(refused(2, "run", "--user", "me")).contains("--boot disk");
        assertThat(refused(2, "run", "--hostname", "me")).contains("--boot disk");
        assertThat(refused(2, "run", "--boot", "disk", "--user", "A b")).contains("'A b'");
        assertThat(refused(2, "run", "--boot", "disk", "--user-data", "x", "--run", "x"))
                .contains("leave --user and --run out");
        String none = folder + "/none,format=raw";
        assertThat(refused(4, "run", "--boot", "disk", "--disk", none)).contains("does not exist");
        Path empty = Files.write(folder.resolve("empty"), new byte[1 << 20]);
        assertThat(refused(3, "run", "--boot", "disk", "--disk", empty + ",format=raw"))
                .contains("no kernel is found", "the whole disk is of no known kind", "--firmware");
        assertThat(refused(2, "run", "--boot", "disk", "--disk", empty.toString()))
                .contains("format");
    }

    private static VmConfig config(DeviceConfig... devices) {
        return VmConfig.of(Path.of("kernel")).withDevices(Arrays.asList(devices));
    }

    @Test
    void snapshot_isAnOverlay_andTheDiskStaysAsItIs() throws Exception {
        Path base = Files.write(folder.resolve("base"), new byte[1 << 20]);
        DiskConfig disk = DiskConfig.parse(base + ",format=raw,snapshot,serial=s");
        try (RunFiles files = new RunFiles()) {
            VmConfig whole = new DiskBootOptions().complete(config(disk), NOTHING, files);
            DiskConfig overlay = whole.devices(DiskConfig.class).getFirst();
            assertThat(overlay.snapshot()).isFalse();
            assertThat(overlay.serial()).isEqualTo("s");
            try (DiskImage image =
                    Images.open(
                            overlay.location(), overlay.format(), new ImageOptions(false, true))) {
                image.write(0, MemorySegment.ofArray(new byte[] {1}));
            }
        }
        assertThat(base).hasBinaryContent(new byte[1 << 20]);
    }

    /** An image may name any file of the host as what it reads as. */
    @Test
    void snapshotOfAnImageWithABackingFile_isRefused() throws Exception {
        Path secret = Files.write(folder.resolve("secret"), new byte[1 << 20]);
        Path hostile = folder.resolve("hostile.qcow2");
        Images.createOverlay(hostile, secret, ImageFormat.RAW);
        DiskConfig disk = DiskConfig.parse(hostile + ",format=qcow2,snapshot");
        try (RunFiles files = new RunFiles()) {
            assertThatThrownBy(() -> new DiskBootOptions().complete(config(disk), NOTHING, files))
                    .hasMessageContaining("followed only when asked for");
        }
    }

    @Test
    void seed_isTheLastDisk() throws Exception {
        Path base = Files.write(folder.resolve("base"), new byte[1 << 20]);
        DiskConfig disk = DiskConfig.parse(base + ",format=raw");
        VmConfig config = config(disk, new PanicConfig());
        try (RunFiles files = new RunFiles()) {
            DiskBootOptions options = new DiskBootOptions();
            assertThat(options.complete(config, NOTHING, files)).isEqualTo(config);
            VmConfig whole = options.complete(config, new FirstBoot(List.of(), "box"), files);
            assertThat(whole.devices()).hasSize(3).startsWith(disk).endsWith(new PanicConfig());
            DiskConfig seed = whole.devices(DiskConfig.class).getLast();
            assertThat(seed.readOnly()).isTrue();
            assertThat(Path.of(seed.location())).exists();
        }
    }

    @Test
    void commandLineOfADisk_endsWithOurConsole() {
        assertThat(KernelCommandLine.ofDisk("root=/dev/vda1 ro console=ttyS0 console=tty0", null))
                .isEqualTo("root=/dev/vda1 ro console=ttyS0 console=tty0 console=ttyS0 panic=-1");
        assertThat(
                        KernelCommandLine.ofDisk(
                                " a  console=tty0 console=ttyS0,115200 panic=5 ", "x y"))
                .isEqualTo("a console=tty0 console=ttyS0,115200 panic=5 x y");
        assertThat(KernelCommandLine.ofDisk("", null)).isEqualTo("console=ttyS0 panic=-1");
    }
}
