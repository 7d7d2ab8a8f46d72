package io.queztl.server.cli;

import io.queztl.server.CommandException;
import io.queztl.server.ExitStatus;
import io.queztl.vmm.boot.BootException;
import io.queztl.vmm.config.VmException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The command line: takes arguments and streams, gives an exit status, ends nothing. */
@Command(
        name = "queztl",
        description = "Runs virtual machines.",
        mixinStandardHelpOptions = true,
        versionProvider = Cli.Version.class,
        synopsisSubcommandLabel = "COMMAND")
public final class Cli implements Runnable {
    @Spec private @Nullable CommandSpec spec;

    private Cli() {}

    /** Runs one command with the streams of this process. */
    public static int run(String... arguments) {
        return run(HostIo.ofProcess(), arguments);
    }

    /** Runs one command with streams that are no terminal. */
    public static int run(InputStream in, OutputStream out, OutputStream err, String... arguments) {
        PrintStream lines = new PrintStream(err, true, StandardCharsets.UTF_8);
        return run(new HostIo(in, out, lines, null), arguments);
    }

    static int run(HostIo io, String... arguments) {
        CommandLine line = new CommandLine(new Cli());
        line.addSubcommand(new RunCommand(io));
        CommandLine images = new CommandLine(new ImageCommand(io));
        line.addSubcommand(ImageStoreCommands.addTo(images, io));
        VmCommands.addTo(line, io);
        line.setOut(new PrintWriter(io.out(), true, StandardCharsets.UTF_8));
        line.setErr(new PrintWriter(io.err(), true));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setParameterExceptionHandler((e, args) -> {
            String command = e.getCommandLine().getCommandSpec().qualifiedName(" ");
            return fail(
                    io,
                    ExitStatus.USAGE,
                    "%s; '%s --help' lists what there is."
                            .formatted(sentence(e.getMessage()), command));
        });
        line.setExecutionExceptionHandler((e, command, result) -> report(io, e));
        return line.execute(arguments);
    }

    @Override
    public void run() {
        CommandSpec s = spec;
        if (s != null) {
            throw new CommandLine.ParameterException(s.commandLine(), "no command given");
        }
    }

    /** The one place where an exception becomes a message and an exit status. */
    private static int report(HostIo io, Exception e) {
        return switch (e) {
            case CommandException c -> fail(io, c.status(), c.getMessage());
            case BootException b -> fail(io, status(b.code()), b.getMessage());
            case VmException v ->
                    fail(
                            io,
                            switch (v.code()) {
                                case CONFIGURATION -> ExitStatus.USAGE;
                                case HOST -> ExitStatus.HOST;
                            },
                            v.getMessage());
            default -> {
                StackTraceElement[] trace = e.getStackTrace();
                yield fail(
                        io,
                        ExitStatus.INTERNAL,
                        "an error in Queztl, please report it: %s at %s."
                                .formatted(e, trace.length == 0 ? "?" : trace[0]));
            }
        };
    }

    private static int status(BootException.Code code) {
        return switch (code) {
            case UNREADABLE,
                    KERNEL_FORMAT,
                    KERNEL_DAMAGED,
                    INITRD_DAMAGED,
                    MEMORY_TOO_SMALL,
                    TOO_MANY ->
                    ExitStatus.BOOT;
            case COMMAND_LINE -> ExitStatus.USAGE;
        };
    }

    static int fail(HostIo io, int status, @Nullable String message) {
        io.err().println("queztl: " + message);
        return status;
    }

    /** The library's message as the start of a sentence of ours. */
    private static String sentence(@Nullable String message) {
        String m = message == null || message.isEmpty() ? "wrong arguments" : message;
        m = m.lines().findFirst().orElse(m).strip();
        if (m.endsWith(".")) {
            m = m.substring(0, m.length() - 1);
        }
        boolean lower = m.length() > 1 && Character.isLowerCase(m.charAt(1));
        return lower ? Character.toLowerCase(m.charAt(0)) + m.substring(1) : m;
    }

    /** What {@code --version} prints. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {
                "queztl 0.1.0-SNAPSHOT", "Java " + Runtime.version(),
            };
        }
    }
}
