package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.translate.HotSpot;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The JVM's options that the launcher and these tests share. */
class HotSpotTest {
    @Test
    void compilers_takeOrdersFromTheTranslator() {
        assertThat(HotSpot.available()).isTrue();
    }

    @Test
    void launcher_hasTheOptionsOfTheTests() throws Exception {
        String launcher = Files.readString(Path.of("../queztl"));
        assertThat(launcher)
                .contains("-XX:+WhiteBoxAPI", "queztl-hotspot.jar", "boot/regions.json")
                .contains(
                        "-XX:-DontCompileHugeMethods", "-XX:MaxInlineSize=80", "-XX:-ClipInlining");
    }
}
