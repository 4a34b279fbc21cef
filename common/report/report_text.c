#include "common/report/report_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Bytes of the UTF-8 character at s, or 0 when there is none. What a second byte may be follows
 * the Unicode Standard, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
static size_t character_len(const unsigned char *s)
{
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
        return 0;
    return len;
}

char *report_text_utf8(const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    char *clean = malloc(strlen(text) * (sizeof(replacement) - 1) + 1);
    char *to = clean;

    if (!clean)
        return NULL;
    while (*text) {
        size_t len = character_len((const unsigned char *)text);
        size_t clean_len = len ? len : sizeof(replacement) - 1;

        memcpy(to, len ? text : replacement, clean_len);
        to += clean_len;
        text += len ? len : 1;
    }
    *to = '\0';
    return clean;
}

static bool is_plain_word(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "@%+=:,./_-";

    return word[0] && word[strspn(word, plain)] == '\0';
}

static void write_word(const char *word, FILE *out)
{
    if (is_plain_word(word)) {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++) {
        if (*word == '\'')
            fputs("'\\''", out); /* a quote cannot stand inside quotes: leave, escape, return */
        else
            fputc(*word, out);
    }
    fputc('\'', out);
}

char *report_text_command(int argc, char *const *argv)
{
    char *command = NULL;
    size_t len;
    FILE *out = open_memstream(&command, &len);
    bool failed;

    if (!out)
        return NULL;
    for (int i = 0; i < argc; i++) {
        if (i > 0)
            fputc(' ', out);
        write_word(argv[i], out);
    }
    failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(command);
        return NULL;
    }
    return command;
}
