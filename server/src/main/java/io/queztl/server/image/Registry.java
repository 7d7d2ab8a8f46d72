package io.queztl.server.image;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A repository of an OCI registry, to read from (OCI distribution specification 1.1). TLS, but
 * plain HTTP on the loopback address; anonymous, by token, or with what {@code docker login} has
 * left. A redirect never gets credentials of another host. All that comes is bounded, and checked
 * against the digest it was asked for by.
 */
final class Registry implements AutoCloseable {
    /** The most bytes of a manifest or a configuration. */
    static final int MAX_DOCUMENT_BYTES = 4 << 20;

    private static final Duration CONNECT = Duration.ofSeconds(20);
    private static final Duration ANSWER = Duration.ofSeconds(60);
    private static final int MAX_REDIRECTS = 5;
    private static final String MANIFESTS =
            "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json,"
                    + " application/vnd.docker.distribution.manifest.list.v2+json,"
                    + " application/vnd.docker.distribution.manifest.v2+json";
    private static final Pattern PARAMETER = Pattern.compile("([a-z]+)=\"([^\"]*)\"");

    private final ImageReference image;
    private final HttpClient client;
    private final URI base;
    private final Credentials credentials;
    private @Nullable String authorization;

    Registry(ImageReference image, Map<String, String> environment) {
        this.image = image;
        String host =
                image.registry().equals("docker.io") ? "registry-1.docker.io" : image.registry();
        base = URI.create((isLoopback(host) ? "http://" : "https://") + host);
        credentials = new Credentials(environment);
        client =
                HttpClient.newBuilder()
                        .connectTimeout(CONNECT)
                        .followRedirects(HttpClient.Redirect.NEVER)
                        .proxy(new EnvironmentProxies(environment))
                        .build();
    }

