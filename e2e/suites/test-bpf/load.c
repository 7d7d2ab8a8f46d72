/* Loads the module test_bpf and reports what it writes into the kernel's log as init does. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char prefix[] = "test_bpf: ";
static volatile int loaded;

/*
 * "#12 NAME jited:1 33 35 PASS", or "... FAIL (2 times)"; the skb_segment and tail call tests lack
 * "jited". "Summary: ..." ends each group.
 */
static void report(const char *line)
{
    const char *text = strstr(line, prefix);
    if (text == NULL)
        return;
    text += strlen(prefix);
    char name[200];
    size_t n = strcspn(text, "\n");
    snprintf(name, sizeof name, "%.*s", (int) n, text);
    if (strstr(name, "Summary:") != NULL || *name != '#') {
        printf("@info test_bpf: %s\n", name);
        return;
    }
    const char *verdict = strstr(name, "FAIL") != NULL ? "fail" : "pass";
    int passed = strstr(name, "PASS") != NULL && strcmp(verdict, "pass") == 0;
    char *end = strstr(name, " jited:");
    char reason[200];
    snprintf(reason, sizeof reason, "%s", end != NULL ? end + 1 : name);
    if (end == NULL)
        end = strstr(name, passed ? " PASS" : " FAIL");
    if (end != NULL)
        *end = 0;
    if (passed)
        printf("@pass %s\n", name);
    else
        printf("@fail %s: %s\n", name, reason);
}

static void *load(void *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (syscall(SYS_finit_module, fd, "", 0) != 0)
        printf("@info test_bpf: the module says: %s\n", strerror(errno));
    loaded = 1;
    return NULL;
}

int main(int argc, char **argv)
{
    static char record[8192];
    int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
    pthread_t thread;
    if (argc != 2 || log < 0)
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_create(&thread, NULL, load, argv[1]);
    for (;;) {
        int last = loaded;
        ssize_t n;
        while ((n = read(log, record, sizeof record - 1)) > 0 || (n < 0 && errno == EPIPE)) {
            if (n > 0) {
                record[n] = 0;
                report(record);
            }
        }
        if (last)
            return 0;
        usleep(200000);
    }
}
