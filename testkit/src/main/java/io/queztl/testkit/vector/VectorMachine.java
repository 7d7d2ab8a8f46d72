package io.queztl.testkit.vector;

import io.queztl.machine.bus.Bus;
import io.queztl.machine.cpu.Accelerator;
import io.queztl.machine.cpu.CpuState;
import io.queztl.machine.cpu.SegmentState;
import io.queztl.machine.cpu.Vcpu;
import io.queztl.machine.cpu.VcpuExit;
import io.queztl.machine.cpu.VmParameters;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.machine.time.VmClock;
import io.queztl.testkit.vector.Vector.Mode;
import io.queztl.testkit.vector.Vector.Setting;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * The small machine that a {@link Vector} runs in: 2 MiB of RAM with all tables in place, in any
 * mode.
 *
 * <pre>
 * 0x00000  real-mode vector table          0x06000  exception handlers, 16 bytes each: HLT
 * 0x01000  GDT                             0x09000  top of the stack for interrupts from CPL 3
 * 0x02000  IDT of long mode                0x0a000  top of the stack
 * 0x03000  IDT of protected mode           0x0c000  the code, then HLT (CPL 0) or INT3 (CPL 3)
 * 0x04000  TSS, its I/O bitmap all ones    0x0d000  data, up to 0xffff
 *                                          0x10000  page tables, identity, 4 KiB pages, user
 *
 * GDT: 08 code64, 10 data, 18 code32, 20 code16, 28 data16, 33 code64 and 3b data and 43 code32 of
 * CPL 3, 48 TSS, 58 data not present, 60 data read-only, 68 code32 conforming, 70 call gate to
 * 18:6500 of DPL 3, 78 data of DPL 0 expand-down
 * </pre>
 */
