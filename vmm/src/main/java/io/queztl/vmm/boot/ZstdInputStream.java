package io.queztl.vmm.boot;

import java.io.IOException;
import java.io.InputStream;

/** Zstandard (RFC 8878). */
final class ZstdInputStream extends BlockInputStream {
    ZstdInputStream(InputStream in, boolean single) {
        super(in);
    }

    @Override
    protected boolean nextBlock() throws IOException {
        throw new IOException("zstd is not supported yet");
    }
}
