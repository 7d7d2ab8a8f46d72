package io.queztl.server.cli;

import io.queztl.emulator.sight.Profiler;

/** What {@code --profile} prints. */
final class ProfileReport {
    private static final int MAX_LINES = 60;

    private ProfileReport() {}

    /** The text; {@code named} says whether the kernel's functions have names. */
    static String text(Profiler.Profile p, boolean named) {
        StringBuilder s = new StringBuilder();
        s.append(
                ("%d samples of running vCPUs (%d a second each): %.1f %% kernel, %.1f %% user;"
                                + " %d idle%n")
                        .formatted(
                                p.samples(),
                                Profiler.DEFAULT_RATE,
                                percent(p.kernel(), p),
                                percent(p.samples() - p.kernel(), p),
                                p.idle()));
        if (!named) {
            s.append("without --system-map the kernel's functions have no names\n");
        }
        p.lines().stream()
                .limit(MAX_LINES)
                .forEach(l ->
                        s.append(
                                "%6.2f %% %8d  %s%n"
                                        .formatted(
                                                percent(l.samples(), p), l.samples(), l.name())));
        if (p.lines().size() > MAX_LINES) {
            s.append("and %d more%n".formatted(p.lines().size() - MAX_LINES));
        }
        return s.toString();
    }

    private static double percent(long part, Profiler.Profile p) {
        return p.samples() == 0 ? 0 : 100.0 * part / p.samples();
    }
}
