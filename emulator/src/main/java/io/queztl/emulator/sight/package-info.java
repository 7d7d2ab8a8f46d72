/** What can be seen of the CPU at work: counters, JFR events, a profile of the guest. */
package io.queztl.emulator.sight;
