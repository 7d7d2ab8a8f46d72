package io.queztl.emulator.sight;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.decode.Decoder;
import io.queztl.emulator.decode.Insn;
import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DisassemblerTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    90               | nop
                    4889d8           | mov rax, rbx
                    88e0             | mov al, ah
                    4088f0           | mov al, sil
                    6641ffc0         | inc r8w
                    83c0ff           | add eax, -0x1
                    488b44cbf8       | mov rax, qword ptr [rbx + rcx * 8 - 0x8]
                    65488b042510000000 | mov rax, qword ptr gs:[0x10]
                    f0480fb111       | lock cmpxchg qword ptr [rcx], rdx
                    f348a5           | rep movsq
                    e8fb0f0000       | call 0x2000
                    0f58c1           | addps xmm0, xmm1
                    c5f45810         | vaddps ymm2, ymm1, ymmword ptr [rax]
                    c8080002         | enter 0x8, 0x2
                    0f20d8           | mov rax, cr3
                    """)
    void text_isIntelSyntax(String hex, String expected) {
        byte[] code = HexFormat.of().parseHex(hex);
        byte[] padded = java.util.Arrays.copyOf(code, 32);
        Insn i = new Decoder(CpuModel.max()).decode(padded, 0, code.length, 8);
        assertThat(Disassembler.text(java.util.Objects.requireNonNull(i), 0x1000))
                .isEqualTo(expected);
    }
}
