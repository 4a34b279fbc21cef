/*
 * served: the CPU time of those that answer a client, between the two edges of its window.
 *
 * A server that is another process cannot know the client's window, so the client reads the clock
 * that the system keeps of the server's CPU time. These clocks are exact, also while their threads
 * run. The first of the client's threads reads them when it comes to its edges.
 */
#ifndef IOBENCH_SERVED_H
#define IOBENCH_SERVED_H

#include "common/base/opt.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { SERVED_CLOCKS_MAX = 1024, SERVED_PID_MAX = 1 << 22 };

struct served_reading {
    uint64_t cpu_ns;
    bool known;
};

/* Those that answer; all zero is nobody that is known of. */
struct served {
    unsigned count;
    clockid_t clocks[SERVED_CLOCKS_MAX];
    struct served_reading start, end; /* at the window's edges */
};

/* The option row, for a field of this name; FIELD() is the program's. */
/* clang-format off */
#define SERVED_PID_ROW                                                                            \
    {"server-pid", 0, OPT_COUNT, FIELD(server_pid), NULL, "PID", 1, SERVED_PID_MAX, NULL,         \
     "process that answers, on this machine: report the CPU time that it uses in the window"}
/* clang-format on */

/* The process with that number, 0 being nobody: 0, or EXIT_USAGE after one line on stderr. */
int served_by_process(struct served *s, const struct opt_table *table, uint64_t pid);

/*
 * One more thread of this process, which runs now: 0 or -errno (-ENOTSUP: there are no such clocks
 * here). After an error nobody is known of.
 */
int served_by_thread(struct served *s, pthread_t thread);

/* What all of them have used up to now. */
struct served_reading served_read(const struct served *s);

/* In seconds, from start to end; NaN: not known. */
double served_cpu_s(const struct served *s);

#endif
