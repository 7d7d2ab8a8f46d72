package io.queztl.machine.cpu;

/**
 * A segment register with its hidden part (SDM volume 3, 3.4.3).
 *
 * @param selector the visible 16 bits
 * @param base the linear base address
 * @param limit the byte limit, already scaled by the granularity bit
 * @param attributes bits 8–23 of the descriptor's high word, moved to bit 0: type 3:0, S 4, DPL
 *     6:5, P 7, AVL 12, L 13, D/B 14, G 15; 0 in a null segment
 */
public record SegmentState(int selector, long base, int limit, int attributes) {}
