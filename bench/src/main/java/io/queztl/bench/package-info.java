/** Benchmarks beside their peers: the same guest under Queztl and under QEMU, in one run. */
@NullMarked
package io.queztl.bench;

import org.jspecify.annotations.NullMarked;
