package io.queztl.devices.virtio.fs9p;

import org.jspecify.annotations.Nullable;

/**
 * A fid of a guest.
 *
 * @param fid its number
 * @param path what it stands for, a byte in each character; null if that was removed
 * @param flags with which the host's file is open; -1 if it is not
 */
public record FidState(int fid, @Nullable String path, int flags) {}
