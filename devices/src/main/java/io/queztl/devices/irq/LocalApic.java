package io.queztl.devices.irq;

import io.queztl.machine.cpu.VcpuSignals;
import io.queztl.machine.irq.LocalInterrupts;
import io.queztl.machine.time.Timers;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A local APIC in xAPIC or x2APIC mode (SDM volume 3, chapter 11). On the bootstrap processor LINT0
 * is wired to the 8259 and left in ExtINT mode at reset, as firmware would leave it.
 *
 * <p>One lock guards the registers; nothing outside is called with it held but the timer. What the
 * vCPU asks before every interrupt window, {@link #pending()}, is a volatile field kept current by
 * whoever changes the registers. Lock order: device, wire, 8259 or I/O APIC, local APIC.
 */
public final class LocalApic implements LocalInterrupts {
    /** Physical address of the register page after reset. */
    public static final long DEFAULT_BASE = 0xFEE0_0000L;

    /** Version of an integrated APIC with six LVT entries. */
    private static final int VERSION = 5 << 16 | 0x14;

    private static final int MSR_TSC_DEADLINE = 0x6e0;
    private static final int MSR_X2APIC = 0x800;

    private static final long BASE_BSP = 1 << 8;
    private static final long BASE_X2APIC = 1 << 10;
    private static final long BASE_ENABLE = 1 << 11;
    private static final long BASE_ADDRESS = 0x000f_ffff_ffff_f000L;

    // Register numbers: xAPIC offset >> 4, x2APIC MSR - 0x800 (SDM volume 3, table 11-1, 11-6).
    private static final int ID = 0x02;
    private static final int VERSION_REGISTER = 0x03;
    private static final int TPR = 0x08;
    private static final int APR = 0x09;
    private static final int PPR = 0x0a;
    private static final int EOI = 0x0b;
    private static final int RRD = 0x0c;
    private static final int LDR = 0x0d;
    private static final int DFR = 0x0e;
    private static final int SVR = 0x0f;
    private static final int ISR = 0x10;
    private static final int TMR = 0x18;
    private static final int IRR = 0x20;
    private static final int ESR = 0x28;
    private static final int ICR = 0x30;
    private static final int ICR_HIGH = 0x31;
    private static final int LVT = 0x32;
    private static final int INITIAL_COUNT = 0x38;
    private static final int CURRENT_COUNT = 0x39;
    private static final int DIVIDE = 0x3e;
    private static final int SELF_IPI = 0x3f;

    private static final int LVT_TIMER = 0;
    private static final int LVT_LINT0 = 3;
    private static final int LVT_LINT1 = 4;
    private static final int LVT_ERROR = 5;
    private static final int LVT_COUNT = 6;
    private static final int MASKED = 1 << 16;

    /** Writable bits of each LVT entry; the delivery status and remote IRR bits stay 0. */
    private static final int[] LVT_WRITABLE = {
        0x700ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff
    };

    /** Bits that may be set in an x2APIC write: the writable and the read-only ones. */
    private static final int[] LVT_DEFINED = {0x710ff, 0x117ff, 0x117ff, 0x1f7ff, 0x1f7ff, 0x110ff};

    private static final int SVR_ENABLE = 1 << 8;

    static final int ERROR_SEND_VECTOR = 1 << 5;
    static final int ERROR_RECEIVE_VECTOR = 1 << 6;
    static final int ERROR_REGISTER = 1 << 7;

    private static final class NoSignals implements VcpuSignals {
        @Override
        public void interruptChanged() {}

        @Override
        public void nmi() {}

        @Override
        public void initSignal() {}

        @Override
        public void startup(int vector) {}
    }

    private final int id;
    private final ApicSystem system;
    private final Object lock = new Object();
    private volatile VcpuSignals signals = new NoSignals();
    private volatile @Nullable ExternalInterrupts external;

    // Guarded by lock.
    private final VectorSet irr = new VectorSet();
    private final VectorSet isr = new VectorSet();
    private final VectorSet tmr = new VectorSet();
    private final int[] lvt = new int[LVT_COUNT];
    private final ApicTimer timer;
    private int taskPriority;
    private int destinationFormat;
    private int spurious;
    private int errors;
    private int newErrors;
    private int commandLow;
    private int commandHigh;
    private boolean lint0High;

    // Written under the lock, read without.
    private volatile long base;
    private volatile int logicalDestination;
    private volatile boolean flat;
    private volatile boolean deliverable;
    private volatile boolean acceptsExternal;

    LocalApic(int id, ApicSystem system, Timers timers) {
        this.id = id;
        this.system = system;
        timer = new ApicTimer(timers, this::timerExpired);
        base = DEFAULT_BASE | BASE_ENABLE | (id == 0 ? BASE_BSP : 0);
        synchronized (lock) {
            reset();
        }
    }

    /** The APIC id, which is the vCPU's index. */
    public int id() {
        return id;
    }

    void attach(VcpuSignals target) {
        signals = target;
        if (pending()) {
            target.interruptChanged();
        }
    }

    void external(ExternalInterrupts controller) {
        external = controller;
        externalChanged();
    }

    private void reset() {
        irr.clear();
        isr.clear();
        tmr.clear();
        java.util.Arrays.fill(lvt, MASKED);
        if (id == 0) {
            lvt[LVT_LINT0] = DeliveryMode.EXTINT << 8;
        }
        timer.reset();
        taskPriority = 0;
        destinationFormat = -1;
        flat = true;
        logicalDestination = (base & BASE_X2APIC) != 0 ? x2apicLogicalId() : 0;
        spurious = 0xff;
        errors = 0;
        newErrors = 0;
        commandLow = 0;
        commandHigh = 0;
        boolean ignored = update();
    }

    private int x2apicLogicalId() {
        return (id >>> 4) << 16 | 1 << (id & 0xf);
    }

    @Override
    public void init() {
        synchronized (lock) {
            reset();
        }
    }

    // ---- what the vCPU asks

    @Override
    public boolean pending() {
        return deliverable || externalPending();
    }

    private boolean externalPending() {
        ExternalInterrupts e = external;
        return e != null && acceptsExternal && e.pending();
    }

    @Override
    public int acknowledge() {
        ExternalInterrupts e = external;
        if (e != null && acceptsExternal && e.pending()) {
            return e.acknowledge();
        }
        synchronized (lock) {
            if (!deliverable) {
                return -1;
            }
            int vector = irr.highest();
            irr.clear(vector);
            isr.set(vector);
            boolean ignored = update();
            return vector;
        }
    }

    @Override
    public int taskPriority() {
        synchronized (lock) {
            return taskPriority >>> 4;
        }
    }

    @Override
    public void taskPriority(int cr8) {
        write(TPR, (cr8 & 0xf) << 4);
    }

    @Override
    public long apicBase() {
        return base;
    }

    @Override
    public boolean apicBase(long value) {
        if ((value & ~(BASE_ADDRESS | BASE_ENABLE | BASE_X2APIC | BASE_BSP)) != 0) {
            return false;
        }
        boolean enable = (value & BASE_ENABLE) != 0;
        boolean x2apic = (value & BASE_X2APIC) != 0;
        synchronized (lock) {
            long old = base;
            boolean wasEnabled = (old & BASE_ENABLE) != 0;
            boolean wasX2apic = (old & BASE_X2APIC) != 0;
            if (x2apic && (!enable || !wasEnabled) || !x2apic && enable && wasX2apic) {
                return false; // SDM volume 3, 11.12.5
            }
            base = value;
            if (wasEnabled && !enable) {
                reset();
            } else if (x2apic && !wasX2apic) {
                logicalDestination = x2apicLogicalId();
                commandHigh = 0;
            }
            boolean ignored = update();
        }
        signalIfPending();
        return true;
    }

    // ---- register access

    @Override
    public long readRegister(int offset, int size) {
        if ((base & (BASE_ENABLE | BASE_X2APIC)) != BASE_ENABLE) {
            return -1;
        }
        int inside = offset & 0xf;
        if (inside >= 4) {
            return 0;
        }
        int register = offset >>> 4 & 0xff;
        long value = Integer.toUnsignedLong(read(register)) >>> inside * 8;
        return size >= 4 ? value : value & (1L << size * 8) - 1;
    }

    @Override
    public void writeRegister(int offset, int size, long value) {
        if ((base & (BASE_ENABLE | BASE_X2APIC)) != BASE_ENABLE
                || (offset & 0xf) != 0
                || size < 4) {
            return; // other accesses are undefined (SDM volume 3, 11.4.1)
        }
        write(offset >>> 4 & 0xff, (int) value);
    }

    @Override
    public boolean hasMsr(int msr, boolean write) {
        if (msr == MSR_TSC_DEADLINE) {
            return true;
        }
        if ((base & BASE_X2APIC) == 0) {
            return false;
        }
        int register = msr - MSR_X2APIC;
        return switch (register) {
            case TPR, SVR, ESR, ICR, INITIAL_COUNT, DIVIDE -> true;
            case EOI, SELF_IPI -> write;
            case ID, VERSION_REGISTER, PPR, LDR, CURRENT_COUNT -> !write;
            default -> {
                boolean table = register >= ISR && register < IRR + 8;
                boolean local = register >= LVT && register < LVT + LVT_COUNT;
                yield local || table && !write;
            }
        };
    }

    @Override
    public long readMsr(int msr) {
        if (msr == MSR_TSC_DEADLINE) {
            synchronized (lock) {
                return timer.tscDeadline();
            }
        }
        int register = msr - MSR_X2APIC;
        if (register == ICR) {
            synchronized (lock) {
                return (long) commandHigh << 32 | Integer.toUnsignedLong(commandLow);
            }
        }
        return Integer.toUnsignedLong(read(register));
    }

    @Override
    public boolean writeMsr(int msr, long value) {
        if (msr == MSR_TSC_DEADLINE) {
            writeTscDeadline(value);
            return true;
        }
        int register = msr - MSR_X2APIC;
        if (register == ICR) {
            if ((value & 0xfff3_2000L) != 0) {
                return false;
            }
            synchronized (lock) {
                commandHigh = (int) (value >>> 32);
                commandLow = (int) value & ~(1 << 12);
            }
            system.interProcessor(this, (int) value, (int) (value >>> 32), true);
            return true;
        }
        long defined =
                switch (register) {
                    case TPR, SELF_IPI -> 0xff;
                    case EOI, ESR -> 0;
                    case SVR -> 0x3ff;
                    case DIVIDE -> 0xb;
                    case INITIAL_COUNT -> 0xffff_ffffL;
                    default -> LVT_DEFINED[(register - LVT) % LVT_COUNT];
                };
        if ((value & ~defined) != 0) {
            return false;
        }
        if (register == SELF_IPI) {
            system.interProcessor(this, (int) value | 1 << 18, 0, true);
        } else {
            write(register, (int) value);
        }
        return true;
    }

    private void writeTscDeadline(long value) {
        boolean rise;
        synchronized (lock) {
            if (!timer.tscDeadline(value)) {
                return;
            }
            local(LVT_TIMER);
            rise = update();
        }
        if (rise) {
            signals.interruptChanged();
        }
    }

    private int read(int register) {
        synchronized (lock) {
            if (register >= ISR && register < IRR + 8) {
                VectorSet set = register < TMR ? isr : register < IRR ? tmr : irr;
                return set.word(register & 7);
            }
            if (register >= LVT && register < LVT + LVT_COUNT) {
                return lvt[register - LVT];
            }
            return switch (register) {
                case ID -> (base & BASE_X2APIC) != 0 ? id : id << 24;
                case VERSION_REGISTER -> VERSION;
                case TPR -> taskPriority;
                case APR, PPR -> processorPriority();
                case LDR -> logicalDestination;
                case DFR -> destinationFormat;
                case SVR -> spurious;
                case ESR -> errors;
                case ICR -> commandLow;
                case ICR_HIGH -> commandHigh;
                case INITIAL_COUNT -> timer.initialCount();
                case CURRENT_COUNT -> timer.currentCount();
                case DIVIDE -> timer.divide();
                case EOI, RRD -> 0;
                default -> {
                    error(ERROR_REGISTER);
                    yield 0;
                }
            };
        }
    }

    private void write(int register, int value) {
        if (register == EOI) {
            endOfInterrupt();
            return;
        }
        if (register == ICR) {
            int destination;
            synchronized (lock) {
                commandLow = value & ~(1 << 12) & 0xccfff;
                destination = commandHigh >>> 24;
            }
            system.interProcessor(this, value, destination, false);
            return;
        }
        boolean rise;
        synchronized (lock) {
            writeLocked(register, value);
            rise = update();
        }
        if (rise || externalPending()) {
            signals.interruptChanged();
        }
    }

    private void writeLocked(int register, int value) {
        if (register >= LVT && register < LVT + LVT_COUNT) {
            writeLvt(register - LVT, value);
            return;
        }
        switch (register) {
            case ID, VERSION_REGISTER, APR, PPR, RRD, CURRENT_COUNT -> {} // read only
            case TPR -> taskPriority = value & 0xff;
            case LDR -> logicalDestination = value & 0xff00_0000;
            case DFR -> {
                destinationFormat = value | 0x0fff_ffff;
                flat = value >>> 28 == 0xf;
            }
            case SVR -> {
                spurious = value & 0x3ff;
                if ((value & SVR_ENABLE) == 0) {
                    for (int i = 0; i < LVT_COUNT; i++) {
                        lvt[i] |= MASKED;
                    }
                }
            }
            case ESR -> {
                errors = newErrors;
                newErrors = 0;
            }
            case ICR_HIGH -> commandHigh = value & 0xff00_0000;
            case INITIAL_COUNT -> timer.initialCount(value);
            case DIVIDE -> timer.divide(value);
            default -> {
                if (register < ISR || register >= IRR + 8) {
                    error(ERROR_REGISTER);
                }
            }
        }
    }

    private void writeLvt(int entry, int value) {
        lvt[entry] = value & LVT_WRITABLE[entry];
        if ((spurious & SVR_ENABLE) == 0) {
            lvt[entry] |= MASKED;
        }
        if (entry == LVT_TIMER) {
            timer.mode(value >>> 17 & 3);
        }
    }

    private void endOfInterrupt() {
        boolean rise;
        int broadcast = -1;
        synchronized (lock) {
            int vector = isr.highest();
            if (vector < 0) {
                return;
            }
            isr.clear(vector);
            if (tmr.contains(vector)) {
                broadcast = vector;
            }
            rise = update();
        }
        if (rise) {
            signals.interruptChanged();
        }
        if (broadcast >= 0) {
            system.endOfInterrupt(broadcast);
        }
    }

    // ---- interrupts coming in

    /**
     * Whether a message is for this APIC (SDM volume 3, 11.6.2); {@code wide} if from an x2APIC.
     */
    boolean matches(int destination, boolean logical, boolean wide) {
        if (destination == (wide ? -1 : 0xff)) {
            return true;
        }
        if (!logical) {
            return destination == id;
        }
        int ldr = logicalDestination;
        if ((base & BASE_X2APIC) != 0) {
            return destination >>> 16 == ldr >>> 16 && (destination & ldr & 0xffff) != 0;
        }
        int own = ldr >>> 24;
        if (flat) {
            return (own & destination) != 0;
        }
        return own >>> 4 == destination >>> 4 && (own & destination & 0xf) != 0;
    }

    /**
     * Takes a message.
     *
     * @return false if the APIC cannot accept it now
     */
    boolean accept(int mode, int vector, boolean level) {
        if ((base & BASE_ENABLE) == 0) {
            return false;
        }
        switch (mode) {
            case DeliveryMode.FIXED, DeliveryMode.LOWEST_PRIORITY -> {
                boolean rise;
                synchronized (lock) {
                    if ((spurious & SVR_ENABLE) == 0) {
                        return false;
                    }
                    request(vector, level);
                    rise = update();
                }
                if (rise) {
                    signals.interruptChanged();
                }
            }
            case DeliveryMode.NMI -> signals.nmi();
            case DeliveryMode.INIT -> signals.initSignal();
            case DeliveryMode.STARTUP -> signals.startup(vector);
            case DeliveryMode.EXTINT -> signals.interruptChanged();
            default -> {} // SMI: there is no SMM
        }
        return true;
    }

    /** True if fixed interrupts can be accepted. */
    boolean softwareEnabled() {
        synchronized (lock) {
            return (base & BASE_ENABLE) != 0 && (spurious & SVR_ENABLE) != 0;
        }
    }

    /** PPR, by which lowest-priority delivery chooses. */
    int priority() {
        synchronized (lock) {
            return processorPriority();
        }
    }

    void sendError() {
        boolean rise;
        synchronized (lock) {
            error(ERROR_SEND_VECTOR);
            rise = update();
        }
        if (rise) {
            signals.interruptChanged();
        }
    }

    /** The level of the 8259's INTR, wired to LINT0, may have changed. */
    void externalChanged() {
        ExternalInterrupts e = external;
        if (e == null) {
            return;
        }
        boolean rise = false;
        int mode = -1;
        synchronized (lock) {
            boolean high = e.pending();
            boolean edge = high && !lint0High;
            lint0High = high;
            if (edge && (lvt[LVT_LINT0] & MASKED) == 0) {
                mode = lvt[LVT_LINT0] >>> 8 & 7;
                if (mode == DeliveryMode.FIXED) {
                    local(LVT_LINT0);
                    rise = update();
                }
            }
        }
        if (rise || externalPending()) {
            signals.interruptChanged();
        } else if (mode == DeliveryMode.NMI) {
            signals.nmi();
        }
    }

    /** A rising edge on LINT1, which the operating system makes the NMI input. */
    public void lint1() {
        boolean rise;
        int mode;
        synchronized (lock) {
            if ((lvt[LVT_LINT1] & MASKED) != 0) {
                return;
            }
            mode = lvt[LVT_LINT1] >>> 8 & 7;
            if (mode == DeliveryMode.FIXED) {
                local(LVT_LINT1);
            }
            rise = update();
        }
        if (mode == DeliveryMode.NMI) {
            signals.nmi();
        } else if (rise) {
            signals.interruptChanged();
        }
    }

    private void timerExpired() {
        boolean rise;
        synchronized (lock) {
            if (!timer.expire()) {
                return;
            }
            local(LVT_TIMER);
            rise = update();
        }
        if (rise) {
            signals.interruptChanged();
        }
    }

    private void local(int entry) {
        if ((lvt[entry] & MASKED) == 0) {
            request(lvt[entry] & 0xff, false);
        }
    }

    private void request(int vector, boolean level) {
        if (vector < 16) {
            error(ERROR_RECEIVE_VECTOR);
            return;
        }
        irr.set(vector);
        if (level) {
            tmr.set(vector);
        } else {
            tmr.clear(vector);
        }
    }

    private void error(int bit) {
        if ((newErrors & bit) != 0) {
            return;
        }
        newErrors |= bit;
        int entry = lvt[LVT_ERROR];
        if ((entry & MASKED) == 0 && (entry & 0xff) >= 16) {
            request(entry & 0xff, false);
        }
    }

    private int processorPriority() {
        int inService = isr.highest();
        return inService >= 0 && (inService & 0xf0) > (taskPriority & 0xf0)
                ? inService & 0xf0
                : taskPriority;
    }

    /** Brings the fields read without the lock up to date; true if an interrupt became ready. */
    private boolean update() {
        boolean enabled = (base & BASE_ENABLE) != 0;
        int entry = lvt[LVT_LINT0];
        boolean takes = !enabled || (entry & (MASKED | 0x700)) == DeliveryMode.EXTINT << 8;
        if (takes != acceptsExternal) {
            acceptsExternal = takes;
        }
        boolean now = false;
        if (enabled && (spurious & SVR_ENABLE) != 0) {
            int vector = irr.highest();
            now = vector >= 0 && (vector & 0xf0) > (processorPriority() & 0xf0);
        }
        boolean before = deliverable;
        if (now != before) {
            deliverable = now;
        }
        return now && !before;
    }

    private void signalIfPending() {
        if (pending()) {
            signals.interruptChanged();
        }
    }

    // ---- snapshot

    /** A copy of the registers. */
    public LocalApicState state() {
        synchronized (lock) {
            List<Integer> entries = new ArrayList<>(LVT_COUNT);
            for (int entry : lvt) {
                entries.add(entry);
            }
            return new LocalApicState(
                    base,
                    taskPriority,
                    logicalDestination,
                    destinationFormat,
                    spurious,
                    errors,
                    newErrors,
                    (long) commandHigh << 32 | Integer.toUnsignedLong(commandLow),
                    List.copyOf(entries),
                    irr.state(),
                    isr.state(),
                    tmr.state(),
                    timer.initialCount(),
                    timer.divide(),
                    timer.armed(),
                    timer.deadline(),
                    timer.rawTscDeadline());
        }
    }

    /** Replaces the registers. The VM's clock must go on from where the state was taken. */
    public void restore(LocalApicState state) {
        synchronized (lock) {
            base = state.apicBase();
            taskPriority = state.taskPriority();
            logicalDestination = state.logicalDestination();
            destinationFormat = state.destinationFormat();
            flat = destinationFormat >>> 28 == 0xf;
            spurious = state.spurious();
            errors = state.errors();
            newErrors = state.newErrors();
            commandLow = (int) state.command();
            commandHigh = (int) (state.command() >>> 32);
            for (int i = 0; i < LVT_COUNT; i++) {
                lvt[i] = state.lvt().get(i);
            }
            irr.restore(state.irr());
            isr.restore(state.isr());
            tmr.restore(state.tmr());
            timer.restore(state, lvt[LVT_TIMER] >>> 17 & 3);
            ExternalInterrupts e = external;
            lint0High = e != null && e.pending();
            boolean ignored = update();
        }
        signalIfPending();
    }
}
