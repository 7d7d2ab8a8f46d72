package io.queztl.server.image;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What an image says about its command (OCI image specification, "Image Configuration").
 *
 * @param entrypoint what always runs
 * @param command what is added if the user gives no command
 * @param environment variables by name
 * @param workingFolder where it starts
 * @param user as whom; see {@link Account}
 * @param layers digests of the unpacked layers
 */
public record ImageConfig(
        List<String> entrypoint,
        List<String> command,
        Map<String, String> environment,
        String workingFolder,
        String user,
        List<String> layers) {
    private static final String PATH =
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /** Copies what is given. */
    public ImageConfig {
        entrypoint = List.copyOf(entrypoint);
        command = List.copyOf(command);
        environment = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(environment));
        layers = List.copyOf(layers);
    }

    /**
     * Reads an image's configuration.
     *
     * @throws IOException if it is none, or for another kind of machine
     */
    static ImageConfig parse(byte[] document) throws IOException {
        JsonDocument all = JsonDocument.parse(document);
        String system = all.get("os").text();
        String machine = all.get("architecture").text();
        if (!system.equals("linux") || !machine.equals("amd64")) {
            throw new IOException(
                    "it is for %s on %s, not for linux on amd64".formatted(system, machine));
        }
        JsonDocument config = all.get("config");
        Map<String, String> environment = new LinkedHashMap<>();
        environment.put("PATH", PATH);
        for (String each : config.get("Env").texts()) {
            int equals = each.indexOf('=');
            if (equals > 0) {
                environment.put(each.substring(0, equals), each.substring(equals + 1));
            }
        }
        String folder = config.get("WorkingDir").text();
        ImageConfig result =
                new ImageConfig(
                        config.get("Entrypoint").texts(),
                        config.get("Cmd").texts(),
                        environment,
                        folder.startsWith("/") ? folder : "/" + folder,
                        config.get("User").text(),
                        all.get("rootfs").get("diff_ids").texts());
        List<String> texts = new ArrayList<>(result.entrypoint);
        texts.addAll(result.command);
        texts.addAll(environment.values());
        texts.add(folder);
        if (texts.stream().anyMatch(text -> text.indexOf('\0') >= 0)) {
            throw new IOException("its configuration has a NUL character");
        }
        return result;
    }

    /** What to run when the user gives these words, or none. */
    public List<String> words(List<String> given) {
        List<String> words = new ArrayList<>(entrypoint);
        words.addAll(given.isEmpty() ? command : given);
        return words;
    }
}
