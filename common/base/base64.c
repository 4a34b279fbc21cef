#include "common/base/base64.h"

#include <stdlib.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes become four characters; those that no byte reaches are padding. */
static void encode_group(const uint8_t *bytes, size_t len, char *text)
{
    uint32_t group = 0;

    for (size_t i = 0; i < 3; i++)
        group = group << 8 | (i < len ? bytes[i] : 0);
    for (size_t i = 0; i < 4; i++)
        text[i] = i <= len ? alphabet[group >> (18 - 6 * i) & 63] : '=';
}

char *base64_encode(const uint8_t *bytes, size_t len)
{
    char *text = malloc((len + 2) / 3 * 4 + 1);
    char *at = text;

    if (!text)
        return NULL;
    for (size_t i = 0; i < len; i += 3, at += 4)
        encode_group(bytes + i, len - i < 3 ? len - i : 3, at);
    *at = '\0';
    return text;
}
