// Runs single instructions on the host CPU for the differential tests.
//
// usage: native_oracle FILE BYTES    (FILE is shared with the test; see NativeOracle.java)
//
// A line "FROM TO" on standard input asks for these cases to be run; a line answers. Each case is
// entered by returning from a signal handler whose saved context was replaced by the case's, and
// left by the int3 that surrounds the instruction, or by its fault: both are signals, whose saved
// context is the result. Nothing but the kernel's own signal frame touches the registers.
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE 0x10000000ul
#define CODE_BYTES 0x3000ul
#define DATA 0x10100000ul
#define DATA_BYTES 0x2000ul
#define READ_ONLY 0x10110000ul
#define WINDOW 0x10100e00ul
#define WINDOW_BYTES 1024

struct state {
    uint64_t gpr[16];
    uint64_t rip;
    uint64_t rflags;
    uint64_t signal;
    uint64_t trap;
    uint64_t error;
    uint64_t cr2;
    uint64_t mode32;
    uint64_t code_length;
    uint8_t code[16];
    uint8_t pad[48];
    uint8_t fxsave[512];
    uint8_t ymm_high[256];
    uint8_t window[WINDOW_BYTES];
};

struct test_case {
    struct state in, out;
};

struct shared {
    volatile uint64_t current;
    uint8_t pad[4088];
    struct test_case cases[];
};

static struct shared *shared;
static uint8_t *code;
static int running;
static uint64_t count, current;
static gregset_t host;
static uint8_t host_fp[832];

static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void load(ucontext_t *uc, const struct state *s) {
    long long *g = uc->uc_mcontext.gregs;
    for (int i = 0; i < 16; i++) g[order[i]] = s->gpr[i];
    g[REG_RIP] = s->rip;
    g[REG_EFL] = s->rflags;
    g[REG_CSGSFS] = (s->mode32 ? 0x23ull : 0x33ull) | 0x2bull << 48;
    uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;
    memcpy(fp, s->fxsave, 28);
    memcpy(fp + 32, s->fxsave + 32, 384);
    *(uint64_t *)(fp + 512) |= 7;
    memcpy(fp + 576, s->ymm_high, 256);
    memset((void *)DATA, 0, DATA_BYTES);
    memcpy((void *)WINDOW, s->window, WINDOW_BYTES);
    memcpy(code + (s->rip - CODE), s->code, s->code_length);
    // The kernel does not take NT and ID from the saved context but leaves them as they are.
    __asm__ volatile("pushfq; andq $~0x204000, (%%rsp); popfq" ::: "memory", "cc");
}

static void store(ucontext_t *uc, const struct state *in, struct state *s, int signal) {
    long long *g = uc->uc_mcontext.gregs;
    for (int i = 0; i < 16; i++) s->gpr[i] = g[order[i]];
    s->rip = g[REG_RIP];
    s->rflags = g[REG_EFL];
    s->signal = signal;
    s->trap = g[REG_TRAPNO];
    s->error = g[REG_ERR];
    s->cr2 = g[REG_CR2];
    s->mode32 = (g[REG_CSGSFS] & 0xffff) == 0x23;
    uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;
    memcpy(s->fxsave, fp, 416);
    if (*(uint64_t *)(fp + 512) & 4) memcpy(s->ymm_high, fp + 576, 256);
    else memset(s->ymm_high, 0, 256);
    memcpy(s->window, (void *)WINDOW, WINDOW_BYTES);
    memset(code + (in->rip - CODE), 0xcc, in->code_length);
}

static void handler(int signal, siginfo_t *info, void *context) {
    (void)info;
    ucontext_t *uc = context;
    uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;
    if (!running) {
        if (signal != SIGTRAP) {
            if (signal == SIGALRM) return;
            _exit(3);
        }
        memcpy(host, uc->uc_mcontext.gregs, sizeof host);
        memcpy(host_fp, fp, sizeof host_fp);
        running = 1;
    } else {
        struct test_case *c = &shared->cases[current];
        store(uc, &c->in, &c->out, signal);
        current++;
    }
    shared->current = current;
    if (current == count) {
        memcpy(uc->uc_mcontext.gregs, host, sizeof host);
        memcpy(fp, host_fp, 464);
        memcpy(fp + 576, host_fp + 576, 256);
        running = 0;
        return;
    }
    load(uc, &shared->cases[current].in);
}

static void map(unsigned long address, unsigned long bytes, int protection) {
    void *p = mmap((void *)address, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p != (void *)address) {
        perror("mmap");
        _exit(2);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int fd = open(argv[1], O_RDWR);
    unsigned long bytes = strtoul(argv[2], 0, 0);
    shared = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    // Cases may not write their code; the oracle has it mapped a second time.
    int memory = memfd_create("code", MFD_CLOEXEC);
    if (memory < 0 || ftruncate(memory, CODE_BYTES)) return 2;
    code = mmap(0, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    memset(code, 0xcc, CODE_BYTES);
    void *p = mmap((void *)CODE, CODE_BYTES, PROT_READ | PROT_EXEC,
                   MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, memory, 0);
    if (p != (void *)CODE) {
        perror("mmap");
        return 2;
    }
    map(DATA, DATA_BYTES, PROT_READ | PROT_WRITE);
    memset((void *)DATA, 0, DATA_BYTES);
    map(READ_ONLY, 0x1000, PROT_READ);
    if (*(volatile char *)READ_ONLY) return 2; // so that the page is present
    static uint8_t stack[1 << 16];
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alt, 0);
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigfillset(&action.sa_mask);
    int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGALRM};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, 0);
    // Flat data segments for 32-bit code; GS with a base for segment prefixes in 64-bit code.
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" ::"r"(0x2b));
    syscall(SYS_arch_prctl, ARCH_SET_GS, DATA);
    setvbuf(stdout, 0, _IOLBF, 0);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        char *end;
        current = strtoul(line, &end, 10);
        count = strtoul(end, 0, 10);
        if (current < count) {
            alarm(20);
            __asm__ volatile("int3" ::: "memory");
            alarm(0);
        }
        printf("%lu\n", (unsigned long)count);
    }
    return 0;
}
