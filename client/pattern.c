#include "client/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* SplitMix64 (Steele, Lea, Flood 2014): the same bytes in every run. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

int pattern_init(struct pattern *p, size_t longest)
{
    size_t len = PATTERN_PERIOD + longest;
    uint64_t state = 1;

    p->bytes = malloc(len);
    if (!p->bytes)
        return -ENOMEM;
    for (size_t i = 0; i < PATTERN_PERIOD; i++)
        p->bytes[i] = (unsigned char)next_random(&state);
    for (size_t i = PATTERN_PERIOD; i < len; i++)
        p->bytes[i] = p->bytes[i - PATTERN_PERIOD];
    return 0;
}

void pattern_free(struct pattern *p)
{
    free(p->bytes);
    p->bytes = NULL;
}
