#include "client/sizes.h"

#include "common/base/units.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sizes_fixed(struct sizes *s, uint32_t bytes)
{
    *s = (struct sizes){
        .count = 1,
        .bytes = {bytes},
        .upto = {UINT64_MAX},
        .mean_bytes = bytes,
        .longest_bytes = bytes,
    };
}

/* "64k:0.1": 0 or -EINVAL. */
static int parse_pair(char *pair, uint32_t most_bytes, uint32_t *bytes, double *weight)
{
    char *colon = strchr(pair, ':'), *end;
    uint64_t size;

    if (!colon)
        return -EINVAL;
    *colon = '\0';
    /* strtod() alone would take spaces and hexadecimal, too. */
    if (colon[1 + strspn(colon + 1, "0123456789.e-")])
        return -EINVAL;
    *weight = strtod(colon + 1, &end);
    if (end == colon + 1 || *end || !isfinite(*weight) || *weight <= 0)
        return -EINVAL;
    if (units_parse_bytes(pair, &size) || size < 1 || size > most_bytes)
        return -EINVAL;
    *bytes = (uint32_t)size;
    return 0;
}

/* Turns the weights into the edges that a random 64-bit number is compared with. */
static void set_edges(struct sizes *s, const double *weights, double sum)
{
    double below = 0;

    for (unsigned i = 0; i < s->count; i++) {
        below += weights[i];
        s->upto[i] = below < sum ? (uint64_t)(below / sum * 0x1p64) : UINT64_MAX;
        s->mean_bytes += weights[i] / sum * s->bytes[i];
        if (s->bytes[i] > s->longest_bytes)
            s->longest_bytes = s->bytes[i];
    }
}

int sizes_parse(struct sizes *s, const char *text, uint32_t most_bytes)
{
    char words[1024], *rest = words, *pair;
    double weights[SIZES_MAX] = {0}, sum = 0;

    *s = (struct sizes){0};
    if (snprintf(words, sizeof words, "%s", text) >= (int)sizeof words)
        return -EINVAL;
    while ((pair = strsep(&rest, ",")) != NULL) {
        if (s->count == SIZES_MAX ||
            parse_pair(pair, most_bytes, &s->bytes[s->count], &weights[s->count]))
            return -EINVAL;
        sum += weights[s->count++];
    }
    if (!isfinite(sum))
        return -EINVAL;
    set_edges(s, weights, sum);
    return 0;
}
