package io.queztl.devices.irq;

/** One 8259A of a {@link Pic}, which guards it (Intel 8259A data sheet). */
final class PicChip {
    private static final int CASCADE = 2;

    private final boolean master;
    private int lines;
    private int irr;
    private int isr;
    private int imr;
    private int vectorBase;
    private int lowestPriority = 7;
    private int elcr;
    private int initStep;
    private boolean needsIcw4;
    private boolean single;
    private boolean levelMode;
    private boolean autoEnd;
    private boolean fullyNested;
    private boolean rotateOnAutoEnd;
    private boolean specialMask;
    private boolean readInService;
    private boolean poll;

    PicChip(boolean master) {
        this.master = master;
    }

    void input(int pin, boolean level) {
        int bit = 1 << pin;
        if (level) {
            if ((lines & bit) == 0) {
                irr |= bit;
            }
            lines |= bit;
        } else {
            lines &= ~bit;
            if (isLevel(pin)) {
                irr &= ~bit;
            }
        }
    }

    /** The cascade input: follows the other chip's INT rather than latching an edge. */
    void cascade(boolean level) {
        if (level) {
            lines |= 1 << CASCADE;
            irr |= 1 << CASCADE;
        } else {
            lines &= ~(1 << CASCADE);
            irr &= ~(1 << CASCADE);
        }
    }

    private boolean isLevel(int pin) {
        return levelMode || (elcr >>> pin & 1) != 0;
    }

    /** Distance of the most urgent input of a set from the highest priority, 8 if there is none. */
    private int rank(int set) {
        for (int i = 0; i < 8; i++) {
            if ((set >>> (lowestPriority + 1 + i & 7) & 1) != 0) {
                return i;
            }
        }
        return 8;
    }

    /** The input whose request is presented at INT, or -1. */
    int request() {
        int rank = rank(irr & ~imr);
        if (rank == 8) {
            return -1;
        }
        int busy = isr;
        if (specialMask) {
            busy &= ~imr;
        }
        if (fullyNested && master) {
            busy &= ~(1 << CASCADE);
        }
        return rank < rank(busy) ? lowestPriority + 1 + rank & 7 : -1;
    }

    /** The INTA cycle for an input that {@link #request} gave. */
    void acknowledge(int pin) {
        if (autoEnd) {
            if (rotateOnAutoEnd) {
                lowestPriority = pin;
            }
        } else {
            isr |= 1 << pin;
        }
        if (!isLevel(pin) && !(master && pin == CASCADE)) {
            irr &= ~(1 << pin);
        }
    }

    int vector(int pin) {
        return vectorBase + pin;
    }

    int read(int port) {
        if (poll) {
            poll = false;
            int pin = request();
            if (pin < 0) {
                return 0;
            }
            acknowledge(pin);
            return 0x80 | pin;
        }
        if (port == 1) {
            return imr;
        }
        return readInService ? isr : irr;
    }

    void write(int port, int value) {
        if (port == 0) {
            if ((value & 0x10) != 0) {
                icw1(value);
            } else if ((value & 8) != 0) {
                ocw3(value);
            } else {
                ocw2(value);
            }
        } else {
            writeData(value);
        }
    }

    private void icw1(int value) {
        needsIcw4 = (value & 1) != 0;
        single = (value & 2) != 0;
        levelMode = (value & 8) != 0;
        initStep = 2;
        imr = 0;
        isr = 0;
        irr = 0;
        for (int pin = 0; pin < 8; pin++) {
            if (isLevel(pin)) {
                irr |= lines & 1 << pin;
            }
        }
        lowestPriority = 7;
        specialMask = false;
        readInService = false;
        poll = false;
        autoEnd = false;
        fullyNested = false;
        rotateOnAutoEnd = false;
    }

    private void writeData(int value) {
        switch (initStep) {
            case 2 -> {
                vectorBase = value & 0xf8;
                initStep = !single ? 3 : needsIcw4 ? 4 : 0;
            }
            case 3 -> initStep = needsIcw4 ? 4 : 0; // the wiring of the cascade is fixed
            case 4 -> {
                autoEnd = (value & 2) != 0;
                fullyNested = (value & 0x10) != 0;
                initStep = 0;
            }
            default -> imr = value;
        }
    }

    private void ocw2(int value) {
        int pin = value & 7;
        switch (value >>> 5) {
            case 0 -> rotateOnAutoEnd = false;
            case 4 -> rotateOnAutoEnd = true;
            case 1, 5 -> {
                int rank = rank(specialMask ? isr & ~imr : isr);
                if (rank < 8) {
                    int highest = lowestPriority + 1 + rank & 7;
                    isr &= ~(1 << highest);
                    if (value >>> 5 == 5) {
                        lowestPriority = highest;
                    }
                }
            }
            case 3 -> isr &= ~(1 << pin);
            case 7 -> {
                isr &= ~(1 << pin);
                lowestPriority = pin;
            }
            case 6 -> lowestPriority = pin;
            default -> {}
        }
    }

    private void ocw3(int value) {
        if ((value & 0x40) != 0) {
            specialMask = (value & 0x20) != 0;
        }
        if ((value & 4) != 0) {
            poll = true;
        } else if ((value & 2) != 0) {
            readInService = (value & 1) != 0;
        }
    }

    int elcr() {
        return elcr;
    }

    void elcr(int value) {
        elcr = value & (master ? 0xf8 : 0xde);
        for (int pin = 0; pin < 8; pin++) {
            int bit = 1 << pin;
            if ((elcr & bit) != 0) {
                irr = irr & ~bit | lines & bit;
            }
        }
    }

    PicState.Chip state() {
        return new PicState.Chip(
                lines,
                irr,
                isr,
                imr,
                vectorBase,
                lowestPriority,
                elcr,
                initStep,
                needsIcw4,
                single,
                levelMode,
                autoEnd,
                fullyNested,
                rotateOnAutoEnd,
                specialMask,
                readInService,
                poll);
    }

    void restore(PicState.Chip state) {
        lines = state.lines();
        irr = state.irr();
        isr = state.isr();
        imr = state.imr();
        vectorBase = state.vectorBase();
        lowestPriority = state.lowestPriority();
        elcr = state.elcr();
        initStep = state.initStep();
        needsIcw4 = state.needsIcw4();
        single = state.single();
        levelMode = state.levelMode();
        autoEnd = state.autoEnd();
        fullyNested = state.fullyNested();
        rotateOnAutoEnd = state.rotateOnAutoEnd();
        specialMask = state.specialMask();
        readInService = state.readInService();
        poll = state.poll();
    }
}
