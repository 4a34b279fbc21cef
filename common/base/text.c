#include "common/base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t size;
};

struct text text_count(uint64_t count)
{
    struct text digits, t;
    int len = snprintf(digits.s, sizeof digits.s, "%" PRIu64, count), used = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            t.s[used++] = ',';
        t.s[used++] = digits.s[i];
    }
    t.s[used] = '\0';
    return t;
}

struct text text_rounded(double count)
{
    return text_count((uint64_t)llround(count));
}

static uint64_t hundredths(uint64_t value, uint64_t unit)
{
    return value / unit * 100 + (value % unit * 100 + unit / 2) / unit;
}

/*
 * The largest unit that the value fills; 1,023.999 KiB is rounded before it is asked, so that it
 * becomes 1 MiB and not 1024 KiB. The first unit is the base, of size 1.
 */
static const struct unit *pick_unit(const struct unit *units, uint64_t value)
{
    if (value < units[1].size)
        return units;
    do
        units++;
    while (units[1].name && hundredths(value, units->size) >= units[1].size / units->size * 100);
    return units;
}

struct text text_bytes(uint64_t bytes)
{
    static const struct unit units[] = {
        {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0},
    };
    const struct unit *unit = pick_unit(units, bytes);
    uint64_t shown = hundredths(bytes, unit->size), whole = shown / 100, part = shown % 100;
    struct text t;

    if (part == 0)
        snprintf(t.s, sizeof t.s, "%" PRIu64 " %s", whole, unit->name);
    else if (part % 10 == 0)
        snprintf(t.s, sizeof t.s, "%" PRIu64 ".%" PRIu64 " %s", whole, part / 10, unit->name);
    else
        snprintf(t.s, sizeof t.s, "%" PRIu64 ".%02" PRIu64 " %s", whole, part, unit->name);
    return t;
}

struct text text_time(uint64_t time_ns)
{
    static const struct unit units[] = {
        {"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {NULL, 0},
    };
    const struct unit *unit = pick_unit(units, time_ns);
    uint64_t shown = hundredths(time_ns, unit->size);
    struct text t;

    if (unit == units)
        snprintf(t.s, sizeof t.s, "%" PRIu64 " ns", time_ns);
    else
        snprintf(t.s, sizeof t.s, "%" PRIu64 ".%02" PRIu64 " %s", shown / 100, shown % 100,
                 unit->name);
    return t;
}

int text_index(const char *const *words, const char *word)
{
    for (int i = 0; words && words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

const char *text_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}
