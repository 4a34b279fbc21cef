#include "fileio/traffic.h"

#define CALL_NAME(name) #name,
const char *const traffic_call_names[CALL_KINDS] = {TRAFFIC_CALLS(CALL_NAME)};

void traffic_merge(struct traffic *into, const struct traffic *from)
{
    for (unsigned i = 0; i < CALL_KINDS; i++)
        into->calls[i] += from->calls[i];
    into->batches += from->batches;
    into->operations += from->operations;
    if (from->most > into->most)
        into->most = from->most;
}

struct traffic traffic_between(const struct traffic *start, const struct traffic *end)
{
    struct traffic t = *end;

    for (unsigned i = 0; i < CALL_KINDS; i++)
        t.calls[i] -= start->calls[i];
    t.batches -= start->batches;
    t.operations -= start->operations;
    return t;
}

uint64_t traffic_calls_total(const struct traffic *t)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < CALL_KINDS; i++)
        total += t->calls[i];
    return total;
}
