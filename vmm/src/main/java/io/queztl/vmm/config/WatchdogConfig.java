package io.queztl.vmm.config;

import java.util.Locale;

/**
 * A watchdog.
 *
 * @param action what it does with a guest that does not pat it
 */
public record WatchdogConfig(Action action) implements DeviceConfig {
    /** What a watchdog does. */
    public enum Action {
        /** Ends the run as a reset does, since resets end runs. */
        RESET,
        /** Switches the VM off. */
        POWEROFF,
        /** Stops the VM where it is; it can be resumed. */
        PAUSE
    }

    /**
     * Reads {@code reset}, {@code poweroff} or {@code pause}.
     *
     * @throws VmException if it is none of them
     */
    public static WatchdogConfig parse(String text) {
        for (Action action : Action.values()) {
            if (action.name().toLowerCase(Locale.ROOT).equals(text)) {
                return new WatchdogConfig(action);
            }
        }
        throw new VmException(
                VmException.Code.CONFIGURATION,
                "--watchdog takes 'reset', 'poweroff' or 'pause', not '%s'.".formatted(text));
    }
}
