package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.cpu.GuestException;

/** Whether IN, OUT, INS and OUTS may touch a port (SDM volume 1, 19.5). */
public final class IoPermission {
    private IoPermission() {}

    /**
     * Checks an access of {@code size} bytes at a port, I/O breakpoints included.
     *
     * @throws GuestException #GP(0) if the I/O permission bitmap forbids it
     */
    public static void check(Cpu c, int port, int size) {
        if ((c.cr0 & 1) != 0
                && (c.cpl > c.iopl() || (c.systemFlags & Flags.VM) != 0)
                && !allowed(c, port, size)) {
            throw c.gp(0);
        }
        DebugRegisters.io(c, port, size);
    }

    private static boolean allowed(Cpu c, int port, int size) {
        long limit = c.limit[Cpu.TR] & 0xffff_ffffL;
        if ((c.attributes[Cpu.TR] & 0x9d) != 0x89 || limit < 0x67) {
            return false;
        }
        long tss = c.base[Cpu.TR];
        long offset = c.mem.loadSystem(tss + 0x66, 2) + (port >> 3);
        if (offset + 1 > limit) {
            return false;
        }
        int bits = (int) c.mem.loadSystem(tss + offset, 2);
        return (bits >> (port & 7) & (1 << size) - 1) == 0;
    }
}
