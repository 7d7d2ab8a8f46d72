package io.queztl.vmm.bootdisk;

import io.queztl.vmm.disk.DiskFiles;
import io.queztl.vmm.disk.DiskFormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Runs the part of GRUB's scripts (GRUB manual, "Shell-like scripting") that decides what is
 * booted: variables, conditions, functions, the menu with its submenus and default, {@code linux}
 * and {@code initrd}, {@code load_env} and {@code source}. Loops are left out; {@code search} finds
 * nothing, as all paths are of the file system that the script is in; what writes or draws does
 * nothing.
 */
final class GrubMenu {
    private static final int MAX_SCRIPT = 1 << 20;
    private static final int MAX_COMMANDS = 20_000;
    private static final int MAX_DEPTH = 16;
    private static final int MAX_VALUE = 8192;
    private static final int MAX_ENTRIES = 512;

    /** What is done as if it had been. */
    private static final Set<String> DONE =
            Set.of(
                    "insmod",
                    "search",
                    "search.fs_uuid",
                    "export",
                    "echo",
                    "true",
                    "terminal_input",
                    "terminal_output",
                    "serial",
                    "save_env",
                    "clear",
                    "sleep",
                    "probe");

    /**
     * An entry of the menu.
     *
     * @param entries those of a submenu
     */
    private record Entry(
            String title, String id, List<GrubStatement> body, @Nullable List<Entry> entries) {
        boolean named(String name) {
            return !name.isEmpty() && (title.equals(name) || id.equals(name));
        }
    }

    private final DiskFiles files;
    private final String folder;
    private final Map<String, String> variables = new HashMap<>();
    private final Map<String, List<GrubStatement>> functions = new HashMap<>();
    private List<Entry> menu = new ArrayList<>();
    private int entries;
    private int commands;
    private int depth;
    private String kernel = "";
    private String options = "";
    private List<String> initrds = List.of();

    private GrubMenu(DiskFiles files, String folder) {
        this.files = files;
        this.folder = folder;
        variables.put("prefix", folder);
        variables.put("config_directory", folder);
        variables.put("grub_platform", "efi");
        variables.put("grub_cpu", "x86_64");
        for (String feature :
                List.of("menuentry_id", "timeout_style", "default_font_path", "all_video_module")) {
            variables.put("feature_" + feature, "y");
        }
    }

    /**
     * The kernels of a script's menu, that which GRUB boots by default first; entries that boot
     * something else are left out.
     *
     * @param folder where the script {@code grub.cfg} is, which must be there
     */
    static List<InstalledKernel> find(Volume volume, DiskFiles files, String folder)
            throws IOException {
        GrubMenu menu = new GrubMenu(files, folder);
        String script = folder + "/grub.cfg";
        byte[] text = files.read(script, MAX_SCRIPT);
        try {
            boolean ignored =
                    menu.run(GrubParser.parse(new String(text, StandardCharsets.ISO_8859_1)));
            List<InstalledKernel> kernels = new ArrayList<>();
            for (Entry entry : menu.inOrder()) {
                InstalledKernel found = menu.boot(volume, script, entry);
                if (found != null && !kernels.contains(found)) {
                    kernels.add(found);
                }
            }
            return kernels;
        } catch (DiskFormatException e) {
            throw new DiskFormatException(
                    "%s is not understood: %s", script, String.valueOf(e.getMessage()));
        }
    }

    /** A path without the device that GRUB may have before it. */
    static String path(String text) {
        int end = text.startsWith("(") ? text.indexOf(')') : -1;
        return text.substring(end + 1);
    }

    // --- The menu.

    /** The default, then all others. */
    private List<Entry> inOrder() {
        List<Entry> all = new ArrayList<>();
        flatten(menu, all);
        Entry chosen = chosen(menu, variables.getOrDefault("default", ""));
        if (chosen != null) {
            all.addFirst(chosen);
        }
        return all;
    }

    private static void flatten(List<Entry> entries, List<Entry> all) {
        for (Entry entry : entries) {
            if (entry.entries != null) {
                flatten(entry.entries, all);
            } else {
                all.add(entry);
            }
        }
    }

    /** Numbers, titles or ids, with {@code >} between those of a submenu and of its entry. */
    private static @Nullable Entry chosen(List<Entry> entries, String wanted) {
        int separator = wanted.indexOf('>');
        String here = separator < 0 ? wanted : wanted.substring(0, separator);
        String rest = separator < 0 ? "" : wanted.substring(separator + 1);
        Entry found = null;
        for (int i = 0; i < entries.size() && found == null; i++) {
            Entry entry = entries.get(i);
            if (entry.named(wanted) || entry.named(here)) {
                found = entry;
            } else if (here.matches("[0-9]{1,4}") && Integer.parseInt(here) == i) {
                found = entry;
            }
        }
        if (found == null && !entries.isEmpty()) {
            found = entries.getFirst();
            rest = "";
        }
        if (found == null || found.entries == null) {
            return found;
        }
        return chosen(found.entries, rest);
    }

    private @Nullable InstalledKernel boot(Volume volume, String script, Entry entry)
            throws IOException {
        Map<String, String> kept = new HashMap<>(variables);
        kernel = "";
        options = "";
        initrds = List.of();
        variables.put("chosen", entry.title);
        boolean ignored = run(entry.body);
        variables.clear();
        variables.putAll(kept);
        if (kernel.isEmpty()) {
            return null;
        }
        return new InstalledKernel(volume, script, entry.title, kernel, initrds, options);
    }

