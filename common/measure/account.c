#include "common/measure/account.h"

#include "common/base/clock.h"

#include <math.h>

/* limit_total() from which on a thread counts as having had no room for more. */
#define SATURATED 0.95

/* limit.waited from which on every answer was delayed, however little there was to do. */
#define WAITED_LONG 0.25

void account_read(struct account *a, const struct stats *s)
{
    a->stats = *s;
    a->run_time = os_thread_run_time();
    a->read_ns = clock_now_ns();
    a->cpu = os_thread_cpu_time();
    a->process_cpu = os_process_cpu_time();
}

struct os_cpu_time account_cpu_between(struct os_cpu_time start, struct os_cpu_time end)
{
    return (struct os_cpu_time){end.user_ns - start.user_ns, end.system_ns - start.system_ns};
}

/* The scheduler's own figure where there is one: getrusage() may go by timer ticks. */
static double on_cpu_ns(const struct account *start, const struct account *end)
{
    struct os_cpu_time cpu = account_cpu_between(start->cpu, end->cpu);

    if (start->run_time.known && end->run_time.known)
        return (double)(end->run_time.on_cpu_ns - start->run_time.on_cpu_ns);
    return (double)(cpu.user_ns + cpu.system_ns);
}

/*
 * The host steals time from whichever thread runs, so a thread bears that part of the stolen time
 * which it has of the CPU's busy time.
 */
static double stolen_ns(double thread_ns, const struct host_pressure *start,
                        const struct host_pressure *end)
{
    double steal_s = end->steal_s - start->steal_s, busy_s = end->busy_s - start->busy_s;

    if (start->steal_s < 0 || end->steal_s < 0)
        return NAN;
    return steal_s > 0 && busy_s > 0 ? steal_s * 1e9 * fmin(thread_ns / 1e9 / busy_s, 1) : 0;
}

struct limit limit_between(const struct account *start, const struct account *end,
                           uint64_t window_ns, const struct host_pressure *cpu_start,
                           const struct host_pressure *cpu_end)
{
    double looking_ns = (double)(end->stats.looking_ns - start->stats.looking_ns);
    double time_ns = fmax((double)(end->read_ns - start->read_ns), (double)window_ns);
    double thread_ns = on_cpu_ns(start, end);
    bool known = start->run_time.known && end->run_time.known;

    if (window_ns == 0)
        return (struct limit){0, NAN, NAN};
    return (struct limit){
        .busy = fmin(fmax(thread_ns - looking_ns, 0) / time_ns, 1),
        .waited = known ? (double)(end->run_time.waited_ns - start->run_time.waited_ns) / time_ns
                        : (double)NAN,
        .stolen = stolen_ns(thread_ns, cpu_start, cpu_end) / time_ns,
    };
}

static double or_none(double share)
{
    return isnan(share) ? 0 : share;
}

double limit_total(const struct limit *l)
{
    return fmin(l->busy + or_none(l->waited) + or_none(l->stolen), 1);
}

bool limit_reached(const struct limit *l)
{
    return limit_total(l) >= SATURATED || or_none(l->waited) >= WAITED_LONG;
}
