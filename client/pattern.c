#include "client/pattern.h"

#include "common/base/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int pattern_init(struct pattern *p, size_t longest)
{
    size_t len = PATTERN_PERIOD + longest;
    struct rng rng = {1}; /* the same bytes in every run */

    p->bytes = malloc(len);
    if (!p->bytes)
        return -ENOMEM;
    for (size_t i = 0; i < PATTERN_PERIOD; i++)
        p->bytes[i] = (unsigned char)rng_next(&rng);
    for (size_t i = PATTERN_PERIOD; i < len; i++)
        p->bytes[i] = p->bytes[i - PATTERN_PERIOD];
    return 0;
}

void pattern_free(struct pattern *p)
{
    free(p->bytes);
    p->bytes = NULL;
}
