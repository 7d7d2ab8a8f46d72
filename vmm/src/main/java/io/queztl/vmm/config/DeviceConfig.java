package io.queztl.vmm.config;

/** A device that a VM has only if it is asked for. */
public sealed interface DeviceConfig
        permits DiskConfig,
                NetConfig,
                ConsoleConfig,
                PortConfig,
                ShareConfig,
                AgentConfig,
                VsockConfig,
                BalloonConfig,
                WatchdogConfig,
                PanicConfig {}
