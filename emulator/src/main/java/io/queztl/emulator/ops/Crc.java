package io.queztl.emulator.ops;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;

/** The CRC32 instruction: CRC-32C, polynomial 0x11EDC6F41, reflected. */
public final class Crc {
    private static final int[] TABLE = new int[256];

    static {
        for (int n = 0; n < 256; n++) {
            int crc = n;
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc & 1) != 0 ? crc >>> 1 ^ 0x82F6_3B78 : crc >>> 1;
            }
            TABLE[n] = crc;
        }
    }

    private Crc() {}

    /** CRC32 of 1, 2, 4 or 8 bytes. */
    public static void crc32(Cpu c, Insn i) {
        update(c, i, Operands.read(c, i, 2), i.operandSize(1));
    }

    private static void update(Cpu c, Insn i, long data, int bytes) {
        int crc = (int) c.r[i.r1];
        for (int n = 0; n < bytes; n++) {
            crc = crc >>> 8 ^ TABLE[(crc ^ (int) (data >>> n * 8)) & 0xff];
        }
        c.r[i.r1] = crc & 0xffff_ffffL;
    }
}
