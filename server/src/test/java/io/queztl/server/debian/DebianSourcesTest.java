package io.queztl.server.debian;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DebianSourcesTest {
    private static final String CONFIGURATION =
            """
            APT "";
            Acquire::http "";
            Acquire::http::Proxy "http://proxy.example:3142/";
            Acquire::https::Proxy "DIRECT";
            Acquire::http::Timeout "30";
            """;

    @Test
    void ofTheHostsSources_thoseOfDebian12AreTaken() {
        DebianSources sources =
                DebianSources.of(
                        """
                        bookworm main Debian http://mirror.example/debian/
                        bookworm-updates main  http://mirror.example/debian/
                        bookworm contrib Debian http://mirror.example/debian/
                        bookworm-security main Debian https://mirror.example/security/
                        bookworm main Debian http://mirror.example/debian/
                        bookworm main Example http://other.example/debian/
                        bookworm-tools main Tools https://tools.example/apt
                        trixie main Debian http://mirror.example/debian/
                        bookworm main Debian file:/srv/mirror
                        """,
                        "");
        assertThat(sources.lines())
                .containsExactly(
                        "deb http://mirror.example/debian/ bookworm main",
                        "deb http://mirror.example/debian/ bookworm-updates main",
                        "deb https://mirror.example/security/ bookworm-security main");
        assertThat(sources.proxies()).isEmpty();
    }

    @Test
    void hostWithoutDebian12_asksDebiansServers() {
        for (String targets :
                new String[] {"", "bookworm-updates main Debian http://x/\n", "a b"}) {
            assertThat(DebianSources.of(targets, "").lines())
                    .hasSize(3)
                    .allMatch(line -> line.startsWith("deb http://deb.debian.org/debian"));
        }
    }

    @Test
    void proxyOfTheHost_isTheGuestsUnlessItIsOnLoopback() {
        DebianSources sources = DebianSources.of("", CONFIGURATION);
        assertThat(sources.proxies())
                .containsExactly(
                        "Acquire::http::Proxy \"http://proxy.example:3142/\";",
                        "Acquire::https::Proxy \"DIRECT\";");
        assertThat(sources.guestProxies()).isEqualTo(sources.proxies());
        for (String host :
                new String[] {"127.0.0.1:3142", "localhost:8080", "[::1]:1", "localhost"}) {
            String line = "Acquire::http::Proxy \"http://%s/\";".formatted(host);
            assertThat(DebianSources.of("", line).proxies()).hasSize(1);
            assertThat(DebianSources.of("", line).guestProxies()).as(host).isEmpty();
        }
    }
}
