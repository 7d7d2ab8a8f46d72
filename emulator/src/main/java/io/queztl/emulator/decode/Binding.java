package io.queztl.emulator.decode;

import io.queztl.emulator.ops.Semantics;
import java.lang.invoke.LambdaMetafactory;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.util.Arrays;

/** Binds the semantics that a table row names to the interface of its kind. */
final class Binding {
    private Binding() {}

    static Object bind(Row row, String suffix) {
        int dot = row.semantics.indexOf('.');
        String className = Semantics.class.getPackageName() + "." + row.semantics.substring(0, dot);
        String method = row.semantics.substring(dot + 1) + suffix;
        Class<?> shape = row.kind.shape;
        Method single =
                Arrays.stream(shape.getMethods())
                        .filter(m -> java.lang.reflect.Modifier.isAbstract(m.getModifiers()))
                        .findFirst()
                        .orElseThrow();
        MethodType type = MethodType.methodType(single.getReturnType(), single.getParameterTypes());
        try {
            MethodHandles.Lookup lookup = Semantics.lookup();
            MethodHandle target = lookup.findStatic(Class.forName(className), method, type);
            return LambdaMetafactory.metafactory(
                            lookup,
                            single.getName(),
                            MethodType.methodType(shape),
                            type,
                            target,
                            type)
                    .getTarget()
                    .invoke();
        } catch (Throwable e) {
            throw new IllegalStateException("no semantics for table row: " + row, e);
        }
    }
}
