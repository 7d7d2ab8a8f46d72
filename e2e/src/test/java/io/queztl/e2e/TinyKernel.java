package io.queztl.e2e;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

/**
 * Guests of a few bytes: multiboot kernels (a.out kludge of the multiboot specification, 3.1.3)
 * whose code runs in 32-bit protected mode with interrupts off.
 */
enum TinyKernel {
    /** Prints "Hi" on COM1 and sleeps for good. */
    PRINT_AND_HALT("66baf803 b048 ee b069 ee b00a ee f4 ebfd"),
    /** Switches itself off: S5 through PM1a control. */
    POWER_OFF("66ba0406 66b80034 66ef f4 ebfd"),
    /** Full reset through port 0xcf9. */
    RESET("66baf90c b006 ee f4 ebfd"),
    /** Reset by the keyboard controller. */
    KEYBOARD_RESET("b0fe e664 f4 ebfd"),
    /** An undefined instruction without an IDT. */
    TRIPLE_FAULT("0f011d 34001000 0f0b"),
    /** Loops with interrupts off. */
    LOOP("fa ebfe"),
    /** Writes 21 to isa-debug-exit. */
    DEBUG_EXIT("b015 e6f4 f4 ebfd"),
    /** Prints "Hi" on the debug console, then as DEBUG_EXIT with 0. */
    DEBUG_CONSOLE("b048 e6e9 b069 e6e9 30c0 e6f4 f4 ebfd"),
    /** Executes zeros, the rest of the RAM, and what is behind it. */
    GARBAGE("0000");

    private static final int MAGIC = 0x1bad_b002;
    private static final int ADDRESSES_VALID = 1 << 16;
    private static final int LOAD_ADDRESS = 0x10_0000;
    private static final int HEADER_BYTES = 32;

    private final byte[] code;

    TinyKernel(String code) {
        this.code = HexFormat.of().parseHex(code.replace(" ", ""));
    }

    /** Writes the kernel into {@code folder}. */
    Path write(Path folder) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(MAGIC).putInt(ADDRESSES_VALID).putInt(-(MAGIC + ADDRESSES_VALID));
        b.putInt(LOAD_ADDRESS).putInt(LOAD_ADDRESS).putInt(0).putInt(0);
        b.putInt(LOAD_ADDRESS + HEADER_BYTES);
        b.put(code);
        return Files.write(folder.resolve(name() + ".multiboot"), b.array());
    }
}
