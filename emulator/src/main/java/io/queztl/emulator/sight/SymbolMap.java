package io.queztl.emulator.sight;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The functions of a Linux kernel by address, read from its {@code System.map} or a copy of {@code
 * /proc/kallsyms}: lines of address, type and name.
 */
public final class SymbolMap {
    private static final int ADDRESS_DIGITS = 16;
    private static final int NAME = ADDRESS_DIGITS + 3;

    /**
     * Where modules are, up to the end of the address space (Linux, Documentation/arch/x86/x86_64,
     * mm.rst).
     */
    private static final long MODULES = 0xffff_ffff_c000_0000L;

    private final List<Symbol> symbols;

    private record Symbol(long address, String name) {}

    private SymbolMap(List<Symbol> symbols) {
        this.symbols = symbols;
    }

    /**
     * Reads a file; lines of any other form and data are passed over.
     *
     * @throws IOException if it cannot be read
     */
    public static SymbolMap read(Path file) throws IOException {
        List<Symbol> symbols = new ArrayList<>();
        try (BufferedReader in =
                new BufferedReader(
                        new java.io.InputStreamReader(
                                Files.newInputStream(file), StandardCharsets.ISO_8859_1))) {
            for (String line; (line = in.readLine()) != null; ) {
                Symbol s = parse(line);
                if (s != null) {
                    symbols.add(s);
                }
            }
        }
        symbols.sort(Comparator.comparingLong(Symbol::address));
        return new SymbolMap(List.copyOf(symbols));
    }

    private static @Nullable Symbol parse(String line) {
        if (line.length() <= NAME
                || line.charAt(ADDRESS_DIGITS) != ' '
                || "tTwW".indexOf(line.charAt(ADDRESS_DIGITS + 1)) < 0) {
            return null;
        }
        try {
            long address = Long.parseUnsignedLong(line, 0, ADDRESS_DIGITS, 16);
            return address >= 0
                    ? null
                    : new Symbol(address, line.substring(NAME).strip().replace('\t', ' '));
        } catch (NumberFormatException e) {
            return null;
        }
    }

    /** Number of functions. */
    public int size() {
        return symbols.size();
    }

    /** Whether a linear address is where the kernel has its modules. */
    static boolean inModule(long address) {
        return Long.compareUnsigned(address, MODULES) >= 0;
    }

    /** The function at a linear address, or null if there is none before it in its area. */
    public @Nullable String name(long address) {
        int low = 0;
        int high = symbols.size();
        while (low < high) {
            int middle = low + high >>> 1;
            if (symbols.get(middle).address <= address) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Symbol found = low == 0 ? null : symbols.get(low - 1);
        return found != null && inModule(found.address) == inModule(address) ? found.name : null;
    }

    /** The address of a function, or 0. */
    public long address(String name) {
        for (Symbol s : symbols) {
            if (s.name.equals(name)) {
                return s.address;
            }
        }
        return 0;
    }
}
