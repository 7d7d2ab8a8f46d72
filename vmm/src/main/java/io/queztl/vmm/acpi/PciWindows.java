package io.queztl.vmm.acpi;

import io.queztl.vmm.layout.Layout;
import java.util.ArrayList;
import java.util.List;

/**
 * Which addresses belong to the PCI bus.
 *
 * @param ecam where ECAM is, or -1 if there is none
 * @param ecamBytes bytes of address space it takes, 1 MiB a bus
 * @param memory32 windows below 4 GiB for devices' memory
 * @param memory64 the window above 4 GiB
 */
public record PciWindows(long ecam, long ecamBytes, List<Window> memory32, Window memory64) {
    private static final long BUS = 1 << 20;

    /**
     * A range of guest-physical addresses.
     *
     * @param start first address
     * @param bytes its length
     */
    public record Window(long start, long bytes) {}

    /** The list is copied. */
    public PciWindows {
        memory32 = List.copyOf(memory32);
    }

    /** Those of a machine whose addresses are given by us. */
    public static PciWindows fixed() {
        return new PciWindows(
                Layout.ECAM,
                Layout.ECAM_BYTES,
                List.of(new Window(Layout.PCI_MMIO32, Layout.PCI_MMIO32_BYTES)),
                new Window(Layout.PCI_MMIO64, Layout.PCI_MMIO64_BYTES));
    }

    /**
     * Those of a machine whose firmware gives addresses: everything that is neither RAM nor ECAM
     * nor of the chipset.
     *
     * @param ecam where the firmware has put ECAM, or -1
     * @param ecamBytes its size
     * @param lowRamEnd first address after the RAM below 4 GiB
     * @param highRamEnd first address after all RAM
     */
    public static PciWindows around(long ecam, long ecamBytes, long lowRamEnd, long highRamEnd) {
        List<Window> windows = new ArrayList<>();
        long end = Layout.IOAPIC;
        if (ecam < 0) {
            windows.add(new Window(lowRamEnd, end - lowRamEnd));
        } else {
            if (ecam > lowRamEnd) {
                windows.add(new Window(lowRamEnd, ecam - lowRamEnd));
            }
            if (ecam + ecamBytes < end) {
                windows.add(new Window(ecam + ecamBytes, end - ecam - ecamBytes));
            }
        }
        long high = Math.max(highRamEnd, Layout.HIGH_RAM_START) + (1L << 30) - 1 & -(1L << 30);
        return new PciWindows(
                ecam, ecamBytes, windows, new Window(high, Layout.PHYSICAL_END - high));
    }

    /** The last bus that ECAM reaches. */
    int lastBus() {
        return ecam < 0 ? Layout.PCI_LAST_BUS : (int) (ecamBytes / BUS) - 1;
    }
}
