package io.queztl.vmm.layout;

import io.queztl.machine.memory.GuestMemory;

/**
 * Every fixed address, port and interrupt number of the machine. Guest-physical memory:
 *
 * <pre>
 * 0x0000_0000  RAM; what the boot loader leaves there is listed below
 * 0x0009_FC00  EBDA (reserved)
 * 0x000A_0000  VGA hole (not offered as RAM)
 * 0x000E_0000  ACPI tables, RSDP first (reserved)
 * 0x0010_0000  RAM, kernels load here and above
 * 0xC000_0000  end of low RAM, start of the 32-bit PCI MMIO window
 * 0xE000_0000  ECAM, 256 MiB (reserved)
 * 0xFEC0_0000  IOAPIC     0xFED0_0000 HPET     0xFEE0_0000 local APIC and MSI
 * 0xFF00_0000  ROM and flash of firmware, up to 4 GiB
 * 4 GiB        the rest of the RAM
 * 512 GiB      64-bit PCI MMIO window
 * </pre>
 */
public final class Layout {
    private Layout() {}

    // ---- RAM ----

    /** End of RAM below 4 GiB, at most. */
    public static final long LOW_RAM_LIMIT = GuestMemory.LOW_RAM_LIMIT;

    /** Where RAM goes on when there is more than {@link #LOW_RAM_LIMIT}. */
    public static final long HIGH_RAM_START = 0x1_0000_0000L;

    /** The least RAM a guest can boot with: the first MiB and one for a kernel. */
    public static final long MINIMUM_RAM = 0x20_0000L;

    /** Kernels, modules and initrds are loaded here or above. */
    public static final long KERNEL_MINIMUM = 0x10_0000L;

    /**
     * The least address of an ELF segment. Linkers put the ELF headers of a kernel linked at 1 MiB
     * into the page before it, which therefore holds nothing of ours.
     */
    public static final long SEGMENT_MINIMUM = KERNEL_MINIMUM - 0x1000;

    // ---- what the boot loader writes into the first MiB ----

    /** Boot GDT: null, unused, code 0x10, data 0x18, TSS 0x20. */
    public static final long BOOT_GDT = 0x500;

    /** PVH hvm_start_info, then its module list. */
    public static final long PVH_START_INFO = 0x1000;

    /** PVH memory map. */
    public static final long PVH_MEMORY_MAP = 0x2000;

    /** Linux boot_params, one page. */
    public static final long BOOT_PARAMS = 0x7000;

    /** Initial stack pointer; the stack grows down to the end of boot_params. */
    public static final long BOOT_STACK = 0x8ff0;

    /** Identity-mapping page tables: PML4, PDPT and four page directories, 24 KiB. */
    public static final long BOOT_PAGE_TABLES = 0x9000;

    /** Linux setup_data chain. */
    public static final long SETUP_DATA = 0x1_0000;

    /** Kernel command line, NUL-terminated. */
    public static final long COMMAND_LINE = 0x2_0000;

    /** Bytes at {@link #COMMAND_LINE}, the NUL included. */
    public static final int COMMAND_LINE_BYTES = 0x1_0000;

    /** Multiboot information, memory map, module list and strings. */
    public static final long MULTIBOOT_INFO = 0x3_0000;

    /** Bytes at {@link #MULTIBOOT_INFO}. */
    public static final int MULTIBOOT_INFO_BYTES = 0x4_0000;

    /** Extended BIOS data area, reserved, 1 KiB. */
    public static final long EBDA = 0x9_fc00;

    /** End of conventional memory. */
    public static final long EBDA_END = 0xa_0000;

    /** ACPI tables; the RSDP is at the very start, where a BIOS's scan finds it too. */
    public static final long ACPI_TABLES = 0xe_0000;

    /**
     * End of the area that is reserved for ACPI tables; they end below {@link #SEGMENT_MINIMUM}.
     */
    public static final long ACPI_TABLES_END = 0x10_0000;

    // ---- MMIO ----

    /** 32-bit PCI MMIO window. */
    public static final long PCI_MMIO32 = 0xc000_0000L;

    /** Bytes in the 32-bit PCI MMIO window. */
    public static final long PCI_MMIO32_BYTES = 0x2000_0000L;

    /** PCI Express configuration space (ECAM), 1 MiB a bus. */
    public static final long ECAM = 0xe000_0000L;

    /** Bytes of ECAM: 256 buses. */
    public static final long ECAM_BYTES = 0x1000_0000L;

    /** Highest bus number that ECAM reaches. */
    public static final int PCI_LAST_BUS = 255;

    /** IOAPIC registers, one page. */
    public static final long IOAPIC = 0xfec0_0000L;

    /** HPET registers, 1 KiB. */
    public static final long HPET = 0xfed0_0000L;

    /** Local APIC page, and the MSI doorbell range of 1 MiB. */
    public static final long LOCAL_APIC = 0xfee0_0000L;

    /** 64-bit PCI MMIO window; it ends below 2^40, the least physical address width we offer. */
    public static final long PCI_MMIO64 = 0x80_0000_0000L;

    /** Bytes in the 64-bit PCI MMIO window. */
    public static final long PCI_MMIO64_BYTES = 0x40_0000_0000L;

    /** End of guest-physical addresses, at the least width we offer. */
    public static final long PHYSICAL_END = 1L << 40;

    // ---- firmware ----

