package io.queztl.emulator.mmu;

import static java.lang.constant.ConstantDescs.CD_Object;
import static java.lang.constant.ConstantDescs.CD_byte;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_short;
import static java.lang.constant.ConstantDescs.CD_void;
import static java.lang.constant.ConstantDescs.CLASS_INIT_NAME;
import static java.lang.constant.ConstantDescs.DEFAULT_NAME;
import static java.lang.constant.ConstantDescs.INIT_NAME;
import static java.lang.constant.ConstantDescs.MTD_void;

import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.DynamicConstantDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Field;

/**
 * Little-endian accesses to host memory by address. A memory segment's own take HotSpot's compilers
 * so long that compiling is most of what a short-lived guest waits for; these are one machine
 * instruction to both of them. Whoever calls has seen to it that the address is in guest RAM.
 *
 * <p>The one implementation is made at run time from {@code sun.misc.Unsafe}, which {@code javac}
 * does not let a program name without a warning.
 */
public abstract class RawMemory {
    /** Does it. */
    public static final RawMemory HOST = make();

    /** Offset of the first element of an array of longs from the object, in bytes. */
    static final int ARRAY = arrayOffset();

    private static int arrayOffset() {
        try {
            Class<?> unsafe = Class.forName("sun.misc.Unsafe");
            return (int) unsafe.getField("ARRAY_LONG_BASE_OFFSET").getLong(null);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("access to memory by address", e);
        }
    }

    /** For the class made here. */
    RawMemory() {}

    /** Reads a byte. */
    public abstract byte getByte(long address);

    /** Reads two bytes. */
    public abstract short getShort(long address);

    /** Reads four bytes. */
    public abstract int getInt(long address);

    /** Reads eight bytes. */
    public abstract long getLong(long address);

    /** Writes a byte. */
    public abstract void putByte(long address, byte value);

    /** Writes two bytes. */
    public abstract void putShort(long address, short value);

    /** Writes four bytes. */
    public abstract void putInt(long address, int value);

    /** Writes eight bytes. */
    public abstract void putLong(long address, long value);

    /** Reads an element of an array at an offset in bytes from the object, which nobody checks. */
    public abstract long get(long[] array, long offset);

    private static RawMemory make() {
        byte[] bytes =
                ClassFile.of()
                        .build(
                                ClassDesc.of(RawMemory.class.getName() + "OfHost"),
                                RawMemory::write);
        try {
            Field unsafe = Class.forName("sun.misc.Unsafe").getDeclaredField("theUnsafe");
            unsafe.setAccessible(true);
            return (RawMemory)
                    MethodHandles.lookup()
                            .defineHiddenClassWithClassData(bytes, unsafe.get(null), true)
                            .lookupClass()
                            .getDeclaredConstructor()
                            .newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("access to memory by address", e);
        }
    }

    private static void write(ClassBuilder c) {
        ClassDesc unsafe = ClassDesc.of("sun.misc.Unsafe");
        ClassDesc name = ClassDesc.of(RawMemory.class.getName() + "OfHost");
        ClassDesc parent = ClassDesc.of(RawMemory.class.getName());
        DynamicConstantDesc<?> data =
                DynamicConstantDesc.ofNamed(
                        ConstantDescs.ofConstantBootstrap(
                                ConstantDescs.CD_MethodHandles, "classData", CD_Object),
                        DEFAULT_NAME,
                        unsafe);
        c.withFlags(ClassFile.ACC_FINAL | ClassFile.ACC_SUPER).withSuperclass(parent);
        c.withField("unsafe", unsafe, ClassFile.ACC_STATIC | ClassFile.ACC_FINAL);
        c.withMethodBody(
                CLASS_INIT_NAME,
                MTD_void,
                ClassFile.ACC_STATIC,
                b -> b.ldc(data).putstatic(name, "unsafe", unsafe).return_());
        c.withMethodBody(
                INIT_NAME,
                MTD_void,
                0,
                b -> b.aload(0).invokespecial(parent, INIT_NAME, MTD_void).return_());
        elements(c, name, unsafe);
        accesses(c, name, unsafe, "Byte", CD_byte);
        accesses(c, name, unsafe, "Short", CD_short);
        accesses(c, name, unsafe, "Int", CD_int);
        accesses(c, name, unsafe, "Long", CD_long);
    }

    private static void accesses(
            ClassBuilder c, ClassDesc name, ClassDesc unsafe, String width, ClassDesc type) {
        TypeKind kind = TypeKind.from(type);
        MethodTypeDesc get = MethodTypeDesc.of(type, CD_long);
        MethodTypeDesc put = MethodTypeDesc.of(CD_void, CD_long, type);
        c.withMethodBody(
                "get" + width,
                get,
                ClassFile.ACC_PUBLIC | ClassFile.ACC_FINAL,
                b ->
                        b.getstatic(name, "unsafe", unsafe)
                                .lload(1)
                                .invokevirtual(unsafe, "get" + width, get)
                                .return_(kind));
        c.withMethodBody(
                "put" + width,
                put,
                ClassFile.ACC_PUBLIC | ClassFile.ACC_FINAL,
                b ->
                        b.getstatic(name, "unsafe", unsafe)
                                .lload(1)
                                .loadLocal(kind, 3)
                                .invokevirtual(unsafe, "put" + width, put)
                                .return_());
    }

    private static void elements(ClassBuilder c, ClassDesc name, ClassDesc unsafe) {
        c.withMethodBody(
                "get",
                MethodTypeDesc.of(CD_long, CD_long.arrayType(), CD_long),
                ClassFile.ACC_PUBLIC | ClassFile.ACC_FINAL,
                b ->
                        b.getstatic(name, "unsafe", unsafe)
                                .aload(1)
                                .lload(2)
                                .invokevirtual(
                                        unsafe,
                                        "getLong",
                                        MethodTypeDesc.of(CD_long, CD_Object, CD_long))
                                .lreturn());
    }
}