public final class VectorMachine {
    private static final long GDT = 0x1000;
    private static final long LONG_IDT = 0x2000;
    private static final long PROTECTED_IDT = 0x3000;
    private static final long TSS = 0x4000;
    private static final int HANDLERS = 0x6000;
    private static final long CODE = 0xC000;
    private static final long TABLES = 0x10000;
    private static final int BREAKPOINT = 3;
    private static final long TIMEOUT_SECONDS = 5;
    private static final String[] REGISTERS = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15"
    };
    private static final Map<String, Integer> FLAGS =
            Map.ofEntries(
                    Map.entry("cf", 0),
                    Map.entry("pf", 2),
                    Map.entry("af", 4),
                    Map.entry("zf", 6),
                    Map.entry("sf", 7),
                    Map.entry("tf", 8),
                    Map.entry("if", 9),
                    Map.entry("df", 10),
                    Map.entry("of", 11),
                    Map.entry("nt", 14),
                    Map.entry("ac", 18));
    private static final List<String> SEGMENTS =
            List.of("es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr");

    private final Accelerator accelerator;
    private final String model;

    /** For one accelerator and CPU model. */
    public VectorMachine(Accelerator accelerator, String model) {
        this.accelerator = accelerator;
        this.model = model;
    }

    /** Runs a vector; returns what was not as expected, empty if all was. */
    public List<String> run(Vector v) {
        try (GuestMemory memory = new GuestMemory(2 << 20)) {
            tables(memory, v);
            Vcpu vcpu =
                    accelerator
                            .createVcpus(
                                    new VmParameters(
                                            memory,
                                            new Bus(),
                                            new Bus(),
                                            new VmClock(),
                                            List.of(new QuietInterrupts()),
                                            model))
                            .getFirst();
            vcpu.restore(initial(v, vcpu.state()));
            VcpuExit exit = runBounded(vcpu);
            return check(v, exit, vcpu.state(), memory);
        }
    }

    private static VcpuExit runBounded(Vcpu vcpu) {
        Thread watchdog =
                Thread.ofPlatform()
                        .daemon()
                        .start(() -> {
                            try {
                                TimeUnit.SECONDS.sleep(TIMEOUT_SECONDS);
                                vcpu.kick();
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                        });
        try {
            return vcpu.run();
        } finally {
            watchdog.interrupt();
        }
    }

    // --- before
    // -----------------------------------------------------------------------------------

    private static long descriptor(int attributes, long base, long limit) {
        return limit & 0xffff
                | (base & 0xffffff) << 16
                | (attributes & 0xffL) << 40
                | (limit >> 16 & 15) << 48
                | (attributes & 0xF000L) << 40
                | (base >> 24 & 0xff) << 56;
    }

    private static void tables(GuestMemory m, Vector v) {
        boolean lma = v.mode() == Mode.LONG || v.mode() == Mode.COMPATIBILITY;
        long[] gdt = {
            0,
            descriptor(0xA09B, 0, 0xfffff),
            descriptor(0xC093, 0, 0xfffff),
            descriptor(0xC09B, 0, 0xfffff),
            descriptor(0x009B, 0, 0xffff),
            descriptor(0x0093, 0, 0xffff),
            descriptor(0xA0FB, 0, 0xfffff),
            descriptor(0xC0F3, 0, 0xfffff),
            descriptor(0xC0FB, 0, 0xfffff),
            descriptor(0x008B, TSS, 0x2067),
            0,
            descriptor(0xC013, 0, 0xfffff),
            descriptor(0xC091, 0, 0xfffff),
            descriptor(0xC09F, 0, 0xfffff),
            lma ? 0 : 0x6500L | 0x18L << 16 | 0xECL << 40,
            descriptor(0xC097, 0, 0xf),
        };
        for (int i = 0; i < gdt.length; i++) {
            m.write64(GDT + 8 * i, gdt[i]);
        }
        boolean sixteen = v.mode() == Mode.PROTECTED16;
        for (int i = 0; i < 256; i++) {
            long handler = HANDLERS + 16 * i;
            int dpl = i == BREAKPOINT || i == 4 ? 3 : 0;
            m.write32(4 * i, (int) handler);
            if (i < 256) {
                m.write64(
                        LONG_IDT + 16 * i,
                        handler & 0xffff | 0x08L << 16 | (0x8EL | dpl << 5) << 40);
            }
            m.write8(handler, 0xF4);
        }
        for (int i = 0; i < 256; i++) {
            int dpl = i == BREAKPOINT || i == 4 ? 3 : 0;
            long gate = (sixteen ? 0x86L : 0x8EL) | dpl << 5;
            m.write64(
                    PROTECTED_IDT + 8 * i,
                    HANDLERS + 16 * i | (sixteen ? 0x20L : 0x18L) << 16 | gate << 40);
        }
        m.write32(TSS + 4, 0x9000);
        if (!lma) {
            m.write32(TSS + 8, 0x10);
        }
        m.write16(TSS + 102, 0x68);
        m.fill(TSS + 0x68, 0x2000, (byte) 0xff);
        for (int i = 0; i < 256; i++) {
            m.write8(HANDLERS + 16 * i, 0xF4);
        }
        m.write64(TABLES, TABLES + 0x1000 | 7);
        m.write64(TABLES + 0x1000, TABLES + 0x2000 | 7);
        m.write64(TABLES + 0x2000, TABLES + 0x3000 | 7);
        for (int i = 0; i < 512; i++) {
            m.write64(TABLES + 0x3000 + 8 * i, (long) i << 12 | 7);
        }
        for (Setting p : v.pages()) {
            long page = Vector.number(p.name());
            m.write64(TABLES + 0x3000 + 8 * (page >> 12), page | p.value());
        }
        for (Vector.Bytes b : v.memory()) {
            m.write(b.address(), b.bytes());
        }
        m.write(CODE, v.code());
        m.write8(CODE + v.code().length, v.cpl() == 3 ? 0xCC : 0xF4);
    }

    private static SegmentState segment(int selector, int attributes) {
        boolean pages = (attributes & 0x8000) != 0;
        return new SegmentState(selector, 0, pages ? -1 : 0xffff, attributes);
    }

    private static CpuState initial(Vector v, CpuState s) {
        boolean user = v.cpl() == 3;
        SegmentState code =
                switch (v.mode()) {
                    case REAL -> segment(0, 0x9B);
                    case PROTECTED16 -> segment(0x20, 0x9B);
                    case PROTECTED32, COMPATIBILITY ->
                            user ? segment(0x43, 0xC0FB) : segment(0x18, 0xC09B);
                    case LONG -> user ? segment(0x33, 0xA0FB) : segment(0x08, 0xA09B);
                };
        SegmentState data =
                switch (v.mode()) {
                    case REAL -> segment(0, 0x93);
                    case PROTECTED16 -> segment(0x28, 0x93);
                    default -> user ? segment(0x3B, 0xC0F3) : segment(0x10, 0xC093);
                };
        boolean lma = v.mode() == Mode.LONG || v.mode() == Mode.COMPATIBILITY;
        SegmentState task = new SegmentState(0x48, TSS, 0x2067, 0x8B);
        SegmentState none = new SegmentState(0, 0, 0, 0);
        List<SegmentState> segments = List.of(data, code, data, data, data, data, none, task);
        List<Long> registers = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            registers.add(i == 4 ? 0xA000L : 0L);
        }
        long cr0 = v.mode() == Mode.REAL ? 0x10 : lma ? 0x8001_0033L : 0x33;
        List<Long> control = new ArrayList<>(List.of(cr0, 0L, TABLES, lma ? 0x620L : 0x600L, 0L));
        List<Long> debug = new ArrayList<>(List.of(0L, 0L, 0L, 0L, 0xFFFF0FF0L, 0x400L));
        TreeMap<Integer, Long> msrs = new TreeMap<>(s.msrs());
        msrs.put(0xC000_0080, lma ? 0xD01L : 0L);
        long rflags = 2;
        for (Setting x : v.sets()) {
            String n = x.name();
            int r = List.of(REGISTERS).indexOf(n);
            if (r >= 0) {
                registers.set(r, x.value());
            } else if (n.equals("rflags")) {
                rflags = x.value() | 2;
            } else if (n.equals("efer")) {
                msrs.put(0xC000_0080, x.value());
            } else if (n.startsWith("cr")) {
                int k = n.charAt(2) - '0';
                control.set(k == 0 ? 0 : k == 8 ? 4 : k - 1, x.value());
            } else if (n.startsWith("dr")) {
                int k = n.charAt(2) - '0';
                debug.set(k < 4 ? k : k - 2, x.value());
            } else if (n.startsWith("msr:")) {
                msrs.put((int) Vector.number(n.substring(4)), x.value());
            } else {
                throw new IllegalArgumentException("cannot set " + n);
            }
        }
        return new CpuState(
                registers,
                CODE,
                rflags,
                segments,
                GDT,
                16 * 8 - 1,
                v.mode() == Mode.REAL ? 0 : lma ? LONG_IDT : PROTECTED_IDT,
                v.mode() == Mode.REAL ? 0x3ff : lma ? 0xfff : 0x7ff,
                control,
                debug,
                s.xcr0(),
                msrs,
                s.xsave(),
                new CpuState.Events(false, false, false, false, false, false));
    }

    // --- after
    // ------------------------------------------------------------------------------------

    private static List<String> check(Vector v, VcpuExit exit, CpuState s, GuestMemory m) {
        List<String> wrong = new ArrayList<>();
        if (v.shutdown() != exit instanceof VcpuExit.Shutdown) {
            wrong.add("exit " + exit);
            return wrong;
        }
        if (v.shutdown()) {
            return wrong;
        }
        if (!(exit instanceof VcpuExit.Halted)) {
            wrong.add("exit " + exit + " at rip 0x" + Long.toHexString(s.rip()));
            return wrong;
        }
        long handler = s.rip() - 1 - HANDLERS;
        int vector = handler >= 0 && handler < 4096 && handler % 16 == 0 ? (int) handler / 16 : -1;
        boolean regular = v.cpl() == 3 && v.exception() < 0;
        if (vector != (regular ? BREAKPOINT : v.exception())) {
            wrong.add(
                    "exception %d, not %d, rip 0x%x cr2 0x%x stack %s"
                            .formatted(
                                    vector,
                                    v.exception(),
                                    s.rip(),
                                    s.control().get(1),
                                    stack(s, m)));
            return wrong;
        }
        if (v.exception() >= 0) {
            int word =
                    switch (v.mode()) {
                        case REAL, PROTECTED16 -> 2;
                        case PROTECTED32 -> 4;
                        default -> 8;
                    };
            long sp = s.registers().get(4);
            if (v.errorCode() >= 0) {
                long e = word(m, sp, word);
                if ((e & 0xffff) != v.errorCode()) {
                    wrong.add("error code 0x%x, not 0x%x".formatted(e, v.errorCode()));
                }
                sp += word;
            }
            long rip = word(m, sp, word);
            if (rip != CODE + v.at()) {
                wrong.add("saved rip 0x%x, not 0x%x".formatted(rip, CODE + v.at()));
            }
            if (v.cr2() != -1 && s.control().get(1) != v.cr2()) {
                wrong.add("cr2 0x%x, not 0x%x".formatted(s.control().get(1), v.cr2()));
            }
        }
        for (Setting x : v.expects()) {
            long value = value(x.name(), s);
            if (value != x.value()) {
                wrong.add("%s 0x%x, not 0x%x".formatted(x.name(), value, x.value()));
            }
        }
        for (Vector.Bytes b : v.expectedMemory()) {
            byte[] is = new byte[b.bytes().length];
            m.read(b.address(), is, 0, is.length);
            if (!java.util.Arrays.equals(is, b.bytes())) {
                wrong.add(
                        "memory 0x%x %s, not %s"
                                .formatted(
                                        b.address(),
                                        HexFormat.of().formatHex(is),
                                        HexFormat.of().formatHex(b.bytes())));
            }
        }
        return wrong;
    }

    private static String stack(CpuState s, GuestMemory m) {
        long sp = s.registers().get(4);
        StringBuilder b = new StringBuilder();
        for (int i = 0; i < 3 && m.isRam(sp + 8 * i, 8); i++) {
            b.append("%x ".formatted(m.read64(sp + 8 * i)));
        }
        return b.toString();
    }

    private static long word(GuestMemory m, long at, int size) {
        return switch (size) {
            case 2 -> m.read16(at);
            case 4 -> m.read32(at) & 0xffff_ffffL;
            default -> m.read64(at);
        };
    }

    private static long value(String name, CpuState s) {
        int r = List.of(REGISTERS).indexOf(name);
        if (r >= 0) {
            return s.registers().get(r);
        }
        Integer bit = FLAGS.get(name);
        if (bit != null) {
            return s.rflags() >> bit & 1;
        }
        int segment = SEGMENTS.indexOf(name.toLowerCase(Locale.ROOT));
        if (segment >= 0) {
            return s.segments().get(segment).selector();
        }
        if (name.startsWith("base:")) {
            return s.segments().get(SEGMENTS.indexOf(name.substring(5))).base();
        }
        if (name.startsWith("cr")) {
            int k = name.charAt(2) - '0';
            return s.control().get(k == 0 ? 0 : k == 8 ? 4 : k - 1);
        }
        if (name.startsWith("dr")) {
            int k = name.charAt(2) - '0';
            return s.debug().get(k < 4 ? k : k - 2);
        }
        if (name.startsWith("msr:")) {
            return s.msrs().getOrDefault((int) Vector.number(name.substring(4)), -1L);
        }
        return switch (name) {
            case "efer" -> s.msrs().getOrDefault(0xC000_0080, -1L);
            case "rflags" -> s.rflags();
            case "gdtbase" -> s.gdtBase();
            case "idtbase" -> s.idtBase();
            case "gdtlimit" -> s.gdtLimit();
            case "idtlimit" -> s.idtLimit();
            default -> throw new IllegalArgumentException("no register " + name);
        };
    }
}
