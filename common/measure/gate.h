/*
 * gate: the moment at which a run begins, where another process is to say it.
 *
 * Without one a run begins when its last thread is set up. With --gate PATH it then tells whoever
 * listens on that Unix socket, and begins at the moment that it is told in return, so that several
 * runs can begin, and have their windows, at the same moments:
 *
 *     the run      connects to PATH before it sets anything up
 *     the run      "ready\n"       when its last thread is set up
 *     the opener   "begin NS\n"    when to begin: a moment of CLOCK_MONOTONIC in nanoseconds
 *
 * A moment that has passed counts all the same: phases are planned from it. The connection stays
 * open until the threads have ended. For the main thread alone.
 */
#ifndef IOBENCH_GATE_H
#define IOBENCH_GATE_H

#include "common/base/opt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the longest line that is well-formed: "begin ", 20 digits and the line's end. */
enum { GATE_LINE_MAX = 27 };

struct gate {
    const struct opt_table *table; /* for complaints; NULL: there is no gate */
    const char *path;
    int fd;
    bool announced;
    char line[GATE_LINE_MAX]; /* what was heard so far */
    size_t len;
    uint64_t begin_ns; /* 0: not told yet */
};

/* The option row, for a field of this name; FIELD() is the program's. */
/* clang-format off */
#define GATE_ROW                                                                                  \
    {"gate", 0, OPT_TEXT, FIELD(gate), NULL, "PATH", 0, 0, NULL,                                  \
     "begin when another process says so: a script that listens on this Unix socket is told "     \
     "'ready' when all is set up, and answers 'begin NS', a moment of CLOCK_MONOTONIC in ns, at " \
     "which the warm-up begins"}
/* clang-format on */

/* Connects to path, if it is not NULL: 0, or EXIT_USAGE after one line on stderr. */
int gate_connect(struct gate *g, const struct opt_table *table, const char *path);

/*
 * For a run that is set up: says so, if it was not said before, and hears what there is to hear. 0,
 * also when begin_ns is still 0; or EXIT_FAILED after one line on stderr.
 */
int gate_attend(struct gate *g);

/* When to call gate_passed() next; CLOCK_NEVER_NS while nothing is told. */
uint64_t gate_look_ns(const struct gate *g);

/* Whether the moment told has come. When it is near this waits for it, unless a signal comes. */
bool gate_passed(const struct gate *g);

void gate_close(struct gate *g);

/* "begin NS\n" in the first len bytes: 0; -EAGAIN if it is a part of that; -EINVAL if it is not. */
int gate_parse(const char *line, size_t len, uint64_t *begin_ns);

#endif
