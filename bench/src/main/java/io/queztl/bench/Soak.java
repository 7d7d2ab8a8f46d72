package io.queztl.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Repeats the suite in one guest of 1 GiB while the JVM is watched: heap, metaspace and code cache
 * must level off, and every result must be the same every time.
 */
final class Soak {
    private static final long SECONDS_BETWEEN = 30;

    /** One sample in so many collects garbage first, to learn what is live. */
    private static final int COLLECT_EVERY = 4;

    private static final double GROWTH = 1.1;

    /** Below this growth, in KiB, a share says nothing. */
    private static final double SLACK = 2048;

    private Soak() {}

    /**
     * Runs it.
     *
     * @return what is wrong; empty if nothing is
     */
    static List<String> run(Path kernel, Path initrd, List<Item> items, Options options)
            throws IOException, InterruptedException {
        long seconds = TimeUnit.MINUTES.toSeconds(options.soakMinutes());
        Measurements measurements = new Measurements();
        AtomicReference<@Nullable Process> process = new AtomicReference<>();
        List<JvmSample> samples = new ArrayList<>();
        Thread watcher =
                Thread.ofPlatform().daemon().start(() -> watch(process, measurements, samples));
        try {
            Contestant.QUEZTL.run(
                    new Machine(kernel, initrd),
                    null,
                    seconds,
                    measurements,
                    process::set,
                    line -> {
                        if (options.verbose()) {
                            System.out.println(line);
                        }
                    });
        } finally {
            watcher.interrupt();
            watcher.join();
        }
        List<String> problems = new ArrayList<>();
        if (measurements.done()) {
            problems.add("the guest ended before its time");
        }
        measurements.failures().forEach((i, why) -> problems.add(i + " failed: " + why));
        for (Item item : items) {
            if (measurements.sums(item.name()).size() > 1) {
                problems.add(
                        "%s: results differ: %s"
                                .formatted(item.name(), measurements.sums(item.name())));
            }
        }
        System.out.printf(
                "%d rounds of %d items in %d minutes%n",
                measurements.rounds(), items.size(), options.soakMinutes());
        if (measurements.rounds() == 0) {
            problems.add("not one round of the suite came to its end");
        }
        problems.addAll(growth(samples));
        return problems;
    }

    private static void watch(
            AtomicReference<@Nullable Process> process,
            Measurements measurements,
            List<JvmSample> samples) {
        long start = System.nanoTime();
        try {
            while (true) {
                TimeUnit.SECONDS.sleep(SECONDS_BETWEEN);
                Process p = process.get();
                if (p == null || !p.isAlive()) {
                    return;
                }
                JvmSample sample =
                        JvmSample.of(p.pid(), samples.size() % COLLECT_EVERY == COLLECT_EVERY - 1);
                samples.add(sample);
                System.out.printf(
                        Locale.ROOT,
                        "%6.1f min  round %3d  %s%n",
                        (System.nanoTime() - start) / 60e9,
                        measurements.rounds() + 1,
                        sample);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException | IllegalArgumentException e) {
            // The process went while it was asked, or the end says that samples are missing.
            System.out.println("no more samples: " + e.getMessage());
        }
    }

    /** What grew by more than a tenth from the second third of the samples to the last. */
    static List<String> growth(List<JvmSample> samples) {
        List<JvmSample> collected = samples.stream().filter(s -> s.live().isPresent()).toList();
        if (collected.size() < 3) {
            return List.of(
                    "%d samples are too few to see a trend; soak for 7 minutes or more"
                            .formatted(samples.size()));
        }
        List<String> problems = new ArrayList<>();
        // What is live: garbage not yet collected goes up and down, and says nothing.
        level(problems, "live heap", collected, s -> s.live().orElseThrow());
        level(problems, "metaspace", samples, JvmSample::metaspace);
        level(problems, "code cache", samples, JvmSample::codeCache);
        return problems;
    }

    private static void level(
            List<String> problems,
            String what,
            List<JvmSample> samples,
            ToLongFunction<JvmSample> value) {
        int third = samples.size() / 3;
        double middle =
                mean(samples.subList(samples.size() - 2 * third, samples.size() - third), value);
        double last = mean(samples.subList(samples.size() - third, samples.size()), value);
        System.out.printf(
                Locale.ROOT,
                "%-10s second third %7.1f MiB, last third %7.1f MiB%n",
                what,
                middle / 1024,
                last / 1024);
        if (last > middle * GROWTH && last - middle > SLACK) {
            problems.add(
                    String.format(
                            Locale.ROOT,
                            "%s does not level off: %.1f MiB, then %.1f MiB",
                            what,
                            middle / 1024,
                            last / 1024));
        }
    }

    private static double mean(List<JvmSample> samples, ToLongFunction<JvmSample> value) {
        return samples.stream().mapToLong(value).average().orElse(0);
    }
}
