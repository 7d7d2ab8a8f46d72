package io.queztl.bench;

import static io.queztl.bench.Item.program;

import io.queztl.bench.Item.Group;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The items, and the shell text that runs them in the guest. */
final class Suite {
    /** Start of the process to the first line of init, the kernel entered as an ELF vmlinux. */
    static final String BOOT = "boot";

    /** The same from the compressed kernel, which a monitor or the guest itself unpacks. */
    static final String BOOT_COMPRESSED = "boot-bzimage";

    /** What is measured in a running guest, in the order it runs. */
    static final List<Item> ITEMS =
            List.of(
                    program("coremark", Group.INTEGER, 8000),
                    program("dhrystone", Group.INTEGER, 7_000_000),
                    new Item("sort", Group.INTEGER, "head -n %d /data/lines | sort", 200_000),
                    new Item("sha256sum", Group.INTEGER, "head -c %dk /tmp/big | sha256sum", 20480),
                    new Item("md5sum", Group.INTEGER, "head -c %dk /tmp/big | md5sum", 20480),
                    program("matmul-double", Group.FLOATING_POINT, 200),
                    program("matmul-x87", Group.FLOATING_POINT, 160),
                    program("matmul-avx2", Group.FLOATING_POINT, 80),
                    program("nbody", Group.FLOATING_POINT, 700_000),
                    new Item("gzip", Group.TOOLS, packing("/bin/gzip -n", "/bin/gzip"), 4096),
                    new Item("xz", Group.TOOLS, packing("/usr/bin/xz -T1 -2", "/usr/bin/xz"), 2000),
                    new Item(
                            "zstd",
                            Group.TOOLS,
                            packing("/usr/bin/zstd -q --single-thread -9", "/usr/bin/zstd -q"),
                            4096),
                    new Item(
                            "openssl-sha256",
                            Group.TOOLS,
                            "head -c %dk /tmp/big | /usr/bin/openssl dgst -sha256",
                            16384),
                    new Item(
                            "openssl-aes",
                            Group.TOOLS,
                            "head -c %dk /tmp/big | " + cipher("-aes-256-ctr"),
                            12288),
                    new Item(
                            "openssl-chacha20",
                            Group.TOOLS,
                            "head -c %dk /tmp/big | " + cipher("-chacha20"),
                            14336),
                    new Item("python", Group.TOOLS, "python3 -S /bench/work.py %d", 15),
                    new Item("perl", Group.TOOLS, "perl /bench/work.pl %d", 17),
                    new Item(
                            "sqlite",
                            Group.TOOLS,
                            "sed s/@COUNT@/%d/ /bench/work.sql | sqlite3 :memory:",
                            40_000),
                    program("memcpy", Group.SYSTEM, 200),
                    program("page-faults", Group.SYSTEM, 110),
                    program("pipe", Group.SYSTEM, 2600),
                    program("context-switch", Group.SYSTEM, 20_000),
                    program("fork-exec", Group.SYSTEM, 400),
                    program("syscall", Group.SYSTEM, 700_000),
                    program("file-tree", Group.SYSTEM, 280));

    private Suite() {}

    /** Packs, shows the packed bytes, and unpacks all to look at the end. */
    private static String packing(String pack, String unpack) {
        return "head -c %dk /data/text | "
                + pack
                + " -c >/tmp/packed && cat /tmp/packed && "
                + unpack
                + " -dc </tmp/packed | tail -c 100";
    }

    private static String cipher(String name) {
        String hex = "00112233445566778899aabbccddeeff";
        return "/usr/bin/openssl enc %s -nosalt -K %s -iv %s | tail -c 4096"
                .formatted(name, hex + hex, hex);
    }

    /** All items, or all of {@code --io}. */
    static List<Item> all(boolean io) {
        return io ? Stream.concat(IoSuite.ITEMS.stream(), NetSuite.ITEMS.stream()).toList() : ITEMS;
    }

    /** The items that the options ask for. */
    static List<Item> selected(Options options) {
        return all(options.io()).stream()
                .filter(i -> options.only().matcher(i.name()).find())
                .toList();
    }

    /** The boots that the options ask for. */
    static List<String> selectedBoots(Options options) {
        return List.of(BOOT, BOOT_COMPRESSED).stream()
                .filter(b -> options.soakMinutes() == 0 && !options.io())
                .filter(b -> options.only().matcher(b).find())
                .toList();
    }

    /** A file that init reads: how long to warm up and how often to repeat. */
    static String settings(Options options) {
        return "WARM=%d\nREPEATS=%d\nSOAK=%s\nIO=%s\n"
                .formatted(
                        options.warmCentiseconds(),
                        options.repeats(),
                        options.soakMinutes() > 0 ? "1" : "",
                        options.io() ? "1" : "");
    }

    private static String network(List<Item> items) {
        boolean any = items.stream().anyMatch(i -> i.group() == Group.NETWORK);
        return any ? "; mkdir -p /sys; mount -t sysfs sys /sys; " + NetSuite.PREPARATION : "";
    }

    /** A file that init reads: the preparation, a function for each item, and one that runs all. */
    static String items(List<Item> items, Options options) {
        StringBuilder text = new StringBuilder();
        List<String> calls = new ArrayList<>();
        for (int i = 0; i < items.size(); i++) {
            Item item = items.get(i);
            text.append("item_%d() { %s; }\n".formatted(i, item.command(options.quick())));
            calls.add("run " + i + " " + item.name());
        }
        boolean big = items.stream().anyMatch(i -> i.command().contains("/tmp/big"));
        String preparation =
                options.io()
                        ? "for m in /modules/*; do insmod $m; done" + network(items)
                        : big ? "for i in 0 1 2 3 4 5 6 7; do cat /data/text; done >/tmp/big" : ":";
        text.append("prepare() { ").append(preparation).append("; }\n");
        text.append(calls.stream().collect(Collectors.joining("\n", "all() {\n", "\n}\n")));
        return text.toString();
    }
}
