/*
 * The subject of TestFloat: each function is one x86 instruction, so that what is tested is the
 * CPU and not a compiler. SSE (and SSE4.1's ROUNDSS and ROUNDSD) for f32 and f64, x87 for extF80.
 * Instructions that take the rounding from MXCSR or the x87 control word have it set by
 * subjfloat_setRoundingMode, or around them if TestFloat's name of the function fixes it.
 */
#include <stdint.h>
#include <stdbool.h>
#include "platform.h"
#include "softfloat.h"
#include "subjfloat_config.h"
#include "subjfloat.h"

enum { NEAREST = 0, DOWN = 1, UP = 2, ZERO = 3 };

/* Exception bits, the same in MXCSR and the x87 status word. */
enum { INVALID = 1, DIVIDE = 4, OVERFLOW = 8, UNDERFLOW = 16, PRECISION = 32 };

static unsigned rounding = NEAREST;
static unsigned precision = 3;

static void apply(unsigned mode)
{
    uint32_t mxcsr = 0x1f80 | mode << 13;
    uint32_t status;
    uint16_t control = 0x007f | precision << 8 | mode << 10;
    __asm__ volatile("stmxcsr %0" : "=m"(status));
    mxcsr |= status & 0x3f;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    __asm__ volatile("fldcw %0" : : "m"(control));
}

void subjfloat_setRoundingMode(uint_fast8_t mode)
{
    rounding = mode == softfloat_round_minMag ? ZERO
             : mode == softfloat_round_min ? DOWN
             : mode == softfloat_round_max ? UP : NEAREST;
    apply(rounding);
}

void subjfloat_setExtF80RoundingPrecision(uint_fast8_t bits)
{
    precision = bits == 32 ? 0 : bits == 64 ? 2 : 3;
    apply(rounding);
}

uint_fast8_t subjfloat_clearExceptionFlags(void)
{
    uint32_t mxcsr;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    __asm__ volatile("fnstsw %0" : "=m"(x87));
    unsigned raised = mxcsr | x87;
    mxcsr &= ~0x3fu;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    __asm__ volatile("fnclex");
    return (raised & INVALID ? softfloat_flag_invalid : 0)
         | (raised & DIVIDE ? softfloat_flag_infinite : 0)
         | (raised & OVERFLOW ? softfloat_flag_overflow : 0)
         | (raised & UNDERFLOW ? softfloat_flag_underflow : 0)
         | (raised & PRECISION ? softfloat_flag_inexact : 0);
}

#define FIXED(mode, code) do { apply(mode); code; apply(rounding); } while (0)

/* SSE: F is TestFloat's type, P its prefix in names, S the instruction's suffix. */

#define SSE_VALUE(F, BITS) \
    typedef union { F f; __typeof__(BITS) v; } F##_value;

SSE_VALUE(float32_t, 0.0f)
SSE_VALUE(float64_t, 0.0)

#define SSE_BINARY(F, P, NAME, INSTRUCTION) \
    F subj_##P##_##NAME(F a, F b) { F##_value x = {a}, y = {b}; \
        __asm__ volatile(INSTRUCTION " %1, %0" : "+x"(x.v) : "x"(y.v)); return x.f; }

#define SSE_UNARY(F, P, NAME, INSTRUCTION) \
    F subj_##P##_##NAME(F a) { F##_value x = {a}, z = {a}; \
        __asm__ volatile(INSTRUCTION " %1, %0" : "+x"(z.v) : "x"(x.v)); return z.f; }

/* Compares b with a, so that "above" means a < b; false if unordered. */
#define SSE_COMPARE(F, P, NAME, INSTRUCTION, CONDITION) \
    bool subj_##P##_##NAME(F a, F b) { F##_value x = {a}, y = {b}; uint8_t holds, ordered; \
        __asm__ volatile(INSTRUCTION " %2, %3\n\t" CONDITION " %0\n\tsetnp %1" \
            : "=r"(holds), "=r"(ordered) : "x"(x.v), "x"(y.v) : "cc"); \
        return holds & ordered; }

