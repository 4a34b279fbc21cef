/*
 * base64: bytes as text (RFC 4648, section 4: padded, no line breaks).
 */
#ifndef IOBENCH_BASE64_H
#define IOBENCH_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* A string for the caller to free, or NULL when memory ran out. */
char *base64_encode(const uint8_t *bytes, size_t len);

#endif
