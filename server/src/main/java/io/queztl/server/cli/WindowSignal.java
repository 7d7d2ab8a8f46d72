package io.queztl.server.cli;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;

/**
 * SIGWINCH: the terminal has another size. The JDK lets programs handle it by {@code
 * sun.misc.Signal}, of which {@code javac} warns each time it is named; hence the reflection.
 */
final class WindowSignal {
    private WindowSignal() {}

    /** Has {@code task} run after each signal from now on, in place of the task before. */
    static void onChange(Runnable task) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object proxy =
                    Proxy.newProxyInstance(
                            handler.getClassLoader(),
                            new Class<?>[] {handler},
                            (self, method, arguments) -> {
                                if (method.getName().equals("handle")) {
                                    task.run();
                                }
                                return null;
                            });
            Object ignored =
                    signal.getMethod("handle", signal, handler)
                            .invoke(
                                    null,
                                    signal.getConstructor(String.class).newInstance("WINCH"),
                                    proxy);
        } catch (InvocationTargetException e) {
            // A system without the signal.
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
