package io.queztl.vmm.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MemorySizeTest {
    @ParameterizedTest
    @CsvSource({
        "1K, 1024",
        "512M, 536870912",
        "512, 536870912",
        "2g, 2147483648",
        "1GiB, 1073741824",
        "1T, 1099511627776",
        "0, 0",
    })
    void parse_size_isBytes(String text, long bytes) {
        assertThat(MemorySize.parse(text)).isEqualTo(bytes);
    }

    @Test
    void parse_moreThanLongHolds_isMaximum() {
        assertThat(MemorySize.parse("99999999T")).isEqualTo(Long.MAX_VALUE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "M", "-1M", "1.5G", "0x10", "1P", "99999999999999999999"})
    void parse_noSize_isConfigurationError(String text) {
        assertThatThrownBy(() -> MemorySize.parse(text))
                .isInstanceOfSatisfying(
                        VmException.class,
                        e -> assertThat(e.code()).isEqualTo(VmException.Code.CONFIGURATION));
    }

    @ParameterizedTest
    @CsvSource({"1024, 1K", "536870912, 512M", "1536, 1536 bytes", "1099511627776, 1T"})
    void format_bytes_isShortestExact(long bytes, String text) {
        assertThat(MemorySize.format(bytes)).isEqualTo(text);
    }
}
