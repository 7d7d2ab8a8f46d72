package io.queztl.vmm.config;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes of memory as people write them: {@code 512M}, {@code 4G}; a bare number is MiB. */
public final class MemorySize {
    private static final Pattern SYNTAX = Pattern.compile("([0-9]{1,18})([KMGT]?)I?B?");
    private static final String SUFFIXES = "KMGT";

    private MemorySize() {}

    /**
     * Reads a size.
     *
     * @return bytes; {@link Long#MAX_VALUE} for more than a long holds
     * @throws VmException if it is no size
     */
    public static long parse(String text) {
        Matcher m = SYNTAX.matcher(text.strip().toUpperCase(Locale.ROOT));
        if (!m.matches()) {
            throw new VmException(
                    VmException.Code.CONFIGURATION,
                    "'%s' is not a size of memory; write a number and K, M, G or T, such as 512M."
                            .formatted(text));
        }
        String suffix = m.group(2).isEmpty() ? "M" : m.group(2);
        long unit = 1024L << (10 * SUFFIXES.indexOf(suffix));
        try {
            return Math.multiplyExact(Long.parseLong(m.group(1)), unit);
        } catch (ArithmeticException e) {
            return Long.MAX_VALUE;
        }
    }

    /** The shortest exact way to write a size, such as {@code 512M}. */
    public static String format(long bytes) {
        long value = bytes;
        int unit = -1;
        while (value != 0 && value % 1024 == 0 && unit < SUFFIXES.length() - 1) {
            value /= 1024;
            unit++;
        }
        return unit < 0 ? value + " bytes" : value + SUFFIXES.substring(unit, unit + 1);
    }
}