    // --- Statements.

    private boolean run(List<GrubStatement> statements) throws IOException {
        if (++depth > MAX_DEPTH) {
            throw new DiskFormatException("its functions and files call one another too deeply");
        }
        boolean result = true;
        for (GrubStatement statement : statements) {
            result = run(statement);
        }
        depth--;
        return result;
    }

    private boolean run(GrubStatement statement) throws IOException {
        if (++commands > MAX_COMMANDS) {
            throw new DiskFormatException("it does not end");
        }
        return switch (statement) {
            case GrubStatement.Command command -> command(words(command.words()));
            case GrubStatement.Condition condition -> condition(condition);
            case GrubStatement.Entry entry -> {
                entry(entry);
                yield true;
            }
            case GrubStatement.Function function -> {
                functions.put(function.name(), function.body());
                yield true;
            }
            case GrubStatement.Loop loop -> true;
        };
    }

    private boolean condition(GrubStatement.Condition condition) throws IOException {
        for (GrubStatement.Case each : condition.cases()) {
            if (run(each.test())) {
                return run(each.body());
            }
        }
        return run(condition.otherwise());
    }

    private void entry(GrubStatement.Entry statement) throws IOException {
        if (++entries > MAX_ENTRIES) {
            throw new DiskFormatException("its menu has more than %d entries", MAX_ENTRIES);
        }
        String title = "";
        String id = "";
        List<String> words = words(statement.words());
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i);
            switch (word) {
                case "--class", "--users", "--hotkey", "--source" -> i++;
                case "--id" -> id = ++i < words.size() ? words.get(i) : "";
                default -> {
                    if (title.isEmpty() && !word.startsWith("--")) {
                        title = word;
                    }
                }
            }
        }
        if (!statement.submenu()) {
            menu.add(new Entry(title, id, statement.body(), null));
            return;
        }
        List<Entry> outer = menu;
        menu = new ArrayList<>();
        boolean ignored = run(statement.body());
        outer.add(new Entry(title, id, List.of(), menu));
        menu = outer;
    }

    private List<String> words(List<GrubWord> words) throws DiskFormatException {
        List<String> all = new ArrayList<>();
        long length = 0;
        for (GrubWord word : words) {
            for (String each : word.expand(name -> variables.getOrDefault(name, ""))) {
                length += each.length() + 1;
                all.add(each);
            }
            if (length > 4 * MAX_VALUE) {
                throw new DiskFormatException("it has a command that is too long");
            }
        }
        return all;
    }

    private boolean command(List<String> words) throws IOException {
        if (words.isEmpty()) {
            return true;
        }
        String name = words.getFirst();
        List<String> arguments = words.subList(1, words.size());
        if (name.equals("!")) {
            return !command(arguments);
        }
        List<GrubStatement> function = functions.get(name);
        if (function != null) {
            return call(function, arguments);
        }
        switch (name) {
            case "set" -> {
                return arguments.isEmpty() || assign(arguments.getFirst());
            }
            case "unset" -> arguments.forEach(variables::remove);
            case "[", "test" -> {
                int last = arguments.size() - 1;
                boolean closed = last >= 0 && arguments.get(last).equals("]");
                return GrubTest.of(files, closed ? arguments.subList(0, last) : arguments);
            }
            case "load_env" -> loadEnvironment(arguments);
            case "source", "." -> {
                return !arguments.isEmpty() && source(arguments.getFirst());
            }
            case "linux", "linux16", "linuxefi" -> {
                if (!arguments.isEmpty()) {
                    kernel = path(arguments.getFirst());
                    options = String.join(" ", arguments.subList(1, arguments.size()));
                }
            }
            case "initrd", "initrd16", "initrdefi" ->
                    initrds = arguments.stream().map(GrubMenu::path).toList();
            default -> {
                return assign(name) || DONE.contains(name);
            }
        }
        return true;
    }

    private boolean call(List<GrubStatement> function, List<String> arguments) throws IOException {
        for (int i = 0; i < 9; i++) {
            variables.put(Integer.toString(i + 1), i < arguments.size() ? arguments.get(i) : "");
        }
        return run(function);
    }

    private boolean assign(String text) throws DiskFormatException {
        int equals = text.indexOf('=');
        if (equals <= 0 || !text.substring(0, equals).matches("[A-Za-z0-9_]{1,64}")) {
            return false;
        }
        if (text.length() > MAX_VALUE) {
            throw new DiskFormatException("it has a value that is too long");
        }
        variables.put(text.substring(0, equals), text.substring(equals + 1));
        return true;
    }

    private void loadEnvironment(List<String> arguments) throws IOException {
        String file = folder + "/grubenv";
        for (int i = 0; i + 1 < arguments.size(); i++) {
            if (arguments.get(i).equals("-f") || arguments.get(i).equals("--file")) {
                file = path(arguments.get(i + 1));
            }
        }
        byte[] bytes = files.read(file, MAX_VALUE * 8);
        if (bytes != null) {
            for (Map.Entry<String, String> each : GrubEnvironment.parse(bytes).entrySet()) {
                boolean ignored = assign(each.getKey() + "=" + each.getValue());
            }
        }
    }

    private boolean source(String file) throws IOException {
        byte[] bytes = files.read(path(file), MAX_SCRIPT);
        return bytes != null
                && run(GrubParser.parse(new String(bytes, StandardCharsets.ISO_8859_1)));
    }
}
