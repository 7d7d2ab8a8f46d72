package io.queztl.emulator.translate;

import static java.lang.constant.ConstantDescs.CD_byte;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_short;
import static java.lang.constant.ConstantDescs.CD_void;

import io.queztl.emulator.mmu.Mmu;
import io.queztl.emulator.mmu.RawMemory;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.VarHandle;

/**
 * Memory accesses of hot regions: the TLB is looked at in place, and where it has no answer the
 * region is left for the interpreter ({@link Emitter#unusual}). A call of the slow path would be no
 * more work, but registers do not survive a call, and HotSpot would keep none in a loop with one.
 */
final class HotMemory {
    private static final ClassDesc RAW =
            HotSpot.INTERNALS
                    ? ClassDesc.of("jdk.internal.misc.Unsafe")
                    : ClassDesc.of(RawMemory.class.getName());
    private static final ClassDesc FENCES = ClassDesc.of(VarHandle.class.getName());
    private static final int AT = Emitter.FREE;
    private static final int VALUE = Emitter.FREE + 2;

    /** The host's address. */
    private static final int HOST = Emitter.FREE + 4;

    /** Offset of the TLB's entry from the array, in bytes. */
    private static final int ENTRY = Emitter.FREE + 6;

    /** What accesses go through. */
    private static final int ACCESS = Emitter.FREE + 8;

    /** The first local that is left for others. */
    static final int NEXT = Emitter.FREE + 9;

    private final Emitter e;
    private final CodeBuilder b;

    HotMemory(Emitter e) {
        this.e = e;
        this.b = e.b;
    }

    /** As {@link Emitter#load(Runnable, int)}. */
    void load(Runnable address, int size) {
        translate(address, Emitter.READ_TLB, size, 1);
        get(size, 0);
        fence("acquireFence");
    }

    /** As {@link Emitter#store}. */
    void store(Runnable address, int size, Runnable value) {
        value.run();
        b.lstore(VALUE);
        translate(address, Emitter.WRITE_TLB, size, 1);
        fence("releaseFence");
        put(size, 0, VALUE);
    }

    /** As {@link Emitter#loadForUpdate}. */
    void loadForUpdate(Runnable address, int size) {
        translate(address, Emitter.WRITE_TLB, size, 1);
        get(size, 0);
        b.lstore(Emitter.FIRST);
        fence("acquireFence");
    }

    /** As {@link Emitter#update}. */
    void update(int size) {
        fence("releaseFence");
        put(size, 0, Emitter.RESULT);
    }

    /** Loads 16 or 32 bytes into locals, from {@code to} on, each quadword in one. */
    void loadLanes(Runnable address, int size, int alignment, int to) {
        translate(address, Emitter.READ_TLB, size, alignment);
        for (int lane = 0; lane < size / 8; lane++) {
            get(8, 8 * lane);
            b.lstore(to + 2 * lane);
        }
        fence("acquireFence");
    }

    /** Stores 16 or 32 bytes from locals. */
    void storeLanes(Runnable address, int size, int alignment, int from) {
        translate(address, Emitter.WRITE_TLB, size, alignment);
        fence("releaseFence");
        for (int lane = 0; lane < size / 8; lane++) {
            put(8, 8 * lane, from + 2 * lane);
        }
    }

    /** Puts the host's address into {@link #HOST}. */
    private void translate(Runnable address, int tlb, int size, int alignment) {
        address.run();
        b.lstore(AT);
        if (alignment > 1) {
            b.lload(AT).ldc((long) alignment - 1).land().l2i();
            e.rarely(e.unusual());
        }
        b.lload(AT).bipush(8).lushr().ldc(Mmu.ENTRY_MASK).land().ldc((long) Mmu.ARRAY).ladd();
        b.lstore(ENTRY);
        element(tlb, 0);
        b.lload(AT);
        if (size > 1) {
            b.ldc((long) size - 1).ladd();
        }
        b.ldc(Mmu.PAGE).land().lcmp();
        e.rarely(e.unusual());
        b.lload(AT);
        element(tlb, 8);
        b.ladd().ldc(e.plan.mask).land().ldc(e.plan.ram).ladd();
        b.lstore(HOST);
    }

    /** Gets what accesses go through. */
    void prepare() {
        if (HotSpot.INTERNALS) {
            b.invokestatic(RAW, "getUnsafe", MethodTypeDesc.of(RAW));
        } else {
            b.getstatic(RAW, "HOST", RAW);
        }
        b.astore(ACCESS);
    }

    /** Pushes a word of the TLB's entry. */
    private void element(int tlb, int offset) {
        b.aload(ACCESS).aload(tlb).lload(ENTRY);
        if (offset != 0) {
            b.ldc((long) offset).ladd();
        }
        if (HotSpot.INTERNALS) {
            b.invokevirtual(
                    RAW, "getLong", MethodTypeDesc.of(CD_long, ConstantDescs.CD_Object, CD_long));
        } else {
            b.invokevirtual(RAW, "get", MethodTypeDesc.of(CD_long, Emitter.LONGS, CD_long));
        }
    }

    private void host(int offset) {
        b.aload(ACCESS).lload(HOST);
        if (offset != 0) {
            b.ldc((long) offset).ladd();
        }
    }

    private void get(int size, int offset) {
        host(offset);
        switch (size) {
            case 8 -> b.invokevirtual(RAW, "getLong", MethodTypeDesc.of(CD_long, CD_long));
            case 4 -> {
                b.invokevirtual(RAW, "getInt", MethodTypeDesc.of(CD_int, CD_long)).i2l();
                e.zeroExtend(4);
            }
            case 2 -> {
                b.invokevirtual(RAW, "getShort", MethodTypeDesc.of(CD_short, CD_long)).i2l();
                e.zeroExtend(2);
            }
            default -> {
                b.invokevirtual(RAW, "getByte", MethodTypeDesc.of(CD_byte, CD_long)).i2l();
                e.zeroExtend(1);
            }
        }
    }

    private void put(int size, int offset, int value) {
        host(offset);
        b.lload(value);
        switch (size) {
            case 8 -> b.invokevirtual(RAW, "putLong", put(CD_long));
            case 4 -> b.l2i().invokevirtual(RAW, "putInt", put(CD_int));
            case 2 -> b.l2i().i2s().invokevirtual(RAW, "putShort", put(CD_short));
            default -> b.l2i().i2b().invokevirtual(RAW, "putByte", put(CD_byte));
        }
    }

    private static MethodTypeDesc put(ClassDesc type) {
        return MethodTypeDesc.of(CD_void, CD_long, type);
    }

    /** With several vCPUs accesses keep their order. */
    private void fence(String name) {
        if (e.plan.smp) {
            b.invokestatic(FENCES, name, MethodTypeDesc.of(CD_void));
        }
    }
}
