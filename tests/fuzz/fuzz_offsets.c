/* Any text is either refused or a pattern whose blocks all lie in the file. */
#include "fileio/offsets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct offsets_choice choice;
    struct offsets offsets;
    uint64_t blocks;
    char *text;

    if (size < sizeof blocks)
        return 0;
    memcpy(&blocks, data, sizeof blocks);
    blocks = blocks % (1ULL << 40) + 1;
    text = malloc(size - sizeof blocks + 1);
    if (!text)
        return 0;
    memcpy(text, data + sizeof blocks, size - sizeof blocks);
    text[size - sizeof blocks] = '\0';
    if (offsets_parse(text, &choice) == 0) {
        assert(choice.kind != OFFSETS_ZIPF || (choice.exponent > 0 && choice.exponent <= 10));
        offsets_init(&offsets, choice, blocks, blocks);
        for (int i = 0; i < 100; i++) {
            uint64_t block = offsets_next(&offsets);

            assert(block < blocks);
        }
    }
    free(text);
    return 0;
}
