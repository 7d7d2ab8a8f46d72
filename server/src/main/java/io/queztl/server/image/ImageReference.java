package io.queztl.server.image;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The name of an OCI image, with what may be left out filled in: {@code alpine} is {@code
 * docker.io/library/alpine:latest}.
 *
 * @param registry host and perhaps port
 * @param repository path in the registry
 * @param tag null if there is a digest
 * @param digest {@code sha256:} and 64 hexadecimal digits
 */
public record ImageReference(
        String registry, String repository, @Nullable String tag, @Nullable String digest) {
    private static final String FOLDER = "[a-z0-9]+((\\.|_{1,2}|-+)[a-z0-9]+)*";
    private static final Pattern REPOSITORY = Pattern.compile(FOLDER + "(/" + FOLDER + ")*");
    private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");
    private static final Pattern REGISTRY =
            Pattern.compile(
                    "([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:]+])(:[0-9]{1,5})?");
    private static final String DEFAULT_REGISTRY = "docker.io";
    private static final int MAX_REPOSITORY = 255;

    /**
     * Reads a name.
     *
     * @throws CommandException if it is none
     */
    public static ImageReference parse(String text) {
        String rest = text;
        String digest = null;
        int at = rest.indexOf('@');
        if (at >= 0) {
            digest = rest.substring(at + 1);
            rest = rest.substring(0, at);
        }
        String registry = DEFAULT_REGISTRY;
        int slash = rest.indexOf('/');
        if (slash > 0 && isHost(rest.substring(0, slash))) {
            registry = rest.substring(0, slash);
            rest = rest.substring(slash + 1);
        }
        String tag = null;
        int colon = rest.lastIndexOf(':');
        if (colon >= 0) {
            tag = rest.substring(colon + 1);
            rest = rest.substring(0, colon);
        }
        if (registry.equals(DEFAULT_REGISTRY) && rest.indexOf('/') < 0) {
            rest = "library/" + rest;
        }
        if (!REGISTRY.matcher(registry).matches()
                || !REPOSITORY.matcher(rest).matches()
                || rest.length() > MAX_REPOSITORY
                || tag != null && !TAG.matcher(tag).matches()
                || digest != null && !Digest.isOne(digest)) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "'%s' is no name of an image; examples are alpine:3.20 and".formatted(text)
                            + " registry.example:5000/team/app@sha256:....");
        }
        if (digest != null) {
            tag = null;
        } else if (tag == null) {
            tag = "latest";
        }
        return new ImageReference(registry, rest, tag, digest);
    }

    /** A first part is a host only if it cannot be a folder. */
    private static boolean isHost(String part) {
        return part.indexOf('.') >= 0 || part.indexOf(':') >= 0 || part.equals("localhost");
    }

    /** What the registry knows it by: the tag or the digest. */
    String version() {
        return tag != null ? tag : java.util.Objects.requireNonNull(digest);
    }

    @Override
    public String toString() {
        return registry + "/" + repository + (tag != null ? ":" + tag : "@" + digest);
    }
}
