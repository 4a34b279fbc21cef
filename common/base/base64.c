#include "common/base/base64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* The reverse for digits (2 to 4) characters; the caller knows that the rest is padding. */
static int decode_group(const char *text, size_t digits, uint8_t *bytes)
{
    uint32_t group = 0;

    for (size_t i = 0; i < 4; i++) {
        const char *digit = i < digits ? strchr(alphabet, text[i]) : alphabet;

        if (!digit)
            return -EINVAL;
        group = group << 6 | (uint32_t)(digit - alphabet);
    }
    for (size_t i = 0; i + 1 < digits; i++)
        bytes[i] = (uint8_t)(group >> (16 - 8 * i));

    /* Bits beyond the last whole byte are 0, or the same bytes would have several texts. */
    return (group & 0xffffffU >> 8 * (digits - 1)) != 0 ? -EINVAL : 0;
}

int base64_decode(const char *text, uint8_t *bytes, size_t *len)
{
    size_t text_len = strlen(text);
    size_t digits = text_len;

    if (text_len % 4)
        return -EINVAL;
    while (text_len - digits < 2 && digits > 0 && text[digits - 1] == '=')
        digits--;
    for (size_t i = 0; i < text_len; i += 4) {
        int err = decode_group(text + i, digits - i < 4 ? digits - i : 4, bytes + i / 4 * 3);

        if (err)
            return err;
    }
    *len = digits * 3 / 4;
    return 0;
}
