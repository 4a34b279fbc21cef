#include "fileio/engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const engine_notify_names[] = {"ring", "getevents", "eventfd", NULL};

/* What can be had shows when an engine is open. */
static int insist(struct choice *c, char *why, size_t why_cap)
{
    char reason[CHOICE_TEXT];

    if (!choice_insist(c, reason, sizeof reason))
        return 0;
    snprintf(why, why_cap, "%s of %s cannot be had: %s", c->blamed, c->name, reason);
    return -EOPNOTSUPP;
}

int engine_open(struct engine *e, const struct file_engine *type,
                const struct engine_config *config, char *why, size_t why_cap)
{
    int err;

    memset(e, 0, sizeof *e);
    e->type = type;
    e->config = *config;
    e->submitting = config->stats ? config->stats : &e->sides[0].stats;
    e->reaping = config->stats ? config->stats : &e->sides[1].stats;
    err = type->open(e, why, why_cap);
    return err ? err : insist(&e->config.choice, why, why_cap);
}

void engine_close(struct engine *e)
{
    if (e->type)
        e->type->close(e);
    e->type = NULL;
}
