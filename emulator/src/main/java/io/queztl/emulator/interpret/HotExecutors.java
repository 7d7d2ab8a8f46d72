package io.queztl.emulator.interpret;

import io.queztl.emulator.cpu.Cpu;
import io.queztl.emulator.decode.Insn;
import io.queztl.emulator.decode.Operand;
import io.queztl.emulator.ops.Alu;
import io.queztl.emulator.ops.Semantics.Exec;
import org.jspecify.annotations.Nullable;

/**
 * Executors for the instructions that make up most of what guests run: moves, and the commonest
 * arithmetic, with 32- and 64-bit operands and plain 64-bit addresses. Each calls the same
 * semantics as the general executor of {@link Executors} would, but directly, so that HotSpot
 * inlines it: one indirect call an instruction instead of two. {@code ExecutorsTest} holds the two
 * against each other.
 */
final class HotExecutors {
    private static final long LOW32 = 0xffff_ffffL;

    private HotExecutors() {}

    /** True if an instruction's memory operand is addressed with 64 bits, without limit checks. */
    static boolean flat(Insn i) {
        return i.mode64 && i.addressSize == 8;
    }

    private static long address(Cpu c, Insn n) {
        long[] r = c.r;
        return r[n.base] + (r[n.index] << n.scale) + n.displacement + c.effectiveBase[n.segment];
    }

    /** An executor for this form, or null if the general one must do. */
    static @Nullable Exec of(Insn i) {
        if (i.lock || i.row.operands.size() != 2) {
            return null;
        }
        Operand.Kind first = i.row.operands.get(0).kind();
        Operand.Kind second = i.row.operands.get(1).kind();
        boolean toMemory = i.mem && first == Operand.Kind.RM;
        boolean fromMemory = i.mem && second == Operand.Kind.RM;
        boolean immediate = second == Operand.Kind.IMMEDIATE;
        if (i.mem && (!flat(i) || !toMemory && !fromMemory)) {
            return null;
        }
        return switch (i.row.semantics) {
            case "Moves.mov" -> mov(i, toMemory, fromMemory, immediate);
            case "Alu.add" -> add(i, toMemory, fromMemory, immediate);
            case "Alu.sub" -> sub(i, toMemory, fromMemory, immediate);
            case "Alu.and" -> and(i, toMemory, fromMemory, immediate);
            case "Alu.or" -> or(i, toMemory, fromMemory, immediate);
            case "Alu.xor" -> xor(i, toMemory, fromMemory, immediate);
            case "Alu.cmp" -> cmp(i, toMemory, fromMemory, immediate);
            case "Alu.test" -> test(i, toMemory, fromMemory, immediate);
            default -> null;
        };
    }

    private static @Nullable Exec mov(
            Insn i, boolean toMemory, boolean fromMemory, boolean immediate) {
        int size = i.size;
        int from = i.sizes[1];
        if (toMemory) {
            if (immediate) {
                return switch (size) {
                    case 8 -> (c, n) -> c.mem.store64(address(c, n), n.immediate);
                    case 4 -> (c, n) -> c.mem.store32(address(c, n), n.immediate);
                    case 1 -> (c, n) -> c.mem.store8(address(c, n), n.immediate);
                    default -> null;
                };
            }
            return switch (size) {
                case 8 -> (c, n) -> c.mem.store64(address(c, n), c.r[n.r2]);
                case 4 -> (c, n) -> c.mem.store32(address(c, n), c.r[n.r2]);
                case 2 -> (c, n) -> c.mem.store16(address(c, n), c.r[n.r2]);
                default -> (c, n) -> c.mem.store8(address(c, n), c.reg(n.r2, 1));
            };
        }
        if (fromMemory) {
            if (size < 4) {
                return null;
            }
            return switch (from) {
                case 8 -> (c, n) -> c.r[n.r1] = c.mem.load64(address(c, n));
                case 4 -> (c, n) -> c.r[n.r1] = c.mem.load32(address(c, n));
                case 2 -> (c, n) -> c.r[n.r1] = c.mem.load16(address(c, n));
                default -> (c, n) -> c.r[n.r1] = c.mem.load8(address(c, n));
            };
        }
        if (immediate) {
            return size >= 4 ? (c, n) -> c.r[n.r1] = n.immediate : null;
        }
        if (size == 8 && from == 8) {
            return (c, n) -> c.r[n.r1] = c.r[n.r2];
        }
        return size == 4 && from == 4 ? (c, n) -> c.r[n.r1] = c.r[n.r2] & LOW32 : null;
    }

