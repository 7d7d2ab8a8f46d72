package io.queztl.emulator.decode;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.ops.Semantics;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Semantics called by method handle, until they have been called so often that a class of their own
 * pays. Any vCPU calls them; which of several makes that class does not matter.
 */
abstract class Bound {
    private static final int MANY = 3000;

    final MethodHandle handle;
    private final Row.Kind kind;
    private int calls;

    private Bound(Row.Kind kind, MethodHandle handle) {
        this.kind = kind;
        this.handle = handle;
    }

    static Object of(Row.Kind kind, MethodHandle handle) {
        return switch (kind) {
            case INSN -> new OfExec(handle);
            case BIN -> new OfBin(handle);
            case CMP -> new OfCmp(handle);
            case UN -> new OfUn(handle);
            case MOV -> new OfMov(handle);
            case MOV3 -> new OfMov3(handle);
            case TRI -> new OfTri(handle);
            case VEC -> new OfVec(handle);
            case VECI -> new OfVecI(handle);
            case VEC1 -> new OfVec1(handle);
            case VEC1I -> new OfVec1I(handle);
            case MMX -> new OfMmx(handle);
            case MMXI -> new OfMmxI(handle);
        };
    }

    /** Counts a call; the class if it is time for it. */
    final @Nullable Object counted() {
        return ++calls == MANY ? Binding.lambda(kind, handle) : null;
    }

    /** What semantics threw. */
    static RuntimeException thrown(Throwable t) {
        if (t instanceof RuntimeException e) {
            return e;
        }
        if (t instanceof Error e) {
            throw e;
        }
        return new IllegalStateException("semantics", t);
    }

    private static final class OfExec extends Bound implements Semantics.Exec {
        private Semantics.@Nullable Exec made;

        OfExec(MethodHandle handle) {
            super(Row.Kind.INSN, handle);
        }

