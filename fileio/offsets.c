#include "fileio/offsets.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_DEFAULT 1.1
#define EXPONENT_MAX     10.0

static int parse_exponent(const char *text, double *exponent)
{
    char *end;

    *exponent = strtod(text, &end);
    return end == text || *end || !(*exponent > 0 && *exponent <= EXPONENT_MAX) ? -EINVAL : 0;
}

int offsets_parse(const char *text, struct offsets_choice *choice)
{
    *choice = (struct offsets_choice){.exponent = EXPONENT_DEFAULT};
    if (strcmp(text, "seq") == 0) {
        choice->kind = OFFSETS_SEQ;
        return 0;
    }
    if (strcmp(text, "uniform") == 0) {
        choice->kind = OFFSETS_UNIFORM;
        return 0;
    }
    if (strncmp(text, "zipf", 4) != 0)
        return -EINVAL;
    choice->kind = OFFSETS_ZIPF;
    if (text[4] == '\0')
        return 0;
    return text[4] == ':' ? parse_exponent(text + 5, &choice->exponent) : -EINVAL;
}

/* ---- zipf: the paper's H(x), the integral of x^-s from 1, written so that s = 1 is no exception
 */

/* (e^x - 1) / x and log(1 + x) / x, also near 0. */
static double expm1_over(double x)
{
    return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

static double log1p_over(double x)
{
    return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

static double density(const struct offsets *p, double x)
{
    return exp(-p->choice.exponent * log(x));
}

static double integral(const struct offsets *p, double x)
{
    double log_x = log(x);

    return expm1_over((1 - p->choice.exponent) * log_x) * log_x;
}

static double inverse(const struct offsets *p, double area)
{
    double t = fmax(area * (1 - p->choice.exponent), -1);

    return exp(log1p_over(t) * area);
}

uint64_t offsets_zipf(struct offsets *p)
{
    __extension__ typedef unsigned __int128 wide;

    for (;;) {
        double area = p->high + rng_unit(&p->rng) * (p->low - p->high);
        double x = inverse(p, area);
        double rank = fmin(fmax(floor(x + 0.5), 1), (double)p->blocks);

        if (rank - x <= p->shortcut || area >= integral(p, rank + 0.5) - density(p, rank))
            return (uint64_t)(((wide)((uint64_t)rank - 1) * p->stride) % p->blocks);
    }
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* Near the golden section of the file, where neighbours in rank end up far apart. */
static uint64_t choose_stride(uint64_t blocks)
{
    uint64_t stride = (uint64_t)((double)blocks * 0.6180339887) | 1;

    while (common_divisor(stride, blocks) != 1)
        stride += 2;
    return stride;
}

void offsets_init(struct offsets *p, struct offsets_choice choice, uint64_t blocks, uint64_t seed)
{
    *p = (struct offsets){.choice = choice, .rng = {seed}, .blocks = blocks};
    if (choice.kind != OFFSETS_ZIPF)
        return;
    p->low = integral(p, 1.5) - 1;
    p->high = integral(p, (double)blocks + 0.5);
    p->shortcut = 2 - inverse(p, integral(p, 2.5) - density(p, 2));
    p->stride = choose_stride(blocks);
}
