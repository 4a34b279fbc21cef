/*
 * Any text is refused, leaving the value as it was, or is a quantity that the writers can show and
 * that, written as a bare number of the smallest unit, is read as the same.
 */
#include "common/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int parser(const char *text, uint64_t *value);
typedef struct text writer(uint64_t value);

static const uint64_t untouched = 0x5a5a5a5a5a5a5a5b;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_text(writer *write, uint64_t value)
{
    struct text t = write(value);

    require(strlen(t.s) < sizeof t.s - 1); /* cut off it would fill the room */
    require(t.s[0] >= '0' && t.s[0] <= '9');
}

static void check(parser *parse, writer *write, const char *smallest_unit, const char *text)
{
    uint64_t value = untouched;
    uint64_t again = 0;
    char number[64];
    int err = parse(text, &value);

    if (err) {
        require(err == -EINVAL || err == -ERANGE);
        require(value == untouched);
        return;
    }
    require(text[0] >= '0' && text[0] <= '9');
    snprintf(number, sizeof(number), "%" PRIu64 "%s", value, smallest_unit);
    require(parse(number, &again) == 0 && again == value);
    check_text(write, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    uint64_t value = 0;

    require(text);
    check(units_parse_count, text_count, "", text);
    check(units_parse_bytes, text_bytes, "B", text);
    check(units_parse_duration_ns, text_time, "ns", text);
    free(text);

    /* The same bytes as a number, for values that few texts lead to. */
    memcpy(&value, data, size < sizeof(value) ? size : sizeof(value));
    check_text(text_count, value);
    check_text(text_bytes, value);
    check_text(text_time, value);
    return 0;
}
