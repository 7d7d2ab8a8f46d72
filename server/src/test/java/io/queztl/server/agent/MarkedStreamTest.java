package io.queztl.server.agent;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class MarkedStreamTest {
    private static final String MARK = "abcabcabd";

    private static String passed(String text, int step, @Nullable Integer status)
            throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        MarkedStream stream = new MarkedStream(MARK, out, true);
        byte[] bytes = text.getBytes(ISO_8859_1);
        for (int i = 0; i < bytes.length; i += step) {
            stream.write(bytes, i, Math.min(step, bytes.length - i));
        }
        assertThat(stream.end().getNow(null)).isEqualTo(status);
        return out.toString(ISO_8859_1);
    }

    @Test
    void bytesBetweenMarks_arePassedWhateverThePieces() throws IOException {
        for (int step = 1; step < 40; step++) {
            String text = "old abcabc" + MARK + "new abcabc\0" + MARK + "17\nlater" + MARK;
            assertThat(passed(text, step, 17)).isEqualTo("new abcabc\0");
        }
    }

    @Test
    void begunMark_isPassedOnceItIsNone() throws IOException {
        assertThat(passed(MARK + "x" + MARK.substring(0, 8), 100, null)).isEqualTo("x");
        assertThat(passed(MARK + "x" + MARK.substring(0, 8) + "y", 1, null))
                .isEqualTo("xabcabcaby");
        assertThat(passed(MARK + "abcabcabcabd", 100, null)).isEqualTo("abc");
    }

    @Test
    void status_ofAnyLength_isBounded() throws IOException {
        assertThat(passed(MARK + MARK + "9".repeat(1000), 7, 99999999 & 0xff)).isEmpty();
        assertThat(passed(MARK + MARK + "x", 7, 0)).isEmpty();
    }

    @Test
    void randomBytes_passAsTheyAre() throws IOException {
        Random random = new Random(1);
        for (int i = 0; i < 300; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(300); n > 0; n--) {
                text.append((char) ('a' + random.nextInt(4)));
            }
            String middle = text.toString().replace(MARK, "");
            String got = passed(MARK + middle + "!" + MARK + "3\n", 1 + random.nextInt(20), 3);
            assertThat(got).isEqualTo(middle + "!");
        }
    }
}
