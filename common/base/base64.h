/*
 * base64: bytes as text and back (RFC 4648, section 4: padded, no line breaks).
 */
#ifndef IOBENCH_BASE64_H
#define IOBENCH_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* A string for the caller to free, or NULL when memory ran out. */
char *base64_encode(const uint8_t *bytes, size_t len);

/* Room that base64_decode() may need for a text of text_len characters. */
static inline size_t base64_decoded_max(size_t text_len)
{
    return text_len / 4 * 3;
}

/*
 * Writes at most base64_decoded_max(strlen(text)) bytes and sets *len. 0, or -EINVAL for anything
 * that base64_encode() would not have written.
 */
int base64_decode(const char *text, uint8_t *bytes, size_t *len);

#endif
