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
    /* A test that other messages came between: its name, then in a record of its own its result. */
    static char pending[200];
    char text[200];
    const char *start = strstr(line, prefix);
    if (start != NULL)
        start += strlen(prefix);
    else if (*pending != 0 && (start = strchr(line, ';')) != NULL)
        start++;
    else
        return;
    snprintf(text, sizeof text, "%s%.*s", start[0] == '#' ? "" : pending,
             (int) strcspn(start, "\n"), start);
    pending[0] = 0;
    if (*text != '#') {
        printf("@info test_bpf: %s\n", text);
        return;
    }
    char *end = strstr(text, "jited:");
    char *passed = strstr(end != NULL ? end : text, "PASS");
    char *failed = strstr(end != NULL ? end : text, "FAIL");
    if (passed == NULL && failed == NULL) {
        snprintf(pending, sizeof pending, "%s", text);
        return;
    }
    char reason[200];
    if (end == NULL)
        end = failed != NULL ? failed : passed;
    snprintf(reason, sizeof reason, "%s", end);
    while (end > text && end[-1] == ' ')
        end--;
    *end = 0;
    /* A colon ends the name in a report. */
    for (char *colon = text; (colon = strchr(colon, ':')) != NULL;)
        *colon = ',';
    printf(failed != NULL ? "@fail %s: %s\n" : "@pass %s\n", text, reason);
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
