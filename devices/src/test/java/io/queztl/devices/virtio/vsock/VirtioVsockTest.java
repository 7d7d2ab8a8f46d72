package io.queztl.devices.virtio.vsock;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.VirtioDeviceContract;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.testkit.virtio.VirtqueueDriver.Buffer;
import io.queztl.testkit.virtio.VirtqueueDriver.Used;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VirtioVsockTest extends VirtioDeviceContract {
    private static final long ALL = 0xff_ffffL;
    private static final int CID = 33;
    private static final int GUEST = 5000;
    private static final int HOST = 1024;
    private static final long IN = DATA + 0x1_0000;

    @TempDir Path folder = Path.of("");
    private final List<AutoCloseable> open = new ArrayList<>();
    private ServerSocketChannel server;

    @BeforeEach
    void listen() throws IOException {
        server = opened(ServerSocketChannel.open(StandardProtocolFamily.UNIX));
        var ignored = server.bind(UnixDomainSocketAddress.of(folder.resolve("v_" + HOST)));
    }

    private <T extends AutoCloseable> T opened(T resource) {
        boolean ignored = open.add(resource);
        return resource;
    }

    @AfterEach
    void closeSockets() throws Exception {
        for (AutoCloseable resource : open) {
            resource.close();
        }
    }

    @Override
    protected VirtioDevice create(GuestMemory ram) throws Exception {
        return new VirtioVsock("vsock", ram, CID, folder.resolve("v"));
    }

    @Override
    protected Object state(VirtioDevice d) {
        return ((VirtioVsock) d).state();
    }

    @Override
    protected void restore(VirtioDevice d, Object state) {
        ((VirtioVsock) d).restore((VirtioVsockState) state);
    }

    @Override
    protected int requestQueue() {
        return VsockLayout.FROM_GUEST;
    }

    /** By chance of the hostile driver's random bytes, packets of connections. */
    @Override
    protected List<Buffer> request() {
        memory.write64(DATA, CID);
        memory.write64(DATA + 8, 2);
        memory.write32(DATA + 20, HOST);
        memory.write16(DATA + 28, 1);
        memory.write32(DATA + 36, 1 << 16);
        return List.of(new Buffer(DATA, 44, false), new Buffer(DATA + 44, 100, false));
    }

    private void send(int hostPort, int operation, int flags, int length, int alloc, int forwarded)
            throws Exception {
        memory.write64(DATA, CID);
        memory.write64(DATA + 8, 2);
        memory.write32(DATA + 16, GUEST);
        memory.write32(DATA + 20, hostPort);
        memory.write32(DATA + 24, length);
        memory.write16(DATA + 28, 1);
        memory.write16(DATA + 30, operation);
        memory.write32(DATA + 32, flags);
        memory.write32(DATA + 36, alloc);
        memory.write32(DATA + 40, forwarded);
        List<Buffer> chain = new ArrayList<>(List.of(new Buffer(DATA, 44, false)));
        if (length > 0) {
            chain.add(new Buffer(DATA + 0x1000, length, false));
        }
        int id = queues[VsockLayout.FROM_GUEST].add(chain);
        registers.notifyQueue(VsockLayout.FROM_GUEST);
        assertThat(await(VsockLayout.FROM_GUEST).id()).isEqualTo(id);
    }

    private void send(int operation) throws Exception {
        send(HOST, operation, 0, 0, 1 << 16, 0);
    }

    /** A packet that came to the guest. */
    private record Packet(
            int hostPort, int operation, int flags, int alloc, int forwarded, String data) {}

    private Packet receive() throws Exception {
        int ignored =
                queues[VsockLayout.TO_GUEST].add(
                        List.of(new Buffer(IN, 44, true), new Buffer(IN + 44, 4096, true)));
        registers.notifyQueue(VsockLayout.TO_GUEST);
        Used used = await(VsockLayout.TO_GUEST);
        assertThat(memory.read64(IN + 8)).isEqualTo(CID);
        assertThat(memory.read32(IN + 24)).isEqualTo(used.written() - 44);
        byte[] data = new byte[used.written() - 44];
        memory.read(IN + 44, data, 0, data.length);
        return new Packet(
                memory.read32(IN + 16),
                memory.read16(IN + 30),
                memory.read32(IN + 32),
                memory.read32(IN + 36),
                memory.read32(IN + 40),
                new String(data, StandardCharsets.US_ASCII));
    }

    private SocketChannel connected() throws Exception {
        start(ALL);
        send(VsockLayout.REQUEST);
        SocketChannel host = opened(server.accept());
        Packet response = receive();
        assertThat(response.operation()).isEqualTo(VsockLayout.RESPONSE);
        assertThat(response.hostPort()).isEqualTo(HOST);
        assertThat(response.alloc()).isEqualTo(VsockConnection.WINDOW);
        return host;
    }

    private static void write(SocketChannel channel, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
        while (bytes.hasRemaining()) {
            int ignored = channel.write(bytes);
        }
    }

    private static String read(SocketChannel channel, int bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(bytes);
        while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
            // Until all is there or the end.
        }
        return new String(buffer.array(), 0, buffer.position(), StandardCharsets.US_ASCII);
    }

    @Test
    void guestConnects_bytesGoBothWays() throws Exception {
        SocketChannel host = connected();
        memory.write(DATA + 0x1000, "from the guest".getBytes(StandardCharsets.US_ASCII));
        send(HOST, VsockLayout.RW, 0, 14, 1 << 16, 0);
        assertThat(read(host, 14)).isEqualTo("from the guest");
        write(host, "from the host");
        Packet packet = receive();
        assertThat(packet.operation()).isEqualTo(VsockLayout.RW);
        assertThat(packet.data()).isEqualTo("from the host");
        assertThat(packet.forwarded()).isEqualTo(14);
    }

    @Test
    void guestConnects_whereNobodyListens_isReset() throws Exception {
        start(ALL);
        send(HOST + 1, VsockLayout.REQUEST, 0, 0, 1 << 16, 0);
        Packet packet = receive();
        assertThat(packet.operation()).isEqualTo(VsockLayout.RST);
        assertThat(packet.hostPort()).isEqualTo(HOST + 1);
    }

    @Test
    void packets_ofNoConnection_areResetAndResetsAreNot() throws Exception {
        start(ALL);
        for (int operation : new int[] {0, 2, 4, 5, 6, 7, 77}) {
            send(operation);
            assertThat(receive().operation()).isEqualTo(VsockLayout.RST);
        }
        send(VsockLayout.RST);
        send(99);
        assertThat(receive().operation()).isEqualTo(VsockLayout.RST);
        assertThat(queues[VsockLayout.TO_GUEST].poll()).isNull();
    }

    @Test
    void hostSends_onlyAsFarAsTheGuestHasRoom() throws Exception {
        start(ALL);
        send(HOST, VsockLayout.REQUEST, 0, 0, 10, 0);
        SocketChannel host = opened(server.accept());
        Packet response = receive();
        assertThat(response.operation()).isEqualTo(VsockLayout.RESPONSE);
        write(host, "0123456789abcdef");
        assertThat(receive().data()).isEqualTo("0123456789");
        send(HOST, VsockLayout.CREDIT_UPDATE, 0, 0, 10, 4);
        assertThat(receive().data()).isEqualTo("abcd");
        send(HOST, VsockLayout.CREDIT_REQUEST, 0, 0, 10, 4);
        assertThat(receive().operation()).isEqualTo(VsockLayout.CREDIT_UPDATE);
        send(HOST, VsockLayout.CREDIT_UPDATE, 0, 0, 10, 14);
        assertThat(receive().data()).isEqualTo("ef");
    }

    @Test
    void guestSends_moreThanThereIsRoomFor_isReset() throws Exception {
        SocketChannel host = connected();
        int packet = 32 << 10;
        long sent = 0;
        // The socket takes some, the window the rest; then a guest must wait.
        while (((VirtioVsock) device).connections() > 0 && sent < 64 << 20) {
            send(HOST, VsockLayout.RW, 0, packet, 1 << 16, 0);
            sent += packet;
        }
        Packet answer = receive();
        while (answer.operation() == VsockLayout.CREDIT_UPDATE) {
            answer = receive();
        }
        assertThat(answer.operation()).isEqualTo(VsockLayout.RST);
        assertThat(host.isOpen()).isTrue();
    }

    @Test
    void slowHost_guestWaitsForCredit_nothingIsLost() throws Exception {
        SocketChannel host = connected();
        byte[] text = new byte[4 << 20];
        for (int i = 0; i < text.length; i++) {
            text[i] = (byte) ('a' + i % 23);
        }
        Thread reader = Thread.ofPlatform().daemon().start(() -> readSlowly(host, text.length));
        int window = VsockConnection.WINDOW;
        int forwarded = 0;
        int sent = 0;
        while (sent < text.length) {
            int n = Math.min(10_000, Math.min(text.length - sent, window - (sent - forwarded)));
            if (n > 0) {
                memory.write(DATA + 0x1000, Arrays.copyOfRange(text, sent, sent + n));
                send(HOST, VsockLayout.RW, 0, n, 1 << 16, 0);
                sent += n;
            } else {
                Packet packet = receive();
                assertThat(packet.operation()).isEqualTo(VsockLayout.CREDIT_UPDATE);
                forwarded = packet.forwarded();
            }
        }
        reader.join();
        assertThat(got).isEqualTo(text);
    }

    private byte[] got = new byte[0];

    private void readSlowly(SocketChannel host, int bytes) {
        try {
            Thread.sleep(50);
            got = read(host, bytes).getBytes(StandardCharsets.US_ASCII);
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void shutdown_endsOneDirectionThenBoth() throws Exception {
        SocketChannel host = connected();
        memory.write(DATA + 0x1000, "last".getBytes(StandardCharsets.US_ASCII));
        send(HOST, VsockLayout.RW, 0, 4, 1 << 16, 0);
        send(HOST, VsockLayout.SHUTDOWN, VsockLayout.NO_SEND, 0, 1 << 16, 0);
        assertThat(read(host, 100)).isEqualTo("last");
        write(host, "answer");
        SocketChannel ignored = host.shutdownOutput();
        assertThat(receive().data()).isEqualTo("answer");
        Packet end = receive();
        assertThat(end.operation()).isEqualTo(VsockLayout.SHUTDOWN);
        assertThat(end.flags()).isEqualTo(VsockLayout.NO_SEND);
        send(HOST, VsockLayout.SHUTDOWN, 3, 0, 1 << 16, 0);
        assertThat(receive().operation()).isEqualTo(VsockLayout.RST);
        assertThat(((VirtioVsock) device).connections()).isZero();
    }

    private SocketChannel dial(String greeting) throws IOException {
        SocketChannel host = opened(SocketChannel.open(StandardProtocolFamily.UNIX));
        boolean ignored = host.connect(UnixDomainSocketAddress.of(folder.resolve("v")));
        write(host, greeting);
        return host;
    }

    @Test
    void hostConnects_guestAcceptsOrRefuses() throws Exception {
        start(ALL);
        SocketChannel host = dial("CONNECT 5000\nearly");
        Packet request = receive();
        assertThat(request.operation()).isEqualTo(VsockLayout.REQUEST);
        int port = request.hostPort();
        send(port, VsockLayout.RESPONSE, 0, 0, 1 << 16, 0);
        assertThat(read(host, 3)).isEqualTo("OK ");
        assertThat(read(host, 11)).isEqualTo(port + "\n");
        assertThat(receive().data()).isEqualTo("early");

        SocketChannel refused = dial("CONNECT 5000\n");
        Packet again = receive();
        assertThat(again.operation()).isEqualTo(VsockLayout.REQUEST);
        assertThat(again.hostPort()).isNotEqualTo(port);
        send(again.hostPort(), VsockLayout.RST, 0, 0, 0, 0);
        assertThat(read(refused, 1)).isEmpty();
    }

    @Test
    void hostConnects_withAnotherGreetingOrWithoutGuest_isClosed() throws Exception {
        assertRefused("CONNECT 5000\n");
        start(ALL);
        for (String wrong :
                List.of("\n", "CONNECT\n", "CONNECT 99999999999\n", "HELLO 1\n", "x".repeat(40))) {
            assertRefused(wrong);
        }
    }

    private void assertRefused(String greeting) {
        String read;
        try {
            read = read(dial(greeting), 1);
        } catch (IOException e) {
            read = "";
        }
        assertThat(read).isEmpty();
    }

    @Test
    void connections_beyondTheLimit_areReset_andAResetEndsAll() throws Exception {
        start(ALL);
        for (int i = 0; i < VirtioVsock.MAX_CONNECTIONS; i++) {
            SocketChannel host = dial("CONNECT %d\n".formatted(i));
            assertThat(receive().operation()).isEqualTo(VsockLayout.REQUEST);
            assertThat(host.isOpen()).isTrue();
        }
        send(VsockLayout.REQUEST);
        assertThat(receive().operation()).isEqualTo(VsockLayout.RST);
        registers.reset();
        assertThat(((VirtioVsock) device).connections()).isZero();
    }

    @Test
    void restore_withConnections_tellsTheGuestThatTheyAreGone() throws Exception {
        SocketChannel host = connected();
        Object saved = state(device);
        restore(device, saved);
        assertThat(state(device)).isEqualTo(saved);
        assertThat(read(host, 1)).isEmpty();
        int ignored = queues[VsockLayout.EVENTS].add(List.of(new Buffer(IN, 4, true)));
        registers.notifyQueue(VsockLayout.EVENTS);
        assertThat(await(VsockLayout.EVENTS).written()).isEqualTo(4);
        assertThat(memory.read32(IN)).isZero();
        assertThat(((VirtioVsockState) state(device)).connectionsLost()).isFalse();
    }

    @Test
    void sockets_arePrivateAndRemoved() throws Exception {
        Path path = folder.resolve("v");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                .isEqualTo("rw-------");
        device.close();
        assertThat(Files.exists(path)).isFalse();
        assertThat(registers.config(0, 8)).isEqualTo(CID);
    }
}
