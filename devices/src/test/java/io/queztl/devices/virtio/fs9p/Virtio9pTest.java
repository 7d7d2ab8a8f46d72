package io.queztl.devices.virtio.fs9p;

import static io.queztl.devices.virtio.fs9p.NinePLayout.*;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.queztl.devices.virtio.VirtioDevice;
import io.queztl.devices.virtio.VirtioDeviceContract;
import io.queztl.linux.HostFolder;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.testkit.random.Seeds;
import io.queztl.testkit.virtio.VirtqueueDriver;
import io.queztl.testkit.virtio.VirtqueueDriver.Buffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Virtio9pTest extends VirtioDeviceContract {
    private static final long ANSWER = DATA + (1 << 18);
    private static final int ANSWER_BYTES = 1 << 17;
    private static final String SECRET = "what is outside";

    @TempDir Path temporary = Path.of("");
    private @Nullable HostFolder folder;
    private Path shared = Path.of("");
    private Path outside = Path.of("");
    private final NinePClient client = new NinePClient();

    @BeforeAll
    static void onLinux() {
        assumeThat(HostFolder.available()).as("sharing a folder needs Linux").isTrue();
    }

    @Override
    protected VirtioDevice create(GuestMemory ram) throws Exception {
        shared = Files.createDirectories(temporary.resolve("shared"));
        outside = Files.createDirectories(temporary.resolve("outside"));
        Files.writeString(outside.resolve("secret"), SECRET);
        Files.writeString(shared.resolve("hello"), "hello, guest");
        Files.createDirectories(shared.resolve("sub/deep"));
        Files.writeString(shared.resolve("sub/deep/file"), "deep");
        Path ignored = Files.createSymbolicLink(shared.resolve("way-out"), outside);
        return device(ram, false);
    }

    private Virtio9p device(GuestMemory ram, boolean readOnly) {
        HostFolder opened = HostFolder.open(shared.toString().getBytes(StandardCharsets.UTF_8));
        folder = opened;
        return new Virtio9p("share", ram, opened, "tag", readOnly);
    }

    @AfterEach
    void closeFolder() {
        if (folder != null) {
            folder.close();
        }
    }

    @Override
    protected Object state(VirtioDevice d) {
        return ((Virtio9p) d).state();
    }

    @Override
    protected void restore(VirtioDevice d, Object state) {
        ((Virtio9p) d).restore((Virtio9pState) state);
    }

    private Buffer request(byte[] message) {
        for (int i = 0; i < message.length; i++) {
            memory.write8(DATA + i, message[i]);
        }
        return new Buffer(DATA, message.length, false);
    }

    @Override
    protected List<Buffer> request() {
        return List.of(request(NinePClient.version()), new Buffer(ANSWER, 4096, true));
    }

    /** Sends a message; the answer from its type on. */
    private ByteBuffer send(byte[] message) throws Exception {
        int id = queues[0].add(List.of(request(message), new Buffer(ANSWER, ANSWER_BYTES, true)));
        registers.notifyQueue(0);
        VirtqueueDriver.Used used = null;
        for (int i = 0; i < 1000 && used == null; i++) {
            used = queues[0].poll();
            Thread.yield();
        }
        used = used == null ? await(0) : used;
        assertThat(used.id()).isEqualTo(id);
        byte[] answer = new byte[used.written()];
        for (int i = 0; i < answer.length; i++) {
            answer[i] = (byte) memory.read8(ANSWER + i);
        }
        ByteBuffer b = ByteBuffer.wrap(answer).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(b.getInt()).isEqualTo(answer.length);
        return b;
    }

    /** Sends a request that must succeed; the answer's fields. */
    private ByteBuffer ok(NinePClient message) throws Exception {
        byte[] bytes = message.end();
        ByteBuffer b = send(bytes);
        int type = b.get();
        short tag = b.getShort();
        assertThat(type)
                .as("errno %d", type == R_ERROR ? b.getInt(HEADER) : 0)
                .isEqualTo(bytes[4] + 1);
        assertThat(tag).isEqualTo((short) 7);
        return b;
    }

    /** Sends a request that must fail; the error. */
    private int fails(NinePClient message) throws Exception {
        ByteBuffer b = send(message.end());
        assertThat(b.get()).isEqualTo((byte) R_ERROR);
        return b.getInt(HEADER);
    }

    private void attach() throws Exception {
        start(~0L >>> 40);
        ByteBuffer ignored = send(NinePClient.version());
        ignored = ok(client.begin(T_ATTACH).u32(0).u32(NO_FID).text("root").text("").u32(0));
    }

    private NinePClient walk(int from, int to, String... names) {
        NinePClient message = client.begin(T_WALK).u32(from).u32(to).u16(names.length);
        for (String name : names) {
            message = message.text(name);
        }
        return message;
    }

    private void go(int to, String... names) throws Exception {
        assertThat(ok(walk(0, to, names)).getShort()).isEqualTo((short) names.length);
    }

    private void open(int fid, int flags) throws Exception {
        ByteBuffer ignored = ok(client.begin(T_OPEN).u32(fid).u32(flags));
    }

    private String read(int fid) throws Exception {
        ByteBuffer b = ok(client.begin(T_READ).u32(fid).u64(0).u32(1000));
        byte[] data = new byte[b.getInt()];
        b.get(data);
        return new String(data, StandardCharsets.ISO_8859_1);
    }

    private void clunk(int fid) throws Exception {
        ByteBuffer ignored = ok(client.begin(T_CLUNK).u32(fid));
    }

    private List<String> list(int fid) throws Exception {
        List<String> names = new ArrayList<>();
        long offset = 0;
        for (; ; ) {
            ByteBuffer b = ok(client.begin(T_READDIR).u32(fid).u64(offset).u32(300));
            if (b.getInt() == 0) {
                return names;
            }
            while (b.hasRemaining()) {
                b.position(b.position() + QID);
                offset = b.getLong();
                b.get();
                byte[] name = new byte[b.getShort()];
                b.get(name);
                names.add(new String(name, StandardCharsets.ISO_8859_1));
            }
        }
    }

    @Test
    void tag_isInTheConfiguration() {
        assertThat(registers.config(0, 2)).isEqualTo(3);
        assertThat(registers.config(2, 1)).isEqualTo('t');
    }

    @Test
    void files_areFoundReadAndListed() throws Exception {
        attach();
        go(1, "sub", "deep", "file");
        open(1, 0);
        assertThat(read(1)).isEqualTo("deep");
        go(2);
        open(2, 0);
        assertThat(list(2)).containsExactlyInAnyOrder(".", "..", "hello", "sub", "way-out");
        ByteBuffer partly = ok(walk(0, 3, "sub", "none", "file"));
        assertThat(partly.getShort()).isEqualTo((short) 1);
        assertThat(fails(walk(3, 4))).isEqualTo(EBADF);
        assertThat(fails(walk(0, 3, "none"))).isEqualTo(ENOENT);
        clunk(1);
        assertThat(fails(client.begin(T_READ).u32(1).u64(0).u32(1))).isEqualTo(EBADF);
    }

    @Test
    void files_areMadeWrittenRenamedRemoved() throws Exception {
        attach();
        go(1, "sub");
        ByteBuffer ignored =
                ok(client.begin(T_CREATE).u32(1).text("new").u32(2 | O_EXCL).u32(04755).u32(0));
        byte[] data = "written".getBytes(StandardCharsets.US_ASCII);
        ignored = ok(client.begin(T_WRITE).u32(1).u64(3).u32(data.length).raw(data));
        ignored = ok(client.begin(T_FSYNC).u32(1).u32(0));
        Path made = shared.resolve("sub/new");
        assertThat(Files.readString(made)).isEqualTo("\0\0\0written");
        assertThat(Files.getAttribute(made, "unix:mode")).isEqualTo(0100755);

        // The fid goes on where the file goes, and where its folder goes.
        go(2);
        go(3, "sub");
        ignored = ok(client.begin(T_RENAMEAT).u32(3).text("new").u32(2).text("moved"));
        ignored = ok(client.begin(T_MKDIR).u32(2).text("dir").u32(0777).u32(0));
        go(4, "dir");
        ignored = ok(client.begin(T_RENAMEAT).u32(2).text("moved").u32(4).text("in"));
        ignored = ok(client.begin(T_RENAMEAT).u32(2).text("dir").u32(3).text("dir2"));
        ignored =
                ok(
                        client.begin(T_SETATTR)
                                .u32(1)
                                .u32(SET_MODE | SET_SIZE)
                                .u32(06600)
                                .u32(0)
                                .u32(0)
                                .u64(4)
                                .u64(0)
                                .u64(0)
                                .u64(0)
                                .u64(0));
        Path last = shared.resolve("sub/dir2/in");
        assertThat(Files.readString(last)).isEqualTo("\0\0\0w");
        assertThat(Files.getAttribute(last, "unix:mode")).isEqualTo(0100600);

        ignored = ok(client.begin(T_LINK).u32(2).u32(1).text("other"));
        assertThat(Files.readString(shared.resolve("other"))).isEqualTo("\0\0\0w");
        ignored = ok(client.begin(T_UNLINKAT).u32(4).text("in").u32(0));
        assertThat(last).doesNotExist();
        // Open still, although its name is gone.
        assertThat(read(1)).isEqualTo("\0\0\0w");
        ByteBuffer attributes = ok(client.begin(T_GETATTR).u32(1).u64(-1));
        assertThat(attributes.getLong(HEADER + 8 + QID + 4 * 3 + 16)).isEqualTo(4);
        assertThat(fails(client.begin(T_UNLINKAT).u32(2).text("sub").u32(REMOVE_DIRECTORY)))
                .isEqualTo(39);
        ignored = ok(client.begin(T_REMOVE).u32(4));
        assertThat(shared.resolve("sub/dir2")).doesNotExist();
    }

    @Test
    void specialFiles_areNeitherOpenedNorMade() throws Exception {
        Process mkfifo = new ProcessBuilder("mkfifo", shared.resolve("fifo").toString()).start();
        assertThat(mkfifo.waitFor()).isZero();
        attach();
        go(1, "fifo");
        assertThat(fails(client.begin(T_OPEN).u32(1).u32(0))).isEqualTo(EINVAL);
        assertThat(fails(client.begin(T_OPEN).u32(1).u32(2))).isEqualTo(EINVAL);
        go(2);
        assertThat(fails(client.begin(T_CREATE).u32(2).text("fifo").u32(1).u32(0644).u32(0)))
                .isEqualTo(EEXIST);
        for (int type : new int[] {0060000, 0020000, 0010000, 0140000}) {
            assertThat(
                            fails(
                                    client.begin(T_MKNOD)
                                            .u32(2)
                                            .text("n")
                                            .u32(type | 0666)
                                            .u32(1)
                                            .u32(3)
                                            .u32(0)))
                    .isEqualTo(EPERM);
        }
    }

    @Test
    void wayOut_byLinkOrDots_thereIsNone() throws Exception {
        attach();
        ByteBuffer b = ok(walk(0, 1, "way-out", "secret"));
        assertThat(b.getShort()).isEqualTo((short) 1);
        go(1, "way-out");
        assertThat(fails(client.begin(T_OPEN).u32(1).u32(0))).isEqualTo(EINVAL);
        assertThat(fails(walk(1, 2, "secret"))).isEqualTo(ENOTDIR);
        ByteBuffer link = ok(client.begin(T_READLINK).u32(1));
        assertThat(link.remaining()).isEqualTo(2 + outside.toString().length());
        assertThat(
                        fails(
                                client.begin(T_SETATTR)
                                        .u32(1)
                                        .u32(SET_MODE)
                                        .u32(0777)
                                        .u32(0)
                                        .u32(0)
                                        .u64(0)
                                        .u64(0)
                                        .u64(0)
                                        .u64(0)
                                        .u64(0)))
                .isEqualTo(EINVAL);
        assertThat(fails(client.begin(T_CREATE).u32(1).text("x").u32(1).u32(0644).u32(0)))
                .isEqualTo(ENOTDIR);
        // Above the root is the root.
        go(2, "..", "..", "sub", "..", "hello");
        for (String name : List.of("../outside", "sub/deep", ".", "", "a\0b", "/etc")) {
            assertThat(fails(walk(0, 3, name))).as(name).isEqualTo(EINVAL);
            assertThat(fails(client.begin(T_MKDIR).u32(0).text(name).u32(0777).u32(0)))
                    .as(name)
                    .isEqualTo(EINVAL);
        }
        assertThat(
                        fails(
                                client.begin(T_RENAMEAT)
                                        .u32(0)
                                        .text("hello")
                                        .u32(0)
                                        .text("../outside/hello")))
                .isEqualTo(EINVAL);
        assertThat(fails(client.begin(T_UNLINKAT).u32(0).text("..").u32(REMOVE_DIRECTORY)))
                .isEqualTo(EINVAL);
        try (var files = Files.list(outside)) {
            assertThat(files).hasSize(1);
        }
    }

    @Test
    void readOnlyShare_isNotChanged() throws Exception {
        device.close();
        device = device(memory, true);
        attachBus();
        attach();
        go(1, "hello");
        assertThat(fails(client.begin(T_OPEN).u32(1).u32(1))).isEqualTo(EROFS);
        assertThat(fails(client.begin(T_OPEN).u32(1).u32(O_TRUNC))).isEqualTo(EROFS);
        open(1, 0);
        assertThat(fails(client.begin(T_WRITE).u32(1).u64(0).u32(1).u8(1))).isEqualTo(EROFS);
        assertThat(fails(client.begin(T_CREATE).u32(0).text("x").u32(0).u32(0644).u32(0)))
                .isEqualTo(EROFS);
        assertThat(fails(client.begin(T_MKDIR).u32(0).text("x").u32(0).u32(0))).isEqualTo(EROFS);
        assertThat(fails(client.begin(T_SYMLINK).u32(0).text("x").text("y").u32(0)))
                .isEqualTo(EROFS);
        assertThat(fails(client.begin(T_LINK).u32(0).u32(1).text("x"))).isEqualTo(EROFS);
        assertThat(fails(client.begin(T_UNLINKAT).u32(0).text("hello").u32(0))).isEqualTo(EROFS);
        assertThat(fails(client.begin(T_RENAMEAT).u32(0).text("hello").u32(0).text("x")))
                .isEqualTo(EROFS);
        assertThat(read(1)).isEqualTo("hello, guest");
        assertThat(fails(client.begin(T_REMOVE).u32(1))).isEqualTo(EROFS);
        assertThat(shared.resolve("hello")).exists();
    }

    @Test
    void fidsAndOpenFiles_areLimited() throws Exception {
        attach();
        int opened = 0;
        for (int i = 1; i <= Fids.MAX_OPEN + 1; i++) {
            go(i, "hello");
            ByteBuffer b = send(client.begin(T_OPEN).u32(i).u32(0).end());
            if (b.get() == R_ERROR) {
                assertThat(b.getInt(HEADER)).isEqualTo(EMFILE);
                break;
            }
            opened++;
        }
        assertThat(opened).isEqualTo(Fids.MAX_OPEN);
        ByteBuffer ignored = send(NinePClient.version());
        assertThat(fails(walk(0, 1, "hello"))).isEqualTo(EBADF);
    }

    @Test
    void restore_withOpenFiles_goesOn() throws Exception {
        attach();
        go(1, "hello");
        open(1, 0);
        go(2, "sub", "deep");
        go(3, "sub", "deep", "file");
        open(3, 0);
        ByteBuffer ignored = ok(client.begin(T_UNLINKAT).u32(2).text("file").u32(0));
        Virtio9pState saved = ((Virtio9p) device).state();
        assertThat(saved.fids()).contains(new FidState(1, "hello", 0), new FidState(3, null, 0));
        ignored = send(NinePClient.version());
        assertThat(((Virtio9p) device).state()).isNotEqualTo(saved);
        // As the driver's ring is now, only with what was there before.
        VirtioDeviceStateOf now = new VirtioDeviceStateOf(((Virtio9p) device).state());
        restore(device, now.with(saved));
        device.resume();
        assertThat(((Virtio9p) device).state().fids()).isEqualTo(saved.fids());
        assertThat(read(1)).isEqualTo("hello, guest");
        assertThat(fails(client.begin(T_READ).u32(3).u64(0).u32(9))).isEqualTo(ESTALE);
    }

    /** The rings of one state and the fids of another. */
    private record VirtioDeviceStateOf(Virtio9pState rings) {
        Virtio9pState with(Virtio9pState fids) {
            return new Virtio9pState(rings.common(), fids.messageSize(), fids.fids());
        }
    }

    /**
     * Somebody exchanges a directory for a link to the outside, again and again, while the guest
     * goes through it: what is outside is never read, written or removed.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void racingRenames_neverLetOut(boolean byName) throws Exception {
        if (byName) {
            device.close();
            byte[] path = shared.toString().getBytes(StandardCharsets.UTF_8);
            HostFolder opened = HostFolder.openByName(path);
            folder = opened;
            device = new Virtio9p("share", memory, opened, "tag", false);
            attachBus();
        }
        Files.createDirectories(shared.resolve("real"));
        Files.writeString(shared.resolve("real/secret"), "inside");
        Path ignoredLink = Files.createSymbolicLink(shared.resolve("link"), outside);
        AtomicBoolean stop = new AtomicBoolean();
        Thread racer = Thread.ofPlatform().start(() -> race(stop));
        int inside = 0;
        int refused = 0;
        try {
            attach();
            int rounds = Seeds.all() ? 100_000 : 3_000;
            for (int i = 0; i < rounds; i++) {
                ByteBuffer b = send(walk(0, 1, "swap", "secret").end());
                if (b.get() == R_ERROR || b.getShort(HEADER) < 2) {
                    refused++;
                    continue;
                }
                // By now the path of the fid may lead somewhere else.
                b = send(client.begin(T_OPEN).u32(1).u32(2).end());
                if (b.get() != R_ERROR) {
                    assertThat(read(1)).startsWith("inside");
                    byte[] data = "inside".getBytes(StandardCharsets.US_ASCII);
                    ByteBuffer ignored =
                            ok(client.begin(T_WRITE).u32(1).u64(0).u32(data.length).raw(data));
                    inside++;
                }
                clunk(1);
                b = send(walk(0, 2, "swap").end());
                if (b.get() != R_ERROR) {
                    b =
                            send(
                                    client.begin(T_CREATE)
                                            .u32(2)
                                            .text("new" + i % 8)
                                            .u32(1)
                                            .u32(0644)
                                            .u32(0)
                                            .end());
                    clunk(2);
                    b = send(walk(0, 2, "swap").end());
                    if (b.get() != R_ERROR) {
                        b = send(client.begin(T_UNLINKAT).u32(2).text("new" + i % 8).u32(0).end());
                        clunk(2);
                    }
                }
            }
        } finally {
            stop.set(true);
            racer.join();
        }
        assertThat(inside).isPositive();
        assertThat(refused).isPositive();
        assertThat(Files.readString(outside.resolve("secret"))).isEqualTo(SECRET);
        try (var files = Files.list(outside)) {
            assertThat(files).hasSize(1);
        }
    }

    private void race(AtomicBoolean stop) {
        Path swap = shared.resolve("swap");
        try {
            while (!stop.get()) {
                Path ignored = Files.move(shared.resolve("real"), swap);
                Thread.onSpinWait();
                ignored = Files.move(swap, shared.resolve("real"));
                ignored = Files.move(shared.resolve("link"), swap, StandardCopyOption.ATOMIC_MOVE);
                Thread.onSpinWait();
                ignored = Files.move(swap, shared.resolve("link"), StandardCopyOption.ATOMIC_MOVE);
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** A client that says anything: the host stays whole, and the server goes on. */
    @Test
    @Timeout(3600)
    void hostileClient_neverHarmsTheHost() throws Exception {
        Random random = new Random(Seeds.seed("Virtio9pTest.hostileClient"));
        Path fixed = Files.createDirectories(temporary.resolve("above"));
        Files.setPosixFilePermissions(fixed, PosixFilePermissions.fromString("rwx------"));
        attach();
        int cases = Seeds.all() ? 1_000_000 : 10_000;
        for (int i = 0; i < cases; i++) {
            if (i % 500 == 0) {
                attachAgain();
            }
            ByteBuffer b = send(message(random));
            int type = b.get() & 0xff;
            assertThat(type).isOdd();
        }
        attachAgain();
        assertThat(Files.readString(outside.resolve("secret"))).isEqualTo(SECRET);
        assertThat(outside.resolve("secret")).isRegularFile();
        try (var files = Files.list(outside)) {
            assertThat(files).hasSize(1);
        }
        try (var files = Files.list(temporary)) {
            assertThat(files).hasSize(3);
        }
        try (var files = Files.walk(shared)) {
            files.forEach(f -> {
                try {
                    Object mode = Files.getAttribute(f, "unix:mode", LinkOption.NOFOLLOW_LINKS);
                    assertThat((Integer) mode & 06000).as(f.toString()).isZero();
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
        } finally {
            // What it has forbidden must not stay when the test's folder is removed.
            Process chmod = new ProcessBuilder("chmod", "-R", "u+rwx", shared.toString()).start();
            assertThat(chmod.waitFor()).isNotNegative();
        }
    }

    private void attachAgain() throws Exception {
        ByteBuffer ignored = send(NinePClient.version());
        ignored = ok(client.begin(T_ATTACH).u32(0).u32(NO_FID).text("").text("").u32(0));
    }

    private static final int[] TYPES = {
        T_STATFS,
        T_OPEN,
        T_CREATE,
        T_SYMLINK,
        T_MKNOD,
        T_RENAME,
        T_READLINK,
        T_GETATTR,
        T_SETATTR,
        T_XATTRWALK,
        T_XATTRCREATE,
        T_READDIR,
        T_FSYNC,
        T_LOCK,
        T_GETLOCK,
        T_LINK,
        T_MKDIR,
        T_RENAMEAT,
        T_UNLINKAT,
        T_AUTH,
        T_ATTACH,
        T_FLUSH,
        T_WALK,
        T_WALK,
        T_WALK,
        T_WALK,
        T_READ,
        T_WRITE,
        T_CLUNK,
        T_REMOVE
    };

    private static String name(Random random) {
        return switch (random.nextInt(16)) {
            case 0 -> "..";
            case 1 -> ".";
            case 2 -> "../outside";
            case 3 -> "way-out";
            case 4 -> "";
            case 5 -> "/etc/passwd";
            case 6 -> "x".repeat(random.nextInt(400));
            case 7 -> "secret";
            case 8 -> "sub";
            case 9 -> "\0\u00ff\n";
            default -> "n" + random.nextInt(6);
        };
    }

    private byte[] message(Random random) {
        int type = TYPES[random.nextInt(TYPES.length)];
        NinePClient m = client.begin(type).u32(random.nextInt(12));
        // Fields that mean something to most types; the rest is left to chance.
        switch (type) {
            case T_WALK -> {
                int count = random.nextInt(random.nextInt(20) == 0 ? 30 : 4);
                m = m.u32(random.nextInt(12)).u16(count);
                for (int i = 0; i < count; i++) {
                    m = m.text(name(random));
                }
            }
            case T_CREATE, T_MKNOD ->
                    m =
                            m.text(name(random))
                                    .u32(random.nextInt(04000))
                                    .u32(random.nextInt())
                                    .u32(0);
            case T_SYMLINK -> m = m.text(name(random)).text("../outside").u32(0);
            case T_MKDIR -> m = m.text(name(random)).u32(random.nextInt() | 0700).u32(0);
            case T_RENAMEAT -> m = m.text(name(random)).u32(random.nextInt(12)).text(name(random));
            case T_LINK, T_RENAME -> m = m.u32(random.nextInt(12)).text(name(random));
            case T_UNLINKAT -> m = m.text(name(random)).u32(random.nextInt(2) * REMOVE_DIRECTORY);
            case T_OPEN -> m = m.u32(random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(3));
            case T_SETATTR -> {
                // No large files: they would fill the host's disk only by their names.
                m = m.u32(random.nextInt() & ~SET_SIZE).u32(random.nextInt() | 0700);
                m = m.u32(random.nextInt(2)).u32(random.nextInt(2)).u64(random.nextLong());
                m = m.u64(random.nextLong()).u64(random.nextInt()).u64(0).u64(random.nextInt());
            }
            case T_READ, T_READDIR ->
                    m = m.u64(random.nextInt(3) == 0 ? random.nextLong() : 0).u32(random.nextInt());
            case T_WRITE -> {
                byte[] data = new byte[random.nextInt(200)];
                random.nextBytes(data);
                int count = random.nextInt(8) == 0 ? random.nextInt() : data.length;
                m = m.u64(random.nextInt(1000)).u32(count).raw(data);
            }
            default -> {
                for (int n = random.nextInt(8); n > 0; n--) {
                    m = m.u32(random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(12));
                }
            }
        }
        byte[] bytes = m.end();
        if (random.nextInt(10) == 0) {
            for (int n = 1 + random.nextInt(3); n > 0; n--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            // Not the type of a session's begin: that would end all that is interesting.
            bytes[4] = (byte) (bytes[4] == T_VERSION ? T_WALK : bytes[4] & 0xfe);
        }
        return bytes;
    }
}