    private static @Nullable Exec add(
            Insn i, boolean toMemory, boolean fromMemory, boolean immediate) {
        int size = i.size;
        if (toMemory) {
            return null;
        }
        if (size == 8) {
            if (fromMemory) {
                return (c, n) -> c.r[n.r1] = Alu.add(c, c.r[n.r1], c.mem.load64(address(c, n)), 8);
            }
            return immediate
                    ? (c, n) -> c.r[n.r1] = Alu.add(c, c.r[n.r1], n.immediate, 8)
                    : (c, n) -> c.r[n.r1] = Alu.add(c, c.r[n.r1], c.r[n.r2], 8);
        }
        if (size == 4) {
            if (fromMemory) {
                return (c, n) ->
                        c.r[n.r1] =
                                Alu.add(c, c.r[n.r1] & LOW32, c.mem.load32(address(c, n)), 4)
                                        & LOW32;
            }
            return immediate
                    ? (c, n) -> c.r[n.r1] = Alu.add(c, c.r[n.r1] & LOW32, n.immediate, 4) & LOW32
                    : (c, n) ->
                            c.r[n.r1] = Alu.add(c, c.r[n.r1] & LOW32, c.r[n.r2] & LOW32, 4) & LOW32;
        }
        return null;
    }

    private static @Nullable Exec sub(
            Insn i, boolean toMemory, boolean fromMemory, boolean immediate) {
        int size = i.size;
        if (toMemory) {
            return null;
        }
        if (size == 8) {
            if (fromMemory) {
                return (c, n) -> c.r[n.r1] = Alu.sub(c, c.r[n.r1], c.mem.load64(address(c, n)), 8);
            }
            return immediate
                    ? (c, n) -> c.r[n.r1] = Alu.sub(c, c.r[n.r1], n.immediate, 8)
                    : (c, n) -> c.r[n.r1] = Alu.sub(c, c.r[n.r1], c.r[n.r2], 8);
        }
        if (size == 4) {
            if (fromMemory) {
                return (c, n) ->
                        c.r[n.r1] =
                                Alu.sub(c, c.r[n.r1] & LOW32, c.mem.load32(address(c, n)), 4)
                                        & LOW32;
            }
            return immediate
                    ? (c, n) -> c.r[n.r1] = Alu.sub(c, c.r[n.r1] & LOW32, n.immediate, 4) & LOW32
                    : (c, n) ->
                            c.r[n.r1] = Alu.sub(c, c.r[n.r1] & LOW32, c.r[n.r2] & LOW32, 4) & LOW32;
        }
        return null;
    }

    private static @Nullable Exec and(
            Insn i, boolean toMemory, boolean fromMemory, boolean immediate) {
        int size = i.size;
        if (toMemory) {
            return null;
        }
        if (size == 8) {
            if (fromMemory) {
                return (c, n) -> c.r[n.r1] = Alu.and(c, c.r[n.r1], c.mem.load64(address(c, n)), 8);
            }
            return immediate
                    ? (c, n) -> c.r[n.r1] = Alu.and(c, c.r[n.r1], n.immediate, 8)
                    : (c, n) -> c.r[n.r1] = Alu.and(c, c.r[n.r1], c.r[n.r2], 8);
        }
        if (size == 4) {
            if (fromMemory) {
                return (c, n) ->
                        c.r[n.r1] =
                                Alu.and(c, c.r[n.r1] & LOW32, c.mem.load32(address(c, n)), 4)
                                        & LOW32;
            }
            return immediate
                    ? (c, n) -> c.r[n.r1] = Alu.and(c, c.r[n.r1] & LOW32, n.immediate, 4) & LOW32
                    : (c, n) ->
                            c.r[n.r1] = Alu.and(c, c.r[n.r1] & LOW32, c.r[n.r2] & LOW32, 4) & LOW32;
        }
        return null;
    }

    private static @Nullable Exec or(
            Insn i, boolean toMemory, boolean fromMemory, boolean immediate) {
        int size = i.size;
        if (toMemory) {
            return null;
        }
        if (size == 8) {
            if (fromMemory) {
                return (c, n) -> c.r[n.r1] = Alu.or(c, c.r[n.r1], c.mem.load64(address(c, n)), 8);
            }
            return immediate
                    ? (c, n) -> c.r[n.r1] = Alu.or(c, c.r[n.r1], n.immediate, 8)
                    : (c, n) -> c.r[n.r1] = Alu.or(c, c.r[n.r1], c.r[n.r2], 8);
        }
        if (size == 4) {
            if (fromMemory) {
                return (c, n) ->
                        c.r[n.r1] =
                                Alu.or(c, c.r[n.r1] & LOW32, c.mem.load32(address(c, n)), 4)
                                        & LOW32;
            }
            return immediate
                    ? (c, n) -> c.r[n.r1] = Alu.or(c, c.r[n.r1] & LOW32, n.immediate, 4) & LOW32
                    : (c, n) ->
                            c.r[n.r1] = Alu.or(c, c.r[n.r1] & LOW32, c.r[n.r2] & LOW32, 4) & LOW32;
        }
        return null;
    }

