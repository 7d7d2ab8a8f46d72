package io.queztl.devices.firmware;

import io.queztl.machine.memory.GuestMemory;

/**
 * What the guest finds from 0xC0000 to 1 MiB: RAM, or the end of the firmware's ROM instead, as the
 * programmable attribute map of a Q35 host bridge says (Intel Q35 Express data sheet, 5.1.18 on:
 * PAM0 to PAM6). Each of 13 segments has a bit that lets reads reach RAM and one for writes. A
 * segment with writes only is like one with neither. Its registers are kept by the bridge, which
 * guards it.
 */
public final class ShadowRam {
    /** Number of registers. */
    public static final int REGISTERS = 7;

    private static final int READ = 1;
    private static final int BOTH = 3;
    private static final long START = 0xc_0000;
    private static final long ROM_START = 0xe_0000;
    private static final long LAST = 0xf_0000;
    private static final long END = 0x10_0000;
    private static final long SEGMENT = 0x4000;

    private final GuestMemory memory;
    private final int[] registers = new int[REGISTERS];

    /** All segments show ROM, or nothing where there is none, as after power-on. */
    public ShadowRam(GuestMemory memory) {
        this.memory = memory;
        for (int r = 0; r < REGISTERS; r++) {
            apply(r);
        }
    }

    /** The bits that exist of a register. */
    public static int mask(int register) {
        return register == 0 ? 0x30 : 0x33;
    }

    /** Sets a register: PAM0 is that of the topmost segment. */
    public void set(int register, int value) {
        int bits = value & mask(register);
        if (bits != registers[register]) {
            registers[register] = bits;
            apply(register);
        }
    }

    private void apply(int register) {
        int bits = registers[register];
        if (register == 0) {
            apply(LAST, END - LAST, bits >>> 4);
        } else {
            long start = START + (register - 1) * 2 * SEGMENT;
            apply(start, SEGMENT, bits & BOTH);
            apply(start + SEGMENT, SEGMENT, bits >>> 4);
        }
    }

    private void apply(long start, long bytes, int access) {
        if ((access & READ) != 0) {
            memory.remap(start, bytes, memory.offset(start, bytes), access != BOTH);
            return;
        }
        long rom = memory.ram().byteSize() - (END - start);
        boolean there = start >= ROM_START && rom >= memory.ramBytes();
        memory.remap(start, bytes, there ? rom : -1, true);
    }
}
