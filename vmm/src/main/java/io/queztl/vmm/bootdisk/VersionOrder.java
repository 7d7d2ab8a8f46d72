package io.queztl.vmm.bootdisk;

import java.util.Comparator;

/**
 * Orders versions: runs of digits by their value, the rest by its characters, "~" before an end.
 */
final class VersionOrder implements Comparator<String> {
    static final VersionOrder INSTANCE = new VersionOrder();

    private VersionOrder() {}

    @Override
    public int compare(String one, String other) {
        int i = 0;
        int k = 0;
        while (i < one.length() || k < other.length()) {
            int iEnd = digits(one, i);
            int kEnd = digits(other, k);
            if (iEnd > i && kEnd > k) {
                int by = compareNumbers(one.substring(i, iEnd), other.substring(k, kEnd));
                if (by != 0) {
                    return by;
                }
                i = iEnd;
                k = kEnd;
            } else {
                int by = Integer.compare(weight(one, i), weight(other, k));
                if (by != 0) {
                    return by;
                }
                i++;
                k++;
            }
        }
        return 0;
    }

    private static int digits(String text, int from) {
        int end = from;
        while (end < text.length() && text.charAt(end) >= '0' && text.charAt(end) <= '9') {
            end++;
        }
        return end;
    }

    private static int compareNumbers(String one, String other) {
        String a = one.replaceFirst("^0+", "");
        String b = other.replaceFirst("^0+", "");
        return a.length() != b.length() ? Integer.compare(a.length(), b.length()) : a.compareTo(b);
    }

    private static int weight(String text, int at) {
        if (at >= text.length()) {
            return 0;
        }
        char c = text.charAt(at);
        return c == '~' ? -1 : c + 1;
    }
}
