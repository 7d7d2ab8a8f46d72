package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * {@code queztl run debian}, from a disk that is kept: to the login, with packages installed by its
 * network, ssh and a clean end. Then the same root file system, behind GRUB, by firmware.
 */
@Timeout(3600)
class DebianGuestTest {
    private static final int MINUTES = 15;
    private static final int PACKAGES = 148;

    @TempDir Path folder = Path.of("");

    /** What is wrong with a kernel that prints this. */
    private static final String COMPLAINTS =
            "dmesg | grep -E 'BUG|Oops|segfault|general protection|WARNING:|Call Trace"
                    + "|rcu.*stall|soft lockup|traps:|EXT4-fs error|I/O error'; true";

    private static Path tool(String name) {
        for (String each : List.of("/usr/bin", "/usr/sbin", "/sbin", "/bin")) {
            if (Files.isExecutable(Path.of(each, name))) {
                return Path.of(each, name);
            }
        }
        return Path.of(name);
    }

    /** What a program prints; it must succeed. */
    private static String output(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(text).isZero();
        return text;
    }

    @ParameterizedTest
    @CsvSource({"1, seabios", "2, ovmf"})
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "a long test: ./dev test --all")
    void debian_livesALifeOnAKeptDisk(int cpus, String firmware) throws Exception {
        for (String name : List.of("mmdebstrap", "ssh", "ssh-keygen", "e2fsck", "qemu-img")) {
            assumeThat(tool(name)).as("./dev deps installs it").exists();
        }
        String name = "debian-" + cpus;
        Path key = folder.resolve("key.pub");
        try (DebianVm vm =
                new DebianVm(
                        name,
                        folder,
                        "-c",
                        Integer.toString(cpus),
                        "-m",
                        "1G",
                        "--persist",
                        name,
                        "--ssh-key",
                        key.toString(),
                        "--hostname",
                        name,
                        "debian")) {
            vm.await("root@" + name + ":~#", 3 * MINUTES);
            Queztl.Result state =
                    vm.ssh(
                            "nproc; hostname; dpkg-query -W -f '.\\n' | wc -l;"
                                    + " systemctl is-system-running --wait",
                            MINUTES);
            List<String> lines = state.out().lines().toList();
            assertThat(lines).as(state.err()).hasSize(4);
            assertThat(lines).startsWith(Integer.toString(cpus), name).endsWith("running");
            assertThat(Integer.parseInt(lines.get(2))).isGreaterThanOrEqualTo(PACKAGES);
            Queztl.Result apt =
                    vm.ssh(
                            "export DEBIAN_FRONTEND=noninteractive; apt-get update"
                                    + " && apt-get install -y sl && test -x /usr/games/sl",
                            MINUTES);
            assertThat(apt.status()).as(apt.out() + apt.err()).isZero();
            assertThat(vm.ssh(COMPLAINTS, MINUTES).out()).isEmpty();
            if (cpus == 1) {
                Queztl.Result ignored = vm.ssh("systemctl poweroff", MINUTES);
            } else {
                vm.pressPowerButton();
            }
            assertThat(vm.end(MINUTES)).as(vm.printed()).isZero();
        }
        Path disk = DebianVm.disk(folder, name);
        Path raw = checked(disk);
        assumeThat(GrubDisk.missing()).as("what GRUB's part of this test needs").isNull();
        Path own = GrubDisk.around(raw, folder);
        String grubbed = "grub-" + cpus;
        try (DebianVm vm =
                new DebianVm(
                        grubbed,
                        folder,
                        "-c",
                        Integer.toString(cpus),
                        "-m",
                        "1G",
                        "--firmware",
                        firmware,
                        "--disk",
                        own + ",format=raw")) {
            vm.await("GRUB on " + (firmware.equals("ovmf") ? "efi" : "pc"), MINUTES);
            vm.await("root@" + name + ":~#", MINUTES);
            Queztl.Result state =
                    vm.ssh(
                            "test -x /usr/games/sl && findmnt -n -o SOURCE /;"
                                    + " test -d /sys/firmware/efi; echo $?",
                            MINUTES);
            assertThat(state.out())
                    .as(state.err())
                    .isEqualTo("/dev/vda2\n" + (firmware.equals("ovmf") ? 0 : 1) + "\n");
            assertThat(vm.ssh(COMPLAINTS, MINUTES).out()).isEmpty();
            vm.pressPowerButton();
            assertThat(vm.end(MINUTES)).as(vm.printed()).isZero();
        }
    }

    /** The disk as a raw image, after everybody has looked for errors in it. */
    private Path checked(Path disk) throws Exception {
        assertThat(output("qemu-img", "check", "-f", "qcow2", disk.toString()))
                .contains("No errors were found");
        assertThat(Queztl.run("image", "check", "--format", "qcow2", disk.toString()).status())
                .isZero();
        Path raw = folder.resolve("converted.raw");
        Queztl.Result converted =
                Queztl.run(
                        "image",
                        "convert",
                        "--from-format",
                        "qcow2",
                        "--to-format",
                        "raw",
                        disk.toString(),
                        raw.toString());
        assertThat(converted.status()).as(converted.err()).isZero();
        assertThat(output(tool("e2fsck").toString(), "-fn", raw.toString()))
                .doesNotContain("recover", "Fix", "Clear");
        return raw;
    }

    @Test
    void whatDebianDoesNotTake_isRefused() {
        assertThat(refused("debian", "true")).contains("queztl exec");
        assertThat(refused("--exec", "true", "debian")).contains("--exec");
        assertThat(refused("--init", "debian")).contains("--init");
        assertThat(refused("--share", "/tmp:x", "debian")).contains("9P");
        assertThat(refused("--hostname", "a_b", "debian")).contains("--hostname");
        assertThat(refused("--ssh-key", "/none", "debian")).contains("--ssh-key");
        assertThat(refused("--hostname", "x")).contains("queztl run debian");
        assertThat(refused("--hostname", "x", "alpine")).contains("queztl run debian");
        assertThat(refused("--persist", "../x", "debian")).contains("no name for a disk");
    }

    private static String refused(String... arguments) {
        String[] line = new String[arguments.length + 1];
        line[0] = "run";
        System.arraycopy(arguments, 0, line, 1, arguments.length);
        Queztl.Result result = Queztl.run(line);
        assertThat(result.status()).as(result.err()).isEqualTo(2);
        assertThat(result.err()).hasLineCount(1);
        return result.err();
    }
}
