#include "common/base/text.h"

#include <math.h>

struct text text_count(uint64_t count)
{
    struct text t;

    units_count(t.s, sizeof t.s, count);
    return t;
}

struct text text_rounded(double count)
{
    return text_count((uint64_t)llround(count));
}

struct text text_bytes(uint64_t bytes)
{
    struct text t;

    units_bytes(t.s, sizeof t.s, bytes);
    return t;
}

struct text text_time(uint64_t time_ns)
{
    struct text t;

    units_duration(t.s, sizeof t.s, time_ns);
    return t;
}

const char *text_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}
