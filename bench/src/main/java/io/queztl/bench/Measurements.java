package io.queztl.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a contestant's guests said, line by line, with the host's time at which each line came. A
 * line of ours starts with "BENCH", whatever the kernel printed before it on the same line.
 */
final class Measurements {
    private static final String MARK = "BENCH ";

    /**
     * Wall and CPU seconds of one piece of work.
     *
     * @param wall seconds by the host's clock
     * @param cpu seconds of processor time, of all threads
     */
    record Cost(double wall, double cpu) {}

    private final Map<String, List<Cost>> costs = new LinkedHashMap<>();
    private final Map<String, Set<String>> sums = new LinkedHashMap<>();
    private final Map<String, List<Double>> guestSeconds = new LinkedHashMap<>();
    private final Map<String, String> failures = new LinkedHashMap<>();

    /** Read by who watches, while the guest runs. */
    private volatile int rounds;

    private boolean reachedInit;
    private boolean done;
    private String current = "";
    private Cost begin = new Cost(0, 0);

    /** Forgets the guest before: another one is started. */
    void start() {
        reachedInit = false;
        done = false;
        current = "";
    }

    /**
     * Takes a line of the console.
     *
     * @param now time since the process started
     * @param boot the name of the item that ends with init's first line; null for none
     */
    void line(String line, Cost now, @Nullable String boot) {
        int mark = line.indexOf(MARK);
        if (mark < 0) {
            return;
        }
        String[] words = line.substring(mark + MARK.length()).strip().split(" ", 3);
        String item = words.length > 1 ? words[1] : "";
        String rest = words.length > 2 ? words[2] : "";
        switch (words[0]) {
            case "init" -> {
                reachedInit = true;
                if (boot != null) {
                    add(costs, boot, now);
                }
            }
            case "begin" -> {
                current = item;
                begin = now;
            }
            case "end" -> {
                if (item.equals(current)) {
                    add(costs, item, new Cost(now.wall() - begin.wall(), now.cpu() - begin.cpu()));
                }
                current = "";
            }
            case "sum" -> sums.computeIfAbsent(item, i -> new LinkedHashSet<>()).add(rest);
            case "clock" -> {
                if (rest.matches("[0-9]{1,9}")) {
                    add(guestSeconds, item, Integer.parseInt(rest) / 100.0);
                }
            }
            case "fail" -> failures.put(item, rest);
            case "round" -> rounds = rounds + 1;
            case "done" -> done = true;
            default -> {
                // "warm" is for who watches.
            }
        }
    }

    private static <T> void add(Map<String, List<T>> map, String item, T value) {
        map.computeIfAbsent(item, i -> new ArrayList<>()).add(value);
    }

    /** An item's repeats, in the order they ran; none if it never ended. */
    List<Cost> costs(String item) {
        return costs.getOrDefault(item, List.of());
    }

    /** All different checksums of an item's results: one, if it computed the same every time. */
    Set<String> sums(String item) {
        return sums.getOrDefault(item, Set.of());
    }

    /** What the guest's own clock says of an item's repeats, to 10 ms. */
    List<Double> guestSeconds(String item) {
        return guestSeconds.getOrDefault(item, List.of());
    }

    /** Why an item failed in the guest; empty if it did not. */
    String failure(String item) {
        return failures.getOrDefault(item, "");
    }

    /** What failed and why. */
    Map<String, String> failures() {
        return failures;
    }

    /** How often the suite ran to its end in a guest that repeats it. */
    int rounds() {
        return rounds;
    }

    /** Whether the last guest reached init. */
    boolean reachedInit() {
        return reachedInit;
    }

    /** Whether the last guest came to its end. */
    boolean done() {
        return done;
    }
}
