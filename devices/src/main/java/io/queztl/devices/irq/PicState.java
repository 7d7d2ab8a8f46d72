package io.queztl.devices.irq;

/**
 * A {@link Pic} at rest.
 *
 * @param master the 8259 with IRQ 0–7
 * @param slave the 8259 with IRQ 8–15
 */
public record PicState(Chip master, Chip slave) {
    /**
     * One 8259.
     *
     * @param lines levels of the inputs
     * @param irr interrupt request register
     * @param isr in-service register
     * @param imr interrupt mask register
     * @param vectorBase ICW2
     * @param lowestPriority the input with the lowest priority, 7 unless rotated
     * @param elcr edge/level control, a set bit is level
     * @param initStep the next initialization word expected, 2–4, or 0
     * @param needsIcw4 ICW1 announced an ICW4
     * @param single ICW1 said there is no cascade
     * @param levelMode ICW1 made every input level-triggered
     * @param autoEnd ICW4: automatic end of interrupt
     * @param fullyNested ICW4: special fully nested mode
     * @param rotateOnAutoEnd OCW2: rotate at automatic end of interrupt
     * @param specialMask OCW3: special mask mode
     * @param readInService OCW3: a read gives ISR rather than IRR
     * @param poll OCW3: the next read is a poll
     */
    public record Chip(
            int lines,
            int irr,
            int isr,
            int imr,
            int vectorBase,
            int lowestPriority,
            int elcr,
            int initStep,
            boolean needsIcw4,
            boolean single,
            boolean levelMode,
            boolean autoEnd,
            boolean fullyNested,
            boolean rotateOnAutoEnd,
            boolean specialMask,
            boolean readInService,
            boolean poll) {}
}
