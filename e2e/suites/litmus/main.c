/*
 * Litmus tests: programs of two to four threads whose outcomes tell which memory model the CPUs keep.
 * x86's is TSO: as if each CPU had a queue of stores that it alone can see (Sewell et al., "x86-TSO",
 * CACM 53(7), 2010; SDM volume 3, 9.2). For each test:
 *
 *   @pass TEST: OUTCOME COUNT, ...      relaxed marks what no interleaving of the threads gives
 *   @fail TEST: ...                     what TSO forbids was seen
 */
#define _GNU_SOURCE
#include "litmus.h"
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void (*job)(int);
static int arrived;
static int turn;

void rendezvous(int n)
{
    int mine = __atomic_load_n(&turn, __ATOMIC_SEQ_CST);
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST) == n) {
        __atomic_store_n(&arrived, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&turn, mine + 1, __ATOMIC_SEQ_CST);
    }
    while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) == mine)
        __builtin_ia32_pause();
}

static void *run(void *argument)
{
    int k = (int) (intptr_t) argument;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(k % sysconf(_SC_NPROCESSORS_ONLN), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        perror("sched_setaffinity");
        exit(1);
    }
    job(k);
    return NULL;
}

void in_parallel(int n, void (*work)(int))
{
    pthread_t threads[THREADS];
    job = work;
    for (int k = 0; k < n; k++)
        if (pthread_create(&threads[k], NULL, run, (void *) (intptr_t) k) != 0) {
            perror("pthread_create");
            exit(1);
        }
    for (int k = 0; k < n; k++)
        pthread_join(threads[k], NULL);
}

static void report(const char *how, const char *test, const char *format, va_list arguments)
{
    printf("@%s %s: ", how, test);
    vprintf(format, arguments);
    printf("\n");
    fflush(stdout);
}

void pass(const char *test, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report("pass", test, format, arguments);
    va_end(arguments);
}

void fail(const char *test, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report("fail", test, format, arguments);
    va_end(arguments);
}

int main(int argc, char **argv)
{
    int scale = argc > 1 ? atoi(argv[1]) : 1;
    ordering(scale * 100000);
    atomicity(scale * 10000);
    return 0;
}
