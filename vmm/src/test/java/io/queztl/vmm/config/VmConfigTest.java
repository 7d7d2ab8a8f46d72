package io.queztl.vmm.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VmConfigTest {
    private static final VmConfig CONFIG = VmConfig.of(Path.of("kernel"));

    @ParameterizedTest
    @ValueSource(ints = {Integer.MIN_VALUE, -1, 0, VmConfig.MAX_CPUS + 1, Integer.MAX_VALUE})
    void withCpus_outsideLimits_isRefused(int cpus) {
        assertThatThrownBy(() -> CONFIG.withCpus(cpus)).isInstanceOf(VmException.class);
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -4096, 0, 1024, 0x1f_f000, (512L << 20) + 1})
    void withMemory_tooLittleOrNoPages_isRefused(long bytes) {
        assertThatThrownBy(() -> CONFIG.withMemory(bytes)).isInstanceOf(VmException.class);
    }

    @Test
    void withCommandLine_nulCharacter_isRefused() {
        assertThatThrownBy(() -> CONFIG.withCommandLine("a\0b")).isInstanceOf(VmException.class);
    }

    @Test
    void with_everything_changesOnlyThat() {
        assertThat(CONFIG.withCpus(4).withCpus(1)).isEqualTo(CONFIG);
        assertThat(CONFIG.withMemory(1 << 30).memoryBytes()).isEqualTo(1 << 30);
        assertThat(CONFIG.withCommandLine("x").bootRequest().commandLine()).isEqualTo("x");
        assertThat(CONFIG.withInitrd(Path.of("i")).initrd()).isEqualTo(Path.of("i"));
        assertThat(CONFIG.withKernel(Path.of("k")).kernel()).isEqualTo(Path.of("k"));
    }
}
