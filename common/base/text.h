/*
 * text: numbers as text for people, as values: as many as needed can be alive in one printf().
 *
 *     printf("%s requests in %s\n", text_count(n).s, text_time(ns).s);
 */
#ifndef IOBENCH_TEXT_H
#define IOBENCH_TEXT_H

#include "common/base/units.h"

struct text {
    char s[UNITS_TEXT_CAP];
};

struct text text_count(uint64_t count);  /* "310,190" */
struct text text_rounded(double count);  /* the same, of the nearest whole number */
struct text text_bytes(uint64_t bytes);  /* "64 KiB", "1.5 MiB", "300 B" */
struct text text_time(uint64_t time_ns); /* "8.42 us", "1.20 s", "950 ns" */

/* What follows a noun of which there are n: "s", or nothing for one. */
const char *text_plural(uint64_t n);

/* The index of a word in a NULL-terminated list (NULL: an empty one), or -1. */
int text_index(const char *const *words, const char *word);

#endif
