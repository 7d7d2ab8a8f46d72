/* Tests of locked instructions: no thread's update is lost, wherever the operand lies. */
#include "litmus.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static int iterations;

/* Two pages, so that an operand can lie across them. */
static unsigned char *memory;

/* The operand under test. */
static unsigned char *operand;

/* What the threads add up of the values that they have seen. */
static uint64_t seen[THREADS][8];

/* Where an operand of size bytes lies: aligned, and across 8 bytes, a cache line and a page. */
static const struct place {
    const char *name;
    int offset;
} places[] = {{"", 64}, {"+split8", 0}, {"+line", 128}, {"+page", PAGE}};

static int split(int place, int size)
{
    switch (place) {
    case 0:
        return places[0].offset;
    case 1:
        return 8 - size / 2;
    default:
        return places[place].offset - size / 2;
    }
}

static uint64_t load(int size)
{
    uint64_t value = 0;
    memcpy(&value, operand, size);
    return value;
}

static uint64_t mask(int size)
{
    return size == 8 ? ~0ull : (1ull << size * 8) - 1;
}

/* --- sums: each thread adds 1 so many times */

static void inc8(int k)
{
    for (int i = 0; i < iterations; i++)
        __asm__ volatile("lock; incb %0" : "+m"(*operand) : : "cc");
}

static void inc16(int k)
{
    for (int i = 0; i < iterations; i++)
        __asm__ volatile("lock; incw %0" : "+m"(*(uint16_t *) operand) : : "cc");
}

static void add32(int k)
{
    for (int i = 0; i < iterations; i++)
        __asm__ volatile("lock; addl $1, %0" : "+m"(*(uint32_t *) operand) : : "cc");
}

static void sub64(int k)
{
    for (int i = 0; i < iterations; i++)
        __asm__ volatile("lock; subq $-1, %0" : "+m"(*(uint64_t *) operand) : : "cc");
}

static void adc64(int k)
{
    for (int i = 0; i < iterations; i++)
        __asm__ volatile("stc; lock; adcq $0, %0" : "+m"(*(uint64_t *) operand) : : "cc");
}

