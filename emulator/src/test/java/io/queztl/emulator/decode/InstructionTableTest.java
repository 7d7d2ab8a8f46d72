package io.queztl.emulator.decode;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.cpu.CpuModel;
import io.queztl.emulator.ops.AvxLanes;
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
    void every256BitVectorRow_isLaneByLaneOrHasSemanticsForBothLanes() {
        List<String> failures = new ArrayList<>();
        int wide = 0;
        for (Row row : InstructionTable.get().rows()) {
            if (!row.vex || row.vexL == 0 || row.vexLig || AvxLanes.independent(row)) {
                continue;
            }
            switch (row.kind) {
                case VEC, VECI, VEC1, VEC1I -> {
                    wide++;
                    try {
                        assertThat(row.boundWide()).isInstanceOf(row.kind.shape);
                    } catch (IllegalStateException e) {
                        failures.add(row + ": " + e.getCause());
                    }
                }
                default -> {}
            }
        }
        assertThat(failures).isEmpty();
        assertThat(wide).isGreaterThan(60);
    }

    @Test
    void rowsThatCanRaise_areNotIndependent() {
        for (Row row : InstructionTable.get().rows()) {
            if (row.mnemonic.matches("V(ADD|SUB|MUL|DIV|MIN|MAX|SQRT|CMP|HADD|F(N)?M).*P[SD]")) {
                assertThat(AvxLanes.independent(row)).as(row.text).isFalse();
            }
        }
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
