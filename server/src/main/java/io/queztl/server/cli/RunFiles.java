package io.queztl.server.cli;

import io.queztl.server.guest.CacheFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Files of one run, which are deleted once the VM has them. */
final class RunFiles implements AutoCloseable {
    private final List<Path> all = new ArrayList<>();
    private @Nullable Path folder;

    /** A folder for this run alone, made when it is asked for. */
    Path folder() throws IOException {
        Path made = folder;
        if (made == null) {
            Path runs = CacheFolder.of(System.getenv()).folder("runs");
            made = Files.createTempDirectory(runs, "run-");
            folder = made;
            all.add(made);
        }
        return made;
    }

    /** Takes a file or folder of somebody else's making. */
    void adopt(Path file) {
        all.add(file);
    }

    /** Deletes all of them. */
    @Override
    public void close() {
        all.forEach(CacheFolder::delete);
        all.clear();
        folder = null;
    }
}
