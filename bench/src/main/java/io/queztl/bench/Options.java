package io.queztl.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * What {@code ./dev bench} was asked to do.
 *
 * @param only runs the items that it finds itself in
 * @param repeats measured runs of an item, and starts of a boot
 * @param quick a quarter of the work and short warm-ups: a look, not a result
 * @param queztl measure Queztl
 * @param peer measure QEMU
 * @param json where to write all figures; null for nowhere
 * @param io measure disks and networks instead of programs
 * @param soakMinutes how long to repeat the suite under Queztl; 0 to compare instead
 * @param verbose print what the guests print
 */
record Options(
        Pattern only,
        int repeats,
        boolean quick,
        boolean queztl,
        boolean peer,
        @Nullable Path json,
        boolean io,
        int soakMinutes,
        boolean verbose) {
    static final String USAGE =
            """
            usage: ./dev bench [OPTIONS]

            Runs the same kernel and programs under Queztl and under QEMU's TCG in turn and prints how
            many times faster Queztl is.

              --io              disks (fio on raw and qcow2 images) and networks (iperf3 through the
                                monitor's own network and TAP)
              --only REGEX      only the items whose names it matches somewhere
              --quick           one repeat, a quarter of the work, short warm-ups
              --repeats N       measured runs of each item (default 3)
              --queztl-only     without QEMU
              --tcg-only        without Queztl
              --json FILE       write every figure to FILE, too
              --soak MINUTES    repeat the items under Queztl alone in a guest of 1 GiB, and fail
                                unless heap, metaspace and code cache level off
              --list            print the items
              --verbose         show what the guests print
            """;

    /** How long an item is warmed up before it is measured, in centiseconds of the guest. */
    int warmCentiseconds() {
        return soakMinutes > 0 ? 0 : quick ? 50 : 300;
    }

    /**
     * Reads the arguments.
     *
     * @throws IllegalArgumentException with a sentence for the user if one is wrong
     */
    static Options parse(List<String> arguments) {
        Pattern only = Pattern.compile("");
        int repeats = 0;
        boolean quick = false;
        boolean queztl = true;
        boolean peer = true;
        Path json = null;
        boolean io = false;
        int soak = 0;
        boolean verbose = false;
        List<String> left = new ArrayList<>(arguments);
        while (!left.isEmpty()) {
            String option = left.removeFirst();
            switch (option) {
                case "--only" -> only = pattern(value(option, left));
                case "--io" -> io = true;
                case "--quick" -> quick = true;
                case "--repeats" -> repeats = number(option, value(option, left));
                case "--queztl-only" -> peer = false;
                case "--tcg-only" -> queztl = false;
                case "--json" -> json = Path.of(value(option, left));
                case "--soak" -> soak = number(option, value(option, left));
                case "--verbose" -> verbose = true;
                default -> throw new IllegalArgumentException("no option '" + option + "'");
            }
        }
        if (!queztl && (!peer || soak > 0) || io && soak > 0) {
            throw new IllegalArgumentException("these options leave nothing to run");
        }
        return new Options(
                only,
                repeats > 0 ? repeats : quick || soak > 0 ? 1 : 3,
                quick,
                queztl,
                peer && soak == 0,
                json,
                io,
                soak,
                verbose);
    }

    private static String value(String option, List<String> left) {
        if (left.isEmpty()) {
            throw new IllegalArgumentException(option + " needs a value");
        }
        return left.removeFirst();
    }

    private static int number(String option, String text) {
        if (!text.matches("[1-9][0-9]{0,5}")) {
            throw new IllegalArgumentException(option + " needs a number above 0, not " + text);
        }
        return Integer.parseInt(text);
    }

    private static Pattern pattern(String text) {
        try {
            return Pattern.compile(text);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(
                    "--only: %s: %s".formatted(text, e.getDescription()), e);
        }
    }
}
