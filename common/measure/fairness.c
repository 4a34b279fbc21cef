#include "common/measure/fairness.h"

void fairness_add(struct fairness *f, uint64_t count, bool asked)
{
    if (f->peers++ == 0 || count < f->min)
        f->min = count;
    if (count > f->max)
        f->max = count;
    f->starved += count == 0 && asked;
    f->sum += (double)count;
    f->sum_of_squares += (double)count * (double)count;
}

void fairness_merge(struct fairness *into, const struct fairness *from)
{
    if (from->peers == 0)
        return;
    if (into->peers == 0 || from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
    into->peers += from->peers;
    into->starved += from->starved;
    into->sum += from->sum;
    into->sum_of_squares += from->sum_of_squares;
}

double fairness_jain(const struct fairness *f)
{
    return f->sum * f->sum / ((double)f->peers * f->sum_of_squares);
}

void fairness_report(struct report *r, const struct fairness *f)
{
    report_number(r, "fairness.jain", fairness_jain(f));
    report_integer(r, "fairness.min_requests", f->min);
    report_integer(r, "fairness.max_requests", f->max);
    report_integer(r, "fairness.starved", f->starved);
}
