package io.queztl.vmm.boot;

import io.queztl.machine.cpu.CpuState;
import io.queztl.machine.cpu.SegmentState;
import io.queztl.machine.memory.GuestMemory;
import io.queztl.vmm.layout.Layout;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * The state in which vCPU 0 enters a kernel: flat segments, interrupts off, and either long mode
 * with the first 4 GiB identity-mapped or 32-bit protected mode without paging.
 *
 * @param mode the processor mode
 * @param rip entry point, guest-physical (and linear: it is identity-mapped)
 * @param rax initial RAX
 * @param rbx initial RBX
 * @param rsi initial RSI
 * @param protocol how the kernel is booted, for messages: {@code linux64}, {@code pvh} …
 */
public record BootEntry(Mode mode, long rip, long rax, long rbx, long rsi, String protocol) {
    /** The mode of the processor at entry. */
    public enum Mode {
        /** 64-bit code, 4-level paging. */
        LONG,
        /** 32-bit code, paging off. */
        PROTECTED
    }

    private static final int CODE_SELECTOR = 0x10;
    private static final int DATA_SELECTOR = 0x18;
    private static final int TSS_SELECTOR = 0x20;

    // Type, S, DPL, P and L, D/B, G as in SegmentState: present, ring 0, accessed.
    private static final int CODE64 = 0xa09b;
    private static final int CODE32 = 0xc09b;
    private static final int DATA32 = 0xc093;
    private static final int BUSY_TSS = 0x008b;

    private static final int GDT_ENTRIES = 6;

    private static final long CR0_PE = 1;
    private static final long CR0_ET = 1 << 4;
    private static final long CR0_PG = 1L << 31;
    private static final long CR4_PAE = 1 << 5;
    private static final int MSR_EFER = 0xc000_0080;
    private static final long EFER_LME = 1 << 8;
    private static final long EFER_LMA = 1 << 10;
    private static final long RFLAGS_ALWAYS_ONE = 2;

    private static final int RAX = 0;
    private static final int RBX = 3;
    private static final int RSP = 4;
    private static final int RSI = 6;

    /** Writes the GDT, and for long mode the page tables, that the entry state refers to. */
    void writeTables(GuestMemory memory) {
        memory.write64(Layout.BOOT_GDT, 0);
        memory.write64(Layout.BOOT_GDT + 8, 0);
        memory.write64(
                Layout.BOOT_GDT + CODE_SELECTOR,
                descriptor(mode == Mode.LONG ? CODE64 : CODE32, 0xfffff));
        memory.write64(Layout.BOOT_GDT + DATA_SELECTOR, descriptor(DATA32, 0xfffff));
        memory.write64(Layout.BOOT_GDT + TSS_SELECTOR, descriptor(BUSY_TSS, 0x67));
        memory.write64(Layout.BOOT_GDT + TSS_SELECTOR + 8, 0);
        if (mode == Mode.LONG) {
            writePageTables(memory);
        }
    }

    /** Maps the first 4 GiB to themselves with 2 MiB pages (SDM volume 3, 4.5). */
    private static void writePageTables(GuestMemory memory) {
        final int presentWritable = 3;
        final int large = 1 << 7;
        long pml4 = Layout.BOOT_PAGE_TABLES;
        long pdpt = pml4 + 0x1000;
        long directory = pdpt + 0x1000;
        memory.fill(pml4, 0x2000, (byte) 0);
        memory.write64(pml4, pdpt | presentWritable);
        for (int i = 0; i < 4; i++) {
            memory.write64(pdpt + i * 8L, directory + i * 0x1000L | presentWritable);
        }
        for (int i = 0; i < 4 * 512; i++) {
            memory.write64(directory + i * 8L, (long) i << 21 | large | presentWritable);
        }
    }

    private static long descriptor(int attributes, int limit) {
        return (limit & 0xffffL)
                | (long) (limit >>> 16) << 48
                | (long) (attributes & 0xff) << 40
                | (long) (attributes >>> 12) << 52;
    }

    /**
     * The whole state of vCPU 0.
     *
     * @param powerOn the vCPU's state after power-on; MSRs, XCR0 and the rest are kept from it
     */
    public CpuState toCpuState(CpuState powerOn) {
        boolean longMode = mode == Mode.LONG;
        List<Long> registers = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            registers.add(0L);
        }
        registers.set(RAX, rax);
        registers.set(RBX, rbx);
        registers.set(RSI, rsi);
        registers.set(RSP, Layout.BOOT_STACK);

        SegmentState data = new SegmentState(DATA_SELECTOR, 0, -1, DATA32);
        SegmentState code = new SegmentState(CODE_SELECTOR, 0, -1, longMode ? CODE64 : CODE32);
        SegmentState ldt = new SegmentState(0, 0, 0, 0);
        SegmentState tss = new SegmentState(TSS_SELECTOR, 0, 0x67, BUSY_TSS);

        List<Long> control =
                List.of(
                        CR0_PE | CR0_ET | (longMode ? CR0_PG : 0),
                        0L,
                        longMode ? Layout.BOOT_PAGE_TABLES : 0L,
                        longMode ? CR4_PAE : 0L,
                        0L);
        TreeMap<Integer, Long> msrs = new TreeMap<>(powerOn.msrs());
        msrs.put(MSR_EFER, longMode ? EFER_LME | EFER_LMA : 0L);
        return new CpuState(
                List.copyOf(registers),
                rip,
                RFLAGS_ALWAYS_ONE,
                List.of(data, code, data, data, data, data, ldt, tss),
                Layout.BOOT_GDT,
                GDT_ENTRIES * 8 - 1,
                0,
                0,
                control,
                powerOn.debug(),
                powerOn.xcr0(),
                msrs,
                powerOn.xsave(),
                new CpuState.Events(false, false, false, false, false, false));
    }
}
