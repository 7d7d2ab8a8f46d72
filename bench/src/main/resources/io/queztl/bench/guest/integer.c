/* Integer work: what CoreMark and Dhrystone are made of, written anew. */
#include "bench.h"

#include <stddef.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

/* Linked lists, as in CoreMark: searched, reversed and sorted by value and back by index. */

enum { NODES = 200, MATRIX = 12, TEXT_BYTES = 320 };

struct node {
    struct node *next;
    int16_t value;
    int16_t index;
};

typedef int order(const struct node *, const struct node *);

static NOINLINE int by_value(const struct node *a, const struct node *b)
{
    return a->value - b->value;
}

static NOINLINE int by_index(const struct node *a, const struct node *b)
{
    return a->index - b->index;
}

static NOINLINE struct node *reverse(struct node *list)
{
    struct node *done = NULL;
    while (list) {
        struct node *rest = list->next;
        list->next = done;
        done = list;
        list = rest;
    }
    return done;
}

static NOINLINE const struct node *find(const struct node *list, int16_t value)
{
    while (list && list->value != value) {
        list = list->next;
    }
    return list;
}

static struct node *merge(struct node *a, struct node *b, order *compare)
{
    struct node head, *tail = &head;
    while (a && b) {
        struct node **least = compare(a, b) <= 0 ? &a : &b;
        tail->next = *least;
        tail = *least;
        *least = (*least)->next;
    }
    tail->next = a ? a : b;
    return head.next;
}

static NOINLINE struct node *sort(struct node *list, int length, order *compare)
{
    if (length < 2) {
        if (list) {
            list->next = NULL;
        }
        return list;
    }
    struct node *half = list;
    for (int i = 0; i < length / 2; i++) {
        half = half->next;
    }
    struct node *right = sort(half, length - length / 2, compare);
    return merge(sort(list, length / 2, compare), right, compare);
}

/* CRC-16 (polynomial 0x8005, reflected), bit by bit. */
static NOINLINE uint16_t crc16(uint16_t crc, uint16_t value)
{
    crc ^= value;
    for (int i = 0; i < 16; i++) {
        crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
    }
    return crc;
}

static NOINLINE uint16_t lists(struct node *nodes, uint16_t crc, uint32_t *random)
{
    for (int i = 0; i < NODES; i++) {
        nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : NULL;
        nodes[i].index = (int16_t) i;
        nodes[i].value = (int16_t) (next_random(random) & 0x3ff);
    }
    struct node *list = nodes;
    for (int i = 0; i < 40; i++) {
        const struct node *found = find(list, (int16_t) (next_random(random) & 0x3ff));
        crc = crc16(crc, found ? (uint16_t) found->index : 0xffff);
        list = reverse(list);
    }
    list = sort(list, NODES, by_value);
    for (struct node *n = list; n; n = n->next) {
        crc = crc16(crc, (uint16_t) n->index);
    }
    list = sort(list, NODES, by_index);
    return crc16(crc, (uint16_t) list->value);
}

/* Small matrices of 16-bit numbers with 32-bit sums. */
static NOINLINE uint16_t matrices(uint16_t crc, uint32_t *random)
{
    static int16_t a[MATRIX][MATRIX], b[MATRIX][MATRIX];
    static int32_t c[MATRIX][MATRIX];
    for (int i = 0; i < MATRIX; i++) {
        for (int j = 0; j < MATRIX; j++) {
            a[i][j] = (int16_t) (next_random(random) & 0xff);
            b[i][j] = (int16_t) (next_random(random) & 0xff);
        }
    }
    for (int i = 0; i < MATRIX; i++) {
        for (int j = 0; j < MATRIX; j++) {
            int32_t sum = 0;
            for (int k = 0; k < MATRIX; k++) {
                int32_t product = a[i][k] * b[k][j];
                sum += (product >> 2 & 0xf) * (product >> 5 & 0x7f) + product;
            }
            c[i][j] = sum;
        }
    }
    for (int i = 0; i < MATRIX; i++) {
        crc = crc16(crc, (uint16_t) (c[i][i] >> 3));
    }
    return crc;
}

/* A state machine that tells what kind of number each word of a text is. */
enum state { START, SIGN, INTEGER, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, SCIENTIFIC, WRONG };

static NOINLINE enum state step(enum state s, char c)
{
    int digit = c >= '0' && c <= '9';
    switch (s) {
    case START:
        return digit ? INTEGER : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : WRONG;
    case SIGN:
        return digit ? INTEGER : c == '.' ? POINT : WRONG;
    case INTEGER:
        return digit ? INTEGER : c == '.' ? FRACTION : c == 'e' ? EXPONENT : WRONG;
    case POINT:
        return digit ? FRACTION : WRONG;
    case FRACTION:
        return digit ? FRACTION : c == 'e' ? EXPONENT : WRONG;
    case EXPONENT:
        return digit ? SCIENTIFIC : c == '+' || c == '-' ? EXPONENT_SIGN : WRONG;
    case EXPONENT_SIGN:
    case SCIENTIFIC:
        return digit ? SCIENTIFIC : WRONG;
    default:
        return WRONG;
    }
}

