package io.queztl.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The shared libraries that programs of a {@link DebianTree} load, as its own loader lists them.
 */
final class Libraries {
    private static final String FOLDER = "x86_64-linux-gnu";
    private static final String LOADER = "ld-linux-x86-64.so.2";
    private static final Pattern LISTED = Pattern.compile("=> (/\\S+) \\(");

    private Libraries() {}

    /**
     * Finds them.
     *
     * @param tree the root of the tree
     * @param programs places of programs in it
     * @return places in the tree, the loader's among them where the programs look for it
     * @throws IOException if one is missing, with what the loader says
     */
    static Set<String> of(Path tree, List<String> programs)
            throws IOException, InterruptedException {
        List<String> folders = new ArrayList<>();
        for (String top : List.of("lib", "usr/lib")) {
            try (Stream<Path> files = Files.walk(tree.resolve(top).resolve(FOLDER), 2)) {
                files.filter(Files::isDirectory).map(Path::toString).forEach(folders::add);
            }
        }
        Path loader = tree.resolve("lib").resolve(FOLDER).resolve(LOADER);
        Set<String> libraries = new TreeSet<>();
        for (String program : programs) {
            String list =
                    Tool.run(
                            List.of(
                                    loader.toString(),
                                    "--library-path",
                                    String.join(":", folders),
                                    "--list",
                                    tree.resolve(program).toString()));
            Matcher m = LISTED.matcher(list);
            while (m.find()) {
                Path file = Path.of(m.group(1));
                if (file.startsWith(tree)) {
                    libraries.add(tree.relativize(file).toString());
                }
            }
        }
        libraries.add("lib64/" + LOADER);
        return libraries;
    }
}
