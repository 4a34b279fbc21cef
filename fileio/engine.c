#include "fileio/engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int probe(const struct file_engine *type, const struct engine_config *config, char *why,
                 size_t why_cap)
{
    return type->probe ? type->probe(config, why, why_cap) : 0;
}

/* "auto" is about files: an engine that only pretends does not stand for it. */
static const struct file_engine *choose_first(const struct engine_config *config, int *err,
                                              char *why, size_t why_cap)
{
    for (unsigned i = 0; engine_table[i]; i++) {
        if (engine_table[i] == &engine_null)
            continue;
        *err = probe(engine_table[i], config, why, why_cap);
        if (!*err)
            return engine_table[i];
    }
    return NULL;
}

const struct file_engine *engine_choose(const char *name, const struct engine_config *config,
                                        int *err, char *why, size_t why_cap)
{
    if (strcmp(name, "auto") == 0)
        return choose_first(config, err, why, why_cap);
    for (unsigned i = 0; engine_table[i]; i++) {
        if (strcmp(engine_table[i]->name, name) != 0)
            continue;
        *err = probe(engine_table[i], config, why, why_cap);
        return *err ? NULL : engine_table[i];
    }
    *err = -EINVAL;
    snprintf(why, why_cap, "is no engine of this platform (see --help)");
    return NULL;
}

int engine_open(struct engine *e, const struct file_engine *type,
                const struct engine_config *config, char *why, size_t why_cap)
{
    memset(e, 0, sizeof *e);
    e->type = type;
    e->config = *config;
    e->submitting = config->stats ? config->stats : &e->sides[0].stats;
    e->reaping = config->stats ? config->stats : &e->sides[1].stats;
    return type->open(e, why, why_cap);
}

void engine_close(struct engine *e)
{
    if (e->type)
        e->type->close(e);
    e->type = NULL;
}

void engine_feature(struct engine *e, const char *name, const char *why_not)
{
    if (why_not && e->left_out_count < ENGINE_FEATURES)
        snprintf(e->left_out[e->left_out_count++], ENGINE_TEXT, "%s (%s)", name, why_not);
    if (!why_not && e->feature_count < ENGINE_FEATURES)
        snprintf(e->features[e->feature_count++], ENGINE_TEXT, "%s", name);
}
