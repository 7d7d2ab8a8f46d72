package io.queztl.emulator.system;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.sight.Counters;
import io.queztl.emulator.sight.Events;
import io.queztl.emulator.sight.Profiler;
import io.queztl.emulator.sight.Sight;
import io.queztl.emulator.sight.SymbolMap;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Counters, events, samples and dumps of small guests. */
@Timeout(120)
final class SightTest {
    /** 1: inc byte ptr [rip+2f+1]; 2: mov eax, 0; add rbx, rax; dec ecx; jnz 1b; hlt. */
    private static final String WRITES_ITSELF = "fe0501000000b8000000004801c3ffc975eef4";

    /** 1: jmp 1b. */
    private static final String FOREVER = "ebfe";

    private static final long HIGH = 0xffff_ffff_8000_0000L;

    @TempDir Path folder;

    private Guest writesItself() {
        Guest g = Guest.longMode(ExecutionMode.TRANSLATOR);
        g.cpu.shared.sight.add(g.cpu);
        g.cpu.r[Cpu.RCX] = 5;
        g.code(Guest.CODE, WRITES_ITSELF);
        return g;
    }

    @Test
    void events_areRecorded() throws IOException {
        Path file = folder.resolve("guest.jfr");
        try (Recording recording = new Recording();
                Guest g = writesItself()) {
            recording.enable("queztl.GuestFault");
            recording.start();
            assertThat(Events.kind(Events.run(0, g::run))).isEqualTo(Counters.Exit.HALTED);
            g.code(0x2000, "0f0b"); // ud2
            g.resume(0x2000);
            assertThat(g.runToHandler()).isEqualTo(6);
            g.cpu.shared.sight.evicted(0, 0, 3);
            g.cpu.shared.sight.evicted(1, 2, 3);
            recording.dump(file);
        }
        List<RecordedEvent> events = RecordingFile.readAllEvents(file);
        assertThat(named(events, "queztl.Translation"))
                .anySatisfy(e -> {
                    assertThat(e.getLong("address")).isEqualTo(Guest.CODE);
                    assertThat(e.getLong("physical")).isEqualTo(Guest.CODE);
                    assertThat(e.getInt("instructions")).isEqualTo(5);
                    assertThat(e.getInt("bytecode")).isPositive();
                    assertThat(e.getDuration("generateTime")).isPositive();
                    assertThat(e.getDuration("publishTime"))
                            .isGreaterThanOrEqualTo(e.getDuration("generateTime"));
                    assertThat(e.getString("outcome")).isEqualTo("PUBLISHED");
                });
        assertThat(named(events, "queztl.Invalidation"))
                .anySatisfy(e -> {
                    assertThat(e.getLong("physical")).isEqualTo(Guest.CODE);
                    assertThat(e.getString("reason")).isEqualTo("WRITTEN");
                });
        assertThat(named(events, "queztl.RegionEviction"))
                .singleElement()
                .satisfies(e -> assertThat(e.getInt("left")).isEqualTo(3));
        assertThat(named(events, "queztl.GuestFault"))
                .singleElement()
                .satisfies(e -> {
                    assertThat(e.getInt("vector")).isEqualTo(6);
                    assertThat(e.getLong("rip")).isEqualTo(0x2000);
                });
        assertThat(named(events, "queztl.VcpuExit"))
                .singleElement()
                .satisfies(e -> assertThat(e.getString("kind")).isEqualTo("HALTED"));
    }

    private static List<RecordedEvent> named(List<RecordedEvent> events, String name) {
        return events.stream().filter(e -> e.getEventType().getName().equals(name)).toList();
    }

    @Test
    void statistics_countWhatHappened() {
        try (Guest g = writesItself()) {
            assertThat(g.runToHandler()).isEqualTo(-1);
            g.code(0x2000, "0f0b"); // ud2
            g.resume(0x2000);
            assertThat(g.runToHandler()).isEqualTo(6);
            Map<String, Map<String, Number>> all = g.cpu.shared.sight.statistics();
            assertThat(value(all, "instructions", "executed")).isEqualTo(g.cpu.instructions);
            assertThat(value(all, "instructions", "translated")).isPositive();
            assertThat(value(all, "blocks", "decoded")).isPositive();
            assertThat(value(all, "regions", "made")).isPositive();
            assertThat(value(all, "regions", "invalidated")).isPositive();
            assertThat(value(all, "regions", "failed")).isZero();
            assertThat(all.get("faults")).isEqualTo(Map.of("UD", 1L));
            assertThat(value(all, "tlb", "fetchFills")).isPositive();
        }
    }

