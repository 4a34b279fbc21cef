#include "client/search.h"

#include "client/execute.h"
#include "common/base/units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_PER_RATE = 3 };

/* From one rate to the next lower one, while none was good yet. */
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
    char rate[UNITS_TEXT_CAP], value[UNITS_TEXT_CAP], bound[UNITS_TEXT_CAP];

    fprintf(out, "[search] %12s/s: %s at %g %%, bound %s: %s\n",
            units_count(rate, sizeof rate, r->rate),
            units_duration(value, sizeof value, r->value_ns), s->goal.percent,
            units_duration(bound, sizeof bound, s->goal.bound_ns), r->good ? "good" : "too slow");
    fflush(out);
}

/* One silent run with the configuration but for its rate: 0 or an exit status. */
static int execute_with_rate(struct run *run, uint64_t rate, struct results *results)
{
    const struct client_config *asked = run->config;
    struct client_config config = *asked;
    int status;

    config.rate = rate;
    run->config = &config;
    status = execute(run, NULL, results);
    execute_free(run);
    run->config = asked;
    return !status && results->interrupted ? EXIT_FAILED : status;
}

static int try_rate(struct search *s, struct run *run, uint64_t rate, FILE *out, bool *good)
{
    struct search_run *r = &s->runs[s->count];
    struct results results;
    int status = execute_with_rate(run, rate, &results);

    if (status)
        return status;
    r->rate = rate;
    r->value_ns = goal_value_ns(&s->goal, &results.response);
    r->sent_rate = results_rate(&results, results.sent);
    r->good = results.response.count && r->value_ns <= s->goal.bound_ns && !results.errors &&
              !results.never_sent && !results.never_answered;
    s->count++;
    *good = r->good;
    print_run(out, s, r);
    return 0;
}

/* Runs at a rate until two agree. */
static int judge_rate(struct search *s, struct run *run, uint64_t rate, FILE *out, bool *good)
{
    unsigned good_runs = 0, runs = 0;

    while (runs < RUNS_PER_RATE && good_runs < 2 && runs - good_runs < 2) {
        bool this_one;
        int status = try_rate(s, run, rate, out, &this_one);

        if (status)
            return status;
        good_runs += this_one;
        runs++;
    }
    *good = good_runs >= 2;
    return 0;
}

/* What a closed loop achieves: no rate above it can be kept. 0 or an exit status. */
static int find_capacity(struct run *run, FILE *out, uint64_t *capacity)
{
    struct results results;
    char rate[UNITS_TEXT_CAP];
    int status = execute_with_rate(run, 0, &results);

    *capacity = (uint64_t)results_rate(&results, results.window.requests);
    if (!status)
        fprintf(out, "[search] %12s/s: capacity, as a closed loop\n",
                units_count(rate, sizeof rate, *capacity));
    fflush(out);
    return status;
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

int search_run(struct search *s, struct run *run, FILE *out)
{
    uint64_t broken = run->config->rate, lowest;
    int status = broken ? 0 : find_capacity(run, out, &broken);

    s->rate = 0;
    s->count = 0;
    lowest = broken / 1000 + 1;
    while (!status && s->count + RUNS_PER_RATE <= SEARCH_RUNS_MAX) {
        uint64_t next = next_rate(s, broken);
        bool good = false;

        if (next < lowest || next == s->rate)
            break;
        status = judge_rate(s, run, next, out, &good);
        if (good)
            s->rate = next;
        if (good && next == broken)
            broken = (uint64_t)((double)broken / DESCENT);
        else if (!good && next == broken)
            break;
        else if (!good)
            broken = next;
    }
    return status;
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
