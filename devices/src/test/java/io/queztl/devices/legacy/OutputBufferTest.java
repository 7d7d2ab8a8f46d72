package io.queztl.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.ManualTimers;
import io.queztl.devices.RecordingLine;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class OutputBufferTest {
    private static final class Counting extends ByteArrayOutputStream {
        final AtomicInteger writes = new AtomicInteger();
        final Semaphore flushed = new Semaphore(0);

        @Override
        public synchronized void write(byte[] b, int off, int len) {
            writes.incrementAndGet();
            super.write(b, off, len);
        }

        @Override
        public void flush() {
            flushed.release();
        }
    }

    @Test
    void burst_goesOutInFewWrites() {
        Counting host = new Counting();
        OutputBuffer buffer = new OutputBuffer("test", host);
        for (int i = 0; i < 5000; i++) {
            buffer.put(i);
        }
        assertThat(buffer.flush(5000)).isTrue();
        assertThat(host.size()).isEqualTo(5000);
        assertThat(host.writes.get()).isLessThan(500);
        buffer.close();
    }

    @Test
    void singleByte_goesOutByItself() throws Exception {
        Counting host = new Counting();
        try (OutputBuffer buffer = new OutputBuffer("test", host)) {
            buffer.put('p');
            assertThat(host.flushed.tryAcquire(5, TimeUnit.SECONDS)).isTrue();
            assertThat(host.toString()).isEqualTo("p");
        }
    }

    @Test
    void stuckHost_holdsTheGuestBackAndLosesNothing() throws Exception {
        CountDownLatch open = new CountDownLatch(1);
        ByteArrayOutputStream host =
                new ByteArrayOutputStream() {
                    @Override
                    public void write(byte[] b, int off, int len) {
                        try {
                            open.await();
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        }
                        super.write(b, off, len);
                    }
                };
        OutputBuffer buffer = new OutputBuffer("test", host);
        RecordingLine line = new RecordingLine();
        Serial serial = new Serial(line, buffer, new ManualTimers());
        serial.write(4, 1, 0x0b);
        serial.write(1, 1, 2);
        int sent = 0;
        while ((serial.read(5, 1) & 0x20) != 0) {
            serial.write(0, 1, sent++);
        }
        assertThat(sent).isGreaterThanOrEqualTo(OutputBuffer.HIGH_WATER);
        assertThat(line.high()).isFalse();
        for (int i = 0; i < 100; i++) {
            serial.write(0, 1, sent++); // a guest that does not look
        }
        assertThat(buffer.flush(1)).isFalse();
        open.countDown();
        assertThat(buffer.flush(10_000)).isTrue();
        byte[] bytes = host.toByteArray();
        assertThat(bytes).hasSize(sent);
        for (int i = 0; i < sent; i++) {
            assertThat(bytes[i]).isEqualTo((byte) i);
        }
        assertThat(serial.read(5, 1) & 0x20).isNotZero();
        assertThat(line.takeRises()).isPositive();
        buffer.close();
    }

    @Test
    void brokenHost_discardsAndDoesNotBlock() {
        OutputStream host =
                new OutputStream() {
                    @Override
                    public void write(int b) throws IOException {
                        throw new IOException("broken pipe");
                    }
                };
        OutputBuffer buffer = new OutputBuffer("test", host);
        for (int i = 0; i < 200_000; i++) {
            buffer.put(i);
        }
        assertThat(buffer.flush(5000)).isTrue();
        buffer.put('x');
        assertThat(buffer.flush(5000)).isTrue();
        assertThat(buffer.full()).isFalse();
        buffer.close();
    }
}