#define XADD(bits, suffix)                                                                         \
    static void xadd##bits(int k)                                                                  \
    {                                                                                              \
        uint64_t sum = 0;                                                                          \
        for (int i = 0; i < iterations; i++) {                                                     \
            uint##bits##_t value = 1;                                                              \
            __asm__ volatile("lock; xadd" suffix " %0, %1"                                         \
                             : "+r"(value), "+m"(*(uint##bits##_t *) operand)                      \
                             :                                                                     \
                             : "cc", "memory");                                                    \
            sum += value;                                                                          \
        }                                                                                          \
        seen[k][0] = sum;                                                                          \
    }
XADD(16, "w")
XADD(32, "l")
XADD(64, "q")

#define CMPXCHG(bits, suffix)                                                                      \
    static void cmpxchg##bits(int k)                                                               \
    {                                                                                              \
        for (int i = 0; i < iterations; i++) {                                                     \
            uint##bits##_t old = 0;                                                                \
            unsigned char done;                                                                    \
            do {                                                                                   \
                uint##bits##_t next = old + 1;                                                     \
                __asm__ volatile("lock; cmpxchg" suffix " %3, %1; sete %2"                         \
                                 : "+a"(old), "+m"(*(uint##bits##_t *) operand), "=qm"(done)       \
                                 : "r"(next)                                                       \
                                 : "cc", "memory");                                                \
            } while (!done);                                                                       \
        }                                                                                          \
    }
CMPXCHG(16, "w")
CMPXCHG(32, "l")
CMPXCHG(64, "q")

static void cmpxchg8b(int k)
{
    for (int i = 0; i < iterations; i++) {
        uint32_t low = 0, high = 0;
        unsigned char done;
        do {
            uint64_t next = ((uint64_t) high << 32 | low) + 1;
            __asm__ volatile("lock; cmpxchg8b %2; sete %3"
                             : "+a"(low), "+d"(high), "+m"(*(uint64_t *) operand), "=qm"(done)
                             : "b"((uint32_t) next), "c"((uint32_t) (next >> 32))
                             : "cc", "memory");
        } while (!done);
    }
}

static const struct sum {
    const char *name;
    int size;
    void (*work)(int);
    /* Whether each thread has summed up the values before its own. */
    int unique;
} sums[] = {
    {"lock-inc8", 1, inc8, 0},          {"lock-inc16", 2, inc16, 0},
    {"lock-add32", 4, add32, 0},        {"lock-sub64", 8, sub64, 0},
    {"lock-adc64", 8, adc64, 0},        {"lock-xadd16", 2, xadd16, 0},
    {"lock-xadd32", 4, xadd32, 1},      {"lock-xadd64", 8, xadd64, 1},
    {"lock-cmpxchg16", 2, cmpxchg16, 0}, {"lock-cmpxchg32", 4, cmpxchg32, 0},
    {"lock-cmpxchg64", 8, cmpxchg64, 0}, {"lock-cmpxchg8b", 8, cmpxchg8b, 0},
};

static void run_sum(const struct sum *sum, int place)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", sum->name, places[place].name);
    memset(memory, 0, 2 * PAGE);
    operand = memory + split(place, sum->size);
    in_parallel(THREADS, sum->work);
    uint64_t count = (uint64_t) THREADS * iterations;
    uint64_t want = count & mask(sum->size);
    uint64_t have = load(sum->size);
    uint64_t all = 0;
    for (int k = 0; k < THREADS; k++)
        all += seen[k][0];
    if (have != want)
        fail(name, "%llu, not %llu", (unsigned long long) have, (unsigned long long) want);
    else if (sum->unique && all != count * (count - 1) / 2)
        fail(name, "a value was seen twice");
    else
        pass(name, "%llu", (unsigned long long) count);
}

/* --- 16 bytes: both halves change together */

static uint64_t torn;

static void cmpxchg16b(int k)
{
    unsigned __int128 *pair = (unsigned __int128 *) operand;
    for (int i = 0; i < iterations; i++) {
        uint64_t low = 0, high = 0;
        unsigned char done;
        do {
            if (high != low * 3)
                __atomic_add_fetch(&torn, 1, __ATOMIC_SEQ_CST);
            __asm__ volatile("lock; cmpxchg16b %2; sete %3"
                             : "+a"(low), "+d"(high), "+m"(*pair), "=qm"(done)
                             : "b"(low + 1), "c"(high + 3)
                             : "cc", "memory");
        } while (!done);
    }
}

static void run_cmpxchg16b(void)
{
    memset(memory, 0, 2 * PAGE);
    operand = memory + 16;
    torn = 0;
    in_parallel(THREADS, cmpxchg16b);
    uint64_t count = (uint64_t) THREADS * iterations, low, high;
    memcpy(&low, operand, 8);
    memcpy(&high, operand + 8, 8);
    if (low != count || high != 3 * count || torn != 0)
        fail("lock-cmpxchg16b", "%llu and %llu, not %llu and %llu; %llu times torn",
             (unsigned long long) low, (unsigned long long) high, (unsigned long long) count,
             (unsigned long long) (3 * count), (unsigned long long) torn);
    else
        pass("lock-cmpxchg16b", "%llu", (unsigned long long) count);
}

/* --- bits: each thread has its own, next to those of the others, and must find it as it left it */

static uint64_t surprises;

static void bits(int k)
{
    for (int i = 0; i < iterations; i++) {
        unsigned char first, second, third;
        __asm__ volatile("lock; btsl %4, %0; setc %1; lock; btrl %4, %0; setc %2;"
                         "lock; btcl %4, %0; setc %3; lock; btrl %4, %0"
                         : "+m"(*(uint32_t *) operand), "=&q"(first), "=&q"(second), "=&q"(third)
                         : "r"(k * 5 + 3)
                         : "cc", "memory");
        if (first || !second || third)
            __atomic_add_fetch(&surprises, 1, __ATOMIC_SEQ_CST);
    }
}

static void run_bits(int place)
{
    char name[64];
    snprintf(name, sizeof name, "lock-bts-btr-btc%s", places[place].name);
    memset(memory, 0, 2 * PAGE);
    operand = memory + split(place, 4);
    surprises = 0;
    in_parallel(THREADS, bits);
    if (surprises != 0 || load(4) != 0)
        fail(name, "%llu surprises, %llx is left", (unsigned long long) surprises,
             (unsigned long long) load(4));
    else
        pass(name, "%d", THREADS * iterations);
}

/* --- xchg: a spin lock of one byte to eight around what is not atomic */

static long guarded;

#define SPIN_LOCK(bits)                                                                            \
    static void xchg##bits(int k)                                                                  \
    {                                                                                              \
        volatile uint##bits##_t *lock = (uint##bits##_t *) operand;                                \
        for (int i = 0; i < iterations; i++) {                                                     \
            uint##bits##_t value = (uint##bits##_t) ~0ull;                                         \
            while (1) {                                                                            \
                __asm__ volatile("xchg %0, %1" : "+r"(value), "+m"(*lock) : : "memory");           \
                if (value == 0)                                                                    \
                    break;                                                                         \
                while (*lock != 0)                                                                 \
                    __builtin_ia32_pause();                                                        \
            }                                                                                      \
            guarded++;                                                                             \
            __asm__ volatile("mov %1, %0" : "=m"(*lock) : "r"((uint##bits##_t) 0) : "memory");     \
        }                                                                                          \
    }
SPIN_LOCK(8)
SPIN_LOCK(32)
SPIN_LOCK(64)

static void run_spin_lock(const char *name, void (*work)(int), int offset)
{
    memset(memory, 0, 2 * PAGE);
    operand = memory + offset;
    guarded = 0;
    in_parallel(THREADS, work);
    if (guarded != (long) THREADS * iterations)
        fail(name, "%ld, not %ld", guarded, (long) THREADS * iterations);
    else
        pass(name, "%ld", guarded);
}

/* --- neighbours: plain stores beside a locked byte, and locked accesses that overlap */

static void neighbours(int k)
{
    volatile unsigned char *mine = operand + k;
    for (int i = 0; i < iterations; i++) {
        if (k == 0) {
            __asm__ volatile("lock; incb %0" : "+m"(*operand) : : "cc");
            continue;
        }
        *mine = i;
        if (*mine != (unsigned char) i)
            __atomic_add_fetch(&surprises, 1, __ATOMIC_SEQ_CST);
    }
}

static void run_neighbours(void)
{
    memset(memory, 0, 2 * PAGE);
    operand = memory + 64;
    surprises = 0;
    in_parallel(THREADS, neighbours);
    if (surprises != 0 || *operand != (unsigned char) iterations)
        fail("plain-beside-locked", "%llu stores were lost", (unsigned long long) surprises);
    else
        pass("plain-beside-locked", "%d", iterations);
}

static void overlapping(int k)
{
    for (int i = 0; i < iterations; i++)
        if ((k & 1) == 0)
            __asm__ volatile("lock; addl $0x10000, %0" : "+m"(*(uint32_t *) (operand - 2)) : : "cc");
        else
            __asm__ volatile("lock; incw %0" : "+m"(*(uint16_t *) operand) : : "cc");
}

static void run_overlapping(const char *name, int offset)
{
    memset(memory, 0, 2 * PAGE);
    operand = memory + offset;
    in_parallel(THREADS, overlapping);
    uint64_t want = (uint64_t) THREADS * iterations & 0xffff;
    if (load(2) != want)
        fail(name, "%llu, not %llu", (unsigned long long) load(2), (unsigned long long) want);
    else
        pass(name, "%d", THREADS * iterations);
}

void atomicity(int count)
{
    memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    int all = sizeof places / sizeof places[0];
    for (size_t s = 0; s < sizeof sums / sizeof sums[0]; s++)
        for (int place = 0; place < all; place++) {
            if (place > 0 && sums[s].size == 1)
                break;
            /* A split operand stops all other CPUs of some machines. */
            iterations = place == 0 ? count : count / 10;
            run_sum(&sums[s], place);
        }
    for (int place = 0; place < all; place++) {
        iterations = place == 0 ? count : count / 10;
        run_bits(place);
    }
    iterations = count / 10;
    run_cmpxchg16b();
    run_overlapping("overlapping+split8", 8);
    run_overlapping("overlapping+page", PAGE);
    run_spin_lock("xchg64+page", xchg64, PAGE - 3);
    iterations = count;
    run_spin_lock("xchg8", xchg8, 67);
    run_spin_lock("xchg32", xchg32, 64);
    run_spin_lock("xchg64", xchg64, 64);
    run_neighbours();
}
