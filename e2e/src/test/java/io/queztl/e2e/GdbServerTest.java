package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.SoftwareAccelerator;
import io.queztl.vmm.builder.VirtualMachine;
import io.queztl.vmm.builder.VmBuilder;
import io.queztl.vmm.config.VmConfig;
import io.queztl.vmm.gdb.GdbServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A debugger's side of the remote protocol, against a guest of a few instructions. */
@Timeout(60)
class GdbServerTest {
    /** mov al, 21; out 0xf4, al; hlt; jmp -3 */
    private static final String CODE = "b015e6f4f4ebfd";

    private static final long ENTRY = 0x10_0020;

    @TempDir Path folder;

    /** Speaks the protocol; every packet it sends is acknowledged by '+'. */
    private static final class Debugger implements AutoCloseable {
        private final Socket socket;
        private final InputStream in;
        private final OutputStream out;

        Debugger(int port) throws IOException {
            socket = new Socket(InetAddress.getLoopbackAddress(), port);
            in = socket.getInputStream();
            out = socket.getOutputStream();
        }

        void send(String packet) throws IOException {
            int sum = packet.chars().sum() & 0xff;
            out.write("$%s#%02x".formatted(packet, sum).getBytes(StandardCharsets.US_ASCII));
            out.flush();
        }

        String receive() throws IOException {
            StringBuilder text = new StringBuilder();
            int b;
            while ((b = in.read()) != '$') {
                assertThat(b).isNotNegative();
            }
            while ((b = in.read()) != '#') {
                assertThat(b).isNotNegative();
                text.append((char) b);
            }
            in.skipNBytes(2);
            out.write('+');
            return text.toString();
        }

        String ask(String packet) throws IOException {
            send(packet);
            return receive();
        }

        long rip() throws IOException {
            return Long.reverseBytes(Long.parseUnsignedLong(ask("p10"), 16));
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private VirtualMachine machine() throws IOException {
        VmConfig config =
                VmConfig.of(TinyKernel.DEBUG_EXIT.write(folder))
                        .withMemory(4 << 20)
                        .withDebugExit(true);
        return new VmBuilder(config, new SoftwareAccelerator()).build();
    }

    @Test
    void debugger_readsStepsAndStopsAtBreakpoints() throws Exception {
        try (VirtualMachine vm = machine()) {
            GdbServer server = vm.debug(0);
            vm.startPaused();
            try (Debugger gdb = new Debugger(server.port())) {
                assertThat(gdb.ask("?")).isEqualTo("T05thread:1;");
                assertThat(gdb.ask("qXfer:features:read:target.xml:0,40")).startsWith("m<?xml");
                assertThat(gdb.rip()).isEqualTo(ENTRY);
                assertThat(gdb.ask("m100020,7")).isEqualTo(CODE);
                assertThat(gdb.ask("m90000000,8")).isEqualTo("E14");

                assertThat(gdb.ask("vCont;s:1")).isEqualTo("T05thread:1;");
                assertThat(gdb.rip()).isEqualTo(ENTRY + 2);
                assertThat(gdb.ask("p0")).startsWith("15");

                assertThat(gdb.ask("P0=1600000000000000")).isEqualTo("OK");
                assertThat(gdb.ask("Z0,100024,1")).isEqualTo("OK");
                assertThat(gdb.ask("P10=2000100000000000")).isEqualTo("OK");
                assertThat(gdb.ask("M100022,2:9090")).isEqualTo("OK");
                assertThat(gdb.ask("c")).isEqualTo("T05thread:1;");
                assertThat(gdb.rip()).isEqualTo(ENTRY + 4);
                assertThat(gdb.ask("M100024,4:b01e e6f4".replace(" ", ""))).isEqualTo("OK");
                gdb.send("c");
            }
            assertThat(vm.awaitExit().toString()).contains("61");
        }
    }

    @Test
    void malformedPackets_areRefusedAndTheGuestGoesOn() throws Exception {
        try (VirtualMachine vm = machine()) {
            GdbServer server = vm.debug(0);
            vm.startPaused();
            try (Debugger gdb = new Debugger(server.port())) {
                assertThat(gdb.ask("mxyz,zz")).isEqualTo("E01");
                assertThat(gdb.ask("P99")).isEqualTo("E01");
                assertThat(gdb.ask("M100000,1:zz")).isEqualTo("E01");
                assertThat(gdb.ask("qXfer:features:read:target.xml:-1,9")).isEqualTo("E01");
                assertThat(gdb.ask("m0,-5")).isEqualTo("E01");
                assertThat(gdb.ask("unknown")).isEmpty();
                assertThat(gdb.ask("D")).isEqualTo("OK");
            }
            assertThat(vm.awaitExit().toString()).contains("43");
        }
    }
}