    @Test
    void statistics_interpreter_translatesNothing() {
        try (Guest g = Guest.longMode(ExecutionMode.INTERPRETER)) {
            Sight sight = g.cpu.shared.sight;
            sight.add(g.cpu);
            g.cpu.r[Cpu.RCX] = 5;
            g.code(Guest.CODE, WRITES_ITSELF);
            assertThat(g.runToHandler()).isEqualTo(-1);
            Map<String, Map<String, Number>> all = sight.statistics();
            assertThat(value(all, "instructions", "executed")).isEqualTo(26);
            assertThat(value(all, "instructions", "interpreted")).isEqualTo(26);
            assertThat(value(all, "instructions", "translated")).isZero();
        }
    }

    private static long value(Map<String, Map<String, Number>> all, String section, String name) {
        Number value = requireNonNull(all.get(section)).get(name);
        return requireNonNull(value).longValue();
    }

    @Test
    void profile_translatedLoop_isNamedWithKaslr() throws Exception {
        Path map = folder.resolve("System.map");
        Files.writeString(
                map,
                """
                0000000000000000 D per_cpu
                ffffffff81000f00 T before
                ffffffff81001000 t the_loop\r
                ffffffff81002000 T entry_SYSCALL_64
                ffffffffc0001000 t of_module\t[module]
                """);
        SymbolMap symbols = SymbolMap.read(map);
        assertThat(symbols.size()).isEqualTo(4);
        assertThat(symbols.name(0xffff_ffff_bfff_ffffL)).isEqualTo("entry_SYSCALL_64");
        assertThat(symbols.name(0xffff_ffff_c000_0fffL)).isNull();
        assertThat(symbols.name(0xffff_ffff_c000_1234L)).isEqualTo("of_module [module]");
        for (ExecutionMode mode : ExecutionMode.values()) {
            try (Guest g = Guest.longMode(mode)) {
                // The same memory at the kernel's addresses, moved from where it was linked.
                g.memory.write64(Guest.PML4 + 8 * 511, 0x21000 | 7);
                g.memory.write64(0x21000 + 8 * 510, 0x22000 | 7);
                g.cpu.msrs.lstar = HIGH + 0x2000;
                g.code(Guest.CODE, FOREVER);
                g.resume(HIGH + Guest.CODE);
                Profiler profiler = new Profiler(1000);
                g.cpu.shared.sight.profile(profiler);
                g.cpu.shared.sight.add(g.cpu);
                Thread kick =
                        new Thread(() -> {
                            while (profiler.profile(null).samples() < 10) {
                                Thread.yield();
                            }
                            g.cpu.attend(Cpu.ATTENTION_KICK);
                        });
                kick.start();
                assertThat(Events.kind(g.run())).isEqualTo(Counters.Exit.KICKED);
                kick.join();
                profiler.stop();
                Profiler.Profile profile = profiler.profile(symbols);
                assertThat(profile.samples()).isGreaterThanOrEqualTo(10);
                assertThat(profile.kernel()).isEqualTo(profile.samples());
                assertThat(profile.lines())
                        .containsExactly(new Profiler.Line("the_loop", profile.samples()));
                assertThat(profiler.profile(null).lines())
                        .containsExactly(
                                new Profiler.Line(
                                        "[kernel] page 0xffffffff80001000", profile.samples()));
            }
        }
    }

    @Test
    void dump_all_writesTextAndClass() throws IOException {
        try (Guest g = writesItself()) {
            g.cpu.shared.sight.dump(folder);
            assertThat(g.runToHandler()).isEqualTo(-1);
            assertThat(g.cpu.shared.sight.dumped()).isPositive();
        }
        Path text = folder.resolve("region-00001-1000.txt");
        assertThat(text)
                .content()
                .isEqualTo(
                        """
                        region at 0x1000 (physical 0x1000): 1 parts, 5 instructions

                        part 0x1000, an entry
                            1000  inc byte ptr [rip: 0x1007]
                            1006  mov eax, 0x0
                            100b  add rbx, rax
                            100e  dec ecx
                            1010  jne 0x1000
                            goes to 0x1012 (outside) 0x1000
                        """);
        byte[] bytes = Files.readAllBytes(folder.resolve("region-00001-1000.class"));
        assertThat(ClassFile.of().parse(bytes).methods())
                .anyMatch(m -> m.methodName().equalsString("run"));
    }

    @Test
    void dump_address_writesOnlyWhatHoldsIt() throws IOException {
        try (Guest g = writesItself()) {
            g.cpu.shared.sight.dump(folder, 0x5000);
            assertThat(g.runToHandler()).isEqualTo(-1);
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).isEmpty();
        }
        try (Guest g = writesItself()) {
            g.cpu.shared.sight.dump(folder, Guest.CODE + 0xb);
            assertThat(g.runToHandler()).isEqualTo(-1);
        }
        assertThat(folder.resolve("region-00001-1000.txt")).exists();
    }
}
