#ifndef LITMUS_H
#define LITMUS_H

#include <stdint.h>

enum { THREADS = 4 };

/* Runs work(k) on n threads at once, each bound to a CPU; returns when all are done. */
void in_parallel(int n, void (*work)(int thread));

/* Waits until all n threads are here; with PAUSE, as a guest's spin locks have. */
void rendezvous(int n);

void pass(const char *test, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fail(const char *test, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Pseudo-random numbers, xorshift. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

void ordering(int iterations);
void atomicity(int iterations);

#endif
