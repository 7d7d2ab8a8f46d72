package io.queztl.server.guest;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.control.Json;
import io.queztl.vmm.image.IsoWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What cloud-init in a guest is told: a small disk of the name {@code cidata} with the files of its
 * data source NoCloud. What is written is JSON, which is YAML too, so that no value has to be
 * quoted by other rules.
 *
 * <p>Its instance has an id that is made of all that is said: a disk is set up once with the same
 * options, and again with others.
 *
 * @param firstBoot keys and name
 * @param user an account to make, or null: then keys are for the account that the image makes
 * @param commands lines for the guest's shell, which root runs at the end of the first boot
 * @param userData what the user has written for cloud-init, in place of all but the guest's name;
 *     empty if nothing
 */
public record CloudSeed(
        FirstBoot firstBoot, @Nullable String user, List<String> commands, byte[] userData) {
    /** The name of the volume, by which cloud-init finds it. */
    static final String VOLUME = "cidata";

    private static final int ID_LETTERS = 16;

    /** Copies the list. */
    public CloudSeed {
        commands = List.copyOf(commands);
    }

    /** Whether Debian's adduser, and so every Linux, takes a name for an account. */
    public static boolean isUserName(String name) {
        return name.matches("[a-z_][a-z0-9_-]{0,31}");
    }

    /**
     * Writes the disk.
     *
     * @param file a new file
     */
    public void write(Path file) {
        try {
            IsoWriter.write(file, VOLUME, files());
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.HOST,
                    "the disk for cloud-init cannot be written: %s.".formatted(e.getMessage()),
                    e);
        }
    }

    /** The files, by name. */
    Map<String, byte[]> files() {
        byte[] data = userData.length == 0 ? configuration() : userData;
        Map<String, Object> meta = new LinkedHashMap<>();
        meta.put("instance-id", "queztl-" + id(data));
        if (firstBoot.hostName() != null) {
            meta.put("local-hostname", firstBoot.hostName());
        }
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("meta-data", utf8(Json.write(meta) + "\n"));
        files.put("user-data", data);
        return files;
    }

    private byte[] configuration() {
        Map<String, Object> all = new LinkedHashMap<>();
        if (user != null) {
            Map<String, Object> account = new LinkedHashMap<>();
            account.put("name", user);
            account.put("shell", "/bin/bash");
            account.put("sudo", "ALL=(ALL) NOPASSWD:ALL");
            account.put("lock_passwd", true);
            account.put("ssh_authorized_keys", firstBoot.keys());
            all.put("users", List.of(account));
        } else if (!firstBoot.keys().isEmpty()) {
            all.put("ssh_authorized_keys", firstBoot.keys());
        }
        if (!commands.isEmpty()) {
            // As a list: a line that is given as it is may be taken for something else by YAML 1.1.
            List<Object> lines = new ArrayList<>();
            for (String command : commands) {
                lines.add(List.of("sh", "-c", command));
            }
            all.put("runcmd", lines);
        }
        return utf8("#cloud-config\n" + Json.write(all) + "\n");
    }

    private String id(byte[] data) {
        try {
            MessageDigest sum = MessageDigest.getInstance("SHA-256");
            sum.update(utf8(String.valueOf(firstBoot.hostName())));
            sum.update((byte) 0);
            return HexFormat.of().formatHex(sum.digest(data)).substring(0, ID_LETTERS);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
