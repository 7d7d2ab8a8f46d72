/* What the guest's kernel and its memory management unit do for a program. */
#define _GNU_SOURCE
#include "bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static void check(int result, const char *what)
{
    if (result < 0) {
        fail(what);
    }
}

static int wait_for(pid_t child)
{
    int status;
    check(waitpid(child, &status, 0), "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* Copies of 16 bytes to 1 MiB, most of them unaligned; about as many bytes of each size. */
uint64_t copy_memory(long count)
{
    enum { BYTES = 1 << 20, EDGE = 64 };
    static char from[BYTES + EDGE], to[BYTES + EDGE];
    uint32_t random = 0x51ed270b;
    for (int i = 0; i < BYTES + EDGE; i++) {
        from[i] = (char) next_random(&random);
    }
    uint64_t h = 0;
    for (long n = 0; n < count; n++) {
        for (long size = 16; size <= BYTES; size *= 4) {
            /* Few of the small ones: their calls would hide the copying. */
            long copies = size < 1024 ? 2048 : BYTES / size;
            for (long i = 0; i < copies; i++) {
                long offset = i * size % BYTES;
                memcpy(to + offset + (i & 15), from + offset + (n & 31), (size_t) size);
                __asm__ volatile("" : : "r"(to) : "memory");
            }
        }
        h = hash(h, to + (n * 977 & (BYTES - 1)), EDGE);
    }
    return h;
}

/* Each unit maps 4 MiB, touches its pages, forks over some of them and unmaps. */
uint64_t page_faults(long count)
{
    enum { PAGES = 1024 };
    uint64_t h = 0;
    for (long n = 0; n < count; n++) {
        char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) {
            fail("mmap");
        }
        madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE);
        for (int i = 0; i < PAGES; i++) {
            p[i * PAGE] = (char) (i + n);
        }
        check(mprotect(p, PAGES * PAGE / 2, PROT_READ), "mprotect");
        check(mprotect(p, PAGES * PAGE / 2, PROT_READ | PROT_WRITE), "mprotect");
        for (int i = 0; i < PAGES; i++) {
            p[i * PAGE + 1] = p[i * PAGE];
            h += (unsigned char) p[i * PAGE + 1];
        }
        munmap(p, PAGES * PAGE);
    }
    return h;
}

/* A child writes units of 64 KiB, the parent reads them. */
uint64_t pipe_bytes(long count)
{
    enum { CHUNK = 65536 };
    static char buffer[CHUNK];
    int ends[2];
    check(pipe(ends), "pipe");
    pid_t child = fork();
    check(child, "fork");
    if (child == 0) {
        close(ends[0]);
        for (long n = 0; n < count; n++) {
            memset(buffer, (int) n, CHUNK);
            for (ssize_t done = 0, w; done < CHUNK; done += w) {
                w = write(ends[1], buffer + done, (size_t) (CHUNK - done));
                if (w < 0) {
                    _exit(1);
                }
            }
        }
        _exit(0);
    }
    close(ends[1]);
    uint64_t h = 0, at = 0;
    ssize_t r;
    while ((r = read(ends[0], buffer, CHUNK)) > 0) {
        /* One byte of each 4 KiB of the stream, however the reads cut it. */
        for (ssize_t i = (ssize_t) ((PAGE - at % PAGE) % PAGE); i < r; i += PAGE) {
            h = hash(h, buffer + i, 1);
        }
        at += (uint64_t) r;
    }
    close(ends[0]);
    return hash(h + at, "", 0) + (uint64_t) wait_for(child);
}

/* Two processes hand one byte to and fro. */
uint64_t context_switches(long count)
{
    int there[2], back[2];
    check(pipe(there), "pipe");
    check(pipe(back), "pipe");
    pid_t child = fork();
    check(child, "fork");
    unsigned char c = 0;
    if (child == 0) {
        close(there[1]);
        while (read(there[0], &c, 1) == 1) {
            c = (unsigned char) (c * 5 + 3);
            if (write(back[1], &c, 1) != 1) {
                _exit(1);
            }
        }
        _exit(0);
    }
    close(there[0]);
    uint64_t sum = 0;
    for (long n = 0; n < count; n++) {
        if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1) {
            fail("pipe");
        }
        sum = sum * 31 + c;
    }
    close(there[1]);
    close(back[0]);
    close(back[1]);
    return sum + (uint64_t) wait_for(child);
}

uint64_t fork_exec(long count)
{
    uint64_t sum = 0;
    for (long n = 0; n < count; n++) {
        pid_t child = fork();
        check(child, "fork");
        if (child == 0) {
            execl("/proc/self/exe", "bench", "nothing", (char *) NULL);
            _exit(127);
        }
        sum += (uint64_t) wait_for(child);
    }
    return sum;
}

/* Reads and writes of one byte each. */
uint64_t syscalls(long count)
{
    int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
    check(zero, "/dev/zero");
    check(null, "/dev/null");
    uint64_t sum = 0;
    for (long n = 0; n < count; n++) {
        char c = 1;
        sum += (uint64_t) read(zero, &c, 1) + (uint64_t) c;
        sum += (uint64_t) write(null, &c, 1);
    }
    close(zero);
    close(null);
    return sum;
}

/* Each unit makes a folder of files, reads, renames, lists and removes them. */
uint64_t file_tree(long count)
{
    enum { FILES = 24, BYTES = 3000 };
    char root[] = "/tmp/tree-XXXXXX", name[128], other[128], data[BYTES];
    uint64_t h = 0;
    if (!mkdtemp(root)) {
        fail(root);
    }
    for (long n = 0; n < count; n++) {
        char folder[64];
        snprintf(folder, sizeof folder, "%s/%ld", root, n);
        check(mkdir(folder, 0755), folder);
        for (int i = 0; i < FILES; i++) {
            snprintf(name, sizeof name, "%s/file-%d", folder, i);
            memset(data, (int) (n + i), sizeof data);
            int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
            check(fd, name);
            if (write(fd, data, sizeof data) != sizeof data) {
                fail(name);
            }
            close(fd);
        }
        for (int i = 0; i < FILES; i++) {
            struct stat s;
            snprintf(name, sizeof name, "%s/file-%d", folder, i);
            snprintf(other, sizeof other, "%s/renamed-%d", folder, i);
            check(rename(name, other), name);
            check(stat(other, &s), other);
            int fd = open(other, O_RDONLY);
            check(fd, other);
            ssize_t r = read(fd, data, sizeof data);
            close(fd);
            h = hash(h + (uint64_t) s.st_size + (uint64_t) r, data + i, 16);
        }
        DIR *d = opendir(folder);
        if (!d) {
            fail(folder);
        }
        for (struct dirent *e; (e = readdir(d));) {
            /* The order of the names is the file system's own. */
            h += strlen(e->d_name);
        }
        closedir(d);
        for (int i = 0; i < FILES; i++) {
            snprintf(other, sizeof other, "%s/renamed-%d", folder, i);
            check(unlink(other), other);
        }
        check(rmdir(folder), folder);
    }
    check(rmdir(root), root);
    return h;
}
