package io.queztl.emulator.translate;

import java.lang.reflect.Method;
import java.util.concurrent.locks.LockSupport;

/**
 * Tests that hot regions make and whose outcome hardly ever varies. HotSpot has no profile of a
 * region, and then takes inequality for likely; but it has one of these methods, which it inlines,
 * once {@link #teach} has called them often enough.
 */
final class Odds {
    /** One call of so many has the rare outcome while the profile is made. */
    private static final int RARITY = 512;

    private static final int CALLS = 20 * RARITY;
    private static final int WAIT_MILLIS = 2_000;

    private static boolean taught;

    private Odds() {}

    /** True if it is 0, as it mostly is. */
    static boolean mostlyZero(int x) {
        return x == 0;
    }

    /** True if it is not 0, as it mostly is not. */
    static boolean mostlySet(long x) {
        return x != 0;
    }

    /** Calls all of them, with profiling, often enough. */
    static synchronized void teach() {
        if (taught || !HotSpot.available()) {
            return;
        }
        taught = true;
        try {
            profile(Odds.class.getDeclaredMethod("mostlyZero", int.class));
            profile(Odds.class.getDeclaredMethod("mostlySet", long.class));
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException("a test with odds", e);
        }
        int rare = 0;
        for (int n = 0; n < CALLS; n++) {
            boolean now = n % RARITY == 0;
            rare += mostlyZero(now ? 1 : 0) ? 0 : 1;
            rare += mostlySet(now ? 0 : n) ? 0 : 1;
        }
        if (rare != 2 * CALLS / RARITY) {
            throw new IllegalStateException("odds that are not: " + rare);
        }
    }

    /** Has a method compiled so that its calls are counted. */
    private static void profile(Method method) {
        for (int k = 0; k < WAIT_MILLIS && HotSpot.level(method) != HotSpot.PROFILING; k++) {
            if (k % 100 == 0) {
                HotSpot.compile(method, HotSpot.PROFILING);
            }
            LockSupport.parkNanos(1_000_000);
        }
    }
}
