/** The host's side of the agent in the guest: commands, files, shutting down. */
package io.queztl.server.agent;
