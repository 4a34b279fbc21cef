/*
 * units: what "64k", "10s" and "250us" mean. The way back is text.h.
 *
 * Every parser takes the whole text (no trailing characters), decimal fractions ("1.5s", "0.5k")
 * and returns 0, -EINVAL for text that is not such a quantity, or -ERANGE for one that does not
 * fit. Fractions that do not come out at a whole unit ("0.3" bytes) are -EINVAL.
 */
#ifndef IOBENCH_UNITS_H
#define IOBENCH_UNITS_H

#include <stdint.h>

/* A number of things: k, M, G are powers of 1000. "200k" is 200,000. */
int units_parse_count(const char *text, uint64_t *count);

/* A size: k, M, G (also KiB, kB, K, ...) are powers of 1024. "64k" is 65,536 bytes. */
int units_parse_bytes(const char *text, uint64_t *bytes);

/* A span of time: ns, us, ms, s, m, h; a bare number is seconds. "250us" is 250,000 ns. */
int units_parse_duration_ns(const char *text, uint64_t *duration_ns);

/* Room for any number as text. */
enum { UNITS_TEXT_CAP = 32 };

#endif
