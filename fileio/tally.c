#include "fileio/tally.h"

#include <stddef.h>
#include <string.h>

_Static_assert(offsetof(struct tally, sync) == (TALLY_HISTS - 1) * sizeof(struct hist),
               "all[] is all of them");

void tally_init(struct tally *t)
{
    memset(t, 0, sizeof *t);
    for (unsigned i = 0; i < TALLY_HISTS; i++)
        hist_reset(&t->all[i]);
}

void tally_merge(struct tally *into, const struct tally *from)
{
    for (unsigned i = 0; i < TALLY_HISTS; i++)
        hist_merge(&into->all[i], &from->all[i]);
    for (unsigned i = 0; i < TALLY_MOVES; i++)
        into->shorts[i] += from->shorts[i];
    into->verified += from->verified;
}
