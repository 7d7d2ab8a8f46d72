package io.queztl.server.cli;

import io.queztl.server.guest.StockModules;
import io.queztl.vmm.config.AgentConfig;
import io.queztl.vmm.config.DeviceConfig;
import java.util.List;
import picocli.CommandLine.Option;

/** The option of {@code queztl run} for the guest's agent. */
final class AgentOptions {
    @Option(
            names = "--agent",
            description =
                    "ports for Queztl's agent in the guest, which the stock guest then starts: for"
                            + " 'queztl exec', 'cp' and 'shutdown'")
    private boolean agent;

    /** For picocli. */
    AgentOptions() {}

    /** What the option asks for. */
    List<DeviceConfig> configs() {
        return agent ? List.of(new AgentConfig()) : List.of();
    }

    /** The modules that the stock guest loads for it. */
    List<List<String>> modules() {
        return agent ? List.of(StockModules.CONSOLE) : List.of();
    }

    /** What the stock guest's init is told. */
    String setting() {
        return agent ? "1" : "";
    }
}
