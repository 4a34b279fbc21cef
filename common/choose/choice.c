#include "common/choose/choice.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const struct feature *find_feature(const struct choice *c, uint32_t bit)
{
    const struct feature *f = c->backend->features;

    while (f && f->name && f->bit != bit)
        f++;
    return f && f->name ? f : NULL;
}

bool choice_wants(const struct choice *c, uint32_t bit)
{
    const struct feature *f = find_feature(c, bit);

    return f && !(c->refused & bit) && (f->use != FEATURE_ASKED || c->asked & bit);
}

bool choice_feature(struct choice *c, uint32_t bit, const char *why_not)
{
    const struct feature *f = find_feature(c, bit);
    char *note;

    if (!f || (f->use == FEATURE_ASKED && !(c->asked & bit)))
        return false;
    note = c->why_not[f - c->backend->features];
    if (c->refused & bit)
        why_not = "asked not to";
    snprintf(note, sizeof c->why_not[0], "%s", why_not ? why_not : "");
    c->used = why_not ? c->used & ~bit : c->used | bit;
    return !why_not;
}

int choice_blame(struct choice *c, int err, const char *name, const char *reason, char *why,
                 size_t why_cap)
{
    c->blamed = name;
    snprintf(why, why_cap, "%s", reason);
    return err;
}

int choice_insist(struct choice *c, char *why, size_t why_cap)
{
    const struct feature *f = c->backend->features;

    for (unsigned i = 0; f && f[i].name; i++)
        if (c->asked & f[i].bit && c->why_not[i][0])
            return choice_blame(c, -ENOTSUP, f[i].name, c->why_not[i], why, why_cap);
    return 0;
}

uint64_t choice_value(const struct choice *c, unsigned key, uint64_t otherwise)
{
    return c->given & 1u << key ? c->values[key] : otherwise;
}

void choice_set(struct choice *c, unsigned key, uint64_t value)
{
    c->values[key] = value;
    c->given |= 1u << key;
}

/* ---- to be read ----------------------------------------------------------------------------- */

static unsigned count_features(const struct choice *c)
{
    unsigned n = 0;

    while (c->backend->features && c->backend->features[n].name)
        n++;
    return n;
}

static bool write_key(const struct choice *c, unsigned key, char text[CHOICE_TEXT])
{
    const struct feature_key *k;

    if (!(c->given & 1u << key))
        return false;
    k = &c->backend->keys[key];
    if (k->words)
        snprintf(text, CHOICE_TEXT, "%s=%s", k->name, k->words[c->values[key]]);
    else
        snprintf(text, CHOICE_TEXT, "%s=%" PRIu64, k->name, c->values[key]);
    return true;
}

bool choice_next_used(const struct choice *c, unsigned *at, char text[CHOICE_TEXT])
{
    unsigned features = count_features(c);

    while (*at < features + CHOICE_KEYS) {
        unsigned i = (*at)++;

        if (i >= features && write_key(c, i - features, text))
            return true;
        if (i < features && c->used & c->backend->features[i].bit) {
            snprintf(text, CHOICE_TEXT, "%s", c->backend->features[i].name);
            return true;
        }
    }
    return false;
}

bool choice_next_left_out(const struct choice *c, unsigned *at, char text[CHOICE_TEXT])
{
    while (*at < count_features(c)) {
        unsigned i = (*at)++;

        if (!c->why_not[i][0])
            continue;
        snprintf(text, CHOICE_TEXT, "%s (%s)", c->backend->features[i].name, c->why_not[i]);
        return true;
    }
    return false;
}

void choice_print(FILE *out, const struct choice *c)
{
    char text[CHOICE_TEXT];
    unsigned at = 0, n = 0;

    fputs(c->name, out);
    for (; choice_next_used(c, &at, text); n++)
        fprintf(out, "%s%s", n ? ", " : " (", text);
    fputs(n ? ")" : "", out);
}

void choice_report(struct report *r, const char *requested, const struct choice *c)
{
    char text[CHOICE_TEXT];

    report_text(r, "backend.requested", requested);
    report_text(r, "backend.name", c->name);
    report_array(r, "backend.features");
    for (unsigned at = 0; choice_next_used(c, &at, text);)
        report_append_text(r, "backend.features", text);
    report_array(r, "backend.left_out");
    for (unsigned at = 0; choice_next_left_out(c, &at, text);)
        report_append_text(r, "backend.left_out", text);
}
