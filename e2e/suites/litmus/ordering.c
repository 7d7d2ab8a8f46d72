/* Tests of the order in which loads and stores are seen. */
#include "litmus.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* x, y and z are in different cache lines, and in each round in other ones. */
struct cell {
    long x[8], y[8], z[8];
};

enum { CELLS = 1024, RESULTS_MAX = 4, DIGITS = RESULTS_MAX + 2, OUTCOMES = 729 /* 3^DIGITS */ };

static struct cell cells[CELLS] __attribute__((aligned(4096)));
static long results[CELLS][THREADS][2];
static volatile int position[THREADS][16];
static long counts[OUTCOMES];
static int rounds;

/*
 * The threads' programs. Memory is touched in the order of the assembly; r is where the thread's
 * results go, which is not part of the test.
 */
#define PROGRAM(name, text, ...)                                                                   \
    static void name(struct cell *c, long *r)                                                     \
    {                                                                                              \
        long a = 0, b = 0;                                                                         \
        __asm__ volatile(text : "+&r"(a), "+&r"(b) : "r"(c->x), "r"(c->y), "r"(c->z), "r"(1L),      \
                         "r"(2L) : "memory", "cc" __VA_ARGS__);                                    \
        RESULTS                                                                                    \
    }
#define AX "%0"
#define BX "%1"
#define X "(%2)"
#define Y "(%3)"
#define Z "(%4)"
#define SET1(where) "movq %5, " where "\n"
#define SET2(where) "movq %6, " where "\n"
#define GET(where, into) "movq " where ", " into "\n"
#define MFENCE "mfence\n"
#define LOCKED "lock; addl $0, -128(%%rsp)\n"

/* Programs without results. */
#define RESULTS (void) r;
PROGRAM(x1, SET1(X))
PROGRAM(y1, SET1(Y))
PROGRAM(x1_y1, SET1(X) SET1(Y))
PROGRAM(x2_y1, SET2(X) SET1(Y))
PROGRAM(x1_y2, SET1(X) SET2(Y))
PROGRAM(y1_x2, SET1(Y) SET2(X))
PROGRAM(x1_z1_y1, SET1(X) SET1(Z) SET1(Y))
PROGRAM(x1_y1_bytes, "movb $1, " X "\n movb $1, " Y "\n")
PROGRAM(x1_y1_string, "mov %2, %%rdi\n mov $1, %%eax\n mov $8, %%ecx\n rep stosb\n" SET1(Y), ,
        "rax", "rcx", "rdi")
PROGRAM(incx_incy, "incq " X "\n incq " Y "\n")
PROGRAM(x1_y1_sse, "movq %5, %%xmm0\n movdqa %%xmm0, " X "\n movdqa %%xmm0, " Y "\n", , "xmm0")
PROGRAM(x1_y1_moved, SET1(Z) "mov %4, %%rsi\n mov %2, %%rdi\n mov $8, %%ecx\n rep movsb\n" SET1(Y), ,
        "rcx", "rsi", "rdi")
#undef RESULTS

/* Programs with one result. */
#define RESULTS r[0] = a;
PROGRAM(x1_ry, SET1(X) GET(Y, AX))
PROGRAM(y1_rx, SET1(Y) GET(X, AX))
PROGRAM(y2_rx, SET2(Y) GET(X, AX))
PROGRAM(x1_mfence_ry, SET1(X) MFENCE GET(Y, AX))
PROGRAM(y1_mfence_rx, SET1(Y) MFENCE GET(X, AX))
PROGRAM(y2_mfence_rx, SET2(Y) MFENCE GET(X, AX))
PROGRAM(x1_locked_ry, SET1(X) LOCKED GET(Y, AX))
PROGRAM(y1_locked_rx, SET1(Y) LOCKED GET(X, AX))
PROGRAM(xchg_x1_ry, "mov %5, %1\n xchg %1, " X "\n" GET(Y, AX))
PROGRAM(xchg_y1_rx, "mov %5, %1\n xchg %1, " Y "\n" GET(X, AX))
PROGRAM(xadd_x1_ry, "mov %5, %1\n lock; xadd %1, " X "\n" GET(Y, AX))
PROGRAM(xadd_y1_rx, "mov %5, %1\n lock; xadd %1, " Y "\n" GET(X, AX))
PROGRAM(cmpxchg_x1_ry, "xor %%eax, %%eax\n lock; cmpxchg %5, " X "\n" GET(Y, AX), , "rax")
PROGRAM(cmpxchg_y1_rx, "xor %%eax, %%eax\n lock; cmpxchg %5, " Y "\n" GET(X, AX), , "rax")
PROGRAM(bts_x1_ry, "lock; btsq $0, " X "\n" GET(Y, AX))
PROGRAM(bts_y1_rx, "lock; btsq $0, " Y "\n" GET(X, AX))
PROGRAM(rx_y1, GET(X, AX) SET1(Y))
PROGRAM(ry_x1, GET(Y, AX) SET1(X))
#undef RESULTS