    private static @Nullable Exec xor(
            Insn i, boolean toMemory, boolean fromMemory, boolean immediate) {
        int size = i.size;
        if (toMemory) {
            return null;
        }
        if (size == 8) {
            if (fromMemory) {
                return (c, n) -> c.r[n.r1] = Alu.xor(c, c.r[n.r1], c.mem.load64(address(c, n)), 8);
            }
            return immediate
                    ? (c, n) -> c.r[n.r1] = Alu.xor(c, c.r[n.r1], n.immediate, 8)
                    : (c, n) -> c.r[n.r1] = Alu.xor(c, c.r[n.r1], c.r[n.r2], 8);
        }
        if (size == 4) {
            if (fromMemory) {
                return (c, n) ->
                        c.r[n.r1] =
                                Alu.xor(c, c.r[n.r1] & LOW32, c.mem.load32(address(c, n)), 4)
                                        & LOW32;
            }
            return immediate
                    ? (c, n) -> c.r[n.r1] = Alu.xor(c, c.r[n.r1] & LOW32, n.immediate, 4) & LOW32
                    : (c, n) ->
                            c.r[n.r1] = Alu.xor(c, c.r[n.r1] & LOW32, c.r[n.r2] & LOW32, 4) & LOW32;
        }
        return null;
    }

    private static @Nullable Exec cmp(
            Insn i, boolean toMemory, boolean fromMemory, boolean immediate) {
        int size = i.size;
        if (toMemory) {
            if (immediate) {
                return switch (size) {
                    case 8 -> (c, n) -> Alu.cmp(c, c.mem.load64(address(c, n)), n.immediate, 8);
                    case 4 -> (c, n) -> Alu.cmp(c, c.mem.load32(address(c, n)), n.immediate, 4);
                    case 1 -> (c, n) -> Alu.cmp(c, c.mem.load8(address(c, n)), n.immediate, 1);
                    default -> null;
                };
            }
            return switch (size) {
                case 8 -> (c, n) -> Alu.cmp(c, c.mem.load64(address(c, n)), c.r[n.r2], 8);
                case 4 -> (c, n) -> Alu.cmp(c, c.mem.load32(address(c, n)), c.r[n.r2] & LOW32, 4);
                case 1 -> (c, n) -> Alu.cmp(c, c.mem.load8(address(c, n)), c.reg(n.r2, 1), 1);
                default -> null;
            };
        }
        if (size == 8) {
            if (fromMemory) {
                return (c, n) -> Alu.cmp(c, c.r[n.r1], c.mem.load64(address(c, n)), 8);
            }
            return immediate
                    ? (c, n) -> Alu.cmp(c, c.r[n.r1], n.immediate, 8)
                    : (c, n) -> Alu.cmp(c, c.r[n.r1], c.r[n.r2], 8);
        }
        if (size == 4) {
            if (fromMemory) {
                return (c, n) -> Alu.cmp(c, c.r[n.r1] & LOW32, c.mem.load32(address(c, n)), 4);
            }
            return immediate
                    ? (c, n) -> Alu.cmp(c, c.r[n.r1] & LOW32, n.immediate, 4)
                    : (c, n) -> Alu.cmp(c, c.r[n.r1] & LOW32, c.r[n.r2] & LOW32, 4);
        }
        return null;
    }

    private static @Nullable Exec test(
            Insn i, boolean toMemory, boolean fromMemory, boolean immediate) {
        int size = i.size;
        if (toMemory) {
            if (immediate) {
                return switch (size) {
                    case 8 -> (c, n) -> Alu.test(c, c.mem.load64(address(c, n)), n.immediate, 8);
                    case 4 -> (c, n) -> Alu.test(c, c.mem.load32(address(c, n)), n.immediate, 4);
                    case 1 -> (c, n) -> Alu.test(c, c.mem.load8(address(c, n)), n.immediate, 1);
                    default -> null;
                };
            }
            return switch (size) {
                case 8 -> (c, n) -> Alu.test(c, c.mem.load64(address(c, n)), c.r[n.r2], 8);
                case 4 -> (c, n) -> Alu.test(c, c.mem.load32(address(c, n)), c.r[n.r2] & LOW32, 4);
                case 1 -> (c, n) -> Alu.test(c, c.mem.load8(address(c, n)), c.reg(n.r2, 1), 1);
                default -> null;
            };
        }
        if (size == 8) {
            if (fromMemory) {
                return (c, n) -> Alu.test(c, c.r[n.r1], c.mem.load64(address(c, n)), 8);
            }
            return immediate
                    ? (c, n) -> Alu.test(c, c.r[n.r1], n.immediate, 8)
                    : (c, n) -> Alu.test(c, c.r[n.r1], c.r[n.r2], 8);
        }
        if (size == 4) {
            if (fromMemory) {
                return (c, n) -> Alu.test(c, c.r[n.r1] & LOW32, c.mem.load32(address(c, n)), 4);
            }
            return immediate
                    ? (c, n) -> Alu.test(c, c.r[n.r1] & LOW32, n.immediate, 4)
                    : (c, n) -> Alu.test(c, c.r[n.r1] & LOW32, c.r[n.r2] & LOW32, 4);
        }
        return null;
    }
}
