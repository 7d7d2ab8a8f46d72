package io.queztl.server.cli;

import io.queztl.devices.storage.DiskImage;
import io.queztl.devices.storage.ImageOptions;
import io.queztl.devices.storage.Images;
import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.server.control.Json;
import io.queztl.server.image.DiskKernel;
import io.queztl.vmm.bootdisk.BootDisk;
import io.queztl.vmm.bootdisk.InstalledKernel;
import io.queztl.vmm.bootdisk.Volume;
import io.queztl.vmm.disk.DiskFiles;
import io.queztl.vmm.disk.Partition;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code queztl image inspect}: what is on a disk. */
@Command(
        name = "inspect",
        description = {
            "Lists a disk's partitions and the kernels on it, in the order in which its boot loader has"
                    + " them; 'queztl run --boot disk' boots the first.",
        },
        mixinStandardHelpOptions = true)
final class ImageInspectCommand implements Callable<Integer> {
    private final HostIo io;

    @Parameters(paramLabel = "FILE", description = "an image, or the URI of an NBD export")
    private String path = "";

    @Option(names = "--format", description = "raw or qcow2")
    private @Nullable String format;

    @Option(names = "--backing", description = "follow backing files")
    private boolean backing;

    @Option(names = "--json", description = "print JSON")
    private boolean json;

    ImageInspectCommand(HostIo io) {
        this.io = io;
    }

    @Override
    public Integer call() {
        PrintStream out = new PrintStream(io.out(), true, StandardCharsets.UTF_8);
        try (DiskImage image =
                Images.open(
                        path, ImageCommand.format(path, format), new ImageOptions(true, backing))) {
            BootDisk disk = BootDisk.read(image);
            if (json) {
                out.println(Json.write(facts(disk)));
            } else {
                print(out, disk);
            }
            return ExitStatus.OK;
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.IMAGE,
                    "the disk %s cannot be read: %s.".formatted(path, DiskKernel.reason(e)),
                    e);
        }
    }

    private static void print(PrintStream out, BootDisk disk) {
        out.printf("partition table: %s%n", kind(disk));
        for (Volume volume : disk.volumes()) {
            Partition partition = volume.partition();
            out.printf(
                    Locale.ROOT,
                    "%s: %s%s%n",
                    volume.shown(),
                    partition == null ? "" : "%d MiB, ".formatted(partition.bytes() >> 20),
                    volume.fileSystem().isEmpty() ? "of no known kind" : volume.fileSystem());
        }
        for (InstalledKernel kernel : disk.kernels()) {
            out.printf(
                    "%nkernel: %s%n  title: %s%n  by: %s%n  initrd: %s%n  options: %s%n",
                    DiskKernel.printable(kernel.kernel()),
                    DiskKernel.printable(kernel.title()),
                    DiskKernel.printable(kernel.source()),
                    DiskKernel.printable(String.join(" ", kernel.initrds())),
                    DiskKernel.printable(kernel.options()));
        }
        disk.notes().forEach(note -> out.printf("%nnote: %s%n", DiskKernel.printable(note)));
    }

    private static String kind(BootDisk disk) {
        return disk.table().kind().name().toLowerCase(Locale.ROOT);
    }

    private static Map<String, Object> facts(BootDisk disk) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("partition-table", kind(disk));
        facts.put("volumes", disk.volumes().stream().map(ImageInspectCommand::facts).toList());
        facts.put("kernels", disk.kernels().stream().map(ImageInspectCommand::facts).toList());
        facts.put("notes", disk.notes());
        return facts;
    }

    private static Map<String, Object> facts(Volume volume) {
        Map<String, Object> facts = new LinkedHashMap<>();
        Partition partition = volume.partition();
        if (partition != null) {
            facts.put("partition", partition.number());
            facts.put("start", partition.start());
            facts.put("bytes", partition.bytes());
            facts.put("type", partition.type());
            facts.put("id", partition.id());
            facts.put("name", partition.name());
        }
        facts.put("file-system", volume.fileSystem());
        DiskFiles files = volume.files();
        if (files != null) {
            facts.put("uuid", files.uuid().toString());
            facts.put("label", files.label());
        }
        return facts;
    }

    private static Map<String, Object> facts(InstalledKernel kernel) {
        Map<String, Object> facts = new LinkedHashMap<>();
        Partition partition = kernel.volume().partition();
        facts.put("partition", partition == null ? 0 : partition.number());
        facts.put("source", kernel.source());
        facts.put("title", kernel.title());
        facts.put("kernel", kernel.kernel());
        facts.put("initrds", List.copyOf(kernel.initrds()));
        facts.put("options", kernel.options());
        return facts;
    }
}
