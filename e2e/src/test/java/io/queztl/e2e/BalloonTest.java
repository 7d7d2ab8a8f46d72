package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.virtio.balloon.BalloonStatistics;
import io.queztl.devices.virtio.balloon.VirtioBalloon;
import io.queztl.emulator.SoftwareAccelerator;
import io.queztl.server.guest.CacheFolder;
import io.queztl.server.guest.StockGuest;
import io.queztl.server.guest.StockInitramfs;
import io.queztl.server.guest.StockModules;
import io.queztl.vmm.builder.VirtualMachine;
import io.queztl.vmm.builder.VmBuilder;
import io.queztl.vmm.config.BalloonConfig;
import io.queztl.vmm.config.VmConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** The stock guest, with Debian's module {@code virtio_balloon}, gives memory back to the host. */
@EnabledIfSystemProperty(
        named = "queztl.test.all",
        matches = "true",
        disabledReason = "several guests; ./dev e2e")
@Timeout(300)
class BalloonTest {
    private static final long MIB = 1 << 20;
    private static final String FILL = "tr '\\0' x </dev/zero | head -c 120m >/tmp/x";

    private static final String COMMAND =
            FILL
                    + "; sum1=$(md5sum </tmp/x); echo filled; read x; rm /tmp/x; echo removed; read x; "
                    + FILL
                    + "; [ \"$(md5sum </tmp/x)\" = \"$sum1\" ] && echo same; read x";

    @TempDir Path folder = Path.of("");

    /** Memory of shared mappings that this process takes, which guests' RAM is. */
    private static long shared() {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                            .filter(line -> line.startsWith("RssShmem:"))
                            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                            .findFirst()
                            .orElseThrow()
                    << 10;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        for (int i = 0; i < 2000 && !condition.getAsBoolean(); i++) {
            Thread.sleep(50);
        }
        assertThat(condition.getAsBoolean()).as(what).isTrue();
    }

    @Test
    void memory_freedOrInTheBalloon_isTheHostsAgain() throws Exception {
        StockGuest stock = StockGuest.obtain(CacheFolder.of(System.getenv()), line -> {});
        Path initrd = folder.resolve("initrd");
        StockInitramfs.write(
                initrd,
                stock.busybox(),
                COMMAND,
                StockModules.files(stock.modules(), List.of(StockModules.BALLOON)),
                Map.of("CONSOLE", "ttyS0"),
                null,
                false);
        VmConfig config =
                VmConfig.of(stock.kernel())
                        .withInitrd(initrd)
                        .withMemory(384 * MIB)
                        .withCommandLine("console=ttyS0 panic=-1 quiet cryptomgr.notests")
                        .withDevices(List.of(new BalloonConfig(0)));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        long before = shared();
        try (VirtualMachine vm =
                new VmBuilder(config, new SoftwareAccelerator()).console(out).build()) {
            VirtioBalloon balloon = vm.devices(VirtioBalloon.class).getFirst();
            vm.start();
            await("filled", () -> out.toString(StandardCharsets.US_ASCII).contains("filled"));
            long full = shared() - before;
            assertThat(full).isGreaterThan(120 * MIB);

            next(vm);
            await("reports of free pages", () -> shared() - before < full - 60 * MIB);

            BalloonStatistics statistics = balloon.statistics(60_000);
            assertThat(statistics).isNotNull();
            assertThat(statistics.totalBytes()).isBetween(250 * MIB, 384 * MIB);
            assertThat(statistics.freeBytes()).isBetween(150 * MIB, 384 * MIB);
            balloon.target(100 * MIB);
            await("balloon", () -> balloon.actual() == 100 * MIB);
            BalloonStatistics less = balloon.statistics(60_000);
            assertThat(less).isNotNull();
            assertThat(less.freeBytes()).isLessThan(statistics.freeBytes() - 80 * MIB);
            long low = shared() - before;
            balloon.target(0);
            await("no balloon", () -> balloon.actual() == 0);

            next(vm);
            await("same", () -> out.toString(StandardCharsets.US_ASCII).contains("same"));
            System.out.printf(
                    "guest RAM on the host: %d MiB with a file of 120 MiB, %d MiB after its removal"
                            + " and the balloon, %d MiB with it again%n",
                    full / MIB, low / MIB, (shared() - before) / MIB);
        }
    }

    private static void next(VirtualMachine vm) {
        assertThat(vm.console().receive("\n".getBytes(StandardCharsets.US_ASCII))).isEqualTo(1);
    }

    @Test
    void balloon_ofAllMemory_isRefused() {
        assertThat(Queztl.run("run", "--balloon", "512M").err()).contains("--balloon");
    }
}
