package io.queztl.vmm.bootdisk;

import io.queztl.vmm.disk.DiskFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * GRUB's environment block: lines of name=value in the file {@code grubenv} (GRUB manual, 15.2).
 */
final class GrubEnvironment {
    private static final int MAX_BYTES = 64 << 10;

    private GrubEnvironment() {}

    /**
     * The variables of a volume; none if it has no such file.
     *
     * @param top what GRUB's folder is in: "/boot", or "" if the volume is mounted there
     */
    static Map<String, String> read(DiskFiles files, String top) throws IOException {
        for (String folder : List.of("/grub2", "/grub")) {
            byte[] bytes = files.read(top + folder + "/grubenv", MAX_BYTES);
            if (bytes != null) {
                return parse(bytes);
            }
        }
        return Map.of();
    }

    static Map<String, String> parse(byte[] bytes) {
        Map<String, String> values = new HashMap<>();
        for (String line : new String(bytes, StandardCharsets.ISO_8859_1).split("\n")) {
            int equals = line.indexOf('=');
            if (equals > 0 && !line.startsWith("#")) {
                String value = line.substring(equals + 1).replaceAll("\\\\(.)", "$1");
                values.put(line.substring(0, equals), value);
            }
        }
        return values;
    }
}
