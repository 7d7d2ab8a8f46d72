package jdk.test.whitebox;

import java.lang.reflect.Executable;

/**
 * HotSpot's interface for its own tests, as much of it as the translator uses. The JVM knows it by
 * this name, on the boot class path, if it runs with {@code -XX:+WhiteBoxAPI}.
 */
public final class WhiteBox {
    static {
        registerNatives();
    }

    private static native void registerNatives();

    /**
     * Has a method compiled in the background.
     *
     * @param level 1 for C1 without profiling, 4 for C2
     * @param entry bytecode index of a loop to enter at, or -1
     * @return true if it is queued
     */
    public native boolean enqueueMethodForCompilation0(Executable method, int level, int entry);

    /** The level at which a method is compiled, 0 if it is not. */
    public native int getMethodCompilationLevel0(Executable method, boolean onStackReplacement);

    /**
     * Exports a package of a named module to another module.
     *
     * @param from the module, which has it
     * @param to the module that may use it from now on
     */
    public native void AddModuleExports(Object from, String packageName, Object to);
}
