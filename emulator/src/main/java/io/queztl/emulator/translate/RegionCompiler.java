package io.queztl.emulator.translate;

import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_void;
import static java.lang.constant.ConstantDescs.INIT_NAME;
import static java.lang.constant.ConstantDescs.MTD_void;

import io.queztl.machine.memory.GuestMemory;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Makes a region's class from basic blocks. Stateless; any thread. */
public final class RegionCompiler {
    /** HotSpot compiles no method that is longer, unless it was told to. */
    private static final int MAX_BYTECODE = HotSpot.available() ? 30_000 : 8000;

    /** Ways to the parts of a hot region bring along ever more until they agree. */
    private static final int MAX_PASSES = 40;

    private static final ClassDesc NAME =
            ClassDesc.of(RegionCompiler.class.getPackageName() + ".Code");
    private static final MethodHandles.Lookup LOOKUP = MethodHandles.lookup();

    private RegionCompiler() {}

    /** As the other method, with nobody to look on. */
    public static @Nullable Region compile(
            Part entry,
            List<Part> parts,
            Map<Integer, Long> pages,
            GuestMemory memory,
            boolean smp,
            boolean hot) {
        return compile(entry, parts, pages, memory, smp, hot, null, 0);
    }

    /**
     * Translates basic blocks of 64-bit code.
     *
     * @param entry the one that execution begins with
     * @param parts all of them, the entry too
     * @param pages the pages that the parts lie in: guest-physical address by distance
     * @param memory guest RAM
     * @param smp whether memory accesses must keep their order: there are several vCPUs
     * @param hot whether it is to be the form for the better of HotSpot's compilers, in which
     *     nothing is written to the CPU before somebody can see it
     * @param dump where to write it, or null
     * @param linear guest-linear address of the first page where it was found, for {@code dump}
     * @return null if the code would be too long for HotSpot
     */
    public static @Nullable Region compile(
            Part entry,
            List<Part> parts,
            Map<Integer, Long> pages,
            GuestMemory memory,
            boolean smp,
            boolean hot,
            @Nullable RegionDump dump,
            long linear) {
        Plan plan = new Plan(entry, parts, memory, smp, hot);
        int[] links = new int[2];
        byte[] bytes = bytes(plan, links);
        for (int n = 0; plan.changed; n++) {
            if (n == MAX_PASSES) {
                throw new IllegalStateException("a hot region does not settle");
            }
            plan.changed = false;
            plan.keepRegisters();
            bytes = bytes(plan, links);
        }
        if (bytes == null) {
            return null;
        }
        if (dump != null) {
            dump.region(plan, linear, Objects.requireNonNullElse(pages.get(0), -1L), bytes);
        }
        Region r = instance(bytes);
        r.bytecode = links[1];
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
        r.links = new RegionEntry[links[0]];
        r.size = n;
        int k = 0;
        if (pages.size() > 1) {
            r.spanDistance = new int[pages.size()];
            r.spanPhysical = new long[pages.size()];
            for (Map.Entry<Integer, Long> s : pages.entrySet()) {
                r.spanDistance[k] = s.getKey();
                r.spanPhysical[k++] = s.getValue();
            }
        }
        r.entries = new RegionEntry[plan.entries.size()];
        for (k = 0; k < r.entries.length; k++) {
            int distance = plan.entries.get(k).distance;
            long page = Objects.requireNonNull(pages.get(distance & -4096));
            r.entries[k] = new RegionEntry(r, k, distance, page + (distance & 4095));
        }
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
                                                                CD_int, Emitter.CPU_CLASS, CD_int),
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
        links[1] = length;
        return length > MAX_BYTECODE ? null : bytes;
    }

    private static Region instance(byte[] bytes) {
        try {
            MethodHandles.Lookup made = LOOKUP.defineHiddenClass(bytes, false);
            return (Region) made.lookupClass().getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("a region's class", e);
        }
    }
}
