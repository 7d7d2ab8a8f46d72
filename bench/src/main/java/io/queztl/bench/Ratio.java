package io.queztl.bench;

import java.util.Collection;
import java.util.List;

/**
 * The peer's time divided by ours: above 1 we are faster.
 *
 * @param value quotient of the medians
 * @param low the peer's best run against our worst
 * @param high the peer's worst run against our best
 */
record Ratio(double value, double low, double high) {
    /** Times below the resolution of a CPU clock count as this, so that quotients stay finite. */
    private static final double SMALLEST_SECONDS = 0.01;

    /** Compares runs of the same work; neither list is empty. */
    static Ratio of(List<Double> peer, List<Double> ours) {
        return new Ratio(
                quotient(median(peer), median(ours)),
                quotient(least(peer), most(ours)),
                quotient(most(peer), least(ours)));
    }

    /** The middle value, or the mean of the middle two. */
    static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int half = sorted.size() / 2;
        return sorted.size() % 2 == 1
                ? sorted.get(half)
                : (sorted.get(half - 1) + sorted.get(half)) / 2;
    }

    /** The geometric mean of positive numbers; not a number for none. */
    static double geometricMean(Collection<Double> values) {
        return Math.exp(values.stream().mapToDouble(Math::log).average().orElse(Double.NaN));
    }

    private static double quotient(double a, double b) {
        return Math.max(a, SMALLEST_SECONDS) / Math.max(b, SMALLEST_SECONDS);
    }

    private static double least(List<Double> values) {
        return values.stream().mapToDouble(v -> v).min().orElseThrow();
    }

    private static double most(List<Double> values) {
        return values.stream().mapToDouble(v -> v).max().orElseThrow();
    }
}
