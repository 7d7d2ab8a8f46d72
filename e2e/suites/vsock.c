// Sockets of the guest, for VsockTest: vsock echo-client PORT BYTES | echo-server PORT | try PORT
#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int dial(unsigned port) {
    int s = socket(AF_VSOCK, SOCK_STREAM, 0);
    struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port};
    if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof a) < 0) {
        return -1;
    }
    return s;
}

static char pattern(long i) { return (char)(i * 31 + (i >> 8)); }

// A child sends; the parent checks what comes back.
static int echo_client(unsigned port, long bytes) {
    static char buffer[20000];
    int s = dial(port);
    if (s < 0) {
        perror("connect");
        return 1;
    }
    if (fork() == 0) {
        for (long done = 0; done < bytes;) {
            long n = bytes - done < (long)sizeof buffer ? bytes - done : (long)sizeof buffer;
            for (long i = 0; i < n; i++) {
                buffer[i] = pattern(done + i);
            }
            long w = write(s, buffer, n);
            if (w <= 0) {
                perror("write");
                _exit(1);
            }
            done += w;
        }
        shutdown(s, SHUT_WR);
        _exit(0);
    }
    long got = 0;
    long n;
    while ((n = read(s, buffer, sizeof buffer)) > 0) {
        for (long i = 0; i < n; i++) {
            if (buffer[i] != pattern(got + i)) {
                printf("wrong byte at %ld\n", got + i);
                return 1;
            }
        }
        got += n;
    }
    printf("echoed %ld\n", got);
    return 0;
}

static int echo_server(unsigned port) {
    static char buffer[20000];
    int s = socket(AF_VSOCK, SOCK_STREAM, 0);
    struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};
    if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof a) < 0 || listen(s, 4) < 0) {
        perror("listen");
        return 1;
    }
    int c = accept(s, 0, 0);
    long total = 0;
    long n;
    while ((n = read(c, buffer, sizeof buffer)) > 0) {
        for (long done = 0; done < n;) {
            long w = write(c, buffer + done, n - done);
            if (w <= 0) {
                perror("write");
                return 1;
            }
            done += w;
        }
        total += n;
    }
    close(c);
    printf("served %ld\n", total);
    return 0;
}

int main(int count, char **text) {
    if (count < 3) {
        return 2;
    }
    unsigned port = (unsigned)strtoul(text[2], 0, 10);
    if (!strcmp(text[1], "echo-client")) {
        return echo_client(port, atol(text[3]));
    }
    if (!strcmp(text[1], "echo-server")) {
        return echo_server(port);
    }
    printf("%s\n", dial(port) < 0 ? strerror(errno) : "connected");
    return 0;
}
