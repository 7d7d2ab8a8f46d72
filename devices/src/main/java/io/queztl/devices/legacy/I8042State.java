package io.queztl.devices.legacy;

import java.util.List;

/**
 * An {@link I8042} at rest.
 *
 * @param ram the controller's 32 bytes; the first is the configuration byte
 * @param outputPort the output port
 * @param commandLast the last write went to the command port
 * @param expecting the command whose data byte comes next, or -1
 * @param output bytes for the guest, oldest first, with their status bits at 8–15
 * @param keyboardExpecting the keyboard command whose argument comes next, or -1
 * @param scanCodeSet the keyboard's scan code set
 */
public record I8042State(
        List<Integer> ram,
        int outputPort,
        boolean commandLast,
        int expecting,
        List<Integer> output,
        int keyboardExpecting,
        int scanCodeSet) {}
