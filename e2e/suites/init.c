/*
 * The init of a test guest: runs the commands of /suite/commands, as many at a time as there are
 * CPUs, reports each on the console, and switches the machine off.
 *
 * A line of /suite/commands is "NAME COMMAND ARGUMENTS...", split at spaces. A command passes if it
 * exits with 0 and, where /suite/expected/NAME exists, has printed exactly that. A command named "-"
 * reports for itself on the console. What init prints:
 *
 *   @pass NAME
 *   @fail NAME: REASON
 *   @info NAME: LINE      the end of what a failed command printed
 *   @end
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 64, ARGUMENTS = 16, INFO_LINES = 8, DEFAULT_TIMEOUT = 900 };

struct job {
    pid_t pid;
    char name[128];
    char output[64];
    time_t deadline;
    int timed_out;
};

static struct job jobs[JOBS];
static int running;
static int timeout_seconds = DEFAULT_TIMEOUT;

static time_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static char *contents(const char *path, size_t *size)
{
    struct stat s;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &s) != 0)
        return NULL;
    char *text = malloc(s.st_size + 1);
    ssize_t n = read(fd, text, s.st_size);
    close(fd);
    *size = n < 0 ? 0 : n;
    text[*size] = 0;
    return text;
}

static void print_tail(struct job *job)
{
    size_t size;
    char *text = contents(job->output, &size);
    if (text == NULL)
        return;
    char *start = text + size;
    for (int lines = 0; start > text; start--)
        if (start[-1] == '\n' && start != text + size && ++lines == INFO_LINES)
            break;
    for (char *line = strtok(start, "\n"); line != NULL; line = strtok(NULL, "\n"))
        printf("@info %s: %.160s\n", job->name, line);
    free(text);
}

/* True if the output is as expected or nothing is expected; else says where it differs. */
static int as_expected(struct job *job)
{
    char path[PATH_MAX];
    size_t have_size, want_size;
    snprintf(path, sizeof path, "/suite/expected/%s", job->name);
    char *want = contents(path, &want_size);
    if (want == NULL)
        return 1;
    char *have = contents(job->output, &have_size);
    int line = 1;
    size_t i = 0, start = 0;
    while (i < have_size && i < want_size && have[i] == want[i]) {
        if (have[i++] == '\n') {
            line++;
            start = i;
        }
    }
    int same = i == have_size && i == want_size;
    if (!same)
        printf("@fail %s: line %d is '%.*s', on the host it is '%.*s'\n", job->name, line,
               (int) strcspn(have + start, "\n"), have + start,
               (int) strcspn(want + start, "\n"), want + start);
    free(want);
    free(have);
    return same;
}

static void report(struct job *job, int status)
{
    if (strcmp(job->name, "-") == 0)
        return;
    if (job->timed_out)
        printf("@fail %s: not done after %d s\n", job->name, timeout_seconds);
    else if (WIFSIGNALED(status))
        printf("@fail %s: killed by signal %d\n", job->name, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        printf("@fail %s: exit status %d\n", job->name, WEXITSTATUS(status));
    else if (as_expected(job)) {
        printf("@pass %s\n", job->name);
        unlink(job->output);
        return;
    } else {
        unlink(job->output);
        return;
    }
    print_tail(job);
    unlink(job->output);
}

/* Waits until fewer than limit jobs run. */
static void wait_for(int limit)
{
    while (running >= limit) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0) {
            for (int i = 0; i < JOBS; i++)
                if (jobs[i].pid != 0 && !jobs[i].timed_out && now() > jobs[i].deadline) {
                    jobs[i].timed_out = 1;
                    kill(-jobs[i].pid, SIGKILL);
                }
            /* SIGCHLD ends the sleep. */
            struct timespec second = {1, 0};
            sigset_t child;
            sigemptyset(&child);
            sigaddset(&child, SIGCHLD);
            sigtimedwait(&child, NULL, &second);
            continue;
        }
        for (int i = 0; i < JOBS; i++)
            if (jobs[i].pid == pid) {
                kill(-pid, SIGKILL);
                report(&jobs[i], status);
                jobs[i].pid = 0;
                running--;
            }
    }
}

static void start(char *name, char **argv)
{
    int i = 0;
    while (jobs[i].pid != 0)
        i++;
    struct job *job = &jobs[i];
    snprintf(job->name, sizeof job->name, "%s", name);
    snprintf(job->output, sizeof job->output, "/tmp/output.%d", i);
    job->deadline = now() + timeout_seconds;
    job->timed_out = 0;
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setpgid(0, 0);
        if (strcmp(name, "-") != 0) {
            char folder[64];
            int fd = open(job->output, O_CREAT | O_TRUNC | O_WRONLY, 0600);
            dup2(fd, 1);
            dup2(fd, 2);
            close(fd);
            snprintf(folder, sizeof folder, "/tmp/%d", i);
            mkdir(folder, 0777);
            if (chdir(folder) != 0)
                _exit(126);
        }
        execv(argv[0], argv);
        dprintf(2, "cannot run %s: %m\n", argv[0]);
        _exit(127);
    }
    setpgid(pid, pid);
    job->pid = pid;
    running++;
}

static void loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
}

int main(void)
{
    mkdir("/dev", 0755);
    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    mkdir("/tmp", 01777);
    mount("dev", "/dev", "devtmpfs", 0, "");
    mount("proc", "/proc", "proc", 0, "");
    mount("sys", "/sys", "sysfs", 0, "");
    mount("tmp", "/tmp", "tmpfs", 0, "");
    mkdir("/dev/shm", 01777);
    mount("shm", "/dev/shm", "tmpfs", 0, "");
    int console = open("/dev/console", O_RDWR);
    if (console >= 0) {
        dup2(console, 0);
        dup2(console, 1);
        dup2(console, 2);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    loopback_up();
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    setenv("PATH", "/bin:/suite", 1);
    setenv("HOME", "/tmp", 1);

    int cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus < 1 || cpus > JOBS)
        cpus = 1;
    FILE *commands = fopen("/suite/commands", "r");
    char line[1024];
    while (commands != NULL && fgets(line, sizeof line, commands) != NULL) {
        char *words[ARGUMENTS];
        int n = 0;
        for (char *w = strtok(line, " \n"); w != NULL && n < ARGUMENTS - 1; w = strtok(NULL, " \n"))
            words[n++] = w;
        words[n] = NULL;
        if (n < 2)
            continue;
        wait_for(cpus);
        start(words[0], words + 1);
    }
    wait_for(1);
    printf("@end\n");
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}
