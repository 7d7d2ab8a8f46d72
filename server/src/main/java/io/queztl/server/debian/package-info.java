/** Debian 12 as a guest: built on this host, kept in the cache, booted with its own kernel. */
package io.queztl.server.debian;
