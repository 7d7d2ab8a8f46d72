package io.queztl.devices.irq;

import io.queztl.machine.irq.IrqLine;

/**
 * The wiring between devices and interrupt controllers. Inputs 0–15 are the ISA interrupts and
 * reach both the 8259 pair and the I/O APIC (ISA interrupt 0 at I/O APIC input 2, as the MADT of a
 * PC overrides it); 16–23 reach the I/O APIC only.
 *
 * <p>Every call of {@link #line} makes a new wire; wires of one input are joined by a wired or, so
 * that devices may share it. The wires' levels are not state: a device sets its wire when it is
 * restored, and the controllers are restored after the devices.
 */
public final class IrqRouter {
    private final Input[] inputs = new Input[IoApic.INPUTS];

    /** Joins the two controllers. */
    public IrqRouter(Pic pic, IoApic ioApic) {
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] =
                    switch (i) {
                        case 0 -> new Input(pic.line(0), ioApic.line(2));
                        case 2 -> new Input(IrqLine.NONE, IrqLine.NONE);
                        default -> new Input(i < 16 ? pic.line(i) : IrqLine.NONE, ioApic.line(i));
                    };
        }
    }

    /**
     * A new wire to an input.
     *
     * @param number 0–15 for an ISA interrupt (2, the cascade, leads nowhere), 16–23 for others
     */
    public IrqLine line(int number) {
        if (number < 0 || number >= inputs.length) {
            throw new IllegalArgumentException("interrupt line " + number);
        }
        return inputs[number].new Wire();
    }

    private static final class Input {
        private final IrqLine pic;
        private final IrqLine ioApic;
        private int asserted;

        Input(IrqLine pic, IrqLine ioApic) {
            this.pic = pic;
            this.ioApic = ioApic;
        }

        final class Wire implements IrqLine {
            private boolean high;

            @Override
            public void set(boolean level) {
                synchronized (Input.this) {
                    if (level == high) {
                        return;
                    }
                    high = level;
                    asserted += level ? 1 : -1;
                    if (asserted == (level ? 1 : 0)) {
                        pic.set(level);
                        ioApic.set(level);
                    }
                }
            }
        }
    }
}
