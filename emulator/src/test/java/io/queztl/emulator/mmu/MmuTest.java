package io.queztl.emulator.mmu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;
import io.queztl.emulator.cpu.Shared;
import io.queztl.machine.bus.Bus;
import io.queztl.machine.irq.LocalInterrupts;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.VmClock;
import java.lang.reflect.Proxy;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class MmuTest {
    private static final long P = 1;
    private static final long W = 2;
    private static final long U = 4;
    private static final long A = 0x20;
    private static final long D = 0x40;
    private static final long PS = 0x80;
    private static final long NX = 1L << 63;
    private static final long TOP = 0x1000;
    private static final long LEVEL3 = 0x2000;
    private static final long LEVEL2 = 0x3000;
    private static final long LEVEL1 = 0x4000;
    private static final long VA = 0x1234_5000L & 0x1f_ffff | 0x20_0000;

    private GuestMemory memory;
    private Cpu c;

    @BeforeEach
    void longMode() {
        memory = new GuestMemory(4 << 20);
        LocalInterrupts none =
                (LocalInterrupts)
                        Proxy.newProxyInstance(
                                MmuTest.class.getClassLoader(),
                                new Class<?>[] {LocalInterrupts.class},
                                (p, m, a) ->
                                        m.getReturnType() == long.class
                                                ? (Object) 0xFEE00900L
                                                : m.getReturnType() == int.class
                                                        ? (Object) 0
                                                        : m.getReturnType() == boolean.class
                                                                ? (Object) false
                                                                : null);
        c =
                new Cpu(
                        0,
                        new Shared(memory, new Bus(), 1),
                        new Bus(),
                        none,
                        new VmClock(),
                        CpuModel.max());
        c.cr0 = 1L << 31 | 1 << 16 | 1;
        c.cr4 = 1 << 5;
        c.efer = 1 << 8 | 1 << 10 | 1 << 11;
        c.cr3 = TOP;
        c.attributes[Cpu.CS] = 0x209B;
        c.attributes[Cpu.SS] = 0x4093;
        c.updateMode();
        memory.write64(TOP, LEVEL3 | P | W | U);
        memory.write64(LEVEL3, LEVEL2 | P | W | U);
        memory.write64(LEVEL2 + 8, LEVEL1 | P | W | U);
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private void map(long va, long entry) {
        memory.write64(LEVEL1 + (va >>> 12 & 511) * 8, entry);
        c.mem.flushAll();
    }

    private long entry(long va) {
        return memory.read64(LEVEL1 + (va >>> 12 & 511) * 8);
    }

    private void user() {
        c.attributes[Cpu.SS] |= 0x60;
        c.updateMode();
    }

    private void faults(Runnable access, int errorCode) {
        assertThatThrownBy(access::run)
                .isInstanceOfSatisfying(
                        GuestException.class,
                        e -> {
                            assertThat(e.vector).isEqualTo(14);
                            assertThat(e.errorCode).isEqualTo(errorCode);
                        });
    }

    @Test
    void load_translatesAndSetsAccessed() {
        map(VA, 0x10_0000 | P | W);
        memory.write64(0x10_0008, 0x1122_3344_5566_7788L);
        assertThat(c.mem.load64(VA + 8)).isEqualTo(0x1122_3344_5566_7788L);
        assertThat(entry(VA) & (A | D)).isEqualTo(A);
        assertThat(memory.read64(TOP) & A).isEqualTo(A);
    }

    @Test
    void store_setsDirty() {
        map(VA, 0x10_0000 | P | W);
        c.mem.store32(VA, 0xdeadbeefL);
        assertThat(memory.read32(0x10_0000)).isEqualTo(0xdeadbeef);
        assertThat(entry(VA) & (A | D)).isEqualTo(A | D);
    }

    @Test
    void storeAfterLoad_stillSetsDirty() {
        map(VA, 0x10_0000 | P | W);
        long ignored = c.mem.load8(VA);
        assertThat(entry(VA) & D).isZero();
        c.mem.store8(VA, 1);
        assertThat(entry(VA) & D).isEqualTo(D);
    }

    @Test
    void notPresent_faultsWithTheAccessInTheCode() {
        map(VA, 0);
        faults(() -> c.mem.load8(VA), 0);
        faults(() -> c.mem.store8(VA, 0), 2);
        faults(() -> c.mem.fetch(VA), 16);
        user();
        faults(() -> c.mem.load8(VA), 4);
        assertThat(c.cr2).isEqualTo(VA);
    }

    @Test
    void supervisorPage_isShutToUsers() {
        map(VA, 0x10_0000 | P | W);
        user();
        faults(() -> c.mem.load8(VA), 5);
        assertThat(entry(VA) & A).isZero();
    }

    @Test
    void readOnlyPage_withWriteProtect() {
        map(VA, 0x10_0000 | P | U);
        faults(() -> c.mem.store8(VA, 1), 3);
        c.cr0 &= ~(1L << 16);
        c.mem.store8(VA, 1);
        assertThat(memory.read8(0x10_0000)).isEqualTo(1);
    }

    @Test
    void noExecute_faultsOnFetch() {
        map(VA, 0x10_0000 | P | NX);
        faults(() -> c.mem.fetch(VA), 17);
        c.efer &= ~(1L << 11);
        c.mem.flushAll();
        faults(() -> c.mem.load8(VA), 9);
    }

    @Test
    void smepAndSmap_guardUserPages() {
        map(VA, 0x10_0000 | P | W | U);
        c.cr4 |= 1 << 20 | 1 << 21;
        c.updateMode();
        faults(() -> c.mem.fetch(VA), 17);
        faults(() -> c.mem.load8(VA), 1);
        c.systemFlag(Flags.AC, true);
        assertThat(c.mem.load8(VA)).isZero();
        faults(() -> c.mem.loadSystem(VA, 1), 1);
    }

    @Test
    void protectionKey_isChecked() {
        map(VA, 0x10_0000 | P | W | U | 3L << 59);
        c.cr4 |= 1 << 22;
        c.pkru = 2 << 6;
        user();
        assertThat(c.mem.load8(VA)).isZero();
        faults(() -> c.mem.store8(VA, 1), 0x27);
        c.pkru = 1 << 6;
        c.mem.flushAll();
        faults(() -> c.mem.load8(VA), 0x25);
    }

    @Test
    void reservedBits_fault() {
        map(VA, 0x10_0000 | P | 1L << 51);
        faults(() -> c.mem.load8(VA), 9);
        memory.write64(LEVEL2 + 8, 0x2000 | PS | P);
        c.mem.flushAll();
        faults(() -> c.mem.load8(VA), 9);
    }

    @Test
    void largePage_isCachedInPiecesAndInvalidatedWhole() {
        memory.write64(LEVEL2 + 8, 0x20_0000 | PS | P | W);
        memory.write8(0x20_5000, 7);
        memory.write8(0x20_6000, 8);
        assertThat(c.mem.load8(0x20_5000)).isEqualTo(7);
        assertThat(c.mem.load8(0x20_6000)).isEqualTo(8);
        memory.write64(LEVEL2 + 8, 0);
        c.mem.flushPage(0x20_0000);
        faults(() -> c.mem.load8(0x20_5000), 0);
        faults(() -> c.mem.load8(0x20_6000), 0);
    }

    @Test
    void crossingStore_faultsBeforeAnythingIsWritten() {
        map(VA, 0x10_0000 | P | W);
        map(VA + 0x1000, 0);
        faults(() -> c.mem.store64(VA + 0xffc, -1), 2);
        assertThat(memory.read32(0x10_0ffc)).isZero();
        assertThat(c.cr2).isEqualTo(VA + 0x1000);
        map(VA + 0x1000, 0x11_0000 | P | W);
        c.mem.store64(VA + 0xffc, 0x1122_3344_5566_7788L);
        assertThat(c.mem.load64(VA + 0xffc)).isEqualTo(0x1122_3344_5566_7788L);
        assertThat(memory.read32(0x11_0000)).isEqualTo(0x1122_3344);
    }

    @Test
    void nonCanonicalAddress_isGeneralProtection() {
        assertThatThrownBy(() -> c.mem.load8(1L << 47))
                .isInstanceOfSatisfying(
                        GuestException.class, e -> assertThat(e.vector).isEqualTo(13));
    }

    @Test
    void fiveLevels_translate() {
        c.cr4 |= 1 << 12;
        memory.write64(0x5000, TOP | P | W | U);
        c.cr3 = 0x5000;
        c.mem.flushAll();
        map(VA, 0x10_0000 | P | W);
        memory.write8(0x10_0000, 9);
        assertThat(c.mem.load8(VA)).isEqualTo(9);
    }

    @Test
    void twoLevels_translateWithLargePages() {
        c.efer = 0;
        c.cr4 = 1 << 4;
        c.attributes[Cpu.CS] = 0x409B;
        c.updateMode();
        memory.write32(TOP, (int) (0x5000 | P | W));
        memory.write32(0x5000 + 4, (int) (0x10_0000 | P | W));
        memory.write32(TOP + 4, (int) (PS | P | W));
        c.mem.flushAll();
        memory.write8(0x10_0010, 3);
        memory.write8(0x3_0000, 4);
        assertThat(c.mem.load8(0x1010)).isEqualTo(3);
        assertThat(c.mem.load8(0x43_0000)).isEqualTo(4);
    }

    @Test
    void pae_translates() {
        c.efer = 1 << 11;
        c.cr4 = 1 << 5;
        c.attributes[Cpu.CS] = 0x409B;
        c.updateMode();
        c.cr3 = 0x5020;
        memory.write64(0x5020, LEVEL2 | P);
        map(VA, 0x10_0000 | P | W);
        memory.write8(0x10_0000, 5);
        assertThat(c.mem.load8(VA)).isEqualTo(5);
    }

    @Test
    void globalPage_survivesCr3Write() {
        c.cr4 |= 1 << 7;
        map(VA, 0x10_0000 | P | W | 1 << 8);
        memory.write8(0x10_0000, 5);
        assertThat(c.mem.load8(VA)).isEqualTo(5);
        memory.write64(LEVEL1 + (VA >>> 12 & 511) * 8, 0);
        c.mem.flushNonGlobal();
        assertThat(c.mem.load8(VA)).isEqualTo(5);
        c.mem.flushAll();
        faults(() -> c.mem.load8(VA), 0);
    }

    @Test
    void compareAndSet_worksInsideOneWord() {
        memory.write64(0x10_0000, 0x1122_3344_5566_7788L);
        assertThat(c.mem.compareAndSet(0x10_0001, 2, 0x6677, 0xabcd)).isTrue();
        assertThat(memory.read64(0x10_0000)).isEqualTo(0x1122_3344_55ab_cd88L);
        assertThat(c.mem.compareAndSet(0x10_0003, 4, 0, 1)).isFalse();
    }

    @Test
    void systemBitsOfTwoCpus_areNotLost() throws Exception {
        Shared shared = new Shared(memory, new Bus(), 2);
        Thread[] threads = new Thread[2];
        int[] lost = new int[2];
        for (int n = 0; n < 2; n++) {
            Cpu cpu = new Cpu(n, shared, new Bus(), c.interrupts, c.clock, CpuModel.max());
            int bit = 1 << n;
            int k = n;
            threads[n] =
                    Thread.ofPlatform()
                            .start(() -> {
                                for (int x = 0; x < 20_000; x++) {
                                    lost[k] += cpu.mem.changeSystem8(0x9005, bit, 0) & bit;
                                    lost[k] += ~cpu.mem.changeSystem8(0x9005, 0, bit) & bit;
                                }
                            });
        }
        for (Thread t : threads) {
            t.join();
        }
        assertThat(lost).containsOnly(0);
        assertThat(memory.read8(0x9005)).isZero();
    }
}
