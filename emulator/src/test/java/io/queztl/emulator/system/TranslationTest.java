package io.queztl.emulator.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.cpu.Flags;
import io.queztl.emulator.interpret.Interpreter;
import io.queztl.machine.cpu.VcpuExit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What translated code must notice: its own code written, its pages remapped, interrupts, debuggers
 * and faults in the middle. The loops are long enough to be translated in mixed mode too.
 */
@ParameterizedClass
@EnumSource
@Timeout(60)
final class TranslationTest {
    private static final long OTHER = 0x2000, THIRD = 0x3000, ALIAS = 0x6000, REPLACEMENT = 0x5000;
    private final int rounds;
    private static final long INTERRUPT_AFTER = 60_000_000;

    private final ExecutionMode mode;
    private final Guest g;

    TranslationTest(ExecutionMode mode) {
        this.mode = mode;
        g = Guest.longMode(mode);
        // Each write to translated code costs a translation.
        rounds = mode == ExecutionMode.TRANSLATOR ? 1_500 : 20_000;
        g.cpu.r[Cpu.RCX] = rounds;
        g.cpu.r[Cpu.RBX] = 0;
        g.cpu.r[Cpu.RDX] = 0;
    }

    @AfterEach
    void close() {
        g.close();
    }

    private void assertHalted() {
        assertThat(g.runToHandler()).isEqualTo(-1);
    }

    private long sumOfLowBytes() {
        long sum = 0;
        for (int n = rounds; n > 0; n--) {
            sum += n & 0xff;
        }
        return sum;
    }

    // --- code that is written
    // ---------------------------------------------------------------------

