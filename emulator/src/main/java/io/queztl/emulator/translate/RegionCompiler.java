package io.queztl.emulator.translate;

import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_void;
import static java.lang.constant.ConstantDescs.INIT_NAME;
import static java.lang.constant.ConstantDescs.MTD_void;

import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Makes a region's class from basic blocks. Stateless; any thread. */
public final class RegionCompiler {
    /** HotSpot compiles no method that is longer. */
    private static final int MAX_BYTECODE = 8000;

    private static final ClassDesc NAME =
            ClassDesc.of(RegionCompiler.class.getPackageName() + ".Code");
    private static final MethodHandles.Lookup LOOKUP = MethodHandles.lookup();

    private RegionCompiler() {}

    /**
     * Translates basic blocks of 64-bit code.
     *
     * @param entry the one that execution begins with
     * @param parts all of them, the entry too
     * @param physical guest-physical address of the entry
     * @param spans pages other than the entry's that the parts lie in: guest-physical address by
     *     distance from the entry's page
     * @param ram all guest RAM
     * @param smp whether memory accesses must keep their order: there are several vCPUs
     * @return null if the code would be too long for HotSpot
     */
    public static @Nullable Region compile(
            Part entry,
            List<Part> parts,
            long physical,
            Map<Integer, Long> spans,
            MemorySegment ram,
            boolean smp) {
        Plan plan = new Plan(entry, parts, smp);
        int[] links = new int[2];
        byte[] bytes = bytes(plan, links);
        if (bytes == null) {
            return null;
        }
        Region r = instance(bytes, ram);
        int n = plan.insns.length;
        r.insns = plan.insns;
        r.distance = new int[n];
        r.remaining = new int[n];
        for (Part p : plan.parts) {
            for (int k = 0; k < p.insns.length; k++) {
                r.distance[p.first + k] = p.distance + p.insns[k].offset;
                r.remaining[p.first + k] = p.insns.length - k;
            }
        }
        r.links = new Region[links[0]];
        r.size = n;
        r.spanDistance = new int[spans.size()];
        r.spanPhysical = new long[spans.size()];
        int k = 0;
        for (Map.Entry<Integer, Long> s : spans.entrySet()) {
            r.spanDistance[k] = s.getKey();
            r.spanPhysical[k++] = s.getValue();
        }
        r.physical = physical;
        return r;
    }

    private static byte @Nullable [] bytes(Plan plan, int[] links) {
        byte[] bytes =
                ClassFile.of(ClassFile.DebugElementsOption.DROP_DEBUG)
                        .build(
                                NAME,
                                c ->
                                        c.withFlags(ClassFile.ACC_FINAL | ClassFile.ACC_SUPER)
                                                .withSuperclass(Emitter.REGION_CLASS)
                                                .withMethodBody(
                                                        INIT_NAME,
                                                        MTD_void,
                                                        0,
                                                        b ->
                                                                b.aload(0)
                                                                        .invokespecial(
                                                                                Emitter
                                                                                        .REGION_CLASS,
                                                                                INIT_NAME,
                                                                                MethodTypeDesc.of(
                                                                                        CD_void))
                                                                        .return_())
                                                .withMethodBody(
                                                        "run",
                                                        MethodTypeDesc.of(
                                                                CD_int, Emitter.CPU_CLASS),
                                                        ClassFile.ACC_PUBLIC,
                                                        b -> {
                                                            Emitter e = new Emitter(b, plan);
                                                            e.method();
                                                            links[0] = e.links;
                                                        }));
        int length =
                ClassFile.of()
                        .parse(bytes)
                        .methods()
                        .getLast()
                        .findAttribute(Attributes.code())
                        .orElseThrow()
                        .codeLength();
        return length > MAX_BYTECODE ? null : bytes;
    }

    private static Region instance(byte[] bytes, MemorySegment ram) {
        try {
            MethodHandles.Lookup made = LOOKUP.defineHiddenClassWithClassData(bytes, ram, false);
            return (Region) made.lookupClass().getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("a region's class", e);
        }
    }
}
