package io.queztl.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.ManualTimers;
import io.queztl.devices.RecordingLine;
import io.queztl.devices.SnapshotContract;
import java.io.ByteArrayOutputStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class SerialTest {
    private static final int DATA = 0;
    private static final int IER = 1;
    private static final int IIR = 2;
    private static final int FCR = 2;
    private static final int LCR = 3;
    private static final int MCR = 4;
    private static final int LSR = 5;
    private static final int MSR = 6;
    private static final int SCR = 7;

    private final ManualTimers timers = new ManualTimers();
    private final RecordingLine line = new RecordingLine();
    private final ByteArrayOutputStream host = new ByteArrayOutputStream();
    private final OutputBuffer output = new OutputBuffer("serial-test", host);
    private final Serial serial = new Serial(line, output, timers);

    private int in(int port) {
        return (int) serial.read(port, 1);
    }

    private void out(int port, int value) {
        serial.write(port, 1, value);
    }

    private void open() {
        out(MCR, 0x0b);
    }

    @Test
    void registers_afterReset_haveTheirDocumentedValues() {
        assertThat(in(IER)).isZero();
        assertThat(in(IIR)).isEqualTo(0x01);
        assertThat(in(LSR)).isEqualTo(0x60);
        assertThat(in(MSR)).isEqualTo(0xb0);
        assertThat(line.high()).isFalse();
    }

    @Test
    void bytesWritten_reachTheHostInOrder() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 1000; i++) {
            text.append("line ").append(i).append('\n');
        }
        text.chars().forEach(c -> out(DATA, c));
        assertThat(output.flush(5000)).isTrue();
        assertThat(host.toString()).isEqualTo(text.toString());
    }

    @Test
    void divisorLatchAndScratch_holdTheirValues() {
        out(LCR, 0x83);
        out(DATA, 0x34);
        out(IER, 0x12);
        assertThat(in(DATA)).isEqualTo(0x34);
        assertThat(in(IER)).isEqualTo(0x12);
        out(LCR, 0x03);
        assertThat(in(IER)).isZero();
        out(SCR, 0xa5);
        assertThat(in(SCR)).isEqualTo(0xa5);
    }

    @Test
    void fifoEnable_showsInInterruptId() {
        out(FCR, 0xc1);
        assertThat(in(IIR)).isEqualTo(0xc1);
        out(FCR, 0);
        assertThat(in(IIR)).isEqualTo(0x01);
    }

    @Test
    void transmitterInterrupt_comesAtEnableAndAfterEachWrite() {
        open();
        out(IER, 2);
        assertThat(line.takeRises()).isEqualTo(1);
        assertThat(in(IIR)).isEqualTo(0x02);
        assertThat(in(IIR)).isEqualTo(0x01); // reading it cleared it
        assertThat(line.high()).isFalse();
        out(DATA, 'x');
        assertThat(line.takeRises()).isEqualTo(1);
        out(DATA, 'y');
        assertThat(line.takeRises()).isEqualTo(1);
        out(IER, 0);
        assertThat(line.high()).isFalse();
        out(IER, 2);
        assertThat(in(IIR)).isEqualTo(0x02);
    }

    @Test
    void received_interruptsAtTriggerAndByTimeout() {
        out(FCR, 0x41); // trigger at 4
        open();
        out(IER, 1);
        serial.receive(new byte[] {1, 2, 3});
        assertThat(in(IIR)).isEqualTo(0xc1);
        assertThat(line.high()).isFalse();
        timers.advance(10_000_000);
        assertThat(in(IIR)).isEqualTo(0xcc);
        assertThat(line.high()).isTrue();
        assertThat(in(DATA)).isEqualTo(1);
        assertThat(in(IIR)).isEqualTo(0xc1);
        serial.receive(new byte[] {4, 5});
        assertThat(in(IIR)).isEqualTo(0xc4);
        for (int i = 2; i <= 5; i++) {
            assertThat(in(LSR)).isEqualTo(0x61);
            assertThat(in(DATA)).isEqualTo(i);
        }
        assertThat(in(LSR)).isEqualTo(0x60);
        assertThat(line.high()).isFalse();
    }

    @Test
    void input_isBoundedAndWaitsForTheGuest() throws Exception {
        byte[] many = new byte[5000];
        for (int i = 0; i < many.length; i++) {
            many[i] = (byte) i;
        }
        int taken = serial.receive(many);
        assertThat(taken).isEqualTo(Serial.INPUT_CAPACITY);
        assertThat(serial.receive(many)).isZero();
        assertThat(serial.awaitRoom(1)).isFalse();
        out(FCR, 0x07); // a probing guest loses nothing
        assertThat(in(LSR) & 1).isZero();
        open();
        assertThat(serial.awaitRoom(1)).isTrue();
        for (int i = 0; i < taken; i++) {
            assertThat(in(LSR) & 1).isEqualTo(1);
            assertThat(in(DATA)).isEqualTo(i & 0xff);
        }
        assertThat(in(LSR) & 1).isZero();
    }

    @Test
    void loopback_returnsDataAndModemLines() {
        out(MCR, 0x1b);
        assertThat(in(MSR) & 0xf0).isEqualTo(0xb0);
        out(MCR, 0x1a);
        assertThat(in(MSR) & 0xf0).isEqualTo(0x90);
        out(DATA, 0x5a);
        assertThat(in(LSR) & 1).isEqualTo(1);
        assertThat(in(DATA)).isEqualTo(0x5a);
        output.flush(1000);
        assertThat(host.size()).isZero();
    }

    @Test
    void overrun_withoutFifo_isReportedOnce() {
        out(MCR, 0x10);
        out(IER, 4);
        out(DATA, 1);
        out(DATA, 2);
        assertThat(in(IIR)).isEqualTo(0x06);
        assertThat(in(LSR)).isEqualTo(0x63);
        assertThat(in(LSR)).isEqualTo(0x61);
        assertThat(in(DATA)).isEqualTo(2);
    }

    @Test
    void breakReceived_isALineStatusInterrupt() {
        open();
        out(IER, 4);
        serial.receiveBreak();
        assertThat(in(IIR)).isEqualTo(0x06);
        assertThat(in(LSR)).isEqualTo(0x71);
        assertThat(in(DATA)).isZero();
        assertThat(in(IIR)).isEqualTo(0x01);
    }

    @Test
    void modemDelta_isReadOnce() {
        out(MCR, 0x10);
        assertThat(in(MSR)).isEqualTo(0x0b);
        assertThat(in(MSR)).isZero();
    }

    @Test
    void interrupt_withoutOut2_staysOffTheWire() {
        out(IER, 2);
        assertThat(in(IIR)).isEqualTo(2);
        assertThat(line.takeRises()).isZero();
    }

    @Nested
    class Snapshot extends SnapshotContract<Serial, SerialState> {
        @Override
        protected Serial create() {
            return new Serial(new RecordingLine(), output, timers);
        }

        @Override
        protected void use(Serial device) {
            device.write(LCR, 1, 0x83);
            device.write(DATA, 2, 0x0101);
            device.write(LCR, 1, 0x03);
            device.write(FCR, 1, 0x81);
            device.write(MCR, 1, 0x0b);
            device.write(IER, 1, 3);
            device.write(SCR, 1, 0x77);
            device.receive(new byte[40]);
        }

        @Override
        protected void change(Serial device) {
            device.read(DATA, 1);
            device.write(FCR, 1, 0x03);
            device.write(IER, 1, 0);
            device.write(MCR, 1, 0x1f);
        }

        @Override
        protected SerialState state(Serial device) {
            return device.state();
        }

        @Override
        protected void restore(Serial device, SerialState state) {
            device.restore(state);
        }
    }
}