    /** Whether a host is this one, by its name or number: nobody listens in between. */
    private static boolean isLoopback(String host) {
        String name = host.replaceFirst(":[0-9]+$", "");
        if (name.equals("localhost") || name.equals("[::1]")) {
            return true;
        }
        try {
            return name.matches("127(\\.[0-9]{1,3}){3}")
                    && InetAddress.getByName(name).isLoopbackAddress();
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * A manifest or an index.
     *
     * @param version a tag or a digest
     */
    byte[] manifest(String version) throws IOException {
        byte[] bytes = document("manifests/" + version, MANIFESTS);
        if (Digest.isOne(version) && !Digest.of(bytes).equals(version)) {
            throw new IOException(
                    "what the registry sends as manifest %s has another digest".formatted(version));
        }
        return bytes;
    }

    /** A small blob. */
    byte[] blob(String digest) throws IOException {
        byte[] bytes = document("blobs/" + digest, "*/*");
        if (!Digest.of(bytes).equals(digest)) {
            throw new IOException(
                    "what the registry sends as %s has another digest".formatted(digest));
        }
        return bytes;
    }

    private byte[] document(String path, String accept) throws IOException {
        try (InputStream in = get(path, accept)) {
            byte[] bytes = in.readNBytes(MAX_DOCUMENT_BYTES + 1);
            if (bytes.length > MAX_DOCUMENT_BYTES) {
                throw new IOException("its manifest has more than 4 MiB");
            }
            return bytes;
        }
    }

    /**
     * Writes a blob to a file.
     *
     * @param size what it must have
     */
    void download(String digest, long size, Path target) throws IOException {
        MessageDigest sum = Digest.start();
        long done = 0;
        try (InputStream in = get("blobs/" + digest, "*/*");
                OutputStream out = Files.newOutputStream(target);
                StallGuard guard = new StallGuard(in)) {
            byte[] chunk = new byte[1 << 16];
            int n;
            while ((n = in.read(chunk)) >= 0 && done <= size) {
                guard.progress(n);
                sum.update(chunk, 0, n);
                out.write(chunk, 0, n);
                done += n;
            }
        }
        if (done != size) {
            throw new IOException(
                    "its layer %s should have %d bytes, but the registry sends %s"
                            .formatted(digest, size, done > size ? "more" : done));
        }
        if (!Digest.end(sum).equals(digest)) {
            throw new IOException(
                    "what the registry sends as %s has another digest".formatted(digest));
        }
    }

    private InputStream get(String path, String accept) throws IOException {
        URI uri = base.resolve("/v2/" + image.repository() + "/" + path);
        HttpResponse<InputStream> answer = send(uri, accept, authorization);
        if (answer.statusCode() == 401) {
            answer.body().close();
            authorization = authorize(answer.headers().firstValue("WWW-Authenticate").orElse(""));
            answer = send(uri, accept, authorization);
        }
        for (int i = 0; answer.statusCode() / 100 == 3; i++) {
            answer.body().close();
            URI next = redirect(uri, answer.headers().firstValue("Location").orElse(""), i);
            boolean same = next.getAuthority().equals(uri.getAuthority());
            answer = send(next, accept, same ? authorization : null);
            uri = next;
        }
        if (answer.statusCode() != 200) {
            answer.body().close();
            throw failure(answer.statusCode());
        }
        return answer.body();
    }

    private IOException failure(int status) {
        return new IOException(
                switch (status) {
                    case 401, 403 ->
                            "the registry does not let this user read it, or has no such image";
                    case 404 -> "the registry has no such image";
                    case 429 -> "the registry wants fewer requests; try again later";
                    default -> "the registry answers with HTTP status " + status;
                });
    }

    private static URI redirect(URI from, String location, int count) throws IOException {
        try {
            URI next = from.resolve(location);
            boolean secure = "https".equals(next.getScheme());
            boolean plain = "http".equals(next.getScheme()) && "http".equals(from.getScheme());
            if (count < MAX_REDIRECTS && (secure || plain) && next.getHost() != null) {
                return next;
            }
        } catch (IllegalArgumentException e) {
            // As bad as the others.
        }
        throw new IOException("the registry redirects to a place that is not followed");
    }

    private HttpResponse<InputStream> send(URI uri, String accept, @Nullable String credential)
            throws IOException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(uri)
                        .timeout(ANSWER)
                        .header("Accept", accept)
                        .header("User-Agent", "queztl");
        if (credential != null) {
            request.header("Authorization", credential);
        }
        try {
            return client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (HttpConnectTimeoutException | ConnectException e) {
            throw new IOException(uri.getAuthority() + " cannot be reached", e);
        } catch (HttpTimeoutException e) {
            throw new IOException(uri.getAuthority() + " does not answer", e);
        }
    }

    /** What a challenge asks for (RFC 7235; the distribution project's token specification). */
    private String authorize(String challenge) throws IOException {
        String login = credentials.of(image.registry());
        String scheme = challenge.split(" ", 2)[0];
        if (scheme.equalsIgnoreCase("Basic") && login != null) {
            return "Basic " + login;
        }
        Matcher m = PARAMETER.matcher(challenge);
        String realm = "";
        String service = "";
        String scope = "repository:" + image.repository() + ":pull";
        while (m.find()) {
            switch (m.group(1)) {
                case "realm" -> realm = m.group(2);
                case "service" -> service = m.group(2);
                case "scope" -> scope = m.group(2);
                default -> {
                    // Nothing that a token depends on.
                }
            }
        }
        if (!scheme.equalsIgnoreCase("Bearer") || realm.isEmpty()) {
            throw new IOException(
                    "the registry wants a login; 'docker login %s' leaves one in"
                                    .formatted(image.registry())
                            + " ~/.docker/config.json, which is read");
        }
        URI uri =
                redirect(
                        base,
                        realm
                                + (realm.indexOf('?') < 0 ? "?" : "&")
                                + "service="
                                + URLEncoder.encode(service, StandardCharsets.UTF_8)
                                + "&scope="
                                + URLEncoder.encode(scope, StandardCharsets.UTF_8),
                        0);
        HttpResponse<InputStream> answer =
                send(uri, "application/json", login == null ? null : "Basic " + login);
        try (InputStream in = answer.body()) {
            if (answer.statusCode() != 200) {
                throw failure(answer.statusCode());
            }
            JsonDocument json = JsonDocument.parse(in.readNBytes(MAX_DOCUMENT_BYTES));
            String token = json.get("token").text();
            if (token.isEmpty()) {
                token = json.get("access_token").text();
            }
            if (!token.matches("[!-~]+")) {
                throw new IOException("the registry gives no token");
            }
            return "Bearer " + token;
        }
    }

    @Override
    public void close() {
        client.shutdownNow();
    }

    /** What {@code docker login} has left; helpers that keep passwords elsewhere are not asked. */
    private record Credentials(Map<String, String> environment) {
        /** User and password, encoded; null if there are none. */
        @Nullable String of(String registry) throws IOException {
            String folder = environment.get("DOCKER_CONFIG");
            Path file =
                    folder != null
                            ? Path.of(folder, "config.json")
                            : Path.of(environment.getOrDefault("HOME", "/"), ".docker/config.json");
            if (!Files.isReadable(file)) {
                return null;
            }
            JsonDocument hosts = JsonDocument.parse(Files.readAllBytes(file)).get("auths");
            String key = registry.equals("docker.io") ? "https://index.docker.io/v1/" : registry;
            String login = hosts.get(key).get("auth").text();
            try {
                boolean whole = Base64.getDecoder().decode(login).length > 0;
                return whole ? login : null;
            } catch (IllegalArgumentException e) {
                return null;
            }
        }
    }

    /** Closes a stream on which nothing comes any more, so that nobody waits for good. */
    private static final class StallGuard implements AutoCloseable {
        private final AtomicLong bytes = new AtomicLong();
        private final Thread thread;

        StallGuard(InputStream in) {
            thread = Thread.ofVirtual().start(() -> watch(in));
        }

        void progress(int n) {
            bytes.addAndGet(n);
        }

        private void watch(InputStream in) {
            try {
                long before = -1;
                while (before != bytes.get()) {
                    before = bytes.get();
                    Thread.sleep(ANSWER);
                }
                in.close();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (IOException e) {
                // The reader sees it.
            }
        }

        @Override
        public void close() {
            thread.interrupt();
        }
    }
}
