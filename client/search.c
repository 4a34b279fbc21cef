#include "client/search.h"

#include "client/execute.h"
#include "common/base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_PER_RATE = 3 };

/* While no rate was good yet, the next one is this part of the last. */
#define DESCENT 0.8

int goal_parse(struct goal *goal, const char *text)
{
    const char *less = strchr(text, '<');
    char *end;

    if (!less || units_parse_duration_ns(less + 1, &goal->bound_ns) || goal->bound_ns == 0)
        return -EINVAL;
    if (less - text == 3 && strncmp(text, "max", 3) == 0) {
        goal->percent = 100;
        return 0;
    }
    if (text[0] != 'p' || text[1] < '0' || text[1] > '9')
        return -EINVAL;
    goal->percent = strtod(text + 1, &end);
    return end == less && goal->percent > 0 && goal->percent < 100 ? 0 : -EINVAL;
}

static uint64_t goal_value_ns(const struct goal *goal, const struct hist *response)
{
    return goal->percent < 100 ? hist_percentile_ns(response, goal->percent) : response->max_ns;
}

static void print_run(FILE *out, const struct search *s, const struct search_run *r)
{
    fprintf(out, "[search] %12s/s: %s at %g %%, bound %s: %s\n", text_count(r->rate).s,
            text_time(r->value_ns).s, s->goal.percent, text_time(s->goal.bound_ns).s,
            r->good ? "good" : "too slow");
    fflush(out);
}

/* One run with the configuration but for its rate: 0 or an exit status. */
static int execute_with_rate(struct search *s, struct client_run *run, uint64_t rate, FILE *out,
                             struct results *r)
{
    int status;

    client_close(run); /* the run before this one */
    s->config.rate = rate;
    run->config = &s->config;
    status = execute(run, out, r);
    if (status || !run->drive.interrupted)
        return status;
    fprintf(stderr, "%s: --find-rate: interrupted after %u runs\n", run->loop.program, s->count);
    return EXIT_FAILED;
}

/* Notes as s->runs[s->count] what became of a run at a rate: 0 or an exit status. */
static int try_rate(struct search *s, struct client_run *run, uint64_t rate, FILE *out,
                    struct results *results)
{
    struct search_run *r = &s->runs[s->count];
    const struct summary *found = &results->summary;
    int status = execute_with_rate(s, run, rate, NULL, results);

    if (status)
        return status;
    r->rate = rate;
    r->value_ns = goal_value_ns(&s->goal, &found->response);
    r->sent_rate = summary_rate(found, found->window.begun);
    r->good = found->response.count && r->value_ns <= s->goal.bound_ns && !found->errors &&
              !schedule_never_sent(&found->schedule) && !found->never_answered;
    s->count++;
    print_run(out, s, r);
    return 0;
}

/* Runs at a rate until two agree. */
static int judge_rate(struct search *s, struct client_run *run, uint64_t rate, FILE *out,
                      struct results *r, bool *good)
{
    unsigned good_runs = 0, runs = 0;

    while (runs < RUNS_PER_RATE && good_runs < 2 && runs - good_runs < 2) {
        int status = try_rate(s, run, rate, out, r);

        if (status)
            return status;
        good_runs += s->runs[s->count - 1].good;
        runs++;
    }
    *good = good_runs >= 2;
    return 0;
}

/* What a closed loop achieves: no rate above it can be kept. 0 or an exit status. */
static int find_capacity(struct search *s, struct client_run *run, FILE *out, struct results *r,
                         uint64_t *capacity)
{
    int status = execute_with_rate(s, run, 0, NULL, r);

    if (status)
        return status;
    *capacity = (uint64_t)summary_rate(&r->summary, r->summary.window.requests);
    if (*capacity == 0) {
        fprintf(stderr, "%s: --find-rate: nothing was completed in a closed loop\n",
                run->loop.program);
        return EXIT_FAILED;
    }
    fprintf(out, "[search] %12s/s: capacity, as a closed loop\n", text_count(*capacity).s);
    fflush(out);
    return 0;
}

static bool narrowed(const struct search *s, uint64_t broken)
{
    return (double)broken <= (double)s->rate * SEARCH_PRECISION;
}

/* Between the highest good rate and the lowest broken one; below that while none is good. */
static uint64_t next_rate(const struct search *s, uint64_t broken)
{
    if (s->rate == 0)
        return (uint64_t)((double)broken * DESCENT);
    if (narrowed(s, broken))
        return broken; /* once more: it may have been somebody else's load that broke it */
    return (uint64_t)sqrt((double)s->rate * (double)broken);
}

/* Sets s->rate to the highest good one: 0, also when there is none, or an exit status. */
static int narrow(struct search *s, struct client_run *run, uint64_t broken, FILE *out,
                  struct results *r)
{
    uint64_t lowest = broken / 1000 + 1;

    while (s->count + RUNS_PER_RATE <= SEARCH_RUNS_MAX) {
        uint64_t next = next_rate(s, broken);
        bool good = false;
        int status;

        if (next < lowest || next == s->rate)
            return 0;
        status = judge_rate(s, run, next, out, r, &good);
        if (status)
            return status;
        if (good)
            s->rate = next;
        if (good && next == broken)
            broken = (uint64_t)((double)broken / DESCENT);
        else if (!good && next == broken)
            return 0;
        else if (!good)
            broken = next;
    }
    return 0;
}

int search_run(struct search *s, struct client_run *run, FILE *out, struct results *r)
{
    const struct client_config *asked = run->config;
    uint64_t broken = asked->rate;
    int status = 0;

    s->config = *asked;
    s->rate = 0;
    s->count = 0;
    if (!broken)
        status = find_capacity(s, run, out, r, &broken);
    if (!status)
        status = narrow(s, run, broken, out, r);
    if (status)
        return status;
    if (s->rate == 0) {
        fprintf(stderr, "%s: --find-rate: '%s' is not reached at any rate\n", run->loop.program,
                asked->find_rate);
        return EXIT_FAILED;
    }
    fprintf(out, "[search] found: %s requests per second\n\n", text_count(s->rate).s);
    return execute_with_rate(s, run, s->rate, asked->quiet ? NULL : out, r);
}

void search_report(struct report *report, const struct search *s, const char *goal_text)
{
    static const char *const names[] = {"rate", "value_ns", "sent_rate", "good"};

    report_text(report, "search.goal", goal_text);
    report_integer(report, "search.rate", s->rate);
    report_array(report, "search.runs");
    for (unsigned i = 0; i < s->count; i++) {
        const struct search_run *r = &s->runs[i];
        double values[] = {(double)r->rate, (double)r->value_ns, r->sent_rate, r->good};

        report_append_point(report, "search.runs", names, values, 4);
    }
}
