#include "common/measure/schedule.h"

void schedule_init(struct schedule *s)
{
    *s = (struct schedule){.taken = 0};
    hist_reset(&s->lateness);
    hist_reset(&s->queued);
}

void schedule_start(struct schedule *s, enum pace_arrivals arrivals, uint64_t rate, uint64_t seed,
                    unsigned index, unsigned count, uint64_t start_ns)
{
    pace_start(&s->pace, arrivals, rate, seed, index, count, start_ns);
    s->arrived = s->pace;
}

/* The queue is what has been due by now and was not taken yet. */
static void note_queue(struct schedule *s, const struct edges *window, uint64_t now_ns,
                       uint64_t most)
{
    uint64_t queued;

    pace_skip(&s->arrived, now_ns < window->end_ns ? now_ns + 1 : window->end_ns, UINT64_MAX);
    queued = s->arrived.taken > s->pace.taken ? s->arrived.taken - s->pace.taken : 0;
    if (queued > most)
        queued = most;
    if (queued > s->queue_peak)
        s->queue_peak = queued;
}

uint64_t schedule_take(struct schedule *s, const struct edges *window, uint64_t now_ns, bool queued,
                       uint64_t most)
{
    uint64_t due_ns = pace_take(&s->pace);

    if (!edges_hold(window, due_ns))
        return due_ns;
    s->taken++;
    hist_record(queued ? &s->queued : &s->lateness, now_ns > due_ns ? now_ns - due_ns : 0);
    note_queue(s, window, now_ns, most);
    return due_ns;
}

void schedule_end(struct schedule *s, const struct edges *window, uint64_t now_ns, uint64_t most)
{
    note_queue(s, window, now_ns, most); /* also when nothing was sent for a long time */
    pace_skip(&s->pace, window->start_ns, UINT64_MAX);
    s->left += pace_skip(&s->pace, window->end_ns, most);
}

void schedule_merge(struct schedule *into, const struct schedule *from)
{
    into->taken += from->taken;
    into->given_up += from->given_up;
    into->left += from->left;
    if (from->queue_peak > into->queue_peak)
        into->queue_peak = from->queue_peak;
    hist_merge(&into->lateness, &from->lateness);
    hist_merge(&into->queued, &from->queued);
}
