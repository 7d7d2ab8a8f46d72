package io.queztl.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

final class OptionsTest {
    @Test
    void parse_nothing_isThreeRepeatsOfBoth() {
        Options o = Options.parse(List.of());
        assertThat(o.repeats()).isEqualTo(3);
        assertThat(o.queztl()).isTrue();
        assertThat(o.peer()).isTrue();
        assertThat(Suite.selected(o)).isEqualTo(Suite.ITEMS);
        assertThat(Suite.selectedBoots(o)).hasSize(2);
    }

    @Test
    void parse_onlyAndQuick_selectsWithLessWork() {
        Options o = Options.parse(List.of("--quick", "--only", "sort|gzip|matmul"));
        assertThat(o.repeats()).isEqualTo(1);
        assertThat(Suite.selected(o))
                .extracting(Item::name)
                .containsExactly("sort", "matmul-double", "matmul-x87", "matmul-avx2", "gzip");
        assertThat(Suite.selectedBoots(o)).isEmpty();
        assertThat(Suite.settings(o)).isEqualTo("WARM=50\nREPEATS=1\nSOAK=\nIO=\n");
    }

    @Test
    void parse_soak_leavesPeerAndBootsOut() {
        Options o = Options.parse(List.of("--soak", "30"));
        assertThat(o.soakMinutes()).isEqualTo(30);
        assertThat(o.peer()).isFalse();
        assertThat(Suite.selectedBoots(o)).isEmpty();
        assertThat(Suite.settings(o)).isEqualTo("WARM=0\nREPEATS=1\nSOAK=1\nIO=\n");
    }

    @Test
    void parse_wrongArguments_saysWhichAndWhy() {
        assertThatThrownBy(() -> Options.parse(List.of("--fast"))).hasMessage("no option '--fast'");
        assertThatThrownBy(() -> Options.parse(List.of("--repeats")))
                .hasMessage("--repeats needs a value");
        assertThatThrownBy(() -> Options.parse(List.of("--repeats", "0")))
                .hasMessageContaining("number above 0");
        assertThatThrownBy(() -> Options.parse(List.of("--only", "(")))
                .hasMessageStartingWith("--only: (");
        assertThatThrownBy(() -> Options.parse(List.of("--queztl-only", "--tcg-only")))
                .hasMessageContaining("nothing to run");
    }

    @Test
    void items_ofSuite_haveNamesThatMarkersCanCarry() {
        assertThat(Suite.ITEMS)
                .extracting(Item::name)
                .doesNotHaveDuplicates()
                .allMatch(n -> n.matches("[a-z0-9-]+"));
        assertThat(Suite.ITEMS).allMatch(i -> !i.command(true).contains("%d"));
    }
}
