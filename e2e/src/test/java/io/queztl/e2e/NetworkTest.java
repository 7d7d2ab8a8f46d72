package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Networks of stock guests, with Debian's module {@code virtio_net}. */
@Timeout(3600)
class NetworkTest {
    /** Sizes around what one frame, one page and one IP packet hold. */
    private static final String PINGS =
            "for s in 1 2 17 56 1471 1472 1473 2952 4095 4096 9000 16384 32768 65000 65506 65507; do"
                    + " ping -c 1 -W 10 -s $s %s >/tmp/p || { echo lost $s; cat /tmp/p; }; done\n";

    @TempDir Path folder = Path.of("");
    private final List<Process> started = new ArrayList<>();

    @AfterEach
    void endAll() throws InterruptedException {
        for (Process process : started) {
            process.destroyForcibly().waitFor();
        }
    }

    private Process start(List<String> command, String log) throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve(log).toFile());
        builder.environment().put("XDG_RUNTIME_DIR", folder.toString());
        Process process = builder.start();
        started.add(process);
        return process;
    }

    private Process guest(String log, String net, String script, String... more)
            throws IOException {
        List<String> line =
                new ArrayList<>(List.of("run", "-m", "256M", "--net", net, "--exec", script));
        line.addAll(List.of(more));
        return start(Queztl.command(line.toArray(String[]::new)), log);
    }

    private String log(String name) throws IOException {
        return Files.readString(folder.resolve(name), StandardCharsets.UTF_8);
    }

    private void awaitLine(String name, String line) throws Exception {
        for (int i = 0; i < 24_000; i++) {
            if (log(name).lines().anyMatch(line::equals)) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError(log(name));
    }

    private void assertEnds(Process process, String name) throws Exception {
        assertThat(process.waitFor(600, TimeUnit.SECONDS)).as(log(name)).isTrue();
        assertThat(process.exitValue()).as(log(name)).isZero();
    }

    /** Frames of every size and a stream cross; a VM that is killed harms nobody. */
    @Test
    void switch_twoGuestsAndOneKilled_exchangeData() throws Exception {
        String net = "switch,name=lab";
        Process dies = guest("c", net, "echo up; sleep 1000");
        Process listens =
                guest(
                        "a",
                        net + ",pcap=" + folder.resolve("a.pcapng"),
                        "ip addr add 10.1.0.1/24 dev eth0; echo up; nc -l -p 5000 | md5sum");
        awaitLine("c", "up");
        awaitLine("a", "up");
        dies.destroyForcibly().waitFor();
        String script =
                "ip addr add 10.1.0.2/24 dev eth0\n"
                        + PINGS.formatted("10.1.0.1")
                        + "seq 1 300000 >/tmp/n; md5sum </tmp/n; nc 10.1.0.1 5000 </tmp/n";
        Process sends = guest("b", net, script, "-c", "2");
        assertEnds(sends, "b");
        assertEnds(listens, "a");
        assertThat(log("b")).hasLineCount(1);
        assertThat(log("a")).isEqualTo("up\n" + log("b"));
        try (Stream<Path> left = Files.list(folder.resolve("queztl/switches/lab"))) {
            assertThat(left.map(f -> String.valueOf(f.getFileName()))).containsExactly("lock");
        }
        assertThat(Files.size(folder.resolve("a.pcapng"))).isGreaterThan(1 << 20);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void tap_inANamespace_pingsAndMovesData(int queues) throws Exception {
        try (Namespace namespace = Namespace.create()) {
            namespace.run("ip", "link", "add", "br0", "type", "bridge");
            namespace.run("ip", "addr", "add", "10.2.0.1/24", "dev", "br0");
            namespace.run("ip", "link", "set", "br0", "up");
            String script =
                    "ip addr add 10.2.0.2/24 dev eth0\n"
                            + "until ping -c 1 -W 1 10.2.0.1 >/dev/null; do :; done\n"
                            + PINGS.formatted("10.2.0.1")
                            + "ls -d /sys/class/net/eth0/queues/tx-* | wc -l\n"
                            + "echo up; nc -l -p 5000 >/tmp/n; md5sum </tmp/n;"
                            + " nc -l -p 5001 </tmp/n";
            String net = "tap,name=qt0,bridge=br0,queues=" + queues;
            List<String> line =
                    Queztl.command(
                            "run", "-m", "256M", "-c", "" + queues, "--net", net, "--exec", script);
            Process guest = start(namespace.inside(line), "t");
            awaitLine("t", "up");
            assertThat(log("t")).isEqualTo(queues + "\nup\n");
            Path numbers = folder.resolve("n");
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 1_000_000; i++) {
                text.append(i).append('\n');
            }
            Path ignored = Files.writeString(numbers, text);
            namespace.await("bash", "-c", "cat %s >/dev/tcp/10.2.0.2/5000".formatted(numbers));
            Path back = folder.resolve("back");
            namespace.await("bash", "-c", "cat </dev/tcp/10.2.0.2/5001 >" + back);
            assertEnds(guest, "t");
            assertThat(Files.mismatch(numbers, back)).isEqualTo(-1);
        }
    }

    @Test
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "65,507 pings and 1 GiB")
    void tap_pingOfEverySizeAndOneGibibyte_comeBack() throws Exception {
        Path program = GuestProgram.compile("pings", folder);
        try (Namespace namespace = Namespace.create()) {
            String script =
                    GuestProgram.install("pings")
                            + "ip addr add 10.4.0.2/24 dev eth0\n"
                            + "until ping -c 1 -W 1 10.4.0.1 >/dev/null; do :; done\n"
                            + "/tmp/pings 10.4.0.1\n"
                            + "echo up; nc -l -p 5000 | md5sum";
            List<String> line =
                    Queztl.command(
                            "run",
                            "--disk",
                            program + ",format=raw,ro",
                            "--net",
                            "tap,name=qt0",
                            "--exec",
                            script);
            Process guest = start(namespace.inside(line), "t");
            namespace.await("ip", "addr", "add", "10.4.0.1/24", "dev", "qt0");
            awaitLine("t", "up");
            String sum = folder.resolve("sum").toString();
            namespace.await(
                    "bash",
                    "-c",
                    "exec 3>/dev/tcp/10.4.0.2/5000 && dd if=/dev/urandom bs=1M count=1024"
                            + " status=none | tee >(cat >&3) | md5sum >"
                            + sum);
            assertEnds(guest, "t");
            assertThat(log("t")).isEqualTo("65507 of 65507\nup\n" + Files.readString(Path.of(sum)));
        }
    }

    /** Debian's iperf3, which the guest gets on a disk, both ways at once. */
    @Test
    void tap_iperf3_hasNoErrors() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/iperf3")), "iperf3 is not installed");
        Path tools = folder.resolve("tools.tar");
        Tool.run(
                "bash",
                "-c",
                "tar chf %s -C / usr/bin/iperf3 $(ldd /usr/bin/iperf3 | grep -o '/[^ ]*' | cut -c2-)"
                        .formatted(tools));
        try (Namespace namespace = Namespace.create()) {
            String script =
                    "tar xf /dev/vda -C /; ip addr add 10.3.0.2/24 dev eth0\n"
                            + "until ping -c 1 -W 1 10.3.0.1 >/dev/null; do :; done\n"
                            + "PATH=$PATH:/usr/bin; iperf3 -c 10.3.0.1 -t 5 --bidir && iperf3 -c 10.3.0.1 -u -b 20M -t 2";
            List<String> line =
                    Queztl.command(
                            "run",
                            "--disk",
                            tools + ",format=raw,ro",
                            "--net",
                            "tap,name=qt0",
                            "--exec",
                            script);
            Process guest = start(namespace.inside(line), "t");
            namespace.await("ip", "addr", "add", "10.3.0.1/24", "dev", "qt0");
            Process server = start(namespace.inside(List.of("iperf3", "-s")), "server");
            assertEnds(guest, "t");
            server.destroy();
            assertThat(log("t")).contains("receiver", "iperf Done.").doesNotContain("error");
        }
    }

    @Test
    void tap_refused_saysWhy() throws Exception {
        Queztl.Result bridge =
                Queztl.run("run", "--net", "tap,name=" + "x".repeat(16), "--exec", "true");
        assertThat(bridge.status()).isEqualTo(2);
        assertThat(bridge.err()).hasLineCount(1).contains("name of an interface");
        try (Namespace namespace = Namespace.create()) {
            Process run =
                    start(namespace.inside(Queztl.command("run", "--net", "tap,bridge=no0")), "t");
            assertThat(run.waitFor(300, TimeUnit.SECONDS)).isTrue();
            assertThat(run.exitValue()).isEqualTo(4);
            assertThat(log("t")).hasLineCount(1).contains("no such bridge");
        }
    }

    /** An address by DHCP and a name server from passt. */
    @Test
    void passt_givesAnAddress() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/passt")), "passt is not installed");
        Path open = Files.createTempDirectory(Path.of("/tmp"), "queztl-passt");
        try {
            // passt gives up its rights before it makes the socket.
            Path ignored =
                    Files.setPosixFilePermissions(
                            open, PosixFilePermissions.fromString("rwxrwxrwx"));
            Path socket = open.resolve("s");
            Process passt =
                    start(
                            List.of(
                                    "passt",
                                    "-f",
                                    "-1",
                                    "--runas",
                                    "nobody",
                                    "--socket",
                                    socket.toString(),
                                    "-a",
                                    "10.7.0.2",
                                    "-n",
                                    "24",
                                    "-g",
                                    "10.7.0.1"),
                            "passt");
            for (int i = 0; i < 200 && !Files.exists(socket) && passt.isAlive(); i++) {
                Thread.sleep(20);
            }
            assumeTrue(Files.exists(socket), "passt does not start here: " + log("passt"));
            Process guest =
                    guest(
                            "p",
                            "passt,socket=" + socket,
                            "ip -4 -o addr show eth0; ip route; cat /etc/resolv.conf");
            assertEnds(guest, "p");
            assertThat(log("p")).contains("inet 10.7.0.2/24", "default via 10.7.0.1", "nameserver");
            passt.destroyForcibly().waitFor();
            Files.deleteIfExists(socket);
        } finally {
            Files.deleteIfExists(open.resolve("s"));
            Files.delete(open);
        }
    }

    @Test
    void passt_nobodyThere_isRefused() {
        Queztl.Result result = Queztl.run("run", "--net", "passt,socket=" + folder + "/none");
        assertThat(result.status()).isEqualTo(4);
        assertThat(result.err()).hasLineCount(1).contains("passt --socket");
    }
}
