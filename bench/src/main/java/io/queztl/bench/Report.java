package io.queztl.bench;

import io.queztl.bench.Measurements.Cost;
import io.queztl.server.control.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The figures of a comparison, as a table and as JSON. */
final class Report {
    /** The guest's clock may be off by this part, and by what its coarse clock cannot show. */
    private static final double CLOCK_TOLERANCE = 0.05;

    private static final double CLOCK_SLACK_SECONDS = 0.1;

    private final List<String> boots;
    private final List<Item> items;
    private final Map<Contestant, Measurements> results;
    private final List<String> problems = new ArrayList<>();
    private final List<String> remarks = new ArrayList<>();

    /**
     * @param results of one contestant, or of both
     */
    Report(List<String> boots, List<Item> items, Map<Contestant, Measurements> results) {
        this.boots = boots;
        this.items = items;
        this.results = results;
        for (String name : names()) {
            check(name);
        }
    }

    /** What makes the comparison worthless: items that failed, or whose results differ. */
    List<String> problems() {
        return problems;
    }

    /** Adds a problem that no item shows. */
    void problem(String text) {
        problems.add(text);
    }

    private List<String> names() {
        List<String> names = new ArrayList<>(boots);
        items.forEach(i -> names.add(i.name()));
        return names;
    }

    private void check(String name) {
        StringJoiner sums = new StringJoiner(", ");
        Set<String> all = new LinkedHashSet<>();
        results.forEach((c, m) -> {
            if (!m.failure(name).isEmpty()) {
                problems.add("%s: failed under %s: %s".formatted(name, c.label(), m.failure(name)));
            } else if (m.costs(name).isEmpty()) {
                problems.add("%s: did not end under %s".formatted(name, c.label()));
            }
            all.addAll(m.sums(name));
            sums.add(c.label() + " " + String.join(" or ", m.sums(name)));
            checkClock(name, c, m);
        });
        if (all.size() > 1) {
            problems.add("%s: results differ: %s".formatted(name, sums));
        }
    }

    private void checkClock(String name, Contestant c, Measurements m) {
        List<Double> guest = m.guestSeconds(name);
        List<Cost> host = m.costs(name);
        double off = 0;
        for (int i = 0; i < Math.min(guest.size(), host.size()); i++) {
            double wall = host.get(i).wall();
            double difference = guest.get(i) - wall;
            if (Math.abs(difference) > CLOCK_SLACK_SECONDS + CLOCK_TOLERANCE * wall
                    && Math.abs(difference) > Math.abs(off)) {
                off = difference;
            }
        }
        if (off != 0) {
            remarks.add(
                    "%s: the guest's clock under %s is off by %+.2f s"
                            .formatted(name, c.label(), off));
        }
    }

    private @Nullable Ratio ratio(String name, ToDoubleFunction<Cost> what) {
        Measurements ours = results.get(Contestant.QUEZTL);
        Measurements peer = results.get(Contestant.TCG);
        if (ours == null || peer == null) {
            return null;
        }
        List<Double> a = values(peer, name, what);
        List<Double> b = values(ours, name, what);
        return a.isEmpty() || b.isEmpty() ? null : Ratio.of(a, b);
    }

    private static List<Double> values(Measurements m, String name, ToDoubleFunction<Cost> what) {
        return m.costs(name).stream().map(what::applyAsDouble).toList();
    }

    /** Ratios of the items that count for the means: all but the second kind of boot. */
    private Map<String, Double> ratios(ToDoubleFunction<Cost> what) {
        Map<String, Double> ratios = new LinkedHashMap<>();
        for (String name : names()) {
            Ratio r = ratio(name, what);
            if (r != null && !name.equals(Suite.BOOT_COMPRESSED)) {
                ratios.put(name, r.value());
            }
        }
        return ratios;
    }

    private boolean isFloatingPoint(String name) {
        return items.stream()
                .anyMatch(i -> i.name().equals(name) && i.group() == Item.Group.FLOATING_POINT);
    }

