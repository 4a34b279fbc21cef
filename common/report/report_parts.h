/*
 * report_parts: what report_sections.c needs of report.c beyond common/report/report.h.
 */
#ifndef IOBENCH_REPORT_PARTS_H
#define IOBENCH_REPORT_PARTS_H

struct report;

/* An object that may stay empty: makes it, so that readers always find it. */
void report_object(struct report *r, const char *path);

/* Remembers that memory ran out while a value was being made. */
void report_out_of_memory(struct report *r);

#endif
