package io.queztl.testkit.random;

/**
 * Seeds of random tests. The tests that every change must pass always do the same; the long ones
 * ({@code -Dqueztl.test.all=true}) do something new each time. {@code -Dqueztl.seed=N} replays.
 */
public final class Seeds {
    private static final long USUAL = 1;

    private Seeds() {}

    /** True if the long tests were asked for. */
    public static boolean all() {
        return Boolean.getBoolean("queztl.test.all");
    }

    /** The seed for {@code test}, printed with how to replay it. */
    public static long seed(String test) {
        long seed = Long.getLong("queztl.seed", all() ? System.nanoTime() : USUAL);
        System.out.println(test + ": replay with -Dqueztl.seed=" + seed);
        return seed;
    }
}
