package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.translate.RegionEntry;
import java.lang.ref.WeakReference;
import java.util.Objects;

/** The class that a region is, without keeping it. */
public final class RegionClass {
    private RegionClass() {}

    /** The class of the region that is entered at a guest-physical address. */
    public static WeakReference<Class<?>> at(Cpu c, long physical) {
        Block b = c.shared.codeCache.find(physical << 2 | Block.sizeCode(8));
        RegionEntry entry = Objects.requireNonNull(Objects.requireNonNull(b).entry);
        return new WeakReference<>(entry.region().getClass());
    }
}
