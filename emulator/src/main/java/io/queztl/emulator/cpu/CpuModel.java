package io.queztl.emulator.cpu;

import java.util.EnumSet;
import java.util.Set;

/**
 * A named CPU: its feature set, from which CPUID and the decoder follow.
 *
 * @param name as on the command line
 * @param features what it has
 */
public record CpuModel(String name, Set<Feature> features) {
    /** Everything that is implemented. */
    public static CpuModel max() {
        return new CpuModel("max", EnumSet.allOf(Feature.class));
    }

    /** The names of all models. */
    public static java.util.List<String> names() {
        return java.util.List.of("max");
    }

    /** A model by name. */
    public static CpuModel named(String name) {
        return max();
    }

    /** True if the model has the feature. */
    public boolean has(Feature feature) {
        return features.contains(feature);
    }
}
