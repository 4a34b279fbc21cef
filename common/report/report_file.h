/*
 * report_file: a text and a line end become a file, whole or not at all. For report_write(), and
 * for mains that ask beforehand.
 *
 * The text goes to a temporary file beside the target, which then takes the target's name; a
 * link is followed first. What is no regular file (a device, a pipe) is written in place, and "-"
 * is stdout.
 */
#ifndef IOBENCH_REPORT_FILE_H
#define IOBENCH_REPORT_FILE_H

/* 0 or -errno; on failure nothing is left behind, and a file that was there is as it was. */
int report_file_write(const char *target_path, const char *text);

/* Whether report_file_write() could write there, found out by making and removing the temporary
 * file: 0 or -errno. */
int report_file_check(const char *target_path);

#endif