/* Programs with two results. */
#define RESULTS r[0] = a, r[1] = b;
PROGRAM(rx_ry, GET(X, AX) GET(Y, BX))
PROGRAM(ry_rx, GET(Y, AX) GET(X, BX))
PROGRAM(rx_rx, GET(X, AX) GET(X, BX))
PROGRAM(ry_rx_added, "addq " Y ", %0\n addq " X ", %1\n")
/* The reader has z to itself here. */
PROGRAM(ry_rx_moved, GET(Y, AX) "mov %2, %%rsi\n mov %4, %%rdi\n mov $8, %%ecx\n rep movsb\n"
                     GET(Z, BX), , "rcx", "rsi", "rdi")
PROGRAM(ry_rx_bytes, "movzbl " Y ", %k0\n movzbl " X ", %k1\n")
PROGRAM(ry_rx_sse, "movdqu " Y ", %%xmm0\n movdqu " X ", %%xmm1\n movq %%xmm0, %0\n movq %%xmm1, %1\n",
        , "xmm0", "xmm1")
PROGRAM(ry_rx_last, GET(Y, AX) "movzbl 7" X ", %k1\n")
PROGRAM(xadd_rx_ry, "lock; xadd %0, " X "\n lock; xadd %1, " Y "\n")
PROGRAM(xadd_ry_rx, "lock; xadd %0, " Y "\n lock; xadd %1, " X "\n")
PROGRAM(x1_rx_ry, SET1(X) GET(X, AX) GET(Y, BX))
PROGRAM(y1_ry_rx, SET1(Y) GET(Y, AX) GET(X, BX))
#undef RESULTS

/* What TSO says of the outcome that no interleaving gives. */
enum kind { RELAXED, FORBIDDEN };

struct test {
    const char *name;
    int threads;
    void (*program[THREADS])(struct cell *, long *);
    /* How many results each thread has, and whether the last values of x and y count. */
    int results[THREADS];
    int last;
    enum kind kind;
    /* The outcome that kind is about: the results and last values, '.' for any. */
    const char *outcome;
};

static const struct test tests[] = {
    /* Store buffering: the one relaxation of TSO. */
    {"SB", 2, {x1_ry, y1_rx}, {1, 1}, 0, RELAXED, "00"},
    {"SB+mfence", 2, {x1_mfence_ry, y1_mfence_rx}, {1, 1}, 0, FORBIDDEN, "00"},
    {"SB+locked-add", 2, {x1_locked_ry, y1_locked_rx}, {1, 1}, 0, FORBIDDEN, "00"},
    {"SB+mfence+locked-add", 2, {x1_mfence_ry, y1_locked_rx}, {1, 1}, 0, FORBIDDEN, "00"},
    {"SB+mfence+nothing", 2, {x1_mfence_ry, y1_rx}, {1, 1}, 0, RELAXED, "00"},
    {"SB+xchg", 2, {xchg_x1_ry, xchg_y1_rx}, {1, 1}, 0, FORBIDDEN, "00"},
    {"SB+xadd", 2, {xadd_x1_ry, xadd_y1_rx}, {1, 1}, 0, FORBIDDEN, "00"},
    {"SB+cmpxchg", 2, {cmpxchg_x1_ry, cmpxchg_y1_rx}, {1, 1}, 0, FORBIDDEN, "00"},
    {"SB+bts", 2, {bts_x1_ry, bts_y1_rx}, {1, 1}, 0, FORBIDDEN, "00"},
    /* A CPU sees its own stores early. */
    {"SB+rfi", 2, {x1_rx_ry, y1_ry_rx}, {2, 2}, 0, RELAXED, "1010"},
    {"SB+rfi-own", 2, {x1_rx_ry, y1_ry_rx}, {2, 2}, 0, FORBIDDEN, "0..."},
    /* Message passing: stores are seen in order, loads are made in order. */
    {"MP", 2, {x1_y1, ry_rx}, {0, 2}, 0, FORBIDDEN, "10"},
    {"MP+bytes", 2, {x1_y1_bytes, ry_rx_bytes}, {0, 2}, 0, FORBIDDEN, "10"},
    {"MP+inc+add", 2, {incx_incy, ry_rx_added}, {0, 2}, 0, FORBIDDEN, "10"},
    {"MP+movs+load", 2, {x1_y1_moved, ry_rx}, {0, 2}, 0, FORBIDDEN, "10"},
    {"MP+store+movs", 2, {x1_y1, ry_rx_moved}, {0, 2}, 0, FORBIDDEN, "10"},
    {"MP+sse-store", 2, {x1_y1_sse, ry_rx}, {0, 2}, 0, FORBIDDEN, "10"},
    {"MP+sse", 2, {x1_y1, ry_rx_sse}, {0, 2}, 0, FORBIDDEN, "10"},
    {"MP+three", 2, {x1_z1_y1, ry_rx}, {0, 2}, 0, FORBIDDEN, "10"},
    /* A string store may be out of order in itself, but what comes after it is later. */
    {"MP+string", 2, {x1_y1_string, ry_rx_last}, {0, 2}, 0, FORBIDDEN, "10"},
    {"MP+xadd", 2, {x1_y1, xadd_ry_rx}, {0, 2}, 0, FORBIDDEN, "10"},
    /* Load buffering: no store before an earlier load. */
    {"LB", 2, {rx_y1, ry_x1}, {1, 1}, 0, FORBIDDEN, "11"},
    /* Stores of two CPUs have one order. */
    {"2+2W", 2, {x1_y2, y1_x2}, {0, 0}, 1, FORBIDDEN, "11"},
    {"S", 2, {x2_y1, ry_x1}, {0, 1}, 1, FORBIDDEN, "12."},
    {"R", 2, {x1_y1, y2_rx}, {0, 1}, 1, RELAXED, "0.2"},
    {"R+mfence", 2, {x1_y1, y2_mfence_rx}, {0, 1}, 1, FORBIDDEN, "0.2"},
    /* Coherence: one location never goes back. */
    {"CoRR", 2, {x1, rx_rx}, {0, 2}, 0, FORBIDDEN, "10"},
    /* Causality: write to read, read to write. */
    {"WRC", 3, {x1, rx_y1, ry_rx}, {0, 1, 2}, 0, FORBIDDEN, "110"},
    {"RWC", 3, {x1, rx_ry, y1_rx}, {0, 2, 1}, 0, RELAXED, "100"},
    {"RWC+mfence", 3, {x1, rx_ry, y1_mfence_rx}, {0, 2, 1}, 0, FORBIDDEN, "100"},
    /* Independent reads of independent writes: all see stores in the same order. */
    {"IRIW", 4, {x1, y1, rx_ry, ry_rx}, {0, 0, 2, 2}, 0, FORBIDDEN, "1010"},
    {"IRIW+xadd", 4, {x1, y1, xadd_rx_ry, xadd_ry_rx}, {0, 0, 2, 2}, 0, FORBIDDEN, "1010"},
};

