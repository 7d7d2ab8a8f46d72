package io.queztl.server.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class JsonTest {
    @Test
    void parse_allKinds_areJava() throws Exception {
        assertThat(Json.parse(" {\"a\":[1,-2.5e1,true,false,\"x\\u0041\\n\"],\"b\":{}} "))
                .isEqualTo(
                        Map.of(
                                "a", List.of(1L, -25.0, true, false, "xA\n"),
                                "b", Map.of()));
        assertThat(Json.parse("null")).isNull();
    }

    @Test
    void write_thenParse_isTheSame() throws Exception {
        Object value =
                Map.of(
                        "n",
                        List.of(1L, 2.25, "\"\\\u0001\n\u00e4\ud83d\ude00", true),
                        "e",
                        List.of());
        String text = Json.write(value);
        assertThat(text).doesNotContain("\n");
        assertThat(Json.parse(text)).isEqualTo(value);
    }

    @Test
    void parse_brokenTexts_areRefused() {
        for (String text :
                List.of("", "{", "[1,", "{\"a\"}", "\"a", "tru", "1 2", "{1:2}", "--", "\"\\q\"")) {
            assertThatThrownBy(() -> Json.parse(text))
                    .as(text)
                    .isInstanceOf(Json.SyntaxException.class);
        }
        assertThatThrownBy(() -> Json.parse("[".repeat(100_000)))
                .isInstanceOf(Json.SyntaxException.class);
    }

    @Test
    void parse_randomTexts_throwNothingElse() {
        Random random = new Random(1);
        String alphabet = "{}[]\",:\\u01truefalsn.eE+- ";
        for (int i = 0; i < 100_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(20); n > 0; n--) {
                text.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
            try {
                Object ignored = Json.parse(text.toString());
            } catch (Json.SyntaxException e) {
                assertThat(e.getMessage()).isNotEmpty();
            }
        }
    }
}
