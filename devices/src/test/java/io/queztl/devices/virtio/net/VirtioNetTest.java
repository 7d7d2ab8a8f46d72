package io.queztl.devices.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.net.FakeBackend;
import io.queztl.devices.net.MacAddress;
import io.queztl.devices.net.NetworkBackend;
import io.queztl.devices.net.NetworkBackend.Offloads;
import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.VirtioDeviceContract;
import io.queztl.devices.virtio.VirtioFeatures;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.testkit.virtio.VirtqueueDriver.Buffer;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VirtioNetTest extends VirtioDeviceContract {
    private static final long ALL = 0xff_ffffL;
    private static final long MAC = 0x06_51_00_00_00_01L;
    private static final long GROUP = 0x01_00_5e_00_00_07L;
    private static final int PAIRS = 2;
    private static final int CONTROL = 2 * PAIRS;
    private static final byte[] OWN = mac(MAC);

    private final FakeBackend backend = new FakeBackend(PAIRS);
    private @Nullable Thread traffic;

    @Override
    protected VirtioDevice create(GuestMemory ram) {
        return new VirtioNet("net", ram, backend, new MacAddress(MAC), 1400, PAIRS);
    }

    @Override
    protected Object state(VirtioDevice d) {
        return ((VirtioNet) d).state();
    }

    @Override
    protected void restore(VirtioDevice d, Object state) {
        ((VirtioNet) d).restore((VirtioNetState) state);
    }

    @Override
    protected int requestQueue() {
        return 1;
    }

    /** A packet to send that, by mistake, can also hold one that is received. */
    @Override
    protected List<Buffer> request() {
        return List.of(
                new Buffer(DATA, 12, false),
                new Buffer(DATA + 64, 100, false),
                new Buffer(DATA + 256, 90, true));
    }

    /** In the tests of the contract there is always a packet for the guest. */
    @Override
    protected void start(long features) {
        if (traffic == null) {
            traffic = Thread.ofPlatform().daemon().start(this::deliverAlways);
        }
        super.start(features);
    }

    private void startQuiet(long features) {
        super.start(features);
    }

    private void deliverAlways() {
        ByteBuffer packet = ByteBuffer.wrap(packet(OWN, 60));
        try {
            while (true) {
                while (backend.started() && backend.receiver().deliver(packet.duplicate())) {}
                boolean ignored = backend.ready.tryAcquire(10, TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @AfterEach
    void endTraffic() throws Exception {
        Thread t = traffic;
        if (t != null) {
            t.interrupt();
            t.join();
        }
    }

    private static byte[] mac(long value) {
        return Arrays.copyOfRange(ByteBuffer.allocate(8).putLong(value).array(), 2, 8);
    }

    /** A packet with an empty header for a station. */
    private static byte[] packet(byte[] target, int frame) {
        byte[] bytes = new byte[NetworkBackend.HEADER_BYTES + frame];
        System.arraycopy(target, 0, bytes, NetworkBackend.HEADER_BYTES, 6);
        for (int i = NetworkBackend.HEADER_BYTES + 14; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 7);
        }
        return bytes;
    }

    private boolean deliver(byte[] packet) {
        return backend.receiver().deliver(ByteBuffer.wrap(packet));
    }

    private byte[] ram(long address, int bytes) {
        byte[] copy = new byte[bytes];
        memory.read(address, copy, 0, bytes);
        return copy;
    }

    private int addReceive(long address, int bytes) {
        return queues[0].add(List.of(new Buffer(address, bytes, true)));
    }

    private int command(int group, int command, byte[] data) throws Exception {
        int queue = negotiatedQueues ? CONTROL : 2;
        memory.write8(DATA + 0x8000, group);
        memory.write8(DATA + 0x8001, command);
        memory.write(DATA + 0x8010, data);
        memory.write8(DATA + 0x8800, 0xee);
        List<Buffer> chain = new ArrayList<>();
        chain.add(new Buffer(DATA + 0x8000, 2, false));
        if (data.length > 0) {
            chain.add(new Buffer(DATA + 0x8010, data.length, false));
        }
        chain.add(new Buffer(DATA + 0x8800, 1, true));
        int id = queues[queue].add(chain);
        registers.notifyQueue(queue);
        assertThat(await(queue).id()).isEqualTo(id);
        return memory.read8(DATA + 0x8800);
    }

    private boolean negotiatedQueues = true;

    @Test
    void config_showsMacStatusPairsAndMtu() {
        assertThat(ram(0, 0)).isEmpty();
        byte[] shown = new byte[6];
        for (int i = 0; i < 6; i++) {
            shown[i] = (byte) registers.config(i, 1);
        }
        assertThat(shown).isEqualTo(OWN);
        assertThat(registers.config(6, 2)).isEqualTo(1);
        assertThat(registers.config(8, 2)).isEqualTo(PAIRS);
        assertThat(registers.config(10, 2)).isEqualTo(1400);
    }

    @Test
    void offloads_ofTheBackend_decideWhatIsOffered() {
        assertThat(registers.offered() & 0x3801).isEqualTo(0x3801);
        backend.able = new Offloads(true, true, false, false);
        assertThat(registers.offered() & 0x3801).isEqualTo(0x0801);
        backend.able = new Offloads(false, true, true, true);
        assertThat(registers.offered() & 0x3801).isZero();
    }

    @Test
    void offloads_ofTheDriver_areToldToTheBackendUntilReset() throws Exception {
        startQuiet(ALL & ~NetLayout.F_GUEST_TSO6);
        assertThat(backend.guest).isEqualTo(new Offloads(true, true, false, true));
        byte[] checksum = {2, 0, 0, 0, 0, 0, 0, 0};
        assertThat(command(5, 0, checksum)).isZero();
        assertThat(backend.guest).isEqualTo(new Offloads(true, false, false, false));
        byte[] tcp6 = {2, 1, 0, 0, 0, 0, 0, 0};
        assertThat(command(5, 0, tcp6)).as("not negotiated").isEqualTo(1);
        registers.reset();
        assertThat(backend.guest).isEqualTo(Offloads.NONE);
    }

    @Test
    void sentPackets_arriveWholeAndInOrder() throws Exception {
        startQuiet(ALL);
        byte[] first = packet(OWN, 1000);
        byte[] second = packet(mac(GROUP), 60_000);
        memory.write(DATA, first);
        memory.write(DATA + 0x10000, second);
        int one =
                queues[1].add(
                        List.of(new Buffer(DATA, 12, false), new Buffer(DATA + 12, 1000, false)));
        int two =
                queues[1].add(
                        List.of(
                                new Buffer(DATA + 0x10000, 30_000, false),
                                new Buffer(DATA + 0x10000 + 30_000, 30_012, false)));
        registers.notifyQueue(1);
        assertThat(await(1)).extracting("id", "written").containsExactly(one, 0);
        assertThat(await(1).id()).isEqualTo(two);
        assertThat(backend.sent.poll(10, TimeUnit.SECONDS)).isEqualTo(first);
        assertThat(backend.sent.poll(10, TimeUnit.SECONDS)).isEqualTo(second);
        assertThat(backend.flushed).isPositive();
    }

    @Test
    void sentPackets_tooShortOrTooLong_areDropped() throws Exception {
        startQuiet(ALL);
        for (int bytes : new int[] {0, 12, 25, NetworkBackend.MAX_PACKET_BYTES + 1}) {
            int id = queues[1].add(List.of(new Buffer(DATA, bytes, false)));
            registers.notifyQueue(1);
            assertThat(await(1).id()).isEqualTo(id);
        }
        assertThat(backend.sent).isEmpty();
        assertThat(device.errors()).isEqualTo(4);
        assertThat(device.live()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, VirtioFeatures.PACKED_RING, VirtioFeatures.EVENT_INDEX})
    void receivedPacket_largerThanABuffer_isMerged(long ring) throws Exception {
        startQuiet(ALL | ring);
        byte[] packet = packet(OWN, 3000);
        int[] ids = new int[3];
        ids[0] = addReceive(DATA, 1000);
        ids[1] = addReceive(DATA + 0x1000, 1000);
        assertThat(deliver(packet)).as("two buffers of three").isFalse();
        backend.ready.drainPermits();
        ids[2] = addReceive(DATA + 0x2000, 1500);
        registers.notifyQueue(0);
        assertThat(backend.ready.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
        assertThat(deliver(packet)).isTrue();
        int[] written = {1000, 1000, 1012};
        byte[] got = new byte[3012];
        for (int i = 0; i < 3; i++) {
            assertThat(await(0)).extracting("id", "written").containsExactly(ids[i], written[i]);
            System.arraycopy(ram(DATA + i * 0x1000, written[i]), 0, got, i * 1000, written[i]);
        }
        assertThat(got[10]).isEqualTo((byte) 3);
        got[10] = 0;
        assertThat(got).isEqualTo(packet);
    }

    @Test
    void receivedPacket_withoutMergeableBuffers_takesOne() throws Exception {
        startQuiet(ALL & ~NetLayout.F_MRG_RXBUF);
        int first = addReceive(DATA, 500);
        assertThat(deliver(packet(OWN, 600))).as("dropped").isTrue();
        assertThat(device.errors()).isEqualTo(1);
        assertThat(deliver(packet(OWN, 400))).isTrue();
        assertThat(await(0)).extracting("id", "written").containsExactly(first, 412);
        assertThat(memory.read16(DATA + 10)).isEqualTo(1);
    }

    @Test
    void receivedPackets_withoutRoom_areRefusedUntilNotified() throws Exception {
        byte[] packet = packet(OWN, 100);
        startQuiet(ALL);
        assertThat(deliver(packet)).isFalse();
        registers.reset();
        assertThat(deliver(packet)).isFalse();
    }

    @Test
    void filter_followsTheModesAndTables() throws Exception {
        startQuiet(ALL);
        byte[] other = mac(0x06_51_00_00_00_02L);
        assertThat(filtered(packet(other, 60))).as("promiscuous at first").isFalse();
        assertThat(command(0, 0, new byte[] {0})).isZero();
        assertThat(filtered(packet(other, 60))).isTrue();
        assertThat(filtered(packet(OWN, 60))).isFalse();
        assertThat(filtered(packet(mac(GROUP), 60))).isTrue();
        assertThat(filtered(packet(mac(-1L >>> 16), 60))).isFalse();

        ByteBuffer table = ByteBuffer.allocate(20).put(new byte[] {1, 0, 0, 0}).put(other);
        assertThat(command(1, 0, table.put(new byte[] {1, 0, 0, 0}).put(mac(GROUP)).array()))
                .isZero();
        assertThat(filtered(packet(other, 60))).isFalse();
        assertThat(filtered(packet(mac(GROUP), 60))).isFalse();
        assertThat(filtered(packet(mac(GROUP + 1), 60))).isTrue();

        assertThat(command(0, 5, new byte[] {1})).as("no broadcasts").isZero();
        assertThat(filtered(packet(mac(-1L >>> 16), 60))).isTrue();
        assertThat(command(0, 1, new byte[] {1})).as("all groups").isZero();
        assertThat(filtered(packet(mac(GROUP + 1), 60))).isFalse();

        assertThat(command(1, 1, mac(0x06_51_00_00_00_03L))).isZero();
        assertThat(filtered(packet(OWN, 60))).isTrue();
        assertThat(registers.config(5, 1)).isEqualTo(3);
        registers.reset();
        assertThat(registers.config(5, 1)).isEqualTo(1);
    }

    @Test
    void filter_tableWithTooMany_takesAll() throws Exception {
        startQuiet(ALL);
        assertThat(command(0, 0, new byte[] {0})).isZero();
        byte[] table = new byte[8 + 100 * 6];
        table[4] = 100;
        assertThat(command(1, 0, table)).isZero();
        assertThat(filtered(packet(mac(GROUP), 60))).isFalse();
        table[4] = 101;
        assertThat(command(1, 0, table)).as("not whole").isEqualTo(1);
    }

    @Test
    void filter_vlans_passOnlyWhenAdded() throws Exception {
        startQuiet(ALL);
        byte[] tagged = packet(OWN, 60);
        tagged[24] = (byte) 0x81;
        tagged[25] = 0;
        tagged[26] = 0x20;
        tagged[27] = 0x07;
        assertThat(filtered(tagged)).isTrue();
        assertThat(command(2, 0, new byte[] {7, 0})).isZero();
        assertThat(filtered(tagged)).isFalse();
        assertThat(command(2, 1, new byte[] {7, 0})).isZero();
        assertThat(filtered(tagged)).isTrue();
        assertThat(command(2, 0, new byte[] {0, 16})).isEqualTo(1);
    }

    /** True if a packet goes nowhere although there is room. */
    private boolean filtered(byte[] packet) throws Exception {
        int ignored = addReceive(DATA, 500);
        registers.notifyQueue(0);
        assertThat(deliver(packet)).isTrue();
        return queues[0].poll() == null; // what was not used is left for the next
    }

    @Test
    void pairs_set_spreadTheBackendsQueues() throws Exception {
        startQuiet(ALL);
        assertThat(backend.active).isEqualTo(1);
        int zero = addReceive(DATA, 500);
        assertThat(backend.receiver().deliver(1, ByteBuffer.wrap(packet(OWN, 60)))).isTrue();
        assertThat(await(0).id()).isEqualTo(zero);
        assertThat(command(4, 0, new byte[] {2, 0})).isZero();
        assertThat(backend.active).isEqualTo(2);
        int ignored = queues[2].add(List.of(new Buffer(DATA, 500, true)));
        assertThat(backend.receiver().deliver(1, ByteBuffer.wrap(packet(OWN, 60)))).isTrue();
        assertThat(await(2).written()).isEqualTo(72);
        assertThat(command(4, 0, new byte[] {3, 0})).isEqualTo(1);
        assertThat(command(4, 0, new byte[] {0, 0})).isEqualTo(1);
    }

    @Test
    void control_withoutMultipleQueues_isQueueTwo() throws Exception {
        startQuiet(ALL & ~NetLayout.F_MQ);
        negotiatedQueues = false;
        assertThat(command(0, 0, new byte[] {0})).isZero();
        assertThat(command(4, 0, new byte[] {2, 0})).isEqualTo(1);
        assertThat(command(99, 0, new byte[] {2, 0})).isEqualTo(1);
        assertThat(command(0, 0, new byte[0])).isEqualTo(1);
    }

    @Test
    void link_downAndUp_isShownAndAnnounced() throws Exception {
        startQuiet(ALL);
        backend.up = false;
        backend.receiver().linkChanged();
        assertThat(interrupts.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
        assertThat(registers.config(6, 2)).isZero();
        backend.up = true;
        backend.receiver().linkChanged();
        assertThat(registers.config(6, 2)).isEqualTo(3);
        assertThat(command(3, 0, new byte[0])).isZero();
        assertThat(registers.config(6, 2)).isEqualTo(1);
    }

    @Test
    void restore_afterCommands_tellsTheBackend() throws Exception {
        startQuiet(ALL);
        assertThat(command(4, 0, new byte[] {2, 0})).isZero();
        assertThat(command(2, 0, new byte[] {7, 0})).isZero();
        assertThat(command(0, 0, new byte[] {0})).isZero();
        Object saved = state(device);
        registers.reset();
        assertThat(backend.active).isEqualTo(1);
        restore(device, saved);
        assertThat(state(device)).isEqualTo(saved);
        assertThat(backend.active).isEqualTo(2);
        assertThat(backend.guest).isEqualTo(Offloads.ALL);
    }
}
