package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The agent in the stock guest; one VM for all tests, which the last one shuts down. */
@Timeout(300)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class AgentTest {
    private static final String NAME = "agent-test-" + ProcessHandle.current().pid();
    private static CompletableFuture<Queztl.Result> vm = new CompletableFuture<>();

    @TempDir Path folder = Path.of("");

    @BeforeAll
    static void boot() throws Exception {
        vm = CompletableFuture.supplyAsync(() -> Queztl.run("run", "--agent", "--name", NAME));
        // No agent before the guest is up: then one says so.
        while (exec("true").status() != 0) {
            assertThat(vm).isNotDone();
            TimeUnit.MILLISECONDS.sleep(200);
        }
    }

    @AfterAll
    static void end() {
        Queztl.Result ignored = Queztl.run("stop", "--force", NAME);
    }

    private static Queztl.Result exec(String... command) {
        return execWith(new byte[0], command);
    }

    private static Queztl.Result execWith(byte[] input, String... command) {
        List<String> line = new ArrayList<>(List.of("exec", NAME, "--"));
        line.addAll(List.of(command));
        return Queztl.run(new ByteArrayInputStream(input), line.toArray(String[]::new));
    }

    @Test
    @Order(1)
    void exec_streamsAndStatus_areTheCommands() {
        byte[] input = "given\n".getBytes(StandardCharsets.US_ASCII);
        Queztl.Result result =
                execWith(input, "sh", "-c", "echo out; echo \"it's $0\" >&2; cat; exit 17", "a 'b");
        assertThat(result).isEqualTo(new Queztl.Result(17, "out\ngiven\n", "it's a 'b\n"));
        assertThat(exec("ls", "-d", "/bin").out()).isEqualTo("/bin\n");
        assertThat(exec("none").status()).isEqualTo(127);
        assertThat(exec("sh", "-c", "kill -INT $$; echo no").status()).isEqualTo(130);
    }

    @Test
    @Order(2)
    void exec_megabytesBothWays_comeWhole() {
        byte[] input = new byte[3 << 20];
        new Random(3).nextBytes(input);
        assertThat(execWith(input, "sha256sum").out()).startsWith(sha256(input));
        Queztl.Result zeroes = exec("dd", "if=/dev/zero", "bs=64k", "count=64");
        assertThat(zeroes.out()).isEqualTo("\0".repeat(4 << 20));
    }

    private static String sha256(byte[] bytes) {
        try {
            var digest = java.security.MessageDigest.getInstance("SHA-256");
            return java.util.HexFormat.of().formatHex(digest.digest(bytes));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    @Order(3)
    void exec_moreThanFourAtOnce_isRefusedUntilOneEnds() throws Exception {
        List<PipedOutputStream> inputs = new ArrayList<>();
        List<CompletableFuture<Queztl.Result>> four = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            PipedOutputStream input = new PipedOutputStream();
            PipedInputStream in = new PipedInputStream(input);
            inputs.add(input);
            four.add(
                    CompletableFuture.supplyAsync(
                            () -> onceThereIsRoom(in), task -> Thread.ofPlatform().start(task)));
        }
        Queztl.Result fifth = exec("true");
        while (fifth.status() == 0) {
            fifth = exec("true");
        }
        assertThat(fifth.status()).isEqualTo(12);
        assertThat(fifth.err()).startsWith("queztl: 4 commands run").hasLineCount(1);
        for (PipedOutputStream input : inputs) {
            input.write('x');
            input.close();
        }
        for (CompletableFuture<Queztl.Result> one : four) {
            assertThat(one.get(60, TimeUnit.SECONDS)).isEqualTo(new Queztl.Result(0, "x", ""));
        }
    }

    /** The one that is tried meanwhile may have been quicker. */
    private static Queztl.Result onceThereIsRoom(PipedInputStream in) {
        Queztl.Result result;
        do {
            result = Queztl.run(in, "exec", NAME, "cat");
        } while (result.status() == 12);
        return result;
    }

    @Test
    @Order(4)
    void exec_whoseClientIsKilled_endsInTheGuest() throws Exception {
        Process client = new ProcessBuilder(Queztl.command("exec", NAME, "sleep", "12345")).start();
        try {
            await("sleep 12345", true);
        } finally {
            client.destroyForcibly();
        }
        await("sleep 12345", false);
    }

    private static void await(String process, boolean there) throws InterruptedException {
        while (exec("ps").out().contains(process) != there) {
            TimeUnit.MILLISECONDS.sleep(200);
        }
    }

    @Test
    @Order(5)
    void cp_treesBothWays_areTheSame() throws Exception {
        Path tree = Files.createDirectories(folder.resolve("tree/deep"));
        byte[] content = new byte[1 << 20];
        new Random(4).nextBytes(content);
        Path ignored = Files.write(tree.resolve("random"), content);
        ignored = Files.createSymbolicLink(tree.resolve("link"), Path.of("random"));
        Path top = folder.resolve("tree");
        assertThat(Queztl.run("cp", top.toString(), NAME + ":/root").err()).isEmpty();
        assertThat(Queztl.run("cp", top.toString(), NAME + ":/root/other").err()).isEmpty();
        assertThat(exec("cmp", "/root/tree/deep/random", "/root/other/deep/link").status())
                .isZero();
        Path back = folder.resolve("back");
        assertThat(Queztl.run("cp", NAME + ":/root/other/", back.toString()).err()).isEmpty();
        assertThat(back.resolve("deep/random")).hasBinaryContent(content);
        assertThat(Files.readSymbolicLink(back.resolve("deep/link"))).hasToString("random");
        assertThat(Queztl.run("cp", NAME + ":/none", back.toString()).status()).isEqualTo(12);
        assertThat(Queztl.run("cp", "a", "b").status()).isEqualTo(2);
    }

    /** A guest whose tar says what nobody asked for; busybox's shell has one built in. */
    @Test
    @Order(6)
    void cp_hostileTar_staysInItsPlace() throws Exception {
        String hostile =
                String.join(
                        "\n",
                        "#!/bin/busybox sh",
                        "case $2 in tar*) ;; *) exec /bin/busybox sh \"$@\" ;; esac",
                        "cd /tmp; rm -rf h; mkdir h; cd h; ln -s " + folder + " bait",
                        "busybox tar -c -f ../1.tar bait; rm bait; mkdir bait; echo x >bait/evil",
                        "busybox tar -c -f ../2.tar bait/evil",
                        "head -c 1024 ../1.tar | head -c 512; cat ../2.tar",
                        "");
        byte[] shell = hostile.getBytes(StandardCharsets.US_ASCII);
        String put = "cat >/tmp/sh; chmod 755 /tmp/sh; mv /tmp/sh /bin/sh";
        assertThat(execWith(shell, "sh", "-c", put).status()).isZero();
        Path target = Files.createDirectory(folder.resolve("target"));
        Queztl.Result result = Queztl.run("cp", NAME + ":/bait", target.toString());
        assertThat(result.err()).contains("was not unpacked");
        assertThat(result.status()).isEqualTo(4);
        assertThat(folder.resolve("evil")).doesNotExist();
    }

    @Test
    @Order(7)
    void shutdown_endsTheVmCleanly() throws Exception {
        assertThat(Queztl.run("shutdown", NAME)).isEqualTo(new Queztl.Result(0, "", ""));
        Queztl.Result result = vm.get(60, TimeUnit.SECONDS);
        assertThat(result.status()).isZero();
        assertThat(result.out()).startsWith("Hello from Queztl VM").hasLineCount(2);
        assertThat(exec("true").status()).isEqualTo(11);
    }
}