    /**
     * End of RAM below 4 GiB where firmware sets up the machine, if there is more than fits below
     * {@link #FIRMWARE_ECAM}: it puts ECAM and devices above.
     */
    public static final long FIRMWARE_LOW_RAM = 0x8000_0000L;

    /** The lowest address at which firmware puts ECAM. */
    public static final long FIRMWARE_ECAM = 0xb000_0000L;

    /** ROM and flash end here. */
    public static final long ROM_END = 0x1_0000_0000L;

    /** ROM and flash begin here at the lowest. */
    public static final long ROM_LIMIT = 0xff00_0000L;

    // ---- I/O ports ----

    /** First 8259 (two ports). */
    public static final int PIC_MASTER_PORT = 0x20;

    /** Second 8259 (two ports). */
    public static final int PIC_SLAVE_PORT = 0xa0;

    /** Edge/level control registers of both 8259 (two ports). */
    public static final int PIC_ELCR_PORT = 0x4d0;

    /** 8254 timer (four ports). */
    public static final int PIT_PORT = 0x40;

    /** 8042 data port. */
    public static final int I8042_DATA_PORT = 0x60;

    /** NMI status and speaker control, port B. */
    public static final int PORT_B = 0x61;

    /** 8042 command and status port. */
    public static final int I8042_COMMAND_PORT = 0x64;

    /** CMOS RTC (index, data). */
    public static final int RTC_PORT = 0x70;

    /** POST codes; Linux writes here for delays. */
    public static final int POST_PORT = 0x80;

    /** Fast A20 and reset, system control port A. */
    public static final int PORT_A = 0x92;

    /** Debug console of test payloads (optional). */
    public static final int DEBUG_CONSOLE_PORT = 0xe9;

    /** Debug console of firmware. */
    public static final int FIRMWARE_DEBUG_PORT = 0x402;

    /** Firmware configuration device. */
    public static final int FW_CFG_PORT = 0x510;

    /** isa-debug-exit of test payloads (optional). */
    public static final int DEBUG_EXIT_PORT = 0xf4;

    /** COM1 to COM4 (eight ports each). */
    public static int[] serialPorts() {
        return new int[] {0x3f8, 0x2f8, 0x3e8, 0x2e8};
    }

    /** The ISA interrupts of COM1 to COM4. */
    public static int[] serialIrqs() {
        return new int[] {4, 3, 4, 3};
    }

    /** Bytes of I/O space a 16550 takes. */
    public static final int SERIAL_PORTS = 8;

    /** ACPI power management block: PM1a event, PM1a control, PM timer. */
    public static final int PM_PORT = 0x600;

    /** Bytes of I/O space of the power management block. */
    public static final int PM_PORTS = 0x10;

    /** PM1a status and enable registers, four bytes. */
    public static final int PM1_EVENT_PORT = PM_PORT;

    /** PM1a control register, two bytes. */
    public static final int PM1_CONTROL_PORT = PM_PORT + 4;

    /** PM timer, four bytes, 3.579545 MHz. */
    public static final int PM_TIMER_PORT = PM_PORT + 8;

    /** SLP_TYP of S5 (soft off) in PM1a control, as \_S5 tells the guest. */
    public static final int S5_SLEEP_TYPE = 5;

    /** Watchdog, sixteen ports (optional); the table WDAT names them. */
    public static final int WATCHDOG_PORT = 0x620;

    /** pvpanic (optional). */
    public static final int PANIC_PORT = 0x505;

    /** PCI configuration address (four bytes) and data (four bytes). */
    public static final int PCI_CONFIG_PORT = 0xcf8;

    /** First of the ports for devices on the PCI bus. */
    public static final int PCI_PORTS = 0xc000;

    /** First port after those for devices on the PCI bus. */
    public static final int PCI_PORTS_END = 0x1_0000;

    /** First slot of bus 0 for a device; 0 is the host bridge. */
    public static final int PCI_FIRST_SLOT = 1;

    /** Last slot of bus 0 for a device; 31 is the ISA bridge. */
    public static final int PCI_LAST_SLOT = 30;

    /** Reset control; writing {@link #RESET_VALUE} resets the machine. */
    public static final int RESET_PORT = 0xcf9;

    /** Full reset, for {@link #RESET_PORT}. */
    public static final int RESET_VALUE = 6;

    // ---- interrupts ----

    /** ISA interrupt of the PIT. */
    public static final int PIT_IRQ = 0;

    /** GSI that the PIT's interrupt arrives at. */
    public static final int PIT_GSI = 2;

    /** ISA interrupt of the keyboard controller. */
    public static final int KEYBOARD_IRQ = 1;

    /** ISA interrupt of the RTC. */
    public static final int RTC_IRQ = 8;

    /** ACPI system control interrupt, level-triggered, active high. */
    public static final int SCI_IRQ = 9;

    /** First of the GSIs that PCI INTA–INTD are routed to. */
    public static final int PCI_FIRST_GSI = 16;

    /** How many GSIs PCI interrupts are spread over. */
    public static final int PCI_GSIS = 8;

    /** Inputs of the IOAPIC. */
    public static final int IOAPIC_INPUTS = 24;

    /** The GSI of a PCI interrupt pin of the root bus: devices and pins rotate over eight GSIs. */
    public static int pciGsi(int device, int pin) {
        return PCI_FIRST_GSI + (device + pin) % PCI_GSIS;
    }
}
