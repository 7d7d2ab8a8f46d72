package io.queztl.devices.net;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Locale;

/**
 * An Ethernet address (IEEE 802, 48 bits).
 *
 * @param value the six bytes, the first one most significant
 */
public record MacAddress(long value) {
    /** Goes to every station. */
    public static final MacAddress BROADCAST = new MacAddress(0xffff_ffff_ffffL);

    /** The first octet of those made here: local, for one station. */
    private static final long FIRST_OCTET = 0x06L;

    private static final long GROUP = 1L << 40;

    /** Checks its size. */
    public MacAddress {
        if (value >>> 48 != 0) {
            throw new IllegalArgumentException("more than 48 bits: " + Long.toHexString(value));
        }
    }

    /**
     * Reads six pairs of hexadecimal digits with colons between them.
     *
     * @throws IllegalArgumentException if it is written differently, or a group's
     */
    public static MacAddress parse(String text) {
        if (!text.matches("[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")) {
            throw new IllegalArgumentException(
                    "an Ethernet address looks like 06:00:5e:12:34:56, not like '%s'"
                            .formatted(text));
        }
        MacAddress address = new MacAddress(HexFormat.fromHexDigitsToLong(text.replace(":", "")));
        if (address.group() || address.value == 0) {
            throw new IllegalArgumentException(
                    "%s is no address of one station: its first number must be even"
                            .formatted(text));
        }
        return address;
    }

    /** One that no other station is likely to have: locally administered, 40 random bits. */
    public static MacAddress random() {
        return new MacAddress(FIRST_OCTET << 40 | new SecureRandom().nextLong() >>> 24);
    }

    /** True for an address of several stations, the broadcast address included. */
    public boolean group() {
        return (value & GROUP) != 0;
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%012x", value).replaceAll("..(?!$)", "$0:");
    }
}
