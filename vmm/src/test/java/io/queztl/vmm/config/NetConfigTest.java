package io.queztl.vmm.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.devices.net.MacAddress;
import io.queztl.devices.net.user.PortForward;
import io.queztl.devices.net.user.UserNetworkOptions;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NetConfigTest {
    private static @Nullable NetConfig parse(String text) {
        return NetConfig.parse(text, () -> Path.of("/run/switches"));
    }

    @Test
    void switchPasstAndCapture_areRead() {
        assertThat(parse("switch,name=lab,pcap=/tmp/a"))
                .isEqualTo(
                        new NetConfig(
                                new NetConfig.SwitchLink(Path.of("/run/switches/lab")),
                                null,
                                0,
                                Path.of("/tmp/a")));
        assertThat(parse("switch"))
                .extracting("link")
                .isEqualTo(new NetConfig.SwitchLink(Path.of("/run/switches/default")));
        assertThat(parse("passt,socket=/tmp/s"))
                .extracting("link")
                .isEqualTo(new NetConfig.PasstLink(Path.of("/tmp/s")));
    }

    @Test
    void user_withOptionsAndPorts_isRead() {
        NetConfig config = parse("user,host-access,mtu=9000,mac=06:00:00:00:00:a1,deny=10.0.0.0/8");
        assertThat(config).isNotNull().extracting("mtu").isEqualTo(9000);
        List<PortForward> ports = List.of(PortForward.parse("8080:80"));
        assertThat(config == null ? null : config.forwarding(ports).link())
                .isEqualTo(
                        new NetConfig.UserLink(
                                UserNetworkOptions.parse(
                                        "user,mtu=9000,host-access,deny=10.0.0.0/8", ports)));
    }

    @Test
    void tap_withEverything_isRead() {
        assertThat(parse("tap,name=t0,bridge=br0,queues=4,mac=06:00:00:00:00:a1,mtu=9000"))
                .isEqualTo(
                        new NetConfig(
                                new NetConfig.TapLink("t0", "br0", 4),
                                new MacAddress(0x0600_0000_00a1L),
                                9000,
                                null));
    }

    @Test
    void tap_alone_hasDefaults() {
        assertThat(parse("tap"))
                .isEqualTo(new NetConfig(new NetConfig.TapLink("", null, 1), null, 0, null));
        assertThat(parse("none")).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "taps",
                "user,",
                "user,mtu=500",
                "user,net=fd00::/64",
                "user,restrict=yes",
                "user,mac=1",
                "tap,",
                "tap,name",
                "tap,name=",
                "tap,name=a/b",
                "tap,name=0123456789abcdef",
                "tap,name=a,name=b",
                "tap,queues=0",
                "tap,queues=17",
                "tap,queues=two",
                "tap,mtu=67",
                "tap,mtu=65536",
                "tap,mac=07:00:00:00:00:01",
                "tap,mac=06:00:00:00:00",
                "tap,color=red",
                "passt",
                "passt,socket=",
                "switch,name=../a",
                "switch,name=",
                "none,name=t0"
            })
    void wrongText_isRefusedInOneSentence(String text) {
        assertThatThrownBy(() -> parse(text))
                .isInstanceOf(VmException.class)
                .hasMessageContaining("--net")
                .hasMessageEndingWith(".");
    }
}
