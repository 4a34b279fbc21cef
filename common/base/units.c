#include "common/base/units.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t size;
};

static const struct unit count_units[] = {
    {"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0},
};

/* In any case of letters, since "4k", "4K" and "1m" are all common for sizes. */
static const struct unit byte_units[] = {
    {"", 1},          {"B", 1},        {"k", 1 << 10},   {"kB", 1 << 10},
    {"KiB", 1 << 10}, {"M", 1 << 20},  {"MB", 1 << 20},  {"MiB", 1 << 20},
    {"G", 1 << 30},   {"GB", 1 << 30}, {"GiB", 1 << 30}, {NULL, 0},
};

static const struct unit duration_units[] = {
    {"", 1000000000},  {"ns", 1},          {"us", 1000},         {"ms", 1000000},
    {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}, {NULL, 0},
};

typedef int name_compare(const char *a, const char *b);

/* The unit's size, or 0 when there is none of that name. */
static uint64_t unit_size(const struct unit *units, name_compare *compare, const char *name)
{
    while (units->name && compare(units->name, name) != 0)
        units++;
    return units->size;
}

/* Appends digits to a decimal number; -ERANGE when it no longer fits. */
static int append_digits(const char *digits, size_t len, uint64_t *number)
{
    for (size_t i = 0; i < len; i++)
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(digits[i] - '0'), number))
            return -ERANGE;
    return 0;
}

__extension__ typedef unsigned __int128 wide;

/* The digits after the point times the unit, which has to be a whole number. */
static int scale_fraction(const char *digits, size_t len, uint64_t unit, uint64_t *value)
{
    uint64_t numerator = 0, denominator = 1;

    while (len > 0 && digits[len - 1] == '0')
        len--;
    /* Only of 2^30 can more digits make a whole number; 18 keep the product within 128 bits. */
    if (len > 18)
        return -EINVAL;
    append_digits(digits, len, &numerator);
    while (len-- > 0)
        denominator *= 10;
    if ((wide)numerator * unit % denominator != 0)
        return -EINVAL;
    *value = (uint64_t)((wide)numerator * unit / denominator);
    return 0;
}

static int parse(const char *text, const struct unit *units, name_compare *compare, uint64_t *value)
{
    static const char decimals[] = "0123456789";
    const size_t whole_len = strspn(text, decimals);
    const char *rest = text + whole_len;
    const char *fraction = *rest == '.' ? rest + 1 : rest;
    const size_t fraction_len = *rest == '.' ? strspn(fraction, decimals) : 0;
    const uint64_t unit = unit_size(units, compare, fraction + fraction_len);
    uint64_t whole = 0, part;

    if (whole_len == 0 || (*rest == '.' && fraction_len == 0) || unit == 0 ||
        scale_fraction(fraction, fraction_len, unit, &part) != 0)
        return -EINVAL;
    if (append_digits(text, whole_len, &whole) != 0 ||
        __builtin_mul_overflow(whole, unit, &whole) || __builtin_add_overflow(whole, part, &whole))
        return -ERANGE;
    *value = whole;
    return 0;
}

int units_parse_count(const char *text, uint64_t *count)
{
    return parse(text, count_units, strcmp, count);
}

int units_parse_bytes(const char *text, uint64_t *bytes)
{
    return parse(text, byte_units, strcasecmp, bytes);
}

int units_parse_duration_ns(const char *text, uint64_t *duration_ns)
{
    return parse(text, duration_units, strcmp, duration_ns);
}
