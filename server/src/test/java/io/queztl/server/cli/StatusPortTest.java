package io.queztl.server.cli;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class StatusPortTest {
    private int ready;
    private final StatusPort port = new StatusPort(() -> ready++);

    private void guestSends(String text) throws IOException {
        port.write(text.getBytes(US_ASCII));
    }

    @Test
    void status_nothingSent_isEmpty() {
        assertThat(port.status()).isEmpty();
    }

    @Test
    void status_lineSentInPieces_isParsed() throws IOException {
        guestSends("stat");
        guestSends("us=1");
        guestSends("7");
        assertThat(port.status()).isEmpty();
        guestSends("\r\n");
        assertThat(port.status()).hasValue(17);
    }

    @Test
    void status_tooLarge_keepsLowByte() throws IOException {
        guestSends("status=999\n");
        assertThat(port.status()).hasValue(999 & 0xff);
    }

    @Test
    void ready_saidTwice_isToldOnce() throws IOException {
        guestSends("rea");
        assertThat(ready).isZero();
        guestSends("dy\r\n");
        guestSends("ready\r\nstatus=3\r\n");
        assertThat(ready).isEqualTo(1);
        assertThat(port.status()).hasValue(3);
    }

    @Test
    void write_endlessGarbage_isBounded() throws IOException {
        for (int i = 0; i < 10_000; i++) {
            guestSends("garbage");
        }
        guestSends("status=0\n");
        assertThat(port.status()).isEmpty();
    }
}
