package io.queztl.emulator.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.queztl.emulator.ExecutionMode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** MMX instructions and the x87 state that they share. */
@ParameterizedClass
@EnumSource
final class MmxTest {
    private final Guest g;

    MmxTest(ExecutionMode mode) {
        g = Guest.longMode(mode);
        // As after FNINIT; power-on leaves the registers valid.
        g.cpu.x87.control = 0x37f;
        g.cpu.x87.empty = 0xff;
    }

    @AfterEach
    void close() {
        g.close();
    }

    @Test
    void emms_emptiesAllRegistersAndClearsTop() {
        // fld1; fld1; fld1; emms; hlt
        g.code(Guest.CODE, "d9e8d9e8d9e80f77f4");
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.x87.top).isZero();
        assertThat(g.cpu.x87.empty).isEqualTo(0xff);
    }

    @Test
    void write_makesAllRegistersValidAndClearsTop() {
        g.cpu.r[0] = 0x1_2345_6789L;
        // fld1; fld1; movd mm3, eax; hlt
        g.code(Guest.CODE, "d9e8d9e80f6ed8f4");
        assertThat(g.runToHandler()).isEqualTo(-1);
        assertThat(g.cpu.x87.top).isZero();
        assertThat(g.cpu.x87.empty).isZero();
        assertThat(g.cpu.x87.significand[3]).isEqualTo(0x2345_6789);
        assertThat(g.cpu.x87.signExponent[3]).isEqualTo(0xffff);
        assertThat(g.cpu.x87.significand[7]).isEqualTo(Long.MIN_VALUE);
    }

    private void assertFault(int vector) {
        g.cpu.updateMode();
        // paddb mm1, mm2
        g.code(Guest.CODE, "0ffcca");
        assertThat(g.runToHandler()).isEqualTo(vector);
        assertThat(g.stack64(0)).isEqualTo(Guest.CODE);
        assertThat(g.cpu.x87.empty).isEqualTo(0xff);
    }

    @Test
    void emulationBit_isUd() {
        g.cpu.cr0 |= 4 | 8;
        assertFault(6);
    }

    @Test
    void taskSwitchedBit_isNm() {
        g.cpu.cr0 |= 8;
        assertFault(7);
    }

    @Test
    void pendingException_isMf() {
        g.cpu.x87.control = 0x37e;
        g.cpu.x87.status = 0x8081;
        assertFault(16);
    }
}