    /** The table, the means and what is wrong. */
    String text() {
        StringBuilder out = new StringBuilder();
        out.append(
                format(
                        "%-18s %8s %8s %7s %15s   %8s %8s %7s%n",
                        "", "wall s", "wall s", "wall", "", "CPU s", "CPU s", "CPU"));
        out.append(
                format(
                        "%-18s %8s %8s %7s %15s   %8s %8s %7s%n",
                        "item", "tcg", "queztl", "ratio", "low-high", "tcg", "queztl", "ratio"));
        for (String name : names()) {
            Ratio wall = ratio(name, Cost::wall);
            Ratio cpu = ratio(name, Cost::cpu);
            out.append(
                    format(
                            "%-18s %8s %8s %7s %15s   %8s %8s %7s%n",
                            name,
                            median(Contestant.TCG, name, Cost::wall),
                            median(Contestant.QUEZTL, name, Cost::wall),
                            wall == null ? "-" : format("%.2f", wall.value()),
                            wall == null ? "" : format("%.2f-%.2f", wall.low(), wall.high()),
                            median(Contestant.TCG, name, Cost::cpu),
                            median(Contestant.QUEZTL, name, Cost::cpu),
                            cpu == null ? "-" : format("%.2f", cpu.value())));
        }
        Map<String, Double> walls = ratios(Cost::wall);
        if (!walls.isEmpty()) {
            out.append(format("%nTime of TCG / time of Queztl, above 1 Queztl is faster:%n"));
            summary(out, "wall", walls);
            summary(out, "CPU", ratios(Cost::cpu));
        }
        out.append(format("%nChecksums of the results:%n"));
        for (Item item : items) {
            String sums =
                    results.entrySet().stream()
                            .map(e ->
                                    e.getKey().label()
                                            + " "
                                            + String.join(" or ", e.getValue().sums(item.name())))
                            .collect(Collectors.joining("  "));
            out.append(format("%-18s %s%n", item.name(), sums));
        }
        remarks.forEach(r -> out.append(format("remark: %s%n", r)));
        problems.forEach(p -> out.append(format("PROBLEM: %s%n", p)));
        return out.toString();
    }

    private void summary(StringBuilder out, String what, Map<String, Double> ratios) {
        List<Double> floating =
                ratios.entrySet().stream()
                        .filter(e -> isFloatingPoint(e.getKey()))
                        .map(Map.Entry::getValue)
                        .toList();
        Map.Entry<String, Double> worst =
                ratios.entrySet().stream().min(Map.Entry.comparingByValue()).orElseThrow();
        out.append(
                format(
                        "%-5s geometric mean %.2f over %d items, worst %s %.2f%s%n",
                        what,
                        Ratio.geometricMean(ratios.values()),
                        ratios.size(),
                        worst.getKey(),
                        worst.getValue(),
                        floating.isEmpty()
                                ? ""
                                : format(", floating point %.2f", Ratio.geometricMean(floating))));
    }

    private String median(Contestant c, String name, ToDoubleFunction<Cost> what) {
        Measurements m = results.get(c);
        if (m == null || m.costs(name).isEmpty()) {
            return "-";
        }
        return format("%.2f", Ratio.median(values(m, name, what)));
    }

    /** Every figure, in JSON (RFC 8259): seconds of each run, and ratios of the medians. */
    String json() {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (String name : names()) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("item", name);
            results.forEach((c, m) -> {
                Map<String, Object> figures = new LinkedHashMap<>();
                figures.put("wall", values(m, name, Cost::wall));
                figures.put("cpu", values(m, name, Cost::cpu));
                figures.put("guest", m.guestSeconds(name));
                figures.put("sums", m.sums(name));
                row.put(c.label(), figures);
            });
            Ratio wall = ratio(name, Cost::wall);
            Ratio cpu = ratio(name, Cost::cpu);
            if (wall != null && cpu != null) {
                row.put("wallRatio", wall.value());
                row.put("cpuRatio", cpu.value());
            }
            rows.add(row);
        }
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("problems", problems);
        all.put("items", rows);
        return Json.write(all) + "\n";
    }

    /** With a decimal point wherever the user lives. */
    private static String format(String format, Object... arguments) {
        return String.format(Locale.ROOT, format, arguments);
    }
}
