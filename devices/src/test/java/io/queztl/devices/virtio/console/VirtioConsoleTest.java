package io.queztl.devices.virtio.console;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.VirtioDeviceContract;
import io.queztl.devices.virtio.VirtioPciState;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.testkit.virtio.VirtqueueDriver.Buffer;
import io.queztl.testkit.virtio.VirtqueueDriver.Used;
import java.io.ByteArrayOutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VirtioConsoleTest extends VirtioDeviceContract {
    private static final long ALL = 0xff_ffffL;
    private static final int CONTROL_IN = 2;
    private static final int CONTROL_OUT = 3;
    private static final int PORT_1_IN = 4;
    private static final int PORT_1_OUT = 5;

    @TempDir Path folder = Path.of("");

    private final ConsolePort console = ConsolePort.console();
    private final ConsolePort agent = ConsolePort.named("org.example.agent");

    @Override
    protected VirtioDevice create(GuestMemory ram) {
        return new VirtioConsole("console", ram, List.of(console, agent));
    }

    @Override
    protected Object state(VirtioDevice d) {
        return ((VirtioConsole) d).state();
    }

    @Override
    protected void restore(VirtioDevice d, Object state) {
        ((VirtioConsole) d).restore((VirtioConsoleState) state);
    }

    @Override
    protected List<Buffer> request() {
        return List.of(new Buffer(DATA, 8, false), new Buffer(DATA + 100, 5000, false));
    }

    @Override
    protected int requestQueue() {
        return 1;
    }

    /** Takes a limited number of bytes at a time. */
    private static final class Sink implements PortOutput {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private int room;

        @Override
        public synchronized int write(byte[] source, int start, int length) {
            int n = Math.min(room, length);
            bytes.write(source, start, n);
            room -= n;
            return n;
        }

        synchronized void allow(int more) {
            room += more;
        }

        synchronized byte[] taken() {
            return bytes.toByteArray();
        }
    }

    private void tell(int port, int event, int value) throws Exception {
        memory.write32(DATA, port);
        memory.write16(DATA + 4, event);
        memory.write16(DATA + 6, value);
        int id = queues[CONTROL_OUT].add(List.of(new Buffer(DATA, 8, false)));
        registers.notifyQueue(CONTROL_OUT);
        assertThat(await(CONTROL_OUT).id()).isEqualTo(id);
    }

    /** The next control message, as text. */
    private String hear() throws Exception {
        long at = DATA + 0x1000;
        int ignored = queues[CONTROL_IN].add(List.of(new Buffer(at, 64, true)));
        registers.notifyQueue(CONTROL_IN);
        Used used = await(CONTROL_IN);
        String text = memory.read32(at) + ":" + memory.read16(at + 4) + "=" + memory.read16(at + 6);
        if (memory.read16(at + 4) == ConsoleLayout.RESIZE) {
            text += " " + memory.read16(at + 8) + "x" + memory.read16(at + 10);
        } else if (used.written() > 8) {
            byte[] name = new byte[used.written() - 8];
            memory.read(at + 8, name, 0, name.length);
            text += " " + new String(name, StandardCharsets.UTF_8);
        }
        return text;
    }

    private String read(int queue, int bytes) throws Exception {
        long at = DATA + 0x2000;
        int ignored = queues[queue].add(List.of(new Buffer(at, bytes, true)));
        registers.notifyQueue(queue);
        Used used = await(queue);
        byte[] text = new byte[used.written()];
        memory.read(at, text, 0, text.length);
        return new String(text, StandardCharsets.ISO_8859_1);
    }

    private void handshake() throws Exception {
        start(ALL);
        tell(0, ConsoleLayout.DEVICE_READY, 1);
        assertThat(hear()).isEqualTo("0:1=1");
        assertThat(hear()).isEqualTo("1:1=1");
        tell(1, ConsoleLayout.PORT_READY, 1);
        assertThat(hear()).isEqualTo("1:7=1 org.example.agent");
    }

    private static int send(ConsolePort port, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        return port.send(bytes, 0, bytes.length);
    }

    @Test
    void console_isAnnouncedWithItsSize() throws Exception {
        console.resize(80, 25);
        handshake();
        tell(0, ConsoleLayout.PORT_READY, 1);
        assertThat(hear()).isEqualTo("0:4=1");
        assertThat(hear()).isEqualTo("0:5=1 80x25");
        console.resize(100, 40);
        assertThat(hear()).isEqualTo("0:5=1 100x40");
        assertThat(registers.config(0, 4)).isEqualTo(40 << 16 | 100);
        assertThat(registers.config(4, 4)).isEqualTo(2);
    }

    @Test
    void bytes_waitUntilBothSidesAreOpen() throws Exception {
        handshake();
        agent.open(PortOutput.DISCARD);
        assertThat(send(agent, "hello")).isEqualTo(5);
        assertThat(hear()).isEqualTo("1:6=1");
        assertThat(agent.guestOpen()).isFalse();
        tell(1, ConsoleLayout.PORT_OPEN, 1);
        assertThat(agent.guestOpen()).isTrue();
        assertThat(read(PORT_1_IN, 3)).isEqualTo("hel");
        assertThat(read(PORT_1_IN, 3)).isEqualTo("lo");
    }

    @Test
    void hostThatLeft_closesOnceItsBytesAreRead() throws Exception {
        handshake();
        agent.open(PortOutput.DISCARD);
        int ignored = send(agent, "bye");
        agent.close();
        tell(1, ConsoleLayout.PORT_OPEN, 1);
        assertThat(hear()).isEqualTo("1:6=1");
        assertThat(read(PORT_1_IN, 8)).isEqualTo("bye");
        assertThat(hear()).isEqualTo("1:6=0");
        agent.open(PortOutput.DISCARD);
        assertThat(hear()).isEqualTo("1:6=1");
        int more = send(agent, "old");
        assertThat(more).isEqualTo(3);
        agent.close();
        agent.open(PortOutput.DISCARD);
        assertThat(hear()).isEqualTo("1:6=0");
        assertThat(hear()).isEqualTo("1:6=1");
        assertThat(send(agent, "new")).isEqualTo(3);
        assertThat(read(PORT_1_IN, 8)).isEqualTo("new");
    }

    @Test
    void guestThatDoesNotRead_holdsTheHostBack() throws Exception {
        byte[] much = new byte[ConsolePort.INPUT_BYTES];
        assertThat(console.send(much, 0, much.length)).isEqualTo(much.length);
        assertThat(console.send(much, 0, much.length)).isZero();
        assertThat(console.awaitRoom(1)).isFalse();
        start(0);
        int got = 0;
        for (int i = 0; i < 17; i++) {
            got += read(0, 4000).length();
        }
        assertThat(console.awaitRoom(1)).isTrue();
        assertThat(got).isEqualTo(much.length);
    }

    @Test
    void hostThatDoesNotRead_holdsTheGuestBack_andLosesNothing() throws Exception {
        handshake();
        Sink sink = new Sink();
        agent.open(sink);
        byte[] text = new byte[9000];
        for (int i = 0; i < text.length; i++) {
            text[i] = (byte) (i * 7);
        }
        memory.write(DATA + 0x4000, text);
        int id =
                queues[PORT_1_OUT].add(
                        List.of(
                                new Buffer(DATA + 0x4000, 1000, false),
                                new Buffer(DATA + 0x4000 + 1000, 8000, false)));
        registers.notifyQueue(PORT_1_OUT);
        for (int more : new int[] {10, 4096, 1, 3000}) {
            sink.allow(more);
            agent.outputReady();
            Thread.sleep(5);
            assertThat(queues[PORT_1_OUT].poll()).isNull();
        }
        Object saved = state(device);
        VirtioPciState bus = pci.state();
        registers.reset();
        restore(device, saved);
        pci.restore(bus);
        assertThat(state(device)).isEqualTo(saved);
        device.resume();
        sink.allow(1 << 20);
        agent.outputReady();
        assertThat(await(PORT_1_OUT).id()).isEqualTo(id);
        assertThat(sink.taken()).isEqualTo(text);
    }

    @Test
    void stalledHost_doesNotHoldOtherPortsOrAReset() throws Exception {
        handshake();
        agent.open(new Sink());
        int ignored = queues[PORT_1_OUT].add(request());
        registers.notifyQueue(PORT_1_OUT);
        int id = queues[1].add(request());
        registers.notifyQueue(1);
        assertThat(await(1).id()).isEqualTo(id);
        registers.reset();
        handshake();
    }

    @Test
    void socket_isPrivateAndCarriesBytesBothWays() throws Exception {
        Path path = folder.resolve("agent.sock");
        handshake();
        tell(1, ConsoleLayout.PORT_OPEN, 1);
        try (PortSocket socket = new PortSocket(agent, path)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                    .isEqualTo("rw-------");
            for (int round = 0; round < 2; round++) {
                try (SocketChannel host = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                    boolean connected = host.connect(UnixDomainSocketAddress.of(path));
                    assertThat(connected).isTrue();
                    assertThat(hear()).isEqualTo("1:6=1");
                    int sent = host.write(ByteBuffer.wrap(new byte[] {'a', 'b', 'c'}));
                    assertThat(sent).isEqualTo(3);
                    assertThat(read(PORT_1_IN, 8)).isEqualTo("abc");
                    memory.write(DATA + 0x4000, "reply".getBytes(StandardCharsets.US_ASCII));
                    int id = queues[PORT_1_OUT].add(List.of(new Buffer(DATA + 0x4000, 5, false)));
                    registers.notifyQueue(PORT_1_OUT);
                    assertThat(await(PORT_1_OUT).id()).isEqualTo(id);
                    ByteBuffer answer = ByteBuffer.allocate(5);
                    while (answer.hasRemaining() && host.read(answer) >= 0) {
                        // Until it is there.
                    }
                    assertThat(new String(answer.array(), StandardCharsets.US_ASCII))
                            .isEqualTo("reply");
                }
                assertThat(hear()).isEqualTo("1:6=0");
            }
            assertThat(socket).isNotNull();
        }
        assertThat(Files.exists(path)).isFalse();
        try (var left = Files.list(folder)) {
            assertThat(new ArrayList<>(left.toList())).isEmpty();
        }
    }

    @Test
    void socket_whereSomethingIs_isRefusedUnlessItIsDead() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "x");
        assertThat(error(file)).contains("not a socket");
        assertThat(file).hasContent("x");
        Path path = folder.resolve("s");
        try (PortSocket socket = new PortSocket(ConsolePort.named("x"), path)) {
            assertThat(socket).isNotNull();
            assertThat(error(path)).contains("another process listens");
        }
        try (var dead = java.nio.channels.ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            var ignored = dead.bind(UnixDomainSocketAddress.of(path));
        }
        new PortSocket(ConsolePort.named("x"), path).close();
        assertThat(error(folder.resolve("none").resolve("s"))).contains("no folder");
        assertThat(error(folder.resolve("x".repeat(120)))).contains("107 bytes");
    }

    private static String error(Path path) {
        try (PortSocket socket = new PortSocket(ConsolePort.named("x"), path)) {
            return "no error, but " + socket;
        } catch (java.io.IOException e) {
            return String.valueOf(e.getMessage());
        }
    }
}
