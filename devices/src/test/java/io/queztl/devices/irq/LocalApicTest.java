package io.queztl.devices.irq;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.devices.ManualTimers;
import io.queztl.devices.RecordingSignals;
import io.queztl.devices.SnapshotContract;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class LocalApicTest {
    private static final int TPR = 0x80;
    private static final int PPR = 0xa0;
    private static final int EOI = 0xb0;
    private static final int LDR = 0xd0;
    private static final int DFR = 0xe0;
    private static final int SVR = 0xf0;
    private static final int ESR = 0x280;
    private static final int ICR = 0x300;
    private static final int ICR_HIGH = 0x310;
    private static final int LVT_TIMER = 0x320;
    private static final int LVT_LINT0 = 0x350;
    private static final int LVT_ERROR = 0x370;
    private static final int INITIAL_COUNT = 0x380;
    private static final int CURRENT_COUNT = 0x390;
    private static final int DIVIDE = 0x3e0;
    private static final int TSC_DEADLINE = 0x6e0;

    private final ManualTimers timers = new ManualTimers();
    private final ApicSystem system = new ApicSystem(4, timers);
    private final RecordingSignals[] signals = new RecordingSignals[4];

    LocalApicTest() {
        for (int i = 0; i < 4; i++) {
            signals[i] = new RecordingSignals();
            system.attach(i, signals[i]);
        }
    }

    private LocalApic apic(int index) {
        return system.localApics().get(index);
    }

    private LocalApic enabled(int index) {
        LocalApic apic = apic(index);
        apic.writeRegister(SVR, 4, 0x1ff);
        return apic;
    }

    private LocalApic x2apic(int index) {
        LocalApic apic = enabled(index);
        assertThat(apic.apicBase(apic.apicBase() | 1 << 10)).isTrue();
        return apic;
    }

    private static void end(LocalApic apic) {
        apic.writeRegister(EOI, 4, 0);
    }

    private void message(int destination, int data) {
        system.send(0xfee0_0000L | (long) destination << 12, data);
    }

    @Test
    void registers_afterReset_haveTheirDocumentedValues() {
        assertThat(apic(2).readRegister(0x20, 4)).isEqualTo(2 << 24);
        assertThat(apic(2).readRegister(0x30, 4) & 0xff).isEqualTo(0x14);
        assertThat(apic(2).readRegister(SVR, 4)).isEqualTo(0xff);
        assertThat(apic(2).readRegister(DFR, 4)).isEqualTo(0xffff_ffffL);
        assertThat(apic(2).readRegister(LVT_TIMER, 4)).isEqualTo(0x10000);
        assertThat(apic(2).readRegister(LVT_LINT0, 4)).isEqualTo(0x10000);
        assertThat(apic(0).readRegister(LVT_LINT0, 4)).isEqualTo(0x700);
        assertThat(apic(0).apicBase()).isEqualTo(0xfee0_0900L);
        assertThat(apic(1).apicBase()).isEqualTo(0xfee0_0800L);
    }

    @Test
    void fixedMessage_toSoftwareDisabledApic_isNotAccepted() {
        message(1, 0x40);
        assertThat(apic(1).pending()).isFalse();
        enabled(1);
        assertThat(apic(1).pending()).isFalse();
    }

    @Test
    void fixedMessage_isDeliveredOnceAndEnds() {
        LocalApic apic = enabled(1);
        message(1, 0x40);
        assertThat(signals[1].take()).containsExactly("interrupt");
        assertThat(apic.pending()).isTrue();
        assertThat(apic.acknowledge()).isEqualTo(0x40);
        assertThat(apic.pending()).isFalse();
        assertThat(apic.acknowledge()).isEqualTo(-1);
        assertThat(apic.readRegister(0x120, 4)).isEqualTo(1); // ISR bit 64
        end(apic);
        assertThat(apic.readRegister(0x120, 4)).isZero();
    }

    @Test
    void lowerPriority_waitsForEndOfHigher() {
        LocalApic apic = enabled(0);
        message(0, 0x80);
        assertThat(apic.acknowledge()).isEqualTo(0x80);
        signals[0].take();
        message(0, 0x8f); // same class
        message(0, 0x31);
        assertThat(apic.pending()).isFalse();
        message(0, 0x90);
        assertThat(apic.acknowledge()).isEqualTo(0x90);
        assertThat(apic.readRegister(PPR, 4)).isEqualTo(0x90);
        signals[0].take();
        end(apic);
        assertThat(apic.pending()).isFalse();
        end(apic);
        assertThat(signals[0].take()).containsExactly("interrupt");
        assertThat(apic.acknowledge()).isEqualTo(0x8f);
        end(apic);
        assertThat(apic.acknowledge()).isEqualTo(0x31);
    }

    @Test
    void taskPriority_holdsInterruptsOfItsClassBack() {
        LocalApic apic = enabled(0);
        apic.taskPriority(4);
        assertThat(apic.readRegister(TPR, 4)).isEqualTo(0x40);
        message(0, 0x4f);
        assertThat(apic.pending()).isFalse();
        signals[0].take();
        apic.taskPriority(3);
        assertThat(apic.pending()).isTrue();
        assertThat(signals[0].take()).isNotEmpty();
        assertThat(apic.taskPriority()).isEqualTo(3);
    }

    @Test
    void icr_initAndStartup_reachTheTarget() {
        LocalApic apic = enabled(0);
        apic.writeRegister(ICR_HIGH, 4, 2L << 24);
        apic.writeRegister(ICR, 4, 0xc500);
        apic.writeRegister(ICR, 4, 0x8500); // de-assert does nothing
        apic.writeRegister(ICR, 4, 0x4699);
        assertThat(signals[2].take()).containsExactly("init", "startup 153");
        assertThat(signals[1].take()).isEmpty();
    }

    @Test
    void icr_shorthands_reachWhomTheyName() {
        for (int i = 0; i < 4; i++) {
            enabled(i);
        }
        apic(1).writeRegister(ICR, 4, 0x40000 | 0x50);
        assertThat(pendingSet()).isEqualTo("0100");
        assertThat(apic(1).acknowledge()).isEqualTo(0x50);
        apic(1).writeRegister(ICR, 4, 0xc0000 | 0x51);
        assertThat(pendingSet()).isEqualTo("1011");
        apic(1).writeRegister(ICR, 4, 0x80000 | 0x61);
        assertThat(pendingSet()).isEqualTo("1111");
        apic(1).writeRegister(ICR, 4, 0xc0000 | 0x400);
        assertThat(signals[1].take()).doesNotContain("nmi");
        assertThat(signals[3].take()).contains("nmi");
    }

    private String pendingSet() {
        StringBuilder s = new StringBuilder();
        for (LocalApic apic : system.localApics()) {
            s.append(apic.pending() ? '1' : '0');
        }
        return s.toString();
    }

    @Test
    void logicalDestination_flatAndCluster_match() {
        for (int i = 0; i < 4; i++) {
            enabled(i).writeRegister(LDR, 4, 1L << 24 + i);
        }
        apic(0).writeRegister(ICR_HIGH, 4, 0x0aL << 24);
        apic(0).writeRegister(ICR, 4, 0x800 | 0x70);
        assertThat(pendingSet()).isEqualTo("0101");
        for (int i = 0; i < 4; i++) {
            while (apic(i).acknowledge() >= 0) {
                end(apic(i));
            }
            apic(i).writeRegister(DFR, 4, 0x0fff_ffffL);
            apic(i).writeRegister(LDR, 4, (i / 2 << 4 | 1L << i % 2) << 24);
        }
        apic(0).writeRegister(ICR_HIGH, 4, 0x13L << 24);
        apic(0).writeRegister(ICR, 4, 0x800 | 0x71);
        assertThat(pendingSet()).isEqualTo("0011");
        apic(0).writeRegister(ICR_HIGH, 4, 0xffL << 24);
        apic(0).writeRegister(ICR, 4, 0x800 | 0x72);
        assertThat(pendingSet()).isEqualTo("1111");
    }

    @Test
    void lowestPriority_prefersTheLeastBusy() {
        for (int i = 0; i < 4; i++) {
            enabled(i).writeRegister(LDR, 4, 1L << 24 + i);
            apic(i).taskPriority(i == 2 ? 0 : 2);
        }
        system.send(0xfee0_0004L | 0xfL << 12, 0x100 | 0x88);
        assertThat(pendingSet()).isEqualTo("0010");
    }

    @Test
    void x2apic_transitions_followTheDiagram() {
        LocalApic apic = apic(1);
        long base = apic.apicBase();
        assertThat(apic.apicBase(base & ~0x800L | 0x400)).isFalse();
        assertThat(apic.apicBase(base | 1)).isFalse();
        assertThat(apic.apicBase(base | 1L << 60)).isFalse();
        assertThat(apic.apicBase(base | 0x400)).isTrue();
        assertThat(apic.apicBase(base)).isFalse();
        assertThat(apic.apicBase(base & ~0x800L)).isTrue();
        assertThat(apic.apicBase(base | 0x400)).isFalse();
        assertThat(apic.apicBase(base)).isTrue();
    }

    @Test
    void x2apic_msrs_areThereAsTheManualSays() {
        LocalApic apic = apic(1);
        assertThat(apic.hasMsr(0x802, false)).isFalse();
        assertThat(apic.hasMsr(TSC_DEADLINE, true)).isTrue();
        x2apic(1);
        assertThat(apic.hasMsr(0x802, false)).isTrue();
        assertThat(apic.hasMsr(0x802, true)).isFalse();
        assertThat(apic.hasMsr(0x80b, false)).isFalse();
        assertThat(apic.hasMsr(0x80b, true)).isTrue();
        assertThat(apic.hasMsr(0x80e, false)).isFalse();
        assertThat(apic.hasMsr(0x831, false)).isFalse();
        assertThat(apic.hasMsr(0x83f, true)).isTrue();
        assertThat(apic.hasMsr(0x8ff, false)).isFalse();
        assertThat(apic.readMsr(0x802)).isEqualTo(1);
        assertThat(apic.readMsr(0x80d)).isEqualTo(2);
        assertThat(apic.writeMsr(0x80b, 1)).isFalse();
        assertThat(apic.writeMsr(0x808, 0x100)).isFalse();
        assertThat(apic.writeMsr(0x80f, 1L << 32)).isFalse();
        assertThat(apic.readRegister(0x20, 4)).isEqualTo(-1);
    }

    @Test
    void x2apic_icr_sendsToPhysicalLogicalAndSelf() {
        for (int i = 0; i < 4; i++) {
            x2apic(i);
        }
        assertThat(apic(0).writeMsr(0x830, 3L << 32 | 0x55)).isTrue();
        assertThat(pendingSet()).isEqualTo("0001");
        assertThat(apic(0).writeMsr(0x830, 0x6L << 32 | 0x800 | 0x56)).isTrue();
        assertThat(pendingSet()).isEqualTo("0111");
        assertThat(apic(0).writeMsr(0x83f, 0x57)).isTrue();
        assertThat(apic(0).acknowledge()).isEqualTo(0x57);
        assertThat(apic(0).writeMsr(0x830, 0xffff_ffff_0000_0400L)).isTrue();
        assertThat(signals[0].take()).contains("nmi");
        assertThat(signals[3].take()).contains("nmi");
        assertThat(apic(0).writeMsr(0x830, 1 << 20)).isFalse();
        assertThat(apic(0).writeMsr(0x830, 0x7fff_0000_0000_0055L)).isTrue(); // nobody there
    }

    @Test
    void oneShotTimer_expiresOnce() {
        LocalApic apic = enabled(0);
        apic.writeRegister(DIVIDE, 4, 0xb); // by 1
        apic.writeRegister(LVT_TIMER, 4, 0xec);
        apic.writeRegister(INITIAL_COUNT, 4, 1_000_000);
        timers.advance(400_000);
        assertThat(apic.readRegister(CURRENT_COUNT, 4)).isEqualTo(600_000);
        assertThat(apic.pending()).isFalse();
        timers.advance(600_000);
        assertThat(apic.acknowledge()).isEqualTo(0xec);
        end(apic);
        assertThat(apic.readRegister(CURRENT_COUNT, 4)).isZero();
        timers.advance(10_000_000);
        assertThat(apic.pending()).isFalse();
    }

    @Test
    void periodicTimer_repeatsAndCatchesUpByOne() {
        LocalApic apic = enabled(0);
        apic.writeRegister(DIVIDE, 4, 0x3); // by 16
        apic.writeRegister(LVT_TIMER, 4, 0x20000 | 0x30);
        apic.writeRegister(INITIAL_COUNT, 4, 62_500); // 1 ms
        for (int i = 0; i < 3; i++) {
            timers.advance(1_000_000);
            assertThat(apic.acknowledge()).isEqualTo(0x30);
            end(apic);
        }
        timers.skip(5_500_000);
        timers.advance(0);
        assertThat(apic.acknowledge()).isEqualTo(0x30);
        end(apic);
        timers.advance(499_999);
        assertThat(apic.pending()).isFalse();
        timers.advance(1);
        assertThat(apic.pending()).isTrue();
        apic.writeRegister(INITIAL_COUNT, 4, 0);
        assertThat(apic.acknowledge()).isEqualTo(0x30);
        end(apic);
        timers.advance(5_000_000);
        assertThat(apic.pending()).isFalse();
    }

    @Test
    void tscDeadline_firesAtTheTscValue() {
        LocalApic apic = enabled(0);
        assertThat(apic.writeMsr(TSC_DEADLINE, 5)).isTrue();
        assertThat(apic.readMsr(TSC_DEADLINE)).isZero(); // not in that mode
        apic.writeRegister(LVT_TIMER, 4, 0x40000 | 0xef);
        long at = timers.nanos() + 3_000;
        assertThat(apic.writeMsr(TSC_DEADLINE, at)).isTrue();
        assertThat(apic.readMsr(TSC_DEADLINE)).isEqualTo(at);
        timers.advance(2_999);
        assertThat(apic.pending()).isFalse();
        timers.advance(1);
        assertThat(apic.acknowledge()).isEqualTo(0xef);
        end(apic);
        assertThat(apic.readMsr(TSC_DEADLINE)).isZero();
        apic.writeMsr(TSC_DEADLINE, 1); // past
        assertThat(apic.acknowledge()).isEqualTo(0xef);
        end(apic);
        apic.writeMsr(TSC_DEADLINE, -1L); // never
        apic.writeMsr(TSC_DEADLINE, timers.nanos() + 10);
        apic.writeMsr(TSC_DEADLINE, 0);
        timers.advance(1_000_000);
        assertThat(apic.pending()).isFalse();
    }

    @Test
    void errors_areLatchedByWriteAndInterrupt() {
        LocalApic apic = enabled(0);
        apic.writeRegister(LVT_ERROR, 4, 0xfe);
        apic.writeRegister(ICR, 4, 0x40000 | 0x05); // vector below 16
        assertThat(apic.acknowledge()).isEqualTo(0xfe);
        end(apic);
        assertThat(apic.readRegister(ESR, 4)).isZero();
        apic.writeRegister(ESR, 4, 0);
        assertThat(apic.readRegister(ESR, 4)).isEqualTo(0x20);
        message(0, 0x03);
        apic.writeRegister(ESR, 4, 0);
        assertThat(apic.readRegister(ESR, 4)).isEqualTo(0x40);
        apic.writeRegister(ESR, 4, 0);
        assertThat(apic.readRegister(ESR, 4)).isZero();
    }

    @Test
    void softwareDisable_masksTheLvt() {
        LocalApic apic = enabled(0);
        apic.writeRegister(LVT_TIMER, 4, 0x33);
        apic.writeRegister(SVR, 4, 0xff);
        assertThat(apic.readRegister(LVT_TIMER, 4)).isEqualTo(0x10033);
        apic.writeRegister(LVT_TIMER, 4, 0x33);
        assertThat(apic.readRegister(LVT_TIMER, 4)).isEqualTo(0x10033);
    }

    @Test
    void init_keepsIdAndBase() {
        LocalApic apic = x2apic(3);
        message(3, 0x44);
        apic.init();
        assertThat(apic.pending()).isFalse();
        assertThat(apic.readMsr(0x802)).isEqualTo(3);
        assertThat(apic.readMsr(0x80f)).isEqualTo(0xff);
        assertThat(apic.readMsr(0x80d)).isEqualTo(8);
        assertThat(apic.apicBase() & 0x400).isNotZero();
    }

    @Test
    void nmiButton_reachesUnmaskedLint1() {
        enabled(0).writeRegister(0x360, 4, 0x400);
        system.nmiButton();
        assertThat(signals[0].take()).containsExactly("nmi");
        assertThat(signals[1].take()).isEmpty();
    }

    @Test
    void oddAccesses_areHarmless() {
        LocalApic apic = enabled(0);
        for (int offset = 0; offset < 4096; offset++) {
            for (int size = 1; size <= 8; size *= 2) {
                apic.readRegister(offset, size);
                if (offset != SVR && offset != 0xf4) {
                    apic.writeRegister(offset, size, -1);
                }
            }
        }
        assertThat(apic.readRegister(0x20, 4)).isZero();
    }

    @Nested
    class Snapshot extends SnapshotContract<ApicSystem, ApicSystemState> {
        @Override
        protected ApicSystem create() {
            return new ApicSystem(2, timers);
        }

        @Override
        protected void use(ApicSystem device) {
            for (LocalApic apic : device.localApics()) {
                apic.writeRegister(SVR, 4, 0x1ff);
                apic.writeRegister(LVT_TIMER, 4, 0x20041);
                apic.writeRegister(INITIAL_COUNT, 4, 100_000_000);
                apic.writeRegister(LDR, 4, 1 << 24);
                apic.taskPriority(3);
                apic.accept(DeliveryMode.FIXED, 0x77, true);
                apic.accept(DeliveryMode.FIXED, 0x99, false);
                apic.acknowledge();
            }
        }

        @Override
        protected void change(ApicSystem device) {
            LocalApic apic = device.localApics().get(1);
            apic.writeRegister(EOI, 4, 0);
            apic.acknowledge();
            apic.writeRegister(LVT_TIMER, 4, 0x40041);
            apic.apicBase(apic.apicBase() | 0x400);
        }

        @Override
        protected ApicSystemState state(ApicSystem device) {
            return device.state();
        }

        @Override
        protected void restore(ApicSystem device, ApicSystemState state) {
            device.restore(state);
        }
    }
}
