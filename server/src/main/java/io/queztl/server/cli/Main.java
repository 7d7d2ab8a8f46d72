package io.queztl.server.cli;

/** The {@code queztl} command. */
public final class Main {
    private Main() {}

    /** Runs one command and ends the JVM with its exit status. */
    public static void main(String[] arguments) {
        System.exit(Cli.run(arguments));
    }
}
