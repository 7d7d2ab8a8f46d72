package io.queztl.emulator.decode;

import io.queztl.emulator.ops.Semantics;
import java.lang.invoke.LambdaMetafactory;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.EnumMap;
import java.util.Map;

/**
 * Binds the semantics that a table row names to the interface of its kind: by method handle, which
 * takes some microseconds. A class of its own, which HotSpot can inline, takes a hundred times as
 * long to make, and a boot uses hundreds of rows; so only what is called often gets one ({@link
 * Bound}).
 */
final class Binding {
    private static final Map<Row.Kind, Method> SHAPES = new EnumMap<>(Row.Kind.class);

    static {
        for (Row.Kind k : Row.Kind.values()) {
            for (Method m : k.shape.getMethods()) {
                if (Modifier.isAbstract(m.getModifiers())) {
                    SHAPES.put(k, m);
                }
            }
        }
    }

    private Binding() {}

    static Object bind(Row row, String suffix) {
        int dot = row.semantics.indexOf('.');
        String className = Semantics.class.getPackageName() + "." + row.semantics.substring(0, dot);
        String method = row.semantics.substring(dot + 1) + suffix;
        try {
            MethodHandle target =
                    Semantics.lookup().findStatic(Class.forName(className), method, type(row.kind));
            return Bound.of(row.kind, target);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("no semantics for table row: " + row, e);
        }
    }

    private static Method shape(Row.Kind kind) {
        Method m = SHAPES.get(kind);
        if (m == null) {
            throw new IllegalStateException("no shape of " + kind);
        }
        return m;
    }

    private static MethodType type(Row.Kind kind) {
        Method m = shape(kind);
        return MethodType.methodType(m.getReturnType(), m.getParameterTypes());
    }

    /** The same by a class of its own. */
    static Object lambda(Row.Kind kind, MethodHandle target) {
        MethodHandles.Lookup lookup = Semantics.lookup();
        MethodType type = type(kind);
        try {
            return LambdaMetafactory.metafactory(
                            lookup,
                            shape(kind).getName(),
                            MethodType.methodType(kind.shape),
                            type,
                            target,
                            type)
                    .getTarget()
                    .invoke();
        } catch (Throwable e) {
            throw new IllegalStateException("a class for semantics", e);
        }
    }
}
