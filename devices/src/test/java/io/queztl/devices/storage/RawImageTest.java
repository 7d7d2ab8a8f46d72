package io.queztl.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RawImageTest {
    @TempDir private Path folder = Path.of("");

    private Path file() throws IOException {
        return Files.write(folder.resolve("disk.raw"), new byte[8192]);
    }

    @Test
    void write_isReadBack() throws IOException {
        try (DiskImage image = Images.open(file(), ImageFormat.RAW, ImageOptions.WRITABLE)) {
            image.write(1000, MemorySegment.ofArray(new byte[] {1, 2, 3}));
            image.flush();
            byte[] back = new byte[5];
            image.read(999, MemorySegment.ofArray(back));
            assertThat(back).containsExactly(0, 1, 2, 3, 0);
            assertThatThrownBy(() -> image.read(8190, MemorySegment.ofArray(back)))
                    .isInstanceOf(IOException.class);
        }
    }

    @Test
    void secondWriter_isRefused() throws IOException {
        Path file = file();
        try (DiskImage first = Images.open(file, ImageFormat.RAW, ImageOptions.WRITABLE)) {
            assertThat(first.readOnly()).isFalse();
            assertThatThrownBy(() -> Images.open(file, ImageFormat.RAW, ImageOptions.WRITABLE))
                    .hasMessageContaining("in use");
            assertThatThrownBy(() -> Images.open(file, ImageFormat.RAW, ImageOptions.READ_ONLY))
                    .hasMessageContaining("in use");
        }
        Images.open(file, ImageFormat.RAW, ImageOptions.WRITABLE).close();
    }

    @Test
    void readers_share() throws IOException {
        Path file = file();
        try (DiskImage first = Images.open(file, ImageFormat.RAW, ImageOptions.READ_ONLY);
                DiskImage second = Images.open(file, ImageFormat.RAW, ImageOptions.READ_ONLY)) {
            assertThat(first.size()).isEqualTo(second.size());
            assertThatThrownBy(() -> Images.open(file, ImageFormat.RAW, ImageOptions.WRITABLE))
                    .hasMessageContaining("in use");
        }
    }

    @Test
    void resize_changesTheSize() throws IOException {
        try (DiskImage image = Images.open(file(), ImageFormat.RAW, ImageOptions.WRITABLE)) {
            image.resize(1 << 20);
            byte[] back = new byte[10];
            image.read((1 << 20) - 10, MemorySegment.ofArray(back));
            assertThat(back).containsOnly(0);
        }
    }
}