static NOINLINE uint16_t states(uint16_t crc, uint32_t *random)
{
    static const char *const words[] = {"5012", "-87", "+.5", "35.54e3", "1e-12", "x7", "8.1.", "7"};
    char text[TEXT_BYTES];
    int length = 0;
    while (length < TEXT_BYTES - 9) {
        for (const char *w = words[next_random(random) & 7]; *w; w++) {
            text[length++] = *w;
        }
        text[length++] = ',';
    }
    int counts[WRONG + 1] = {0};
    enum state s = START;
    for (int i = 0; i < length; i++) {
        if (text[i] == ',') {
            counts[s]++;
            s = START;
        } else {
            s = step(s, text[i]);
        }
    }
    for (int i = 0; i <= WRONG; i++) {
        crc = crc16(crc, (uint16_t) counts[i]);
    }
    return crc;
}

uint64_t coremark(long count)
{
    static struct node nodes[NODES];
    uint32_t random = 0x2545f491;
    uint16_t crc = 0;
    while (count-- > 0) {
        crc = lists(nodes, crc, &random);
        crc = matrices(crc, &random);
        crc = states(crc, &random);
    }
    return hash(random, &crc, sizeof crc);
}

/* Dhrystone's mix: records that point to each other, short strings, calls with few arguments. */

enum kind { FIRST, SECOND, THIRD, FOURTH, FIFTH };

struct record {
    struct record *other;
    enum kind kind;
    enum kind variant;
    int number;
    char text[31];
};

static struct record one, two;
static char letter1, letter2;
static int flag, global;
static int row[50], table[50][50];

static NOINLINE enum kind same_letter(char a, char b)
{
    if (a != b) {
        return FIRST;
    }
    letter1 = a;
    return SECOND;
}

static NOINLINE int later(const char *a, const char *b)
{
    int at = 2;
    char seen = 'A';
    while (at <= 2) {
        if (same_letter(a[at], b[at + 1]) == FIRST) {
            seen = 'B';
            at++;
        } else {
            at += 2;
        }
    }
    if (seen >= 'W' && seen < 'Z') {
        at = 7;
    }
    if (strcmp(a, b) > 0) {
        global = at + 7;
        return 1;
    }
    return 0;
}

static NOINLINE enum kind turn(enum kind k)
{
    switch (k) {
    case FIRST:
        return FIRST;
    case SECOND:
        return global > 100 ? FIRST : FOURTH;
    case THIRD:
        return SECOND;
    case FOURTH:
        return THIRD;
    default:
        return FIFTH;
    }
}

static NOINLINE void sum(int a, int b, int *result)
{
    *result = a + 2 + b;
}

static NOINLINE void records(struct record *r)
{
    struct record *next = r->other;
    *next = *r;
    r->number = 5;
    next->number = r->number;
    next->other = r->other;
    if (next->kind == FIRST) {
        next->number = 6;
        next->variant = turn(r->variant);
        sum(next->number, 10, &next->number);
    } else {
        *r = *next;
    }
}

static NOINLINE void tables(int *r, int (*t)[50], int a, int b)
{
    int at = a + 5;
    r[at] = b;
    r[at + 1] = r[at];
    r[at + 30] = at;
    for (int i = at; i <= at + 1; i++) {
        t[at][i] = at;
    }
    t[at][at - 1]++;
    t[at + 20][at] = r[at];
    global = 5;
}

uint64_t dhrystone(long count)
{
    char a[31], b[31];
    int x = 0, y = 3, z = 0;
    one = (struct record) {&two, FIRST, THIRD, 40, "A RECORD THAT POINTS TO ANOTHER"};
    strcpy(a, "THE FIRST STRING OF THIRTY ...");
    for (long i = 0; i < count; i++) {
        letter1 = 'A';
        letter2 = 'B';
        flag = letter1 == 'A' || flag;
        x = 2;
        y = 3;
        strcpy(b, i & 1 ? "THE SECOND STRING OF THIRTY .." : "THE FIRST STRING OF THIRTY ..,");
        flag = !later(a, b);
        while (x < y) {
            z = 5 * x - y;
            sum(x, y, &z);
            x++;
        }
        tables(row, table, x, z);
        records(&one);
        for (char c = 'A'; c <= letter2; c++) {
            if (same_letter(c, 'C') == SECOND) {
                strcpy(b, "A STRING THAT IS NEVER COPIED");
            }
        }
        y = y * x + (int) (i & 7);
        x = y / z;
        y = 7 * (y - z) - x;
        global += y + flag;
    }
    uint64_t h = hash(0, row, sizeof row);
    h = hash(h, table, sizeof table);
    h = hash(h, &two.number, sizeof two.number);
    h = hash(h, &global, sizeof global);
    return hash(h, b, strlen(b));
}
