package io.queztl.devices.firmware;

/**
 * A {@link Pflash} at rest.
 *
 * @param content all bytes, in hexadecimal
 * @param mode what reads and the next write mean
 * @param status the status register
 * @param buffer the write buffer, in hexadecimal
 * @param bufferStart where the buffer is to be written
 * @param bufferBytes how many bytes it is to have
 * @param bufferFilled how many it has
 */
public record PflashState(
        String content,
        int mode,
        int status,
        String buffer,
        int bufferStart,
        int bufferBytes,
        int bufferFilled) {}
