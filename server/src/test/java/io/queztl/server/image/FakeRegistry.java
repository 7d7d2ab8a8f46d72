package io.queztl.server.image;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A registry that sends what a test gives it, right or wrong, to whoever has its token. */
final class FakeRegistry implements AutoCloseable {
    private static final String TOKEN = "Bearer good-token";

    /** Bodies by path behind {@code /v2/}. */
    final Map<String, byte[]> bodies = new HashMap<>();

    /** Where paths are redirected to. */
    final Map<String, String> redirects = new HashMap<>();

    /** What was asked for, with the credentials. */
    final List<String> requests = Collections.synchronizedList(new ArrayList<>());

    private final ServerSocket socket;
    private final boolean tokens;

    FakeRegistry(boolean tokens) throws IOException {
        this.tokens = tokens;
        socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.ofPlatform().daemon().name("fake-registry").start(this::serve);
    }

    String host() {
        return "127.0.0.1:" + socket.getLocalPort();
    }

    private void serve() {
        while (!socket.isClosed()) {
            try (Socket connection = socket.accept()) {
                answer(connection);
            } catch (IOException e) {
                // The client went away, or the test is over.
            }
        }
    }

    private void answer(Socket connection) throws IOException {
        BufferedReader in =
                new BufferedReader(
                        new InputStreamReader(
                                connection.getInputStream(), StandardCharsets.ISO_8859_1));
        String path = in.readLine().split(" ")[1];
        String credentials = "";
        String line;
        while ((line = in.readLine()) != null && !line.isEmpty()) {
            if (line.toLowerCase(java.util.Locale.ROOT).startsWith("authorization: ")) {
                credentials = line.substring("authorization: ".length());
            }
        }
        requests.add(path + " " + credentials);
        OutputStream out = connection.getOutputStream();
        String name = path.replaceFirst("^/v2/", "");
        byte[] body = bodies.get(name);
        if (path.startsWith("/token?")) {
            send(out, "200 OK", "", "{\"token\": \"good-token\"}".getBytes(StandardCharsets.UTF_8));
        } else if (tokens && path.startsWith("/v2/") && !credentials.equals(TOKEN)) {
            String challenge =
                    "WWW-Authenticate: Bearer realm=\"http://%s/token\",service=\"s\",scope=\"x:y\"\r\n"
                            .formatted(host());
            send(out, "401 Unauthorized", challenge, new byte[0]);
        } else if (redirects.containsKey(name)) {
            send(out, "307 Temporary", "Location: " + redirects.get(name) + "\r\n", new byte[0]);
        } else if (body == null) {
            send(out, "404 Not Found", "", new byte[0]);
        } else {
            send(out, "200 OK", "", body);
        }
    }

    private static void send(OutputStream out, String status, String headers, byte[] body)
            throws IOException {
        String head =
                "HTTP/1.1 %s\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n"
                        .formatted(status, headers, body.length);
        out.write(head.getBytes(StandardCharsets.ISO_8859_1));
        out.write(body);
        out.flush();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
