/* What the benchmark program's parts share. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

/* Work that does "count" units and returns a checksum of all that it computed. */
typedef uint64_t work(long count);

work coremark, dhrystone;
work matmul_double, matmul_x87, matmul_avx2, nbody;
work copy_memory, page_faults, pipe_bytes, context_switches, fork_exec, syscalls, file_tree;

/* FNV-1a, 64 bits; start with 0. */
uint64_t hash(uint64_t seed, const void *data, unsigned long bytes);

/* Says what failed and ends with status 1. */
_Noreturn void fail(const char *what);

/* A pseudo random number, always the same row of them from the same state. */
static inline uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

#endif
