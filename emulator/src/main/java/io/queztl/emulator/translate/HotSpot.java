package io.queztl.emulator.translate;

import io.queztl.emulator.cpu.Cpu;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Executable;
import org.jspecify.annotations.Nullable;

/**
 * HotSpot's compilers on demand, by the JVM's interface for its own tests: which of them compiles a
 * region is then the translator's decision, not that of counters in the method. It takes {@code
 * -XX:+WhiteBoxAPI} and a class on the boot class path (module {@code hotspot}); in a JVM without
 * them {@link #available} is false and regions are compiled as any method is.
 */
public final class HotSpot {
    /** C1 without profiling. */
    static final int SIMPLE = 1;

    /** C1, with profiling. */
    static final int PROFILING = 3;

    /** C2. */
    static final int FULL = 4;

    private static final @Nullable MethodHandle COMPILE =
            bind(
                    "enqueueMethodForCompilation0",
                    MethodType.methodType(boolean.class, Executable.class, int.class, int.class));
    private static final @Nullable MethodHandle LEVEL =
            bind(
                    "getMethodCompilationLevel0",
                    MethodType.methodType(int.class, Executable.class, boolean.class));

    /**
     * True if generated code may use the JVM's own class for access to memory: each call of the one
     * that is open to all is three methods for C2 to inline, and it does not inline without limit.
     */
    static final boolean INTERNALS = export();

    private HotSpot() {}

    private static boolean export() {
        MethodHandle h =
                bind(
                        "AddModuleExports",
                        MethodType.methodType(
                                void.class, Object.class, String.class, Object.class));
        if (h == null) {
            return false;
        }
        try {
            h.invokeExact(
                    (Object) Object.class.getModule(),
                    "jdk.internal.misc",
                    (Object) HotSpot.class.getModule());
            return true;
        } catch (Throwable e) {
            return false;
        }
    }

    /** True if the JVM was started for it. */
    public static boolean available() {
        return COMPILE != null && LEVEL != null;
    }

    private static @Nullable MethodHandle bind(String name, MethodType type) {
        try {
            Class<?> c = Class.forName("jdk.test.whitebox.WhiteBox", true, null);
            HotSpot.class.getModule().addReads(c.getModule());
            Object w = c.getDeclaredConstructor().newInstance();
            return MethodHandles.publicLookup().findVirtual(c, name, type).bindTo(w);
        } catch (ReflectiveOperationException | LinkageError e) {
            return null;
        }
    }

    /** Asks for a region's code at a level. */
    static void compile(Region r, int level) {
        compile(code(r), level);
    }

    /** Asks for a method's code at a level. */
    static void compile(Executable method, int level) {
        try {
            if (COMPILE != null) {
                boolean ignored = (boolean) COMPILE.invokeExact(method, level, -1);
            }
        } catch (Throwable e) {
            throw new IllegalStateException("HotSpot's compiler", e);
        }
    }

    /** True if a region's code is compiled. */
    static boolean isCompiled(Region r) {
        return level(code(r)) != 0;
    }

    /** The level that a method is compiled at, or 0. */
    static int level(Executable method) {
        try {
            return LEVEL == null ? 0 : (int) LEVEL.invokeExact(method, false);
        } catch (Throwable e) {
            throw new IllegalStateException("HotSpot's compiler", e);
        }
    }

    private static Executable code(Region r) {
        try {
            return r.getClass().getDeclaredMethod("run", Cpu.class, int.class);
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException("a region's code", e);
        }
    }
}
