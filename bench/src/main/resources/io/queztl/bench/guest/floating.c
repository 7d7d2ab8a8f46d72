/* Floating point in the three units of an x86-64 CPU. */
#include "bench.h"

#include <immintrin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 96, X = 48, V = 128 };

/* Numbers with few digits: products and sums still round, and all machines round them alike. */
static double number(uint32_t *random)
{
    return (double) (next_random(random) % 2000) / 512 - 1.75;
}

/* Scalar or two-wide SSE2, as the compiler likes. */
uint64_t matmul_double(long count)
{
    static double a[N][N], b[N][N], c[N][N];
    uint32_t random = 0x9e3779b9;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            a[i][j] = number(&random) / 3;
            b[i][j] = number(&random);
        }
    }
    while (count-- > 0) {
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++) {
                double sum = 0;
                for (int k = 0; k < N; k++) {
                    sum += a[i][k] * b[k][j];
                }
                c[i][j] = sum;
            }
        }
        /* The next product depends on this one; fresh numbers keep it in the normal range. */
        for (int j = 0; j < N; j++) {
            a[count % N][j] = number(&random) / 3 + c[j][count % N] / 100;
        }
    }
    return hash(hash(0, c, sizeof c), a, sizeof a);
}

/* The x87 unit: long double has 80 bits, of which the ten bytes count. */
uint64_t matmul_x87(long count)
{
    static long double a[X][X], b[X][X], c[X][X];
    uint32_t random = 0x9e3779b9;
    for (int i = 0; i < X; i++) {
        for (int j = 0; j < X; j++) {
            a[i][j] = number(&random) / 3.0L;
            b[i][j] = number(&random);
        }
    }
    while (count-- > 0) {
        for (int i = 0; i < X; i++) {
            for (int j = 0; j < X; j++) {
                long double sum = 0;
                for (int k = 0; k < X; k++) {
                    sum += a[i][k] * b[k][j];
                }
                c[i][j] = sum;
            }
        }
        for (int j = 0; j < X; j++) {
            a[count % X][j] = number(&random) / 3.0L + c[j][count % X] / 100;
        }
    }
    uint64_t h = 0;
    for (int i = 0; i < X; i++) {
        for (int j = 0; j < X; j++) {
            h = hash(h, &c[i][j], 10);
        }
    }
    return h;
}

/* Four rows by eight columns at a time in ymm registers, with fused multiply and add. */
__attribute__((target("avx2,fma"))) static void multiply_avx2(
        const double *a, const double *b, double *c)
{
    for (int i = 0; i < V; i += 4) {
        for (int j = 0; j < V; j += 8) {
            __m256d s[4][2];
            for (int r = 0; r < 4; r++) {
                s[r][0] = s[r][1] = _mm256_setzero_pd();
            }
            for (int k = 0; k < V; k++) {
                __m256d left = _mm256_loadu_pd(b + k * V + j);
                __m256d right = _mm256_loadu_pd(b + k * V + j + 4);
                for (int r = 0; r < 4; r++) {
                    __m256d x = _mm256_broadcast_sd(a + (i + r) * V + k);
                    s[r][0] = _mm256_fmadd_pd(x, left, s[r][0]);
                    s[r][1] = _mm256_fmadd_pd(x, right, s[r][1]);
                }
            }
            for (int r = 0; r < 4; r++) {
                _mm256_storeu_pd(c + (i + r) * V + j, s[r][0]);
                _mm256_storeu_pd(c + (i + r) * V + j + 4, s[r][1]);
            }
        }
    }
}

uint64_t matmul_avx2(long count)
{
    static double a[V * V], b[V * V], c[V * V];
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        fprintf(stderr, "the CPU has no AVX2 and FMA\n");
        exit(3);
    }
    uint32_t random = 0x9e3779b9;
    for (int i = 0; i < V * V; i++) {
        a[i] = number(&random) / 3;
        b[i] = number(&random);
    }
    while (count-- > 0) {
        multiply_avx2(a, b, c);
        for (int j = 0; j < V; j++) {
            a[count % V * V + j] = number(&random) / 3 + c[j * V + count % V] / 100;
        }
    }
    return hash(hash(0, c, sizeof c), a, sizeof a);
}

/* Bodies that attract each other: a chain of multiplications, divisions and square roots. */
uint64_t nbody(long count)
{
    enum { BODIES = 5 };
    struct {
        double at[3], speed[3], mass;
    } b[BODIES];
    uint32_t random = 0x12345678;
    for (int i = 0; i < BODIES; i++) {
        for (int d = 0; d < 3; d++) {
            b[i].at[d] = 4 * number(&random) + 9 * i;
            b[i].speed[d] = number(&random) / 7;
        }
        b[i].mass = i == 0 ? 39.5 : 0.01 * i;
    }
    while (count-- > 0) {
        for (int i = 0; i < BODIES; i++) {
            for (int j = i + 1; j < BODIES; j++) {
                double distance[3], square = 0.01;
                for (int d = 0; d < 3; d++) {
                    distance[d] = b[i].at[d] - b[j].at[d];
                    square += distance[d] * distance[d];
                }
                double pull = 0.001 / (square * sqrt(square));
                for (int d = 0; d < 3; d++) {
                    b[i].speed[d] -= distance[d] * b[j].mass * pull;
                    b[j].speed[d] += distance[d] * b[i].mass * pull;
                }
            }
        }
        for (int i = 0; i < BODIES; i++) {
            for (int d = 0; d < 3; d++) {
                b[i].at[d] += 0.001 * b[i].speed[d];
            }
        }
    }
    return hash(0, b, sizeof b);
}
