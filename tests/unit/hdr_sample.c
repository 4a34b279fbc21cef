/*
 * hdr_sample: histograms for an independent decoder to check (tests/e2e/test_hdr_decode.py).
 *
 * One line per distribution, separated by tabs: name, HdrHistogram text, count, exact maximum, and
 * the values at 50, 90, 95, 99, 99.9 and 99.99 percent.
 */
#include "common/base/hist.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct hist hist;

static int print_and_reset(const char *name)
{
    static const double percents[] = {50, 90, 95, 99, 99.9, 99.99};
    char *text = hist_encode_base64(&hist);

    if (!text)
        return -1;
    printf("%s\t%s\t%" PRIu64 "\t%" PRIu64, name, text, hist.count, hist.max_ns);
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++)
        printf("\t%" PRIu64, hist_percentile_ns(&hist, percents[i]));
    putchar('\n');
    free(text);
    hist_reset(&hist);
    return 0;
}

static int print_single_values(void)
{
    int err = print_and_reset("empty");

    hist_record(&hist, 0);
    err |= print_and_reset("zero");
    hist_record(&hist, 123456789);
    err |= print_and_reset("one value");
    hist_record(&hist, HIST_MAX_NS);
    err |= print_and_reset("the largest value");
    return err;
}

static int print_over_range(void)
{
    for (uint64_t i = 0; i < 1000; i++)
        hist_record(&hist, i < 990 ? 1000 + i : HIST_MAX_NS * 2);
    return print_and_reset("over range");
}

static int print_bimodal(void)
{
    for (uint64_t i = 0; i < 100000; i++)
        hist_record(&hist, i % 20 ? 8000 + i % 977 : 40000000 + i);
    return print_and_reset("bimodal");
}

static int print_uniform(void)
{
    for (uint64_t i = 1; i <= 1000000; i++)
        hist_record(&hist, i * 100);
    return print_and_reset("uniform");
}

/* 99.9 percent of 41000 is a whole number, where a rounding error would take the next value. */
static int print_whole_ranks(void)
{
    for (uint64_t i = 1; i <= 41000; i++)
        hist_record(&hist, i <= 40959 ? 10 : i);
    return print_and_reset("whole ranks");
}

static int print_every_magnitude(void)
{
    for (uint64_t value_ns = 1; value_ns < HIST_MAX_NS; value_ns += 1 + value_ns / 50)
        for (uint64_t times = 0; times <= value_ns % 300; times++)
            hist_record(&hist, value_ns);
    return print_and_reset("every magnitude");
}

int main(void)
{
    int err;

    hist_reset(&hist);
    err = print_single_values();
    err |= print_over_range();
    err |= print_bimodal();
    err |= print_uniform();
    err |= print_whole_ranks();
    err |= print_every_magnitude();
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
