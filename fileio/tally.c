#include "fileio/tally.h"

#include <string.h>

void tally_init(struct tally *t)
{
    memset(t, 0, sizeof *t);
    for (unsigned i = 0; i < TALLY_MOVES; i++) {
        hist_reset(&t->moves[i].service);
        hist_reset(&t->moves[i].complete);
        hist_reset(&t->moves[i].response);
    }
    hist_reset(&t->submit);
    hist_reset(&t->sync);
    hist_reset(&t->classes[0]);
    hist_reset(&t->classes[1]);
}

static void merge_moves(struct moves *into, const struct moves *from)
{
    into->shorts += from->shorts;
    hist_merge(&into->service, &from->service);
    hist_merge(&into->complete, &from->complete);
    hist_merge(&into->response, &from->response);
}

void tally_merge(struct tally *into, const struct tally *from)
{
    for (unsigned i = 0; i < TALLY_MOVES; i++)
        merge_moves(&into->moves[i], &from->moves[i]);
    hist_merge(&into->submit, &from->submit);
    hist_merge(&into->sync, &from->sync);
    hist_merge(&into->classes[0], &from->classes[0]);
    hist_merge(&into->classes[1], &from->classes[1]);
    into->verified += from->verified;
}
