package io.queztl.devices.net.user;

/**
 * A block of addresses (RFC 4632).
 *
 * @param base its first address
 * @param bits how many leading bits all its addresses share; of 32 for IPv4, of 128 for IPv6
 */
record Cidr(IpAddress base, int bits) {

    Cidr {
        int most = base.isV4() ? 32 : 128;
        if (bits < 0 || bits > most) {
            throw new IllegalArgumentException(
                    "the prefix of %s has 0 to %d bits, not %d.".formatted(base, most, bits));
        }
        base = masked(base, bits);
    }

    /**
     * Reads {@code ADDRESS/BITS}, or an address alone.
     *
     * @throws IllegalArgumentException with a sentence, if it is written differently
     */
    static Cidr parse(String text) {
        int slash = text.indexOf('/');
        try {
            IpAddress base = IpAddress.parse(slash < 0 ? text : text.substring(0, slash));
            int all = base.isV4() ? 32 : 128;
            int bits = slash < 0 ? all : Integer.parseInt(text.substring(slash + 1));
            if (bits >= 0 && bits <= all) {
                return new Cidr(base, bits);
            }
        } catch (IllegalArgumentException e) {
            // Said below.
        }
        throw new IllegalArgumentException(
                "'%s' is no block of addresses, such as 192.168.1.0/24.".formatted(text));
    }

    boolean contains(IpAddress address) {
        return address.isV4() == base.isV4() && masked(address, bits).equals(base);
    }

    /** The address with this number in the block. */
    IpAddress address(int number) {
        return new IpAddress(base.high(), base.low() + number);
    }

    private static IpAddress masked(IpAddress a, int bits) {
        int n = a.isV4() ? bits + 96 : bits;
        long high = n >= 64 ? -1L : n == 0 ? 0 : -1L << 64 - n;
        long low = n <= 64 ? 0 : -1L << 128 - n;
        return new IpAddress(a.high() & high, a.low() & low);
    }

    @Override
    public String toString() {
        return base + "/" + bits;
    }
}
