package io.queztl.emulator.decode;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.cpu.CpuModel;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class InstructionTableTest {
    @Test
    void everyRow_bindsToItsSemantics() {
        List<String> failures = new ArrayList<>();
        for (Row row : InstructionTable.get().rows()) {
            try {
                assertThat(row.bound()).isInstanceOf(row.kind.shape);
            } catch (IllegalStateException e) {
                failures.add(row + ": " + e.getCause());
            }
        }
        assertThat(failures).isEmpty();
    }

    @Test
    void truncatedBytes_areReportedNotGuessed() {
        Decoder decoder = new Decoder(CpuModel.max());
        // mov rax, imm64 without its last byte
        byte[] code = {0x48, (byte) 0xB8, 1, 2, 3, 4, 5, 6, 7};
        assertThat(decoder.decode(code, 0, code.length, 8)).isNull();
        assertThat(decoder.status()).isEqualTo(Decoder.TRUNCATED);
    }

    @Test
    void sixteenByteInstruction_isTooLong() {
        Decoder decoder = new Decoder(CpuModel.max());
        byte[] code = new byte[20];
        java.util.Arrays.fill(code, (byte) 0x66);
        assertThat(decoder.decode(code, 0, code.length, 8)).isNull();
        assertThat(decoder.status()).isEqualTo(Decoder.TOO_LONG);
    }
}
