package io.queztl.devices.irq;

import java.util.List;

/**
 * An {@link IoApic} at rest.
 *
 * @param id the id register's four bits
 * @param index IOREGSEL
 * @param redirection 24 redirection entries
 * @param lines levels of the inputs, a bit each
 */
public record IoApicState(int id, int index, List<Long> redirection, int lines) {}
