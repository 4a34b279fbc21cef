/*
 * Any text is refused, or is a list of sizes in range whose edges rise, whose mean lies among them,
 * and of which every draw is one; a limit below its longest size refuses it.
 */
#include "client/sizes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 16 << 20 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool has(const struct sizes *s, uint32_t bytes)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->bytes[i] == bytes)
            return true;
    return false;
}

static void check_list(const struct sizes *s)
{
    uint32_t shortest = UINT32_MAX;

    require(s->count >= 1 && s->count <= SIZES_MAX);
    for (unsigned i = 0; i < s->count; i++) {
        require(s->bytes[i] >= 1 && s->bytes[i] <= s->longest_bytes);
        require(i == 0 || s->upto[i] >= s->upto[i - 1]);
        if (s->bytes[i] < shortest)
            shortest = s->bytes[i];
    }
    require(s->longest_bytes <= MOST_BYTES && has(s, s->longest_bytes));
    require(s->upto[s->count - 1] == UINT64_MAX);
    require(s->mean_bytes >= shortest * (1 - 1e-9) &&
            s->mean_bytes <= s->longest_bytes * (1 + 1e-9));
}

static void check_draws(const struct sizes *s, uint64_t seed)
{
    struct rng rng = {seed};

    for (int i = 0; i < 100; i++)
        require(has(s, sizes_draw(s, &rng)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct sizes s, tighter;
    int err;

    require(text);
    err = sizes_parse(&s, text, MOST_BYTES);
    require(err == 0 || err == -EINVAL);
    if (!err) {
        check_list(&s);
        check_draws(&s, size);
        require(sizes_parse(&tighter, text, s.longest_bytes) == 0);
        require(sizes_parse(&tighter, text, s.longest_bytes - 1) == -EINVAL);
    }
    free(text);
    return 0;
}
