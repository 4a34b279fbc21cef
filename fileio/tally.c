#include "fileio/tally.h"

#include <errno.h>
#include <string.h>

#define ERROR_NAME(name, text) #name,
#define ERROR_TEXT(name, text) text,
const char *const tally_error_names[TALLY_ERROR_KINDS] = {TALLY_ERRORS(ERROR_NAME)};
const char *const tally_error_texts[TALLY_ERROR_KINDS] = {TALLY_ERRORS(ERROR_TEXT)};

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
    into->operations += from->operations;
    into->bytes += from->bytes;
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
    for (unsigned i = 0; i < TALLY_ERROR_KINDS; i++)
        into->errors[i] += from->errors[i];
}

uint64_t tally_errors_total(const struct tally *t)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < TALLY_ERROR_KINDS; i++)
        total += t->errors[i];
    return total;
}

enum tally_error tally_error_of(int err)
{
    switch (-err) {
    case EAGAIN:
        return TALLY_eagain;
    case EBADF:
        return TALLY_ebadf;
    case EFBIG:
        return TALLY_efbig;
    case EINVAL:
        return TALLY_einval;
    case EIO:
        return TALLY_eio;
    case ENOSPC:
    case EDQUOT:
        return TALLY_enospc;
    case EOPNOTSUPP:
        return TALLY_eopnotsupp;
    default:
        return TALLY_other;
    }
}