#define SSE_TO_INT(F, P, S, NAME, MODE, I, T, Q) \
    int_fast##I##_t subj_##P##_to_i##I##_rx_##NAME(F a) { F##_value x = {a}; int##I##_t z; \
        FIXED(MODE, __asm__ volatile("cvt" T "s" S "2si" Q " %1, %0" : "=r"(z) : "x"(x.v))); \
        return z; }

#define SSE_TO_INTS(F, P, S, I, Q) \
    SSE_TO_INT(F, P, S, near_even, NEAREST, I, "", Q) \
    SSE_TO_INT(F, P, S, minMag, NEAREST, I, "t", Q) \
    SSE_TO_INT(F, P, S, min, DOWN, I, "", Q) \
    SSE_TO_INT(F, P, S, max, UP, I, "", Q)

#define SSE_FROM_INT(F, P, S, FROM, TYPE, I, Q) \
    F subj_##FROM##_to_##P(TYPE a) { F##_value z = {{0}}; I wide = a; \
        __asm__ volatile("cvtsi2s" S Q " %1, %0" : "+x"(z.v) : "r"(wide)); return z.f; }

#define SSE(F, P, S) \
    SSE_BINARY(F, P, add, "adds" S) \
    SSE_BINARY(F, P, sub, "subs" S) \
    SSE_BINARY(F, P, mul, "muls" S) \
    SSE_BINARY(F, P, div, "divs" S) \
    SSE_UNARY(F, P, sqrt, "sqrts" S) \
    SSE_UNARY(F, P, roundToInt_r_near_even, "rounds" S " $8,") \
    SSE_UNARY(F, P, roundToInt_r_min, "rounds" S " $9,") \
    SSE_UNARY(F, P, roundToInt_r_max, "rounds" S " $10,") \
    SSE_UNARY(F, P, roundToInt_r_minMag, "rounds" S " $11,") \
    SSE_UNARY(F, P, roundToInt_x, "rounds" S " $4,") \
    SSE_COMPARE(F, P, eq, "ucomis" S, "sete") \
    SSE_COMPARE(F, P, le_quiet, "ucomis" S, "setae") \
    SSE_COMPARE(F, P, lt_quiet, "ucomis" S, "seta") \
    SSE_COMPARE(F, P, eq_signaling, "comis" S, "sete") \
    SSE_COMPARE(F, P, le, "comis" S, "setae") \
    SSE_COMPARE(F, P, lt, "comis" S, "seta") \
    SSE_TO_INTS(F, P, S, 32, "l") \
    SSE_TO_INTS(F, P, S, 64, "q") \
    SSE_FROM_INT(F, P, S, i32, int32_t, int32_t, "l") \
    SSE_FROM_INT(F, P, S, i64, int64_t, int64_t, "q") \
    SSE_FROM_INT(F, P, S, ui32, uint32_t, uint64_t, "q")

SSE(float32_t, f32, "s")
SSE(float64_t, f64, "d")

float64_t subj_f32_to_f64(float32_t a)
{
    float32_t_value x = {a};
    float64_t_value z = {{0}};
    __asm__ volatile("cvtss2sd %1, %0" : "+x"(z.v) : "x"(x.v));
    return z.f;
}

float32_t subj_f64_to_f32(float64_t a)
{
    float64_t_value x = {a};
    float32_t_value z = {{0}};
    __asm__ volatile("cvtsd2ss %1, %0" : "+x"(z.v) : "x"(x.v));
    return z.f;
}

/* x87: everything through memory, on an empty register stack. */

#define X87(OUT, IN, CODE) __asm__ volatile(CODE : "=m"(OUT) : "m"(IN))

#define X87_BINARY(NAME, INSTRUCTION) \
    void subj_extF80M_##NAME(const extFloat80_t *a, const extFloat80_t *b, extFloat80_t *z) { \
        __asm__ volatile("fldt %1\n\tfldt %2\n\t" INSTRUCTION "\n\tfstpt %0" \
            : "=m"(*z) : "m"(*a), "m"(*b)); }

