package io.queztl.vmm.builder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CloserTest {
    private final List<String> closed = new ArrayList<>();

    @Test
    void close_severalResources_lastFirstAndOnce() {
        Closer closer = new Closer();
        closer.add(() -> closed.add("a"));
        closer.add(() -> closed.add("b"));
        closer.close();
        closer.close();
        assertThat(closed).containsExactly("b", "a");
    }

    @Test
    void close_oneFails_othersAreClosed() {
        Closer closer = new Closer();
        closer.add(() -> closed.add("a"));
        closer.add(() -> {
            throw new IllegalArgumentException("no");
        });
        closer.add(() -> closed.add("c"));
        assertThatThrownBy(closer::close)
                .isInstanceOf(IllegalStateException.class)
                .hasRootCauseMessage("no");
        assertThat(closed).containsExactly("c", "a");
    }
}
