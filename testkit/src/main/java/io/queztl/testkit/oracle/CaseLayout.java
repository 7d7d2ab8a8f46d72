package io.queztl.testkit.oracle;

/**
 * The shared file between a test and the native oracle process, little-endian.
 *
 * <pre>
 * header   4096 bytes: u64 index of the case that runs
 * case i   at 4096 + i * 4096: state before (2048 bytes), state after (2048 bytes)
 *
 * state    0    u64 × 16  rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 … r15
 *          128  u64       rip
 *          136  u64       rflags
 *          144  u64       after: signal number
 *          152  u64       after: exception vector
 *          160  u64       after: error code
 *          168  u64       after: CR2
 *          176  u64       1 in compatibility mode (32-bit code), 0 in 64-bit mode
 *          184  u64       before: bytes of code
 *          192  16 bytes  before: the code
 *          256  512 bytes FXSAVE image (its first 416 bytes count)
 *          768  256 bytes upper halves of ymm0–ymm15
 *          1024 1024 bytes memory window
 * </pre>
 */
public final class CaseLayout {
    /** Bytes before the first case. */
    public static final int HEADER = 4096;

    /** Bytes from one case to the next. */
    public static final int CASE = 4096;

    /** Offset of the state after within a case. */
    public static final int AFTER = 2048;

    /** Offset of rip. */
    public static final int RIP = 128;

    /** Offset of rflags. */
    public static final int RFLAGS = 136;

    /** Offset of the signal number; {@link #CRASHED} if the oracle process died. */
    public static final int SIGNAL = 144;

    /** Offset of the exception vector. */
    public static final int TRAP = 152;

    /** Offset of the error code. */
    public static final int ERROR = 160;

    /** Offset of CR2. */
    public static final int CR2 = 168;

    /** Offset of the compatibility-mode switch. */
    public static final int MODE32 = 176;

    /** Offset of the number of code bytes. */
    public static final int CODE_LENGTH = 184;

    /** Offset of the code bytes. */
    public static final int CODE = 192;

    /** Offset of the FXSAVE image. */
    public static final int FXSAVE = 256;

    /** Bytes of the FXSAVE image that are compared. */
    public static final int FXSAVE_BYTES = 416;

    /** Offset of the upper halves of ymm0–ymm15. */
    public static final int YMM_HIGH = 768;

    /** Offset of the memory window. */
    public static final int WINDOW = 1024;

    /** Bytes of the memory window. */
    public static final int WINDOW_BYTES = 1024;

    /** Linear address of memory that holds code; everything around the code is int3. */
    public static final long CODE_ADDRESS = 0x1000_0000L;

    /** Bytes of code memory. */
    public static final int CODE_BYTES = 0x3000;

    /** Linear address of readable and writable memory; also the base of GS in 64-bit mode. */
    public static final long DATA_ADDRESS = 0x1010_0000L;

    /** Bytes of data memory; the page after it is not mapped. */
    public static final int DATA_BYTES = 0x2000;

    /** Linear address of one page of zeros that cannot be written. */
    public static final long READ_ONLY_ADDRESS = 0x1011_0000L;

    /** Linear address of the memory window, which lies across a page boundary. */
    public static final long WINDOW_ADDRESS = 0x1010_0E00L;

    /** Value of {@link #SIGNAL} when the process died in the case. */
    public static final long CRASHED = -1;

    private CaseLayout() {}
}
