#include "common/loop/report_loop.h"

void report_loop(struct report *r, const char *requested, const struct loop_config *config)
{
    report_text(r, "backend.requested", requested);
    report_text(r, "backend.name", config->name);
    report_array(r, "backend.features");
    for (unsigned i = 0; i < config->feature_count; i++)
        report_append_text(r, "backend.features", config->features[i]);
    report_array(r, "backend.left_out");
    for (unsigned i = 0; i < config->left_out_count; i++)
        report_append_text(r, "backend.left_out", config->left_out[i]);
}
