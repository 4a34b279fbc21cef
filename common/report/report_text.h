/*
 * report_text: makes what a user typed fit into a JSON document. Used by report alone.
 *
 * Both return a string for the caller to free, or NULL when memory ran out.
 */
#ifndef IOBENCH_REPORT_TEXT_H
#define IOBENCH_REPORT_TEXT_H

/* The text as valid UTF-8: each byte that is not part of a character becomes U+FFFD. */
char *report_text_utf8(const char *text);

/* The words as one command line, quoted so that a POSIX shell reads the same words back. */
char *report_text_command(int argc, char *const *argv);

#endif
