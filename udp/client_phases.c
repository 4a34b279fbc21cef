#include "udp/client_parts.h"

#include "common/base/clock.h"

#include <math.h>

/*
 * How long before the window the drops are read: each client's getsockopt(2) takes 0.3 us
 * (measured), and a thread that slept wakes late.
 */
#define DROPS_NS_PER_CLIENT 2000
#define DROPS_WAKE_NS       NS_PER_MS

void client_set_deadline(struct client_thread *t)
{
    t->deadline_ns = CLOCK_NEVER_NS;
    if (t->phase == PHASE_WARM_UP && t->drops_read)
        t->deadline_ns = t->window_start_ns;
    else if (t->phase == PHASE_WARM_UP)
        t->deadline_ns =
            t->window_start_ns -
            client_least(t->run->config->warmup_ns, DROPS_WAKE_NS + DROPS_NS_PER_CLIENT * t->count);
    else if (t->phase == PHASE_WINDOW)
        t->deadline_ns = t->ticks.end_ns < t->window_end_ns ? t->ticks.end_ns : t->window_end_ns;
}

static uint64_t tick_errors(const struct client_thread *t)
{
    return t->measured_lost + t->rejected;
}

int64_t client_drops(const struct client_thread *t)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < t->count && sum >= 0; i++) {
        int64_t drops = wire_drops(t->loop.sockets[i].fd);

        sum = drops < 0 ? -1 : sum + drops;
    }
    return sum;
}

void client_read_drops(struct client_thread *t)
{
    t->kernel_drops = client_drops(t);
    t->drops_read = true;
}

static void begin_window(struct client_thread *t)
{
    struct stats *s = t->loop.stats;
    uint64_t messages = t->run->config->messages;

    t->phase = PHASE_WINDOW;
    t->measured = true;
    for (uint32_t i = 0; i < t->count; i++) {
        seq_measure(&t->clients[i].seq);
        t->clients[i].left = messages ? messages : UINT64_MAX;
    }
    t->settled = t->measured_lost = t->rejected = 0;
    hist_reset(&t->service);
    hist_reset(&t->response);
    s->events_max = 0;
    s->requests = 0;
    t->at_start = *s;
    t->cpu_at_start = os_thread_cpu_time();
    t->last_answer_ns = t->window_start_ns;
    ticks_start(&t->ticks, t->window_start_ns, s->requests, tick_errors(t));
}

/* Moments of the schedule before end_ns that were not taken; expected ones if they are random. */
static uint64_t overdue(const struct client_thread *t, uint64_t end_ns)
{
    const struct pace *p = &t->pace;
    double gap_ns = (double)p->count * 1e9 / (double)p->rate;

    return p->due_ns < end_ns ? (uint64_t)ceil((double)(end_ns - p->due_ns) / gap_ns) : 0;
}

static uint64_t unsent_at_end(const struct client_thread *t, uint64_t end_ns)
{
    uint64_t left = 0;

    if (client_open_loop(t))
        return t->run->config->messages ? t->quota - t->scheduled : overdue(t, end_ns);
    for (uint32_t i = 0; i < t->count && t->run->config->messages; i++)
        left += t->clients[i].left;
    return left;
}

void client_end_window(struct client_thread *t, uint64_t end_ns)
{
    t->phase = PHASE_DRAIN;
    t->window_end_ns = end_ns;
    t->at_end = *t->loop.stats;
    t->cpu_at_end = os_thread_cpu_time();
    t->unsent += unsent_at_end(t, end_ns);
    t->drain_end_ns = t->last_sent_ns + 2 * t->run->config->timeout_ns;
    ticks_end(&t->ticks, end_ns, t->loop.stats->requests, tick_errors(t));
    crew_tell(&t->run->crew);
    client_set_deadline(t);
}

void client_catch_up(struct client_thread *t)
{
    while (t->now_ns >= t->deadline_ns) {
        if (t->phase == PHASE_WARM_UP && !t->drops_read) {
            client_read_drops(t);
        } else if (t->phase == PHASE_WARM_UP) {
            begin_window(t);
        } else if (t->now_ns >= t->window_end_ns && t->ticks.end_ns >= t->window_end_ns) {
            client_end_window(t, t->window_end_ns);
        } else {
            ticks_publish(&t->ticks, t->loop.stats->requests, tick_errors(t));
            crew_tell(&t->run->crew);
        }
        client_set_deadline(t);
    }
}

void client_read_clock(struct client_thread *t)
{
    t->now_ns = clock_now_ns();
    client_catch_up(t);
}
