package io.queztl.server.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.server.control.Json;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class CloudSeedTest {
    private static final String KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKvH0q8C9o1Jw5 me";

    private static Map<?, ?> read(CloudSeed seed, String file) throws Exception {
        byte[] bytes = Objects.requireNonNull(seed.files().get(file));
        String text = new String(bytes, StandardCharsets.UTF_8);
        if (file.equals("user-data")) {
            assertThat(text).startsWith("#cloud-config\n");
            text = text.substring(text.indexOf('\n'));
        }
        return (Map<?, ?>) Objects.requireNonNull(Json.parse(text));
    }

    private static CloudSeed seed(
            @Nullable String user, @Nullable String host, List<String> commands) {
        return new CloudSeed(new FirstBoot(List.of(KEY), host), user, commands, new byte[0]);
    }

    @Test
    void userKeysNameAndCommands_arePassedOn() throws Exception {
        String hostile = "echo \"a: b\" 'c' \u00e4 # \\ \n- x\t${y} *&!%@`";
        CloudSeed seed = seed("me", "box", List.of("date", hostile));
        Map<?, ?> data = read(seed, "user-data");
        assertThat(data.get("users"))
                .asInstanceOf(InstanceOfAssertFactories.list(Map.class))
                .singleElement(InstanceOfAssertFactories.map(String.class, Object.class))
                .containsEntry("name", "me")
                .containsEntry("ssh_authorized_keys", List.of(KEY));
        assertThat(data.get("runcmd"))
                .isEqualTo(List.of(List.of("sh", "-c", "date"), List.of("sh", "-c", hostile)));
        assertThat(read(seed, "meta-data").get("local-hostname")).isEqualTo("box");
    }

    @Test
    void withoutUser_keysAreForTheImagesOwn() throws Exception {
        Map<?, ?> data = read(seed(null, null, List.of()), "user-data");
        assertThat(data.get("ssh_authorized_keys")).isEqualTo(List.of(KEY));
        assertThat(data.containsKey("users")).isFalse();
        assertThat(read(seed(null, null, List.of()), "meta-data").containsKey("local-hostname"))
                .isFalse();
    }

    @Test
    void instance_isAnotherWithOtherOptionsOnly() throws Exception {
        Object id = read(seed("me", "box", List.of()), "meta-data").get("instance-id");
        assertThat(read(seed("me", "box", List.of()), "meta-data").get("instance-id"))
                .isEqualTo(id);
        assertThat(read(seed("me", "box2", List.of()), "meta-data").get("instance-id"))
                .isNotEqualTo(id);
        assertThat(read(seed("you", "box", List.of()), "meta-data").get("instance-id"))
                .isNotEqualTo(id);
    }

    @Test
    void usersOwnData_isPassedOnAsItIs() {
        byte[] own = "#!/bin/sh\necho hello\n".getBytes(StandardCharsets.UTF_8);
        CloudSeed seed = new CloudSeed(new FirstBoot(List.of(), "box"), null, List.of(), own);
        assertThat(seed.files().get("user-data")).isEqualTo(own);
    }

    @Test
    void namesOfUsers_areWhatLinuxTakes() {
        assertThat(List.of("me", "_x-1", "a".repeat(32))).allMatch(CloudSeed::isUserName);
        assertThat(List.of("", "Me", "1a", "a b", "a:b", "a\n", "-a", "a".repeat(33)))
                .noneMatch(CloudSeed::isUserName);
    }
}