    @Test
    void storeToTheNextInstruction_isSeenAtOnce() {
        // 1: mov [rip+2f+1], cl; 2: mov eax, 0; add rbx, rax; dec ecx; jnz 1b; hlt
        g.code(Guest.CODE, "880d01000000b8000000004801c3ffc975eef4");
        assertHalted();
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sumOfLowBytes());
    }

    @Test
    void pushToTheNextInstruction_isSeenAtOnce() {
        g.cpu.r[Cpu.RCX] = 0x9090_9055_5555_55b8L; // mov eax, 0x55555555 and NOPs
        // mov esp, OFFSET 2f+8; push rcx; 2: mov eax, 0x11111111; nop; nop; nop; hlt
        g.code(Guest.CODE, "bc0e10000051b811111111909090f4");
        assertHalted();
        assertThat(g.cpu.r[Cpu.RAX]).isEqualTo(0x5555_5555);
    }

    @Test
    void readModifyWriteOfTheNextInstruction_isSeenAtOnce() {
        // 1: inc byte ptr [rip+2f+1]; 2: mov eax, 0; add rbx, rax; dec ecx; jnz 1b; hlt
        g.code(Guest.CODE, "fe0501000000b8000000004801c3ffc975eef4");
        assertHalted();
        long sum = 0;
        for (int n = 1; n <= rounds; n++) {
            sum += n & 0xff;
        }
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sum);
    }

    @Test
    void lockedStoreAndStringStore_toTheNextInstruction_areSeenAtOnce() {
        // 1: lock inc byte ptr [rip+2f+1]; 2: mov eax, 0; add rbx, rax; mov al, cl; mov edi,
        // OFFSET 4f+1; stosb; 4: mov eax, 0; add rdx, rax; movd xmm0, ecx; movd [rip+5f+1], xmm0;
        // 5: mov eax, 0; add rsi, rax; dec ecx; jnz 1b; hlt
        g.code(
                Guest.CODE,
                "f0fe0501000000b8000000004801c388c8bf18100000aab8000000004801c2660f6ec1660f7e"
                        + "0501000000b8000000004801c6ffc975c9f4");
        g.cpu.r[Cpu.RSI] = 0;
        assertHalted();
        long sum = 0;
        for (int n = 1; n <= rounds; n++) {
            sum += n & 0xff;
        }
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sum);
        assertThat(g.cpu.r[Cpu.RDX]).isEqualTo(sumOfLowBytes());
        assertThat(g.cpu.r[Cpu.RSI]).isEqualTo(rounds * (rounds + 1L) / 2);
    }

    @Test
    void storeToAFunctionThatIsCalled_isSeen() {
        // 1: call 0x2000; add rbx, rax; mov [0x2001], cl; dec ecx; jnz 1b; hlt
        g.code(Guest.CODE, "e8fb0f00004801c3880c2501200000ffc975edf4");
        // mov eax, 0; ret
        g.code(OTHER, "b800000000c3");
        assertHalted();
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sumOfLowBytes() - 1);
    }

    @Test
    void storeNowAndThenToAFunctionThatIsCalled_isSeen() {
        // 1: call 0x2000; add rbx, rax; test ecx, 0x3ff; jnz 2f; mov ebp, ecx; shr ebp, 10; mov
        // [0x2001], ebp; 2: dec ecx; jnz 1b; hlt
        g.code(Guest.CODE, "e8fb0f00004801c3f7c1ff030000750c89cdc1ed0a892c2501200000ffc975e0f4");
        // mov eax, 0; ret
        g.code(OTHER, "b800000000c3");
        assertHalted();
        long sum = 0;
        for (int n = rounds, value = 0; n > 0; n--) {
            sum += value;
            value = (n & 0x3ff) == 0 ? n >> 10 : value;
        }
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sum);
    }

    @Test
    void storeToCodeThatIsJumpedTo_isSeen() {
        // 1: jmp 0x2000; 2: add rbx, rax; test ecx, 0x3ff; jnz 3f; mov ebp, ecx; shr ebp, 10; mov
        // [0x2001], ebp; 3: dec ecx; jnz 1b; hlt
        g.code(Guest.CODE, "e9fb0f00004801c3f7c1ff030000750c89cdc1ed0a892c2501200000ffc975e0f4");
        // mov eax, 0; jmp 0x1005
        g.code(OTHER, "b800000000e9fbefffff");
        assertHalted();
        long sum = 0;
        for (int n = rounds, value = 0; n > 0; n--) {
            sum += value;
            value = (n & 0x3ff) == 0 ? n >> 10 : value;
        }
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sum);
    }

    @Test
    void functionThatWritesToItsCaller_returnsToTheNewCode() {
        // 1: call 0x2000; mov eax, 0; add rbx, rax; dec ecx; jnz 1b; hlt
        g.code(Guest.CODE, "e8fb0f0000b8000000004801c3ffc975eff4");
        // mov [0x1006], cl; ret
        g.code(OTHER, "880c2506100000c3");
        assertHalted();
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sumOfLowBytes());
    }

    @Test
    void codeWrittenByADevice_endsALoop() {
        // 1: inc rbx; mov eax, 0; test eax, eax; jz 1b; hlt
        g.code(Guest.CODE, "48ffc3b80000000085c074f4f4");
        later(() -> g.memory.write8(Guest.CODE + 4, 1));
        assertHalted();
        assertThat(g.cpu.r[Cpu.RAX]).isEqualTo(1);
        assertThat(g.cpu.r[Cpu.RBX]).isPositive();
    }

    @Test
    void codeWrittenByADevice_endsALoopOfCalls() {
        // 1: inc rbx; call 0x2000; test eax, eax; jz 1b; hlt
        g.code(Guest.CODE, "48ffc3e8f80f000085c074f4f4");
        // mov eax, 0; ret
        g.code(OTHER, "b800000000c3");
        later(() -> g.memory.write8(OTHER + 1, 1));
        assertHalted();
        assertThat(g.cpu.r[Cpu.RAX]).isEqualTo(1);
    }

    @Test
    void codeWrittenByAnotherVcpu_endsALoop() throws InterruptedException {
        try (Guest two = Guest.longMode(mode, 2)) {
            // As codeWrittenByADevice_endsALoop.
            two.code(Guest.CODE, "48ffc3b80000000085c074f4f4");
            Cpu second = two.second();
            second.rip = OTHER;
            second.r[Cpu.RCX] = 100_000;
            // 1: inc rdx; loop 1b; mov byte ptr [0x1004], 1; hlt
            two.code(OTHER, "48ffc2e2fbc604250410000001f4");
            Interpreter other = new Interpreter(second);
            Thread t =
                    Thread.ofPlatform()
                            .start(() -> {
                                second.shared.exclusive.enter(second);
                                VcpuExit ignored = other.run();
                                second.shared.exclusive.leave(second);
                            });
            two.cpu.shared.exclusive.enter(two.cpu);
            assertThat(two.runToHandler()).isEqualTo(-1);
            two.cpu.shared.exclusive.leave(two.cpu);
            t.join();
            assertThat(two.cpu.r[Cpu.RAX]).isEqualTo(1);
        }
    }

    // --- pages that are remapped
    // ------------------------------------------------------------------

    private long sumWhileToggling(long first, long second) {
        long sum = 0;
        boolean toggled = false;
        for (int n = rounds; n > 0; n--) {
            sum += toggled ? second : first;
            toggled ^= (n & 15) == 0;
        }
        return sum;
    }

    @Test
    void invlpgAfterRemapping_callsTheNewFunction() {
        // 1: call 0x2000; add rbx, rax; test cl, 15; jnz 2f; xor dword ptr [0x23010], 0x7000;
        // invlpg [0x2000]; 2: dec ecx; jnz 1b; hlt
        g.code(
                Guest.CODE,
                "e8fb0f00004801c3f6c10f751381342510300200007000000f013c2500200000ffc975dcf4");
        // mov eax, 1; ret
        g.code(OTHER, "b801000000c3");
        // mov eax, 3; ret
        g.code(REPLACEMENT, "b803000000c3");
        assertHalted();
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sumWhileToggling(1, 3));
    }

    @Test
    void cr3AfterRemapping_jumpsToTheNewCode() {
        // 1: jmp 0x2000; 2: add rbx, rax; test cl, 15; jnz 3f; xor dword ptr [0x23010], 0x7000;
        // mov rbp, cr3; mov cr3, rbp; 3: dec ecx; jnz 1b; hlt
        g.code(
                Guest.CODE,
                "e9fb0f00004801c3f6c10f751181342510300200007000000f20dd0f22ddffc975def4");
        // mov eax, 1; jmp 0x1005
        g.code(OTHER, "b801000000e9fbefffff");
        // mov eax, 3; .byte 0xe9; .long 0x1005 - 0x200a
        g.code(REPLACEMENT, "b803000000e9fbefffff");
        assertHalted();
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sumWhileToggling(1, 3));
    }

    @Test
    void functionThatRemapsItsCaller_returnsToTheNewCode() {
        // The caller's page is toggled; the code up to the call is the same in both.
        // 1: call 0x3000; mov eax, 1; add rbx, rax; dec ecx; jnz 1b; hlt
        g.code(OTHER, "e8fb0f0000b8010000004801c3ffc975eff4");
        // 1: .byte 0xe8; .long 0x3000 - 0x2005; mov eax, 3; add rbx, rax; dec ecx; jnz 1b; hlt
        g.code(REPLACEMENT, "e8fb0f0000b8030000004801c3ffc975eff4");
        // test cl, 15; jnz 2f; xor dword ptr [0x23010], 0x7000; invlpg [0x2000]; 2: ret
        g.code(THIRD, "f6c10f751381342510300200007000000f013c2500200000c3");
        g.cpu.rip = OTHER;
        assertHalted();
        long sum = 0;
        boolean toggled = false;
        for (int n = rounds; n > 0; n--) {
            toggled ^= (n & 15) == 0;
            sum += toggled ? 3 : 1;
        }
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sum);
    }

    @Test
    void secondPageOfALoopRemapped_runsTheNewCode() {
        // An instruction lies in both pages: its immediate is what differs.
        // 1: call 0x3000; nop; nop; nop; nop; nop; nop; nop; nop; add rbx, 0x11111; dec ecx; jnz
        // 1b; hlt
        g.code(0x1ff0, "e80b10000090909090909090904881c311110100ffc975e8f4");
        byte[] tail = new byte[32];
        g.memory.read(OTHER, tail, 0, tail.length);
        g.memory.write(REPLACEMENT, tail);
        g.memory.write8(REPLACEMENT, 0x33);
        // test cl, 15; jnz 2f; xor dword ptr [0x23010], 0x7000; invlpg [0x2000]; 2: ret
        g.code(THIRD, "f6c10f751381342510300200007000000f013c2500200000c3");
        g.cpu.rip = 0x1ff0;
        assertHalted();
        long sum = 0;
        boolean toggled = false;
        for (int n = rounds; n > 0; n--) {
            toggled ^= (n & 15) == 0;
            sum += toggled ? 0x11133 : 0x11111;
        }
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sum);
    }

    @Test
    void onePageAtTwoAddresses_knowsWhereItRuns() {
        g.memory.write64(Guest.PT + 8 * (ALIAS >> 12), OTHER | 7);
        // 1: call 0x2000; add rbx, rax; call 0x6000; add rdx, rax; dec ecx; jnz 1b; hlt
        g.code(Guest.CODE, "e8fb0f00004801c3e8f34f00004801c2ffc975ecf4");
        // lea rax, [rip]; ret
        g.code(OTHER, "488d0500000000c3");
        assertHalted();
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(rounds * (OTHER + 7));
        assertThat(g.cpu.r[Cpu.RDX]).isEqualTo(rounds * (ALIAS + 7));
    }

    @Test
    void storeThroughAnotherMapping_isSeen() {
        g.memory.write64(Guest.PT + 8 * (ALIAS >> 12), OTHER | 7);
        // 1: mov [0x6001], cl; call 0x2000; add rbx, rax; dec ecx; jnz 1b; hlt
        g.code(Guest.CODE, "880c2501600000e8f40f00004801c3ffc975edf4");
        // mov eax, 0; ret
        g.code(OTHER, "b800000000c3");
        assertHalted();
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(sumOfLowBytes());
    }

    @Test
    void noExecuteSetOnALinkedPage_faultsTheFetch() {
        // 1: call 0x2000; inc rbx; cmp ecx, 100; jne 2f; bts qword ptr [0x23010], 63; invlpg
        // [0x2000]; 2: dec ecx; jnz 1b; hlt
        g.code(
                Guest.CODE,
                "e8fb0f000048ffc383f9647512480fba2c25103002003f0f013c2500200000ffc975ddf4");
        // mov eax, 0; ret
        g.code(OTHER, "b800000000c3");
        assertFetchFaults();
    }

    @Test
    void userSetOnALinkedPage_faultsTheFetchWithSmep() {
        for (int p = 0; p < 512; p++) {
            g.memory.write64(Guest.PT + 8 * p, p * 4096L | 3);
        }
        g.cpu.cr4 |= 1 << 20;
        g.cpu.updateMode();
        // 1: call 0x2000; inc rbx; cmp ecx, 100; jne 2f; bts qword ptr [0x23010], 2; invlpg
        // [0x2000]; 2: dec ecx; jnz 1b; hlt
        g.code(
                Guest.CODE,
                "e8fb0f000048ffc383f9647512480fba2c2510300200020f013c2500200000ffc975ddf4");
        // mov eax, 0; ret
        g.code(OTHER, "b800000000c3");
        assertFetchFaults();
    }

    private void assertFetchFaults() {
        assertThat(g.runToHandler()).isEqualTo(14);
        assertThat(g.stack64(0)).isEqualTo(0x11);
        assertThat(g.stack64(1)).isEqualTo(OTHER);
        assertThat(g.cpu.cr2).isEqualTo(OTHER);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(rounds - 99);
        assertThat(g.cpu.r[Cpu.RCX]).isEqualTo(99);
    }

    // --- interrupts
    // -------------------------------------------------------------------------------

    private static void later(Runnable what) {
        Thread.ofPlatform()
                .daemon()
                .start(() -> {
                    LockSupport.parkNanos(INTERRUPT_AFTER);
                    what.run();
                });
    }

    private void assertInterruptArrives() {
        g.cpu.rflags(g.cpu.rflags() | Flags.IF);
        later(() -> {
            g.interrupts.vector = 0x40;
            g.cpu.attend(Cpu.ATTENTION_INTERRUPT);
        });
        assertThat(g.runToHandler()).isEqualTo(0x40);
    }

    @Test
    void interrupt_endsAJumpToItself() {
        // 1: jmp 1b
        g.code(Guest.CODE, "ebfe");
        assertInterruptArrives();
        assertThat(g.stack64(0)).isEqualTo(Guest.CODE);
    }

    @Test
    void interrupt_endsALoop() {
        // xor eax, eax; 1: inc rbx; test eax, eax; jz 1b
        g.code(Guest.CODE, "31c048ffc385c074f9");
        assertInterruptArrives();
        assertThat(g.cpu.r[Cpu.RBX]).isPositive();
    }

    @Test
    void interrupt_endsALoopThatCalls() {
        // 1: call 0x2000; jmp 1b
        g.code(Guest.CODE, "e8fb0f0000ebf9");
        // inc rbx; ret
        g.code(OTHER, "48ffc3c3");
        assertInterruptArrives();
    }

    @Test
    void interrupt_endsJumpsBetweenPages() {
        // jmp 0x2000
        g.code(Guest.CODE, "e9fb0f0000");
        // inc rbx; jmp 0x1000
        g.code(OTHER, "48ffc3e9f8efffff");
        assertInterruptArrives();
    }

    @Test
    void interrupt_endsIndirectJumps() {
        g.cpu.r[Cpu.RAX] = Guest.CODE;
        g.cpu.r[Cpu.RDX] = OTHER;
        // jmp rdx
        g.code(Guest.CODE, "ffe2");
        // inc rbx; jmp rax
        g.code(OTHER, "48ffc3ffe0");
        assertInterruptArrives();
    }

    @Test
    void interrupt_endsReturnsThatPushedTheirTargets() {
        // push 0x2000; ret
        g.code(Guest.CODE, "6800200000c3");
        // inc rbx; push 0x1000; ret
        g.code(OTHER, "48ffc36800100000c3");
        assertInterruptArrives();
        assertThat(g.cpu.r[Cpu.RSP]).isGreaterThanOrEqualTo(Guest.STACK - 48);
    }

    @Test
    void interrupt_endsCallsThatNeverReturn() {
        // The stack pointer is put back: each call is one that its caller never sees the end of.
        // mov esp, 0x8000; call 0x2000
        g.code(Guest.CODE, "bc00800000e8f60f0000");
        // inc rbx; mov esp, 0x8000; call 0x1000
        g.code(OTHER, "48ffc3bc00800000e8f3efffff");
        assertInterruptArrives();
    }

    @ParameterizedTest
    @ValueSource(ints = {1_000, 100_000})
    void recursion_isAsDeepAsTheGuestsStack(int depth) {
        g.cpu.r[Cpu.RSP] = 0x1f0000;
        g.cpu.r[Cpu.RCX] = depth;
        // call 0x2000; hlt
        g.code(Guest.CODE, "e8fb0f0000f4");
        // dec ecx; jz 1f; call 0x3000; 1: inc rbx; ret
        g.code(OTHER, "ffc97405e8f70f000048ffc3c3");
        // dec ecx; jz 1f; call 0x2000; 1: inc rdx; ret
        g.code(THIRD, "ffc97405e8f7efffff48ffc2c3");
        for (int k = 0; k < 3; k++) {
            assertHalted();
            assertThat(g.cpu.r[Cpu.RBX] + g.cpu.r[Cpu.RDX]).isEqualTo((k + 1) * depth);
            g.resume(Guest.CODE);
            g.cpu.r[Cpu.RCX] = depth;
        }
    }

    // --- debuggers
    // --------------------------------------------------------------------------------

    @Test
    void breakpointInAHotLoop_stopsThere() {
        // 1: inc rbx; inc rdx; jmp 1b
        g.code(Guest.CODE, "48ffc348ffc2ebf8");
        later(() -> g.cpu.attend(Cpu.ATTENTION_KICK));
        assertThat(g.run()).isInstanceOf(VcpuExit.Kicked.class);
        g.interpreter.breakpoints(new long[] {Guest.CODE + 3});
        assertThat(g.run()).isInstanceOf(VcpuExit.Debug.class);
        assertThat(g.cpu.rip).isEqualTo(Guest.CODE + 3);
        long before = g.cpu.r[Cpu.RBX];
        assertThat(g.run()).isInstanceOf(VcpuExit.Debug.class);
        assertThat(g.cpu.rip).isEqualTo(Guest.CODE + 3);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(before + 1);
        assertThat(g.cpu.r[Cpu.RDX]).isEqualTo(before);
        g.interpreter.singleStep(true);
        assertThat(g.run()).isInstanceOf(VcpuExit.Debug.class);
        assertThat(g.cpu.rip).isEqualTo(Guest.CODE + 6);
        g.interpreter.singleStep(false);
        g.interpreter.breakpoints(new long[0]);
        later(() -> g.cpu.attend(Cpu.ATTENTION_KICK));
        assertThat(g.run()).isInstanceOf(VcpuExit.Kicked.class);
        assertThat(g.cpu.r[Cpu.RBX]).isGreaterThan(before + 1);
    }

    @Test
    void breakpointInACalledFunction_stopsThere() {
        // 1: call 0x2000; jmp 1b
        g.code(Guest.CODE, "e8fb0f0000ebf9");
        // inc rbx; inc rdx; ret
        g.code(OTHER, "48ffc348ffc2c3");
        later(() -> g.cpu.attend(Cpu.ATTENTION_KICK));
        assertThat(g.run()).isInstanceOf(VcpuExit.Kicked.class);
        g.interpreter.breakpoints(new long[] {OTHER + 3});
        assertThat(g.run()).isInstanceOf(VcpuExit.Debug.class);
        assertThat(g.cpu.rip).isEqualTo(OTHER + 3);
        long before = g.cpu.r[Cpu.RBX];
        assertThat(g.run()).isInstanceOf(VcpuExit.Debug.class);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(before + 1);
    }

    @Test
    void trapFlag_trapsAfterEachInstruction() {
        g.cpu.r[15] = 0;
        // inc r15; iretq
        g.code(Guest.HANDLERS + 16, "49ffc748cf");
        // 1: pushfq; or dword ptr [rsp], 0x100; popfq; nop; nop; pushfq; and dword ptr [rsp],
        // ~0x100; popfq; dec ecx; jnz 1b; hlt
        g.code(Guest.CODE, "9c810c24000100009d90909c812424fffeffff9dffc975e8f4");
        g.cpu.r[Cpu.RCX] = 500;
        assertHalted();
        assertThat(g.cpu.r[15]).isEqualTo(500 * 5);
    }

    @Test
    void writeBreakpoint_trapsAfterTheStore() {
        g.cpu.r[15] = 0;
        // inc r15; iretq
        g.code(Guest.HANDLERS + 16, "49ffc748cf");
        // 1: mov [0x9000], ecx; cmp ecx, 300; jne 2f; mov eax, 0x9000; mov dr0, rax; mov eax,
        // 0xd0701; mov dr7, rax; 2: dec ecx; jnz 1b; hlt
        g.code(
                Guest.CODE,
                "890c250090000081f92c0100007510b8009000000f23c0b801070d000f23f8ffc975ddf4");
        g.cpu.r[Cpu.RCX] = 600;
        assertHalted();
        assertThat(g.cpu.r[15]).isEqualTo(299);
    }

    // --- faults
    // -----------------------------------------------------------------------------------

    private void assertFault(int vector, long rip, long rbx) {
        assertThat(g.runToHandler()).isEqualTo(vector);
        int skip = vector >= 10 && vector <= 14 ? 1 : 0;
        assertThat(g.stack64(skip)).isEqualTo(rip);
        assertThat(g.stack64(skip + 3)).isEqualTo(Guest.STACK);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(rbx);
    }

    @Test
    void pageFaultInALoop_isPrecise() {
        g.cpu.r[Cpu.RDX] = 0x1f8000;
        g.cpu.r[Cpu.RCX] = 0x2000;
        // 1: inc rbx; add rdx, 8; mov rax, [rdx]; inc rsi; dec ecx; jnz 1b; hlt
        g.code(Guest.CODE, "48ffc34883c208488b0248ffc6ffc975eff4");
        g.cpu.r[Cpu.RSI] = 0;
        assertFault(14, Guest.CODE + 7, 0x1000);
        assertThat(g.cpu.cr2).isEqualTo(0x200000);
        assertThat(g.cpu.r[Cpu.RSI]).isEqualTo(0xfff);
        // Flags of the ADD: 0x200000 has no bit in its low byte.
        assertThat(g.stack64(3) & Flags.ARITHMETIC).isEqualTo(Flags.PF | Flags.AF);
    }

    @Test
    void divideErrorInALoop_isPrecise() {
        // 1: inc rbx; xor edx, edx; mov eax, 100; dec ecx; div ecx; inc rsi; jmp 1b
        g.code(Guest.CODE, "48ffc331d2b864000000ffc9f7f148ffc6ebed");
        g.cpu.r[Cpu.RSI] = 0;
        assertFault(0, Guest.CODE + 12, rounds);
        assertThat(g.cpu.r[Cpu.RAX]).isEqualTo(100);
        assertThat(g.cpu.r[Cpu.RSI]).isEqualTo(rounds - 1);
    }

    @Test
    void undefinedInstructionBehindALoop_isPrecise() {
        // 1: inc rbx; dec ecx; jnz 1b; inc rbx; ud2
        g.code(Guest.CODE, "48ffc3ffc975f948ffc30f0b");
        assertFault(6, Guest.CODE + 10, rounds + 1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ffe0", "ffd0", "50c3"})
    void nonCanonicalTarget_faultsInTheJump(String jump) {
        // jmp rax; call rax; push rax, ret
        // mov rax, 0x8000000000000000; 1: inc rbx; dec ecx; jnz 1b; inc rbx
        g.code(Guest.CODE, "48b8000000000000008048ffc3ffc975f948ffc3");
        g.code(Guest.CODE + 20, jump);
        int pushed = jump.startsWith("50") ? 1 : 0;
        assertThat(g.runToHandler()).isEqualTo(13);
        assertThat(g.stack64(0)).isZero();
        assertThat(g.stack64(1)).isEqualTo(Guest.CODE + 20 + pushed);
        assertThat(g.stack64(4)).isEqualTo(Guest.STACK - 8 * pushed);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(rounds + 1);
    }

    @Test
    void pushToANonCanonicalAddress_isAStackFault() {
        g.gate64(12, Guest.HANDLERS + 12 * 16, Guest.KERNEL_CODE, 0x8e, 1);
        // 1: inc rbx; dec ecx; jnz 1b; mov rsp, 0x800000000000; add rsp, 8; inc rbx; push rax;
        // push rbx; hlt
        g.code(Guest.CODE, "48ffc3ffc975f948bc00000000008000004883c40848ffc35053f4");
        assertThat(g.runToHandler()).isEqualTo(12);
        assertThat(g.stack64(0)).isZero();
        assertThat(g.stack64(4)).isEqualTo(0x8000_0000_0008L);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(rounds + 1);
    }

    @Test
    void faultInACalledFunction_isPrecise() {
        g.cpu.r[Cpu.RDX] = 0x1f8000;
        g.cpu.r[Cpu.RCX] = 0x2000;
        // 1: inc rbx; call 0x2000; dec ecx; jnz 1b; hlt
        g.code(Guest.CODE, "48ffc3e8f80f0000ffc975f4f4");
        // add rdx, 8; mov rax, [rdx]; ret
        g.code(OTHER, "4883c208488b02c3");
        assertThat(g.runToHandler()).isEqualTo(14);
        assertThat(g.stack64(1)).isEqualTo(OTHER + 4);
        assertThat(g.stack64(4)).isEqualTo(Guest.STACK - 8);
        assertThat(g.cpu.r[Cpu.RBX]).isEqualTo(0x1000);
        assertThat(g.cpu.r[Cpu.RDX]).isEqualTo(0x200000);
    }
}
