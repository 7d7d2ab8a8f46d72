package io.queztl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.MethodModel;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** HotSpot never compiles a method of 8,000 bytes of bytecode or more (HugeMethodLimit). */
class BytecodeSizeTest {
    private static final int LIMIT = 8_000;

    /** One class of each module, to find the module by. */
    private static final List<String> MODULES =
            List.of(
                    "io.queztl.linux.Mmap",
                    "io.queztl.machine.bus.Bus",
                    "io.queztl.emulator.SoftwareAccelerator",
                    "io.queztl.devices.legacy.Serial",
                    "io.queztl.vmm.builder.VmBuilder",
                    "io.queztl.server.cli.Main");

    @Test
    void everyMethod_isSmallEnoughToBeCompiled() throws Exception {
        List<String> tooBig = new ArrayList<>();
        int methods = 0;
        for (String name : MODULES) {
            URI place =
                    Class.forName(name).getProtectionDomain().getCodeSource().getLocation().toURI();
            Path path = Path.of(place);
            if (Files.isDirectory(path)) {
                methods += check(path, tooBig);
            } else {
                try (FileSystem jar = FileSystems.newFileSystem(path, Map.of())) {
                    methods += check(jar.getPath("/"), tooBig);
                }
            }
        }
        assertThat(methods).isGreaterThan(1_000);
        assertThat(tooBig).isEmpty();
    }

    private static int check(Path root, List<String> tooBig) throws IOException {
        int methods = 0;
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
                ClassModel model = ClassFile.of().parse(Files.readAllBytes(file));
                for (MethodModel method : model.methods()) {
                    methods++;
                    int size = size(method);
                    // Initializers run once; tables are built there.
                    if (size >= LIMIT && !method.methodName().equalsString("<clinit>")) {
                        tooBig.add(
                                "%s.%s: %d bytes"
                                        .formatted(
                                                model.thisClass().asInternalName(),
                                                method.methodName().stringValue(),
                                                size));
                    }
                }
            }
        }
        return methods;
    }

    private static int size(MethodModel method) {
        return method.findAttribute(java.lang.classfile.Attributes.code())
                .map(code -> code.codeLength())
                .orElse(0);
    }
}
