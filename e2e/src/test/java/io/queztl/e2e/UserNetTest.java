package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** The network in user mode, with the stock guest and programs of the host on loopback. */
@Timeout(1800)
class UserNetTest {
    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");
    private static final int SMALL = 8 << 20;
    private static final long LARGE = 1L << 30;

    @TempDir Path folder = Path.of("");

    private static MessageDigest md5() {
        try {
            return MessageDigest.getInstance("MD5");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Serves so many random bytes by HTTP, once; the result is their MD5. */
    private static CompletableFuture<String> serve(ServerSocket server, long bytes) {
        CompletableFuture<String> sum = new CompletableFuture<>();
        Thread ignored =
                Thread.ofVirtual()
                        .start(() -> {
                            try (Socket s = server.accept()) {
                                sum.complete(answer(s, bytes));
                            } catch (IOException e) {
                                sum.completeExceptionally(e);
                            }
                        });
        return sum;
    }

    private static String answer(Socket s, long bytes) throws IOException {
        String asked = "";
        while (!asked.endsWith("\r\n\r\n") && asked.length() < 10_000) {
            asked += (char) s.getInputStream().read();
        }
        String head = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n".formatted(bytes);
        s.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
        MessageDigest digest = md5();
        OutputStream out = new DigestOutputStream(s.getOutputStream(), digest);
        byte[] block = new byte[1 << 16];
        Random random = new Random(bytes);
        for (long left = bytes; left > 0; left -= block.length) {
            random.nextBytes(block);
            out.write(block, 0, (int) Math.min(left, block.length));
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Takes what comes until its end; the result is its MD5. */
    private static CompletableFuture<String> sink(ServerSocket server) {
        CompletableFuture<String> sum = new CompletableFuture<>();
        Thread ignored =
                Thread.ofVirtual()
                        .start(() -> {
                            try (Socket s = server.accept()) {
                                sum.complete(sum(s.getInputStream()));
                            } catch (IOException e) {
                                sum.completeExceptionally(e);
                            }
                        });
        return sum;
    }

    private static String sum(InputStream in) throws IOException {
        MessageDigest digest = md5();
        long ignored =
                in.transferTo(new DigestOutputStream(OutputStream.nullOutputStream(), digest));
        return HexFormat.of().formatHex(digest.digest());
    }

    private static Queztl.Result run(String net, String script, String... more) {
        String[] line = {"run", "-m", "256M", "--net", net, "--exec", script};
        String[] all = java.util.Arrays.copyOf(line, line.length + more.length);
        System.arraycopy(more, 0, all, line.length, more.length);
        return Queztl.run(all);
    }

    @Test
    void guest_getsAddressPingsAndMovesDataBothWays() throws Exception {
        try (ServerSocket web = new ServerSocket(0, 5, LOOPBACK);
                ServerSocket sink = new ServerSocket(0, 5, LOOPBACK)) {
            CompletableFuture<String> served = serve(web, SMALL);
            CompletableFuture<String> taken = sink(sink);
            String script =
                    """
                    ip -4 -o addr show eth0 | grep -o 'inet [^ ]*'; cat /etc/resolv.conf
                    for s in 1 56 1472 1473 9000 32768 65507; do
                        ping -c 1 -W 10 -s $s 10.0.2.2 >/tmp/p || { echo lost $s; cat /tmp/p; }
                    done
                    wget -q -O /tmp/f http://10.0.2.2:%d/ && md5sum </tmp/f
                    nc 10.0.2.2 %d </tmp/f
                    """
                            .formatted(web.getLocalPort(), sink.getLocalPort());
            Queztl.Result result = run("user,host-access", script);
            assertThat(result.status()).as(result.err() + result.out()).isZero();
            String sum = served.get(60, TimeUnit.SECONDS);
            assertThat(result.out())
                    .contains("inet 10.0.2.15/24", "nameserver 10.0.2.3", sum)
                    .doesNotContain("lost");
            assertThat(taken.get(60, TimeUnit.SECONDS)).isEqualTo(sum);
        }
    }

    @Test
    void hostServices_areOutOfReachUnlessAllowed() throws Exception {
        try (ServerSocket web = new ServerSocket(0, 5, LOOPBACK)) {
            String script =
                    "wget -T 20 -O - http://10.0.2.2:%d/ || echo kept out"
                            .formatted(web.getLocalPort());
            Queztl.Result result = run("user", script);
            assertThat(result.out()).as(result.err()).contains("kept out");
        }
    }

    @Test
    void forwardedPort_leadsToTheGuest() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, LOOPBACK)) {
            port = free.getLocalPort();
        }
        CompletableFuture<String> got = new CompletableFuture<>();
        Thread ignored =
                Thread.ofVirtual()
                        .start(() -> {
                            while (!got.isDone()) {
                                try (Socket s = new Socket()) {
                                    Thread.sleep(200);
                                    s.connect(new InetSocketAddress(LOOPBACK, port));
                                    byte[] all = s.getInputStream().readAllBytes();
                                    String text = new String(all, StandardCharsets.UTF_8);
                                    if (!text.isEmpty()) {
                                        got.complete(text);
                                    }
                                } catch (IOException | InterruptedException e) {
                                    // The guest does not listen yet.
                                }
                            }
                        });
        Queztl.Result result = run("user", "echo hello | nc -l -p 7000", "-p", port + ":7000");
        assertThat(result.status()).as(result.err()).isZero();
        assertThat(got.get(60, TimeUnit.SECONDS)).isEqualTo("hello\n");
    }

    @Test
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "65,507 pings")
    void pingOfEverySize_comesBack() throws Exception {
        Path program = GuestProgram.compile("pings", folder);
        String script = GuestProgram.install("pings") + "/tmp/pings 10.0.2.2";
        Queztl.Result result = run("user", script, "--disk", program + ",format=raw,ro");
        assertThat(result.out()).as(result.err()).isEqualTo("65507 of 65507\n");
    }

    @Test
    @EnabledIfSystemProperty(
            named = "queztl.test.all",
            matches = "true",
            disabledReason = "moves 1 GiB")
    void largeDownload_isComplete() throws Exception {
        try (ServerSocket web = new ServerSocket(0, 5, LOOPBACK)) {
            CompletableFuture<String> served = serve(web, LARGE);
            String script =
                    "wget -q -O - http://10.0.2.2:%d/ | md5sum".formatted(web.getLocalPort());
            Queztl.Result result = run("user,host-access", script);
            assertThat(result.status()).as(result.err()).isZero();
            assertThat(result.out()).contains(served.get(60, TimeUnit.SECONDS));
        }
    }
}
