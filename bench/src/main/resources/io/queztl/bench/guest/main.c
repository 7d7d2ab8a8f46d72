/*
 * bench NAME COUNT: does COUNT units of one kind of work and prints a checksum of the results,
 * which must be the same on every machine.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    work *run;
} works[] = {
    {"coremark", coremark},
    {"dhrystone", dhrystone},
    {"matmul-double", matmul_double},
    {"matmul-x87", matmul_x87},
    {"matmul-avx2", matmul_avx2},
    {"nbody", nbody},
    {"memcpy", copy_memory},
    {"page-faults", page_faults},
    {"pipe", pipe_bytes},
    {"context-switch", context_switches},
    {"fork-exec", fork_exec},
    {"syscall", syscalls},
    {"file-tree", file_tree},
};

uint64_t hash(uint64_t seed, const void *data, unsigned long bytes)
{
    const unsigned char *p = data;
    uint64_t h = seed ^ 0xcbf29ce484222325u;
    while (bytes--) {
        h = (h ^ *p++) * 0x100000001b3u;
    }
    return h;
}

_Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

int main(int argc, char **argv)
{
    /* What fork-exec executes. */
    if (argc == 2 && !strcmp(argv[1], "nothing")) {
        return 7;
    }
    for (unsigned i = 0; argc == 3 && i < sizeof works / sizeof *works; i++) {
        if (!strcmp(argv[1], works[i].name)) {
            printf("%016llx\n", (unsigned long long) works[i].run(atol(argv[2])));
            return 0;
        }
    }
    fprintf(stderr, "usage: bench NAME COUNT\n");
    return 2;
}