/* GNU's AT&T names of FSUBP and FDIVP are the other way around. */
X87_BINARY(add, "faddp")
X87_BINARY(sub, "fsubrp %%st, %%st(1)")
X87_BINARY(mul, "fmulp")
X87_BINARY(div, "fdivrp %%st, %%st(1)")

void subj_extF80M_rem(const extFloat80_t *a, const extFloat80_t *b, extFloat80_t *z)
{
    __asm__ volatile("fldt %2\n\tfldt %1\n1:\tfprem1\n\tfnstsw %%ax\n\ttestb $4, %%ah\n\t"
        "jnz 1b\n\tfstpt %0\n\tfstp %%st"
        : "=m"(*z) : "m"(*a), "m"(*b) : "ax", "cc");
}

void subj_extF80M_sqrt(const extFloat80_t *a, extFloat80_t *z)
{
    X87(*z, *a, "fldt %1\n\tfsqrt\n\tfstpt %0");
}

void subj_extF80M_roundToInt_x(const extFloat80_t *a, extFloat80_t *z)
{
    X87(*z, *a, "fldt %1\n\tfrndint\n\tfstpt %0");
}

#define X87_COMPARE(NAME, INSTRUCTION, CONDITION) \
    bool subj_extF80M_##NAME(const extFloat80_t *a, const extFloat80_t *b) { \
        uint8_t holds, ordered; \
        __asm__ volatile("fldt %2\n\tfldt %3\n\t" INSTRUCTION " %%st(1), %%st\n\t" \
            CONDITION " %0\n\tsetnp %1\n\tfstp %%st" \
            : "=&r"(holds), "=&r"(ordered) : "m"(*a), "m"(*b) : "cc"); \
        return holds & ordered; }

X87_COMPARE(eq, "fucomip", "sete")
X87_COMPARE(le_quiet, "fucomip", "setae")
X87_COMPARE(lt_quiet, "fucomip", "seta")
X87_COMPARE(eq_signaling, "fcomip", "sete")
X87_COMPARE(le, "fcomip", "setae")
X87_COMPARE(lt, "fcomip", "seta")

#define X87_TO_INT(NAME, MODE, I, INSTRUCTION) \
    int_fast##I##_t subj_extF80M_to_i##I##_rx_##NAME(const extFloat80_t *a) { int##I##_t z; \
        FIXED(MODE, X87(z, *a, "fldt %1\n\t" INSTRUCTION " %0")); return z; }

#define X87_TO_INTS(I, SUFFIX) \
    X87_TO_INT(near_even, NEAREST, I, "fistp" SUFFIX) \
    X87_TO_INT(minMag, NEAREST, I, "fisttp" SUFFIX) \
    X87_TO_INT(min, DOWN, I, "fistp" SUFFIX) \
    X87_TO_INT(max, UP, I, "fistp" SUFFIX)

X87_TO_INTS(32, "l")
X87_TO_INTS(64, "ll")

void subj_i32_to_extF80M(int32_t a, extFloat80_t *z) { X87(*z, a, "fildl %1\n\tfstpt %0"); }
void subj_i64_to_extF80M(int64_t a, extFloat80_t *z) { X87(*z, a, "fildll %1\n\tfstpt %0"); }

void subj_ui32_to_extF80M(uint32_t a, extFloat80_t *z)
{
    int64_t wide = a;
    X87(*z, wide, "fildll %1\n\tfstpt %0");
}

void subj_f32_to_extF80M(float32_t a, extFloat80_t *z) { X87(*z, a, "flds %1\n\tfstpt %0"); }
void subj_f64_to_extF80M(float64_t a, extFloat80_t *z) { X87(*z, a, "fldl %1\n\tfstpt %0"); }

float32_t subj_extF80M_to_f32(const extFloat80_t *a)
{
    float32_t z;
    X87(z, *a, "fldt %1\n\tfstps %0");
    return z;
}

float64_t subj_extF80M_to_f64(const extFloat80_t *a)
{
    float64_t z;
    X87(z, *a, "fldt %1\n\tfstpl %0");
    return z;
}
