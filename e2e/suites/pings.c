// Pings of every size, for the network tests: pings ADDRESS. Prints what is lost or differs, then the count.
#include <arpa/inet.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MAX_DATA = 65507, HEADER = 8 };

static unsigned char sent[HEADER + MAX_DATA], got[65536];

static unsigned short checksum(const unsigned char *data, int bytes) {
    unsigned long sum = 0;
    for (int i = 0; i + 1 < bytes; i += 2) {
        sum += data[i] << 8 | data[i + 1];
    }
    if (bytes & 1) {
        sum += data[bytes - 1] << 8;
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return htons(~((sum & 0xffff) + (sum >> 16)));
}

// True if the answer to this request comes within the socket's timeout and has the same data.
static int answered(int s, const struct sockaddr_in *to, int bytes) {
    if (sendto(s, sent, bytes, 0, (const struct sockaddr *)to, sizeof *to) != bytes) {
        perror("sendto");
        return 0;
    }
    for (;;) {
        long n = recv(s, got, sizeof got, 0);
        if (n < 0) {
            return 0;
        }
        int header = (got[0] & 15) * 4;
        if (n < header + HEADER || got[header] != ICMP_ECHOREPLY ||
            memcmp(got + header + 4, sent + 4, 4) != 0) {
            continue;  // a request of ours to ourselves, or an answer that came late
        }
        return n - header == bytes && memcmp(got + header + 4, sent + 4, bytes - 4) == 0;
    }
}

int main(int argc, char **argv) {
    struct sockaddr_in to = {.sin_family = AF_INET};
    int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    struct timeval patience = {.tv_sec = 10};
    if (argc != 2 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || s < 0 ||
        setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0) {
        perror("pings");
        return 2;
    }
    int good = 0;
    for (int size = 1; size <= MAX_DATA; size++) {
        sent[0] = ICMP_ECHO;
        sent[2] = sent[3] = 0;
        sent[4] = getpid() >> 8;
        sent[5] = getpid();
        sent[6] = size >> 8;
        sent[7] = size;
        sent[HEADER + size - 1] = size * 31 + (size >> 8);
        unsigned short sum = checksum(sent, HEADER + size);
        memcpy(sent + 2, &sum, sizeof sum);
        if (answered(s, &to, HEADER + size)) {
            good++;
        } else {
            printf("lost %d\n", size);
        }
    }
    printf("%d of %d\n", good, MAX_DATA);
    return good != MAX_DATA;
}
