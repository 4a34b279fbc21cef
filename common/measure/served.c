#include "common/measure/served.h"

#include "common/base/clock.h"
#include "common/host/os.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int served_by_process(struct served *s, const struct opt_table *table, uint64_t pid)
{
    struct served_reading now;
    char value[24], why[128];
    int err;

    s->count = 0;
    if (pid == 0)
        return 0;
    err = os_process_cpu_clock((pid_t)pid, &s->clocks[0]);
    if (!err) {
        s->count = 1;
        now = served_read(s);
        err = now.known ? 0 : -ESRCH;
    }
    if (!err)
        return 0;
    snprintf(value, sizeof value, "%" PRIu64, pid);
    snprintf(why, sizeof why, "is no process whose CPU time can be read: %s", strerror(-err));
    return opt_complain(table, EXIT_USAGE, "server-pid", value, why);
}

int served_by_thread(struct served *s, pthread_t thread)
{
    int err = -ENOSPC;

    if (s->count < SERVED_CLOCKS_MAX)
        err = os_thread_cpu_clock(thread, &s->clocks[s->count]);
    s->count = err ? 0 : s->count + 1;
    return err;
}

struct served_reading served_read(const struct served *s)
{
    struct served_reading sum = {.known = s->count > 0};

    for (unsigned i = 0; i < s->count && sum.known; i++) {
        struct timespec used;

        sum.known = clock_gettime(s->clocks[i], &used) == 0;
        if (sum.known)
            sum.cpu_ns += (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
    }
    return sum;
}

double served_cpu_s(const struct served *s)
{
    if (!s->start.known || !s->end.known || s->end.cpu_ns < s->start.cpu_ns)
        return NAN;
    return (double)(s->end.cpu_ns - s->start.cpu_ns) / (double)NS_PER_S;
}
