/**
 * The translator: hot guest code becomes JVM bytecode. A {@link Region} is one hidden class with
 * one method, which keeps guest registers in Java locals. {@code docs/emulator.md} has the design.
 */
package io.queztl.emulator.translate;
