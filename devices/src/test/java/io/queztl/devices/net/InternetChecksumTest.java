package io.queztl.devices.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.testkit.random.Seeds;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

class InternetChecksumTest {
    /** The sum as RFC 1071 defines it, two bytes at a time. */
    static int slow(byte[] bytes, int at, int count) {
        int sum = 0;
        for (int i = 0; i < count; i++) {
            int b = bytes[at + i] & 0xff;
            sum += i % 2 == 0 ? b << 8 : b;
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return sum;
    }

    @Test
    void rfcExample_hasTheSumOfTheRfc() {
        ByteBuffer data = ByteBuffer.wrap(new byte[] {0, 1, -14, 3, -12, -11, -10, -9});
        assertThat(InternetChecksum.fold(InternetChecksum.add(0, data, 0, 8))).isEqualTo(0xddf2);
        assertThat(InternetChecksum.finish(InternetChecksum.add(0, data, 0, 8))).isEqualTo(0x220d);
    }

    @Test
    void randomBytes_anyPlaceAndLength_sumAsTheDefinitionSays() {
        Random random = new Random(Seeds.seed("InternetChecksumTest"));
        byte[] bytes = new byte[70_000];
        random.nextBytes(bytes);
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        for (int n = 0; n < 2_000; n++) {
            int at = random.nextInt(100);
            int count = random.nextInt(n % 10 == 0 ? 69_000 : 100);
            int sum = InternetChecksum.fold(InternetChecksum.add(0, buffer, at, count));
            // 0 and 0xffff are the same number in ones' complement.
            assertThat(sum % 0xffff).isEqualTo(slow(bytes, at, count) % 0xffff);
        }
    }

    @Test
    void allOnes_manyBytes_doNotOverflow() {
        byte[] bytes = new byte[65_536];
        java.util.Arrays.fill(bytes, (byte) -1);
        long sum = InternetChecksum.add(Integer.MAX_VALUE, ByteBuffer.wrap(bytes), 0, 65_536);
        assertThat(InternetChecksum.fold(sum)).isEqualTo(0x7fff);
        assertThat(InternetChecksum.finishTransport(0xffff)).isEqualTo(0xffff);
    }
}
