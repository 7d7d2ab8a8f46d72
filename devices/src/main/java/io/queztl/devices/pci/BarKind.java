package io.queztl.devices.pci;

/** What a base address register maps (PCI Local Bus specification 3.0, 6.2.5.1). */
public enum BarKind {
    /** I/O ports. */
    PORTS,
    /** Memory below 4 GiB. */
    MEMORY_32,
    /** Prefetchable memory anywhere; takes two registers. */
    MEMORY_64
}
