package io.queztl.vmm.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.queztl.machine.cpu.CpuState;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.testkit.random.Seeds;
import io.queztl.vmm.boot.BootException.Code;
import io.queztl.vmm.boot.BootRequest.Protocol;
import io.queztl.vmm.layout.Layout;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Good kernels boot as their protocols say; bad files end in one-sentence errors. */
class BootLoaderTest {
    private static final long RAM = 16 << 20;

    @TempDir private Path folder;
    private final GuestMemory memory = new GuestMemory(RAM);

    @AfterEach
    void close() {
        memory.close();
    }

    private Path file(String name, byte[] bytes) {
        try {
            return Files.write(folder.resolve(name), bytes);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private BootEntry load(byte[] kernel) {
        return BootLoader.load(BootRequest.of(file("kernel", kernel), null, "quiet"), memory);
    }

    private void assertRefused(Code code, byte[] kernel) {
        assertThatThrownBy(() -> load(kernel))
                .isInstanceOfSatisfying(
                        BootException.class, e -> assertThat(e.code()).isEqualTo(code));
    }

    private void assertCodeLoaded(int skip) {
        byte[] loaded = new byte[TestKernels.CODE_BYTES];
        memory.read(TestKernels.LOAD, loaded, 0, loaded.length);
        byte[] code = TestKernels.code();
        assertThat(Arrays.copyOfRange(loaded, skip, loaded.length))
                .isEqualTo(Arrays.copyOfRange(code, skip, code.length));
    }

    private String text(long address) {
        StringBuilder s = new StringBuilder();
        for (int c = memory.read8(address); c != 0; c = memory.read8(++address)) {
            s.append((char) c);
        }
        return s.toString();
    }

    // ---- Linux ----

    @ParameterizedTest
    @EnumSource(Compression.class)
    void bzImage_everyCompression_isUnpackedAndLoaded(Compression compression) {
        memory.fill(TestKernels.LOAD, 8192, (byte) 0xcc);
        BootEntry entry = load(TestKernels.bzImage(compression, TestKernels.elf64()));
        assertThat(entry.mode()).isEqualTo(BootEntry.Mode.LONG);
        assertThat(entry.rip()).isEqualTo(TestKernels.LOAD);
        assertThat(entry.rsi()).isEqualTo(Layout.BOOT_PARAMS);
        assertCodeLoaded(0);
        assertThat(memory.read64(TestKernels.LOAD + TestKernels.CODE_BYTES)).as("bss").isZero();
    }

    @Test
    void bzImage_bootParams_holdHeaderMapAndPointers() {
        Path kernel = file("kernel", TestKernels.bzImage(Compression.GZIP, TestKernels.elf64()));
        Path initrd = file("initrd", new byte[5000]);
        BootLoader.load(BootRequest.of(kernel, initrd, "console=ttyS0").withRsdp(0xe0000), memory);
        long p = Layout.BOOT_PARAMS;
        assertThat(memory.read16(p + 0x1fe)).isEqualTo(0xaa55);
        assertThat(memory.read32(p + 0x202)).isEqualTo(0x53726448);
        assertThat(memory.read64(p + 0x258)).isEqualTo(TestKernels.LOAD);
        assertThat(memory.read8(p + 0x210)).isEqualTo(0xff);
        assertThat(memory.read8(p + 0x211)).as("no KASLR, loaded high").isEqualTo(1);
        assertThat(memory.read8(p + 0x1ef)).as("sentinel").isZero();
        assertThat(memory.read64(p + 0x70)).isEqualTo(0xe0000);
        assertThat(text(memory.read32(p + 0x228))).isEqualTo("console=ttyS0");
        int ramdisk = memory.read32(p + 0x218);
        assertThat(memory.read32(p + 0x21c)).isEqualTo(5000);
        assertThat(ramdisk % 4096).isZero();
        assertThat((long) ramdisk).isEqualTo(RAM - 8192);
        int entries = memory.read8(p + 0x1e8);
        assertThat(entries).isEqualTo(5);
        assertThat(memory.read64(p + 0x2d0)).isZero();
        assertThat(memory.read64(p + 0x2d0 + 8)).isEqualTo(Layout.EBDA);
        assertThat(memory.read64(p + 0x2d0 + 60)).isEqualTo(0x10_0000);
        assertThat(memory.read64(p + 0x2d0 + 68)).isEqualTo(RAM - 0x10_0000);
        long data = memory.read64(p + 0x250);
        assertThat(memory.read64(data)).as("end of chain").isZero();
        assertThat(memory.read32(data + 8)).as("SETUP_RNG_SEED").isEqualTo(9);
        assertThat(memory.read32(data + 12)).isEqualTo(32);
        assertThat(memory.read64(data + 16)).isNotZero();
    }

    @Test
    void elf64_entryGivenAsVirtualAddress_isEnteredAtItsPhysicalOne() {
        long virtual = 0xffff_ffff_8000_0000L + TestKernels.LOAD + 16;
        assertThat(load(TestKernels.elf64(virtual, new byte[0])).rip())
                .isEqualTo(TestKernels.LOAD + 16);
    }

    @Test
    void longModeEntry_cpuState_hasIdentityMapOfFourGiB() {
        BootEntry entry = load(TestKernels.elf64());
        CpuState.Events events = new CpuState.Events(true, true, false, false, false, false);
        CpuState powerOn =
                new CpuState(
                        List.of(),
                        0,
                        0,
                        List.of(),
                        0,
                        0,
                        0,
                        0,
                        List.of(),
                        List.of(1L),
                        1,
                        new TreeMap<>(),
                        new byte[0],
                        events);
        CpuState state = entry.toCpuState(powerOn);
        assertThat(state.rip()).isEqualTo(TestKernels.LOAD);
        assertThat(state.rflags() & 0x200).as("IF").isZero();
        assertThat(state.control().get(0) & 0x8000_0001L).isEqualTo(0x8000_0001L);
        assertThat(state.msrs().get(0xc000_0080)).isEqualTo(0x500L);
        assertThat(state.registers().get(6)).isEqualTo(Layout.BOOT_PARAMS);
        assertThat(state.segments().get(1).selector()).isEqualTo(0x10);
        assertThat(state.segments().get(3).selector()).isEqualTo(0x18);
        assertThat(state.events().halted()).isFalse();
        long cr3 = state.control().get(2);
        for (long address = 0; address < 1L << 32; address += 0x1234_5000L) {
            long pdpte = memory.read64(memory.read64(cr3) & -4096L | (address >>> 30) * 8);
            long pde = memory.read64((pdpte & -4096L) + (address >>> 21 & 511) * 8);
            assertThat(pde).isEqualTo(address & -0x20_0000L | 0x83);
        }
        assertThat(memory.read64(state.gdtBase() + 0x10)).isEqualTo(0x00af_9b00_0000_ffffL);
        assertThat(memory.read64(state.gdtBase() + 0x18)).isEqualTo(0x00cf_9300_0000_ffffL);
    }

    @Test
    void initrd_unpacked_isPlainAndKeepsArchivesBefore() throws IOException {
        var out = new java.io.ByteArrayOutputStream();
        try (var cpio = new io.queztl.vmm.image.CpioWriter(out)) {
            cpio.file("microcode", 0644, new byte[100]);
        }
        int first = out.size();
        byte[] rest = TestKernels.code();
        out.write(TestKernels.pack(Compression.ZSTD, rest));
        Path kernel = file("kernel", TestKernels.elf64());
        BootRequest request =
                BootRequest.of(kernel, file("initrd", out.toByteArray()), "")
                        .withUnpackInitrd(true);
        BootLoader.load(request, memory);
        assertThat(memory.read32(Layout.BOOT_PARAMS + 0x21c)).isEqualTo(first + rest.length);
        byte[] loaded = new byte[rest.length];
        memory.read(memory.read32(Layout.BOOT_PARAMS + 0x218) + first, loaded, 0, rest.length);
        assertThat(loaded).isEqualTo(rest);
    }

    @Test
    void initrd_biggerThanMemory_isRefused() throws IOException {
        Path kernel = file("kernel", TestKernels.elf64());
        Path initrd = folder.resolve("initrd");
        try (var f = new java.io.RandomAccessFile(initrd.toFile(), "rw")) {
            f.setLength(1L << 40);
        }
        assertThatThrownBy(() -> BootLoader.load(BootRequest.of(kernel, initrd, ""), memory))
                .isInstanceOf(BootException.class)
                .hasMessageContaining("more memory");
    }

    @Test
    void commandLine_longerThanTheHeaderAllows_isRefused() {
        Path kernel = file("kernel", TestKernels.bzImage(Compression.GZIP, TestKernels.elf64()));
        String fits = "x".repeat(TestKernels.COMMAND_LINE_LIMIT);
        BootLoader.load(BootRequest.of(kernel, null, fits), memory);
        for (String bad : List.of(fits + "x", "a\0b", "\ud800")) {
            assertThatThrownBy(() -> BootLoader.load(BootRequest.of(kernel, null, bad), memory))
                    .isInstanceOfSatisfying(
                            BootException.class,
                            e -> assertThat(e.code()).isEqualTo(Code.COMMAND_LINE));
        }
    }

    // ---- PVH and multiboot ----

    @Test
    void pvh_startInfo_describesTheGuest() {
        byte[] note = TestKernels.pvhNote((int) TestKernels.LOAD + 32);
        Path kernel = file("kernel", TestKernels.elf64(TestKernels.LOAD, note));
        Path initrd = file("initrd", new byte[] {1, 2, 3});
        BootEntry entry =
                BootLoader.load(BootRequest.of(kernel, initrd, "hello").withRsdp(0xe0000), memory);
        assertThat(entry.protocol()).isEqualTo("pvh");
        assertThat(entry.mode()).isEqualTo(BootEntry.Mode.PROTECTED);
        assertThat(entry.rip()).isEqualTo(TestKernels.LOAD + 32);
        long info = entry.rbx();
        assertThat(memory.read32(info)).isEqualTo(0x336ec578);
        assertThat(text(memory.read64(info + 24))).isEqualTo("hello");
        assertThat(memory.read64(info + 32)).isEqualTo(0xe0000);
        assertThat(memory.read32(info + 12)).isEqualTo(1);
        long module = memory.read64(info + 16);
        assertThat(memory.read8(memory.read64(module))).isEqualTo(1);
        assertThat(memory.read64(module + 8)).isEqualTo(3);
        assertThat(memory.read32(info + 48)).isEqualTo(5);
    }

    @Test
    void multiboot_elf32_getsInformationAndModules() {
        Path kernel = file("kernel", TestKernels.multibootElf32(3));
        Path one = file("one", new byte[] {7});
        Path two = file("two", new byte[5000]);
        BootRequest request =
                BootRequest.of(kernel, null, "test")
                        .withModules(
                                List.of(
                                        new BootRequest.Module(one, "first"),
                                        new BootRequest.Module(two, "second")));
        BootEntry entry = BootLoader.load(request, memory);
        assertThat(entry.rax()).isEqualTo(0x2badb002);
        assertThat(entry.rip()).isEqualTo(TestKernels.LOAD + 12);
        assertCodeLoaded(12);
        long info = entry.rbx();
        assertThat(memory.read32(info) & 0x4d).isEqualTo(0x4d);
        assertThat(text(memory.read32(info + 16))).isEqualTo("test");
        assertThat(memory.read32(info + 20)).isEqualTo(2);
        long list = memory.read32(info + 24);
        assertThat(memory.read32(list) % 4096).isZero();
        assertThat(memory.read8(memory.read32(list))).isEqualTo(7);
        assertThat(memory.read32(list + 20) - memory.read32(list + 16)).isEqualTo(5000);
        assertThat(text(memory.read32(list + 24))).isEqualTo("second");
        assertThat(memory.read32(info + 44)).isEqualTo(5 * 24);
        assertThat(memory.read32(memory.read32(info + 48))).isEqualTo(20);
        assertThat(text(memory.read32(info + 64))).isEqualTo("Queztl");
    }

    @Test
    void multiboot_headerWithAddresses_isLoadedByThem() {
        int load = (int) TestKernels.LOAD;
        memory.fill(load, 8192, (byte) 0xcc);
        BootEntry entry = load(TestKernels.multibootFlat(load, load, 0, load + 8192, load + 100));
        assertThat(entry.rip()).isEqualTo(load + 100);
        assertCodeLoaded(32);
        assertThat(memory.read64(load + TestKernels.CODE_BYTES)).isZero();
    }

    @Test
    void multiboot_badHeaders_areRefused() {
        int load = (int) TestKernels.LOAD;
        assertRefused(Code.KERNEL_FORMAT, TestKernels.multibootElf32(1 << 5));
        int[][] bad = {
            {load - 4, load, 0, 0, load},
            {load + 64, load, 0, 0, load},
            {load, load, load + 100_000, 0, load},
            {load, load, load - 1, 0, load},
            {load, load, 0, load + 4, load},
            {load, load, 0, 0, 0},
            {load, load, 0, 0, -1},
            {0x1000, 0x1000, 0, 0, 0x1000},
        };
        for (int[] h : bad) {
            assertRefused(
                    Code.KERNEL_DAMAGED, TestKernels.multibootFlat(h[0], h[1], h[2], h[3], h[4]));
        }
        assertRefused(Code.MEMORY_TOO_SMALL, TestKernels.multibootFlat(load, load, 0, -1, load));
    }

    @Test
    void protocol_thatTheKernelLacks_isRefused() {
        Path kernel = file("kernel", TestKernels.elf64());
        for (Protocol protocol : List.of(Protocol.PVH, Protocol.MULTIBOOT)) {
            assertThatThrownBy(() ->
                            BootLoader.load(
                                    BootRequest.of(kernel, null, "").withProtocol(protocol),
                                    memory))
                    .isInstanceOf(BootException.class);
        }
    }

    // ---- hostile files ----

    @ParameterizedTest
    @EnumSource(
            value = Compression.class,
            names = {"GZIP", "XZ", "ZSTD", "LZ4_LEGACY"})
    void bzImage_truncatedAtEveryByte_isRefused(Compression compression) {
        byte[] image = TestKernels.bzImage(compression, TestKernels.elf64());
        for (int length = 0; length < image.length; length++) {
            Path kernel = file("kernel", Arrays.copyOf(image, length));
            assertThat(catchThrowable(() -> BootLoader.load(request(kernel), memory)))
                    .as("length %d", length)
                    .isInstanceOf(BootException.class);
        }
    }

    @ParameterizedTest
    @EnumSource(Compression.class)
    void payload_mutated_endsInBootExceptionOrLoads(Compression compression) {
        assertSurvives(TestKernels.bzImage(compression, TestKernels.elf64()), 0x1f1, 400);
    }

    @Test
    void payload_truncatedButClaimedWhole_isRefused() {
        byte[] elf = TestKernels.elf64();
        for (Compression compression :
                List.of(Compression.GZIP, Compression.XZ, Compression.ZSTD)) {
            byte[] image = TestKernels.bzImage(compression, elf);
            int length =
                    ByteBuffer.wrap(image).order(java.nio.ByteOrder.LITTLE_ENDIAN).getInt(0x24c);
            for (int less = 1; less < length; less += 7) {
                byte[] cut = image.clone();
                TestKernels.little(4).putInt(0, length - less).get(0, cut, 0x24c, 4);
                assertThatThrownBy(() -> load(cut)).isInstanceOf(BootException.class);
            }
        }
    }

    @Test
    void elf_mutated_endsInBootExceptionOrLoads() {
        byte[] note = TestKernels.pvhNote((int) TestKernels.LOAD);
        assertSurvives(TestKernels.elf64(TestKernels.LOAD, note), 0, 3000);
        assertSurvives(TestKernels.multibootElf32(3), 0, 1000);
        int load = (int) TestKernels.LOAD;
        assertSurvives(TestKernels.multibootFlat(load, load, 0, 0, load), 0, 500);
    }

    /** Puts edge values and random bytes into the first 256 bytes from {@code start}. */
    private void assertSurvives(byte[] good, int start, int rounds) {
        long seed = Seeds.seed("broken kernels");
        Random random = new Random(seed);
        byte[] edges = {0, 1, 0x7f, (byte) 0x80, (byte) 0xff};
        int range = Math.min(good.length - start, start == 0 ? 256 : good.length);
        for (int i = 0; i < rounds; i++) {
            byte[] bad = good.clone();
            int at = start + random.nextInt(range);
            int count = 1 << random.nextInt(4);
            byte edge = edges[random.nextInt(edges.length)];
            for (int k = at; k < Math.min(bad.length, at + count); k++) {
                bad[k] = random.nextBoolean() ? edge : (byte) random.nextInt();
            }
            Path kernel = file("kernel", bad);
            Throwable thrown = catchThrowable(() -> BootLoader.load(request(kernel), memory));
            if (thrown != null) {
                assertThat(thrown).as("seed %d", seed).isInstanceOf(BootException.class);
            }
        }
    }

    private static BootRequest request(Path kernel) {
        return BootRequest.of(kernel, null, "");
    }

    @Test
    void elf_badSegments_areRefused() {
        ByteBuffer b = TestKernels.little(TestKernels.elf64().length);
        long[][] bad = { // offset in the program header, value
            {72, Long.MAX_VALUE},
            {72, 1L << 40},
            {88, -4096},
            {88, Long.MAX_VALUE - 100},
            {88, 0x1000},
            {96, 1L << 50},
            {96, -1},
            {104, 10},
            {104, -1},
            {24, 0x1234},
            {32, -8},
            {32, Long.MAX_VALUE - 3},
        };
        for (long[] change : bad) {
            b.put(0, TestKernels.elf64()).putLong((int) change[0], change[1]);
            assertRefused(Code.KERNEL_DAMAGED, b.array());
        }
        for (long[] change : new long[][] {{88, 1L << 40}, {104, 1L << 40}, {88, 0xc000_0000L}}) {
            b.put(0, TestKernels.elf64()).putLong((int) change[0], change[1]);
            b.putLong(24, change[0] == 88 ? change[1] : TestKernels.LOAD);
            assertRefused(Code.MEMORY_TOO_SMALL, b.array());
        }
    }

    @Test
    void elf_overlappingSegments_areRefused() {
        byte[] elf = TestKernels.elf64();
        System.arraycopy(elf, 64, elf, 120, 56);
        assertRefused(Code.KERNEL_DAMAGED, elf);
    }

    @Test
    void kernel_thatIsNone_isRefused() {
        assertRefused(
                Code.KERNEL_FORMAT, "#!/bin/sh\n".repeat(900).getBytes(StandardCharsets.UTF_8));
        assertRefused(Code.KERNEL_FORMAT, new byte[100_000]);
        assertRefused(Code.UNREADABLE, new byte[0]);
        for (Path path : List.of(folder, folder.resolve("missing"), Path.of("/dev/zero"))) {
            assertThatThrownBy(() -> BootLoader.load(request(path), memory))
                    .isInstanceOfSatisfying(
                            BootException.class,
                            e -> assertThat(e.code()).isEqualTo(Code.UNREADABLE));
        }
    }

    @Test
    void payload_thatExpandsBeyondMemory_isRefused() {
        byte[] huge = new byte[64 << 20];
        for (Compression compression : List.of(Compression.GZIP, Compression.ZSTD)) {
            assertRefused(Code.MEMORY_TOO_SMALL, TestKernels.bzImage(compression, huge));
        }
    }

    @Test
    void memory_tooSmall_isRefused() {
        Path kernel = file("kernel", TestKernels.elf64());
        for (long bytes : new long[] {4096, 1 << 20, Layout.MINIMUM_RAM}) {
            try (GuestMemory small = new GuestMemory(bytes)) {
                assertThatThrownBy(() -> BootLoader.load(request(kernel), small))
                        .isInstanceOfSatisfying(
                                BootException.class,
                                e -> assertThat(e.code()).isEqualTo(Code.MEMORY_TOO_SMALL));
            }
        }
    }
}
