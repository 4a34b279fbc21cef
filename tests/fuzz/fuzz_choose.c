/*
 * choose: any text names a backend with items, and what is allowed holds, or it is refused with a
 * reason, which is no longer than there is room for. opt.c makes one line of it.
 */
#include "common/choose/choose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FAST = 1, DEAR = 2, LACKING = 4, CORE = 8, SIZE_MOST = 1 << 20, HOW_WORDS = 2 };
enum { KEY_SIZE, KEY_HOW };

static const char *const how_words[] = {"ring", "call", NULL};
static const char *const methods[] = {"poll", "select", NULL};

static const struct feature features[] = {
    {"fast", FAST, FEATURE_USUAL, "quick"},
    {"dear", DEAR, FEATURE_ASKED, "costs"},
    {"lacking", LACKING, FEATURE_USUAL, "never there"},
    {"core", CORE, FEATURE_ALWAYS, NULL},
    {0},
};

static const struct feature_key keys[] = {
    [KEY_SIZE] = {"size", 1, SIZE_MOST, NULL, "bytes"},
    [KEY_HOW] = {"how", 0, 0, how_words, "manner"},
    {0},
};

static int probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    (void)about, (void)why, (void)why_cap;
    for (const struct feature *f = features; f->name; f++)
        choice_feature(c, f->bit, f->bit == LACKING ? "kernel lacks it" : NULL);
    return 0;
}

static const struct backend full = {.name = "full",
                                    .summary = "has all",
                                    .variants = methods,
                                    .features = features,
                                    .keys = keys,
                                    .probe = probe};
static const struct backend bare = {.name = "bare", .summary = "has nothing"};
static const struct backend *const backends[] = {&full, &bare, NULL};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_allowed(const struct choice *c)
{
    require(c->backend == &full || c->backend == &bare);
    require(c->variant >= -1 && c->variant < (c->backend == &full ? 2 : 0));
    require((c->asked & c->refused) == 0 && !((c->asked | c->refused) & CORE));
    require(!(c->used & (LACKING | c->refused)) && (c->used & c->asked) == c->asked);
    require(choice_value(c, KEY_SIZE, 1) >= 1 && choice_value(c, KEY_SIZE, 1) <= SIZE_MOST);
    require(choice_value(c, KEY_HOW, 0) < HOW_WORDS);
}

static void check(const char *spec, char *why, size_t why_cap)
{
    const struct choose_from from = {.option = "backend", .table = backends};
    struct choice c;
    int err = choose_spec(&c, &from, spec, why, why_cap);

    require(err == 0 || err == -EINVAL || err == -ENOTSUP);
    require(strlen(why) < why_cap);
    if (!err)
        require_allowed(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says how much room there is for the reason. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t why_cap = size ? 2 + 4 * (size_t)data[0] : 2;
    char *spec = size ? strndup((const char *)data + 1, size - 1) : strdup("");
    char *why = malloc(why_cap);

    require(spec && why);
    check(spec, why, why_cap);
    free(why);
    free(spec);
    return 0;
}