static const struct test *current;

static void work(int k)
{
    int n = current->threads;
    uint64_t seed = 0x9e3779b97f4a7c15 * (k + 1);
    for (int round = 0; round < rounds; round++) {
        rendezvous(n);
        for (int i = 0; i < CELLS; i++) {
            int at = round * CELLS + i;
            int cell = i * 389 % CELLS;
            position[k][0] = at;
            for (int spins = 0; spins < 100; spins++) {
                int behind = 0;
                for (int other = 0; other < n; other++)
                    behind |= position[other][0] - at < 0;
                if (!behind)
                    break;
            }
            for (int wait = next_random(&seed) & 7; wait > 0; wait--)
                __asm__ volatile("");
            current->program[k](&cells[cell], results[cell][k]);
        }
        rendezvous(n);
        if (k != 0)
            continue;
        for (int i = 0; i < CELLS; i++) {
            int outcome = 0;
            for (int t = 0; t < n; t++)
                for (int r = 0; r < current->results[t]; r++)
                    outcome = outcome * 3 + results[i][t][r];
            if (current->last)
                outcome = outcome * 9 + cells[i].x[0] * 3 + cells[i].y[0];
            counts[outcome]++;
        }
        memset(cells, 0, sizeof cells);
        memset(results, 0, sizeof results);
    }
}

static void run(const struct test *test)
{
    int digits = test->last ? 2 : 0;
    for (int t = 0; t < test->threads; t++)
        digits += test->results[t];
    memset(counts, 0, sizeof counts);
    current = test;
    int different = 0;
    /* On a busy host the threads may hardly overlap. */
    for (int tries = 0; tries < 4 && different < 3; tries++) {
        memset((void *) position, 0, sizeof position);
        in_parallel(test->threads, work);
        different = 0;
        for (int outcome = 0; outcome < OUTCOMES; outcome++)
            different += counts[outcome] >= 10;
    }

    char text[4096] = "";
    int seen = 0;
    long hits = 0;
    for (int outcome = 0; outcome < OUTCOMES; outcome++) {
        if (counts[outcome] == 0)
            continue;
        char name[DIGITS + 1] = "";
        int matches = 1;
        for (int d = digits - 1, rest = outcome; d >= 0; d--, rest /= 3) {
            name[d] = '0' + rest % 3;
            matches &= test->outcome[d] == '.' || test->outcome[d] == name[d];
        }
        hits += matches ? counts[outcome] : 0;
        seen++;
        const char *mark = !matches ? "" : test->kind == RELAXED ? " relaxed" : " FORBIDDEN";
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s %ld%s", used ? ", " : "", name,
                 counts[outcome], mark);
    }
    if (test->kind == FORBIDDEN && hits != 0)
        fail(test->name, "%s", text);
    else if (seen < 2)
        fail(test->name, "the threads never overlap: %s", text);
    else
        pass(test->name, "%s", text);
}

void ordering(int iterations)
{
    rounds = (iterations + CELLS - 1) / CELLS;
    for (size_t k = 0; k < sizeof tests / sizeof tests[0]; k++)
        run(&tests[k]);
}
