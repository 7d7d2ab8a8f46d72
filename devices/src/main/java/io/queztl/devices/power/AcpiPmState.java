package io.queztl.devices.power;

/**
 * An {@link AcpiPm} at rest.
 *
 * @param status PM1 status
 * @param enable PM1 enable
 * @param control PM1 control
 * @param gpeEnable GPE0 enable
 * @param commandStatus the byte of port 0xb3
 * @param seenCarry how often the timer's top bit had changed when last looked at
 */
public record AcpiPmState(
        int status, int enable, int control, int gpeEnable, int commandStatus, long seenCarry) {}