        @Override
        public void exec(Cpu c, Insn i) {
            Semantics.Exec f = made;
            if (f != null) {
                f.exec(c, i);
                return;
            }
            made = (Semantics.Exec) counted();
            try {
                handle.invokeExact(c, i);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfBin extends Bound implements Semantics.Bin {
        private Semantics.@Nullable Bin made;

        OfBin(MethodHandle handle) {
            super(Row.Kind.BIN, handle);
        }

        @Override
        public long apply(Cpu c, long a, long b, int size) {
            Semantics.Bin f = made;
            if (f != null) {
                return f.apply(c, a, b, size);
            }
            made = (Semantics.Bin) counted();
            try {
                return (long) handle.invokeExact(c, a, b, size);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfCmp extends Bound implements Semantics.Cmp {
        private Semantics.@Nullable Cmp made;

        OfCmp(MethodHandle handle) {
            super(Row.Kind.CMP, handle);
        }

        @Override
        public void apply(Cpu c, long a, long b, int size) {
            Semantics.Cmp f = made;
            if (f != null) {
                f.apply(c, a, b, size);
                return;
            }
            made = (Semantics.Cmp) counted();
            try {
                handle.invokeExact(c, a, b, size);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfUn extends Bound implements Semantics.Un {
        private Semantics.@Nullable Un made;

        OfUn(MethodHandle handle) {
            super(Row.Kind.UN, handle);
        }

        @Override
        public long apply(Cpu c, long a, int size) {
            Semantics.Un f = made;
            if (f != null) {
                return f.apply(c, a, size);
            }
            made = (Semantics.Un) counted();
            try {
                return (long) handle.invokeExact(c, a, size);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfMov extends Bound implements Semantics.Mov {
        private Semantics.@Nullable Mov made;

        OfMov(MethodHandle handle) {
            super(Row.Kind.MOV, handle);
        }

        @Override
        public long apply(Cpu c, long b, int size) {
            Semantics.Mov f = made;
            if (f != null) {
                return f.apply(c, b, size);
            }
            made = (Semantics.Mov) counted();
            try {
                return (long) handle.invokeExact(c, b, size);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfMov3 extends Bound implements Semantics.Mov3 {
        private Semantics.@Nullable Mov3 made;

        OfMov3(MethodHandle handle) {
            super(Row.Kind.MOV3, handle);
        }

        @Override
        public long apply(Cpu c, long a, long b, int size) {
            Semantics.Mov3 f = made;
            if (f != null) {
                return f.apply(c, a, b, size);
            }
            made = (Semantics.Mov3) counted();
            try {
                return (long) handle.invokeExact(c, a, b, size);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfTri extends Bound implements Semantics.Tri {
        private Semantics.@Nullable Tri made;

        OfTri(MethodHandle handle) {
            super(Row.Kind.TRI, handle);
        }

        @Override
        public long apply(Cpu c, long a, long b, long third, int size) {
            Semantics.Tri f = made;
            if (f != null) {
                return f.apply(c, a, b, third, size);
            }
            made = (Semantics.Tri) counted();
            try {
                return (long) handle.invokeExact(c, a, b, third, size);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfVec extends Bound implements Semantics.Vec {
        private Semantics.@Nullable Vec made;

        OfVec(MethodHandle handle) {
            super(Row.Kind.VEC, handle);
        }

        @Override
        public void apply(Cpu c, int d, int a, int b) {
            Semantics.Vec f = made;
            if (f != null) {
                f.apply(c, d, a, b);
                return;
            }
            made = (Semantics.Vec) counted();
            try {
                handle.invokeExact(c, d, a, b);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfVecI extends Bound implements Semantics.VecI {
        private Semantics.@Nullable VecI made;

        OfVecI(MethodHandle handle) {
            super(Row.Kind.VECI, handle);
        }

        @Override
        public void apply(Cpu c, int d, int a, int b, int immediate) {
            Semantics.VecI f = made;
            if (f != null) {
                f.apply(c, d, a, b, immediate);
                return;
            }
            made = (Semantics.VecI) counted();
            try {
                handle.invokeExact(c, d, a, b, immediate);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfVec1 extends Bound implements Semantics.Vec1 {
        private Semantics.@Nullable Vec1 made;

        OfVec1(MethodHandle handle) {
            super(Row.Kind.VEC1, handle);
        }

        @Override
        public void apply(Cpu c, int d, int b) {
            Semantics.Vec1 f = made;
            if (f != null) {
                f.apply(c, d, b);
                return;
            }
            made = (Semantics.Vec1) counted();
            try {
                handle.invokeExact(c, d, b);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfVec1I extends Bound implements Semantics.Vec1I {
        private Semantics.@Nullable Vec1I made;

        OfVec1I(MethodHandle handle) {
            super(Row.Kind.VEC1I, handle);
        }

        @Override
        public void apply(Cpu c, int d, int b, int immediate) {
            Semantics.Vec1I f = made;
            if (f != null) {
                f.apply(c, d, b, immediate);
                return;
            }
            made = (Semantics.Vec1I) counted();
            try {
                handle.invokeExact(c, d, b, immediate);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfMmx extends Bound implements Semantics.Mmx {
        private Semantics.@Nullable Mmx made;

        OfMmx(MethodHandle handle) {
            super(Row.Kind.MMX, handle);
        }

        @Override
        public long apply(long a, long b) {
            Semantics.Mmx f = made;
            if (f != null) {
                return f.apply(a, b);
            }
            made = (Semantics.Mmx) counted();
            try {
                return (long) handle.invokeExact(a, b);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }

    private static final class OfMmxI extends Bound implements Semantics.MmxI {
        private Semantics.@Nullable MmxI made;

        OfMmxI(MethodHandle handle) {
            super(Row.Kind.MMXI, handle);
        }

        @Override
        public long apply(long a, long b, int immediate) {
            Semantics.MmxI f = made;
            if (f != null) {
                return f.apply(a, b, immediate);
            }
            made = (Semantics.MmxI) counted();
            try {
                return (long) handle.invokeExact(a, b, immediate);
            } catch (Throwable t) {
                throw thrown(t);
            }
        }
    }
}
