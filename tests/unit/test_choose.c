/* choose: the grammar over a made-up table, hostile words, and the tables of bench_udp and
 * bench_file_io (those of a loop come with the hooks of its program). */
#include "common/choose/choose.h"
#include "fileio/engine.h"
#include "udp/udp_loop.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FAST = 1, DEAR = 2, LACKING = 4, CORE = 8 };
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
    [KEY_SIZE] = {"size", 1, 1 << 20, NULL, "bytes"},
    [KEY_HOW] = {"how", 0, 0, how_words, "manner"},
    {0},
};

static int probe_full(struct choice *c, const void *about, char *why, size_t why_cap)
{
    assert_null(about);
    choice_feature(c, FAST, NULL);
    choice_feature(c, DEAR, NULL);
    choice_feature(c, LACKING, "kernel lacks it");
    choice_feature(c, CORE, NULL);
    if (choice_value(c, KEY_SIZE, 1) == 13)
        return choice_blame(c, -EINVAL, "size", "brings bad luck", why, why_cap);
    return 0;
}

static int probe_absent(struct choice *c, const void *about, char *why, size_t why_cap)
{
    (void)c, (void)about;
    snprintf(why, why_cap, "gone");
    return -EPERM;
}

static int probe_methods(struct choice *c, const void *about, char *why, size_t why_cap)
{
    (void)about, (void)why, (void)why_cap;
    if (c->variant < 0)
        c->variant = 1;
    return 0;
}

static const struct backend full = {
    .name = "full", .summary = "has all", .features = features, .keys = keys, .probe = probe_full};
static const struct backend absent = {
    .name = "absent", .summary = "is not here", .probe = probe_absent};
static const struct backend bare = {.name = "bare", .summary = "has nothing"};
static const struct backend varied = {
    .name = "varied", .summary = "has methods", .variants = methods, .probe = probe_methods};
static const struct backend shy = {.name = "shy", .summary = "by name", .by_name_only = true};
static const struct backend *const backends[] = {&absent, &shy, &full, &bare, &varied, NULL};

static const struct choose_from from = {.option = "backend", .table = backends};

static struct choice chosen;
static char why[512];

static int choose(const char *spec)
{
    int err = choose_spec(&chosen, &from, spec, why, sizeof why);

    assert_true(strlen(why) < sizeof why);
    return err;
}

static void takes(const char *spec)
{
    if (choose(spec))
        fail_msg("%s: %s", spec, why);
}

static void refuses(const char *spec, int err, const char *reason)
{
    assert_int_equal(choose(spec), err);
    if (!strstr(why, reason))
        fail_msg("'%s' does not say '%s'", why, reason);
}

