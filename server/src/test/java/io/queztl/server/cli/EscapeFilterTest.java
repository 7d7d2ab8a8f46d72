package io.queztl.server.cli;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class EscapeFilterTest {
    private final EscapeFilter filter = new EscapeFilter();

    private String typed(String text) {
        byte[] bytes = text.getBytes(US_ASCII);
        return new String(bytes, 0, filter.filter(bytes, bytes.length), US_ASCII);
    }

    @Test
    void filter_plainText_isKept() {
        assertThat(typed("ls\r\003\177")).isEqualTo("ls\r\003\177");
        assertThat(filter.quit()).isFalse();
    }

    @Test
    void filter_escapeX_quitsAndDropsTheRest() {
        assertThat(typed("a\001xb")).isEqualTo("a");
        assertThat(filter.quit()).isTrue();
    }

    @Test
    void filter_escapeTwice_sendsOne() {
        assertThat(typed("\001\001x")).isEqualTo("\001x");
        assertThat(filter.quit()).isFalse();
    }

    @Test
    void filter_escapeAcrossReads_isRemembered() {
        assertThat(typed("a\001")).isEqualTo("a");
        assertThat(typed("xb")).isEmpty();
        assertThat(filter.quit()).isTrue();
    }

    @Test
    void filter_escapeOtherKey_isDropped() {
        assertThat(typed("\001qr")).isEqualTo("r");
    }
}
