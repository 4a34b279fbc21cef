/*
 * opt_text: what opt's parser, help and man page share: the options that every program has, and
 * what an option accepts, in words. Of no use to others.
 */
#ifndef IOBENCH_OPT_TEXT_H
#define IOBENCH_OPT_TEXT_H

#include "common/base/opt.h"

#include <stdio.h>

/* Rows like those of a table, but they fill no field. */
enum { OPT_ACTION_HELP, OPT_ACTION_VERSION, OPT_ACTION_MAN, OPT_ACTIONS };
extern const struct opt opt_actions[OPT_ACTIONS];

/*
 * "a count from 1 to 1,000,000", "a size of at most 16 MiB", "one of full, length". Limits are
 * written exactly, never rounded. Nothing for a flag; "a text" for OPT_TEXT.
 */
void opt_write_allowed(const struct opt *row, FILE *out);

/* The sentence of --help and man page: help (allowed; default: initial). */
void opt_write_description(const struct opt *row, FILE *out);

#endif