static void assert_reads(const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    choice_print(out, &chosen);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void assert_left_out(const char *first, const char *second)
{
    char text[CHOICE_TEXT];
    unsigned at = 0;

    assert_true(choice_next_left_out(&chosen, &at, text));
    assert_string_equal(text, first);
    assert_int_equal(choice_next_left_out(&chosen, &at, text), second != NULL);
    if (second)
        assert_string_equal(text, second);
}

/* ---- the grammar ---------------------------------------------------------------------------- */

static void a_name_takes_what_is_usual(void **state)
{
    (void)state;
    takes("full");
    assert_reads("full (fast, core)");
    assert_left_out("lacking (kernel lacks it)", NULL);
    takes("bare");
    assert_reads("bare");
}

static void features_are_asked_for_and_left_out(void **state)
{
    (void)state;
    takes("full:+dear,-fast");
    assert_reads("full (dear, core)");
    assert_left_out("fast (asked not to)", "lacking (kernel lacks it)");
    takes("full:-lacking,+fast");
    assert_left_out("lacking (asked not to)", NULL);
    takes("full:-dear"); /* off anyway */
    assert_reads("full (fast, core)");
}

static void the_last_of_contradicting_items_holds(void **state)
{
    (void)state;
    takes("full:+fast,-fast");
    assert_reads("full (core)");
    takes("full:-fast,+fast,size=2,size=3");
    assert_reads("full (fast, core, size=3)");
}

static void keys_are_read(void **state)
{
    (void)state;
    takes("full:size=64k,how=call");
    assert_int_equal(choice_value(&chosen, KEY_SIZE, 7), 65536);
    assert_int_equal(choice_value(&chosen, KEY_HOW, 0), 1);
    assert_reads("full (fast, core, size=65536, how=call)");
    takes("full");
    assert_int_equal(choice_value(&chosen, KEY_SIZE, 7), 7);
}

static void variants_are_named(void **state)
{
    (void)state;
    takes("varied:poll");
    assert_reads("varied:poll");
    takes("varied");
    assert_reads("varied:select");
}

static void what_cannot_be_had_is_said(void **state)
{
    (void)state;
    refuses("absent", -ENOTSUP, "gone");
    refuses("full:+lacking", -ENOTSUP, "kernel lacks it");
    assert_string_equal(chosen.blamed, "lacking");
    refuses("full:size=13", -EINVAL, "bad luck");
}

static void auto_takes_the_first_that_can_run(void **state)
{
    static const char *const order[] = {"missing", "absent", "varied", "full", NULL};
    struct choose_from ordered = from;

    (void)state;
    takes("auto");
    assert_ptr_equal(chosen.backend, &full);
    ordered.order = order;
    assert_int_equal(choose_spec(&chosen, &ordered, "auto", why, sizeof why), 0);
    assert_ptr_equal(chosen.backend, &varied);
    takes("shy");
    refuses("auto:+fast", -EINVAL, "not with auto");
}

static void options_stand_for_items(void **state)
{
    const struct choose_item items[] = {{"size", "8", "size=8"}, {"dear", NULL, "+dear"}};
    struct choose_from given = from;

    (void)state;
    given.items = items;
    given.item_count = 2;
    assert_int_equal(choose_spec(&chosen, &given, "full", why, sizeof why), 0);
    assert_reads("full (fast, dear, core, size=8)");
    assert_int_equal(choose_spec(&chosen, &given, "full:size=9", why, sizeof why), 0);
    assert_int_equal(choice_value(&chosen, KEY_SIZE, 0), 9);
    assert_int_equal(choose_spec(&chosen, &given, "bare", why, sizeof why), -EINVAL);
    assert_string_equal(why, "is of no use to the backend bare");
}

/* ---- hostile words -------------------------------------------------------------------------- */

static void nonsense_is_refused(void **state)
{
    static const char *const words[] = {
        "",
        ":",
        "ful",
        "fulll",
        "FULL",
        "full:",
        "full:,",
        "full:+",
        "full:-",
        "full:fast",
        "full:+core",
        "full:-core",
        "full:+fast,",
        "full:,-fast",
        "full:size",
        "full:size=",
        "full:=",
        "full:size=0",
        "full:size=2M",
        "full:size=-1",
        "full:size=1e9",
        "full:how=",
        "full:how=rin",
        "full:how=ringg",
        "full:poll",
        "varied:poll=1",
        "bare:x",
        "full:+fast=1",
        "full :+fast",
        "full:+fa\nst",
        "full:size= 8",
        "\x1b[31m",
        "full::+fast",
    };

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (choose(words[i]) != -EINVAL || !why[0])
            fail_msg("'%s' was not refused", words[i]);
}

static void refusals_name_what_is_allowed(void **state)
{
    const char *all = "-fast, +dear, -lacking, size=1..1M, how=ring|call (see --help)";

    (void)state;
    refuses("full:-magic", -EINVAL, "'magic', which is no feature of full: allowed are ");
    refuses("full:-magic", -EINVAL, all);
    refuses("full:depth=1", -EINVAL, all);
    refuses("varied:uring", -EINVAL, "no method of varied: allowed are poll, select");
    refuses("bare:x", -EINVAL, "takes no items");
    refuses("nope", -EINVAL, "there are: auto absent (not here: gone) shy full bare varied");
}

static void long_words_fit(void **state)
{
    char *spec = calloc(1, 100001);

    (void)state;
    assert_non_null(spec);
    memset(spec, 'x', 100000);
    refuses(spec, -EINVAL, "is no backend");
    memcpy(spec, "full:+", 6);
    refuses(spec, -EINVAL, "xxx...'");
    memcpy(spec, "full:size=9", 11);
    memset(spec + 11, '9', 100000 - 11);
    refuses(spec, -EINVAL, "no setting of");
    for (size_t i = 5; i < 99999; i += 6)
        memcpy(spec + i, "+fast,", 6);
    spec[99994] = '\0';
    takes(spec);
    free(spec);
}

static void a_small_buffer_is_enough(void **state)
{
    char small[8];

    (void)state;
    assert_int_equal(choose_spec(&chosen, &from, "full:-magic", small, sizeof small), -EINVAL);
    assert_true(memchr(small, '\0', sizeof small) != NULL);
    assert_int_equal(choose_spec(&chosen, &from, "nope", small, sizeof small), -EINVAL);
    assert_true(memchr(small, '\0', sizeof small) != NULL);
}

/* ---- the tables of the programs ------------------------------------------------------------- */

static void assert_word(const char *word)
{
    assert_true(word[0] && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(word));
}

static void check_features(const struct backend *b)
{
    uint32_t seen = 0;
    unsigned n = 0;

    for (const struct feature *f = b->features; f && f->name; f++, n++) {
        assert_word(f->name);
        assert_true(f->bit && (f->bit & (f->bit - 1)) == 0 && !(seen & f->bit));
        assert_true(f->help || f->use == FEATURE_ALWAYS);
        seen |= f->bit;
    }
    assert_true(n <= CHOICE_FEATURES);
}

static void check_keys(const struct backend *b)
{
    unsigned n = 0;

    for (const struct feature_key *k = b->keys; k && k->name; k++, n++) {
        assert_word(k->name);
        assert_non_null(k->help);
        assert_true(k->words ? !!k->words[0] : k->min <= k->max);
    }
    assert_true(n <= CHOICE_KEYS);
}

static void the_tables_are_sound(void **state)
{
    const struct backend *const *const tables[] = {udp_backends, engine_table};

    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (size_t j = 0; tables[i][j]; j++) {
            assert_word(tables[i][j]->name);
            assert_non_null(tables[i][j]->summary);
            check_features(tables[i][j]);
            check_keys(tables[i][j]);
        }
}

static void help_lists_every_item(void **state)
{
    static const char *const lines[] = {
        "\n  auto       the first of absent, full, bare, varied that can run here\n",
        "\n  full       has all\n",
        "\n    -fast                quick\n",
        "\n    +dear                costs\n",
        "\n    size=1..1M           bytes\n",
        "\n    how=ring|call        manner\n",
        "\n    varied:poll, varied:select\n",
    };
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    choose_write_help(&from, out);
    fclose(out);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!strstr(text, lines[i]))
            fail_msg("no line '%s' in:\n%s", lines[i], text);
    assert_null(strstr(text, "core"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_takes_what_is_usual),
        cmocka_unit_test(features_are_asked_for_and_left_out),
        cmocka_unit_test(the_last_of_contradicting_items_holds),
        cmocka_unit_test(keys_are_read),
        cmocka_unit_test(variants_are_named),
        cmocka_unit_test(what_cannot_be_had_is_said),
        cmocka_unit_test(auto_takes_the_first_that_can_run),
        cmocka_unit_test(options_stand_for_items),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(refusals_name_what_is_allowed),
        cmocka_unit_test(long_words_fit),
        cmocka_unit_test(a_small_buffer_is_enough),
        cmocka_unit_test(the_tables_are_sound),
        cmocka_unit_test(help_lists_every_item),
    };

    return cmocka_run_group_tests_name("choose", tests, NULL, NULL);
}
