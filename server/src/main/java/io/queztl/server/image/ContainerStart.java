package io.queztl.server.image;

import io.queztl.server.guest.Launcher;
import io.queztl.server.guest.RootInitramfs;
import io.queztl.server.guest.ShellText;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One command on a root disk, as {@code docker run} would run it: shell lines for the guest. */
public final class ContainerStart {
    private ContainerStart() {}

    /**
     * What the guest is to run.
     *
     * @param words the program and its arguments; not empty
     * @param hostName the guest's name
     * @param terminal whether there is one
     * @param input whether the program can read what comes from outside
     */
    public static RootInitramfs.Start of(
            ImageConfig config,
            Account account,
            List<String> words,
            String hostName,
            boolean terminal,
            boolean input) {
        Map<String, String> environment = new LinkedHashMap<>(config.environment());
        environment.putIfAbsent("HOME", account.home());
        environment.putIfAbsent("HOSTNAME", hostName);
        if (terminal) {
            environment.putIfAbsent("TERM", "linux");
        }
        List<String> variables = new ArrayList<>();
        environment.forEach((name, value) -> variables.add(name + "=" + value));
        String text =
                """
                HOST_NAME=%s
                FOLDER=%s
                SEARCH=%s
                PROGRAM=%s
                prepare() { :; }
                run() { setsid %s env -i %s $home/launch "$program" %s %s; }
                """
                        .formatted(
                                ShellText.quoted(hostName),
                                ShellText.quoted(config.workingFolder()),
                                ShellText.quoted(environment.getOrDefault("PATH", "")),
                                ShellText.quoted(words.getFirst()),
                                input ? "-c" : "",
                                ShellText.quoted(variables),
                                ShellText.quoted(words.subList(1, words.size())),
                                input ? "" : "</dev/null");
        return new RootInitramfs.Start(
                "", text, Launcher.program(account.user(), account.group(), account.groups()));
    }
}
