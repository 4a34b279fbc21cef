#include "fileio/block.h"

#include "common/base/rng.h"

#include <string.h>

#define MAGIC 0x6b636f6c62656c69ULL

struct header {
    uint64_t magic, number;
    uint32_t worker, generation;
    uint64_t checksum; /* of all the rest of the block */
};

/*
 * Multiplication by an odd number, rotation and exclusive or are each reversible, so a change in
 * any one word changes the result. Four lanes keep the multiplier busy.
 */
static uint64_t checksum(const struct header *header, const unsigned char *bytes, size_t count)
{
    uint64_t lanes[4] = {header->number, header->worker, header->generation, header->magic};
    uint64_t sum = count;

    for (size_t at = sizeof *header; at + 8 <= count; at += 8) {
        uint64_t word, *lane = &lanes[at / 8 % 4];

        memcpy(&word, bytes + at, sizeof word);
        *lane = (*lane ^ word) * 0x9e3779b97f4a7c15ULL;
        *lane ^= *lane >> 32;
    }
    for (unsigned i = 0; i < 4; i++) {
        sum = (sum ^ lanes[i]) * 0xbf58476d1ce4e5b9ULL;
        sum ^= sum >> 29;
    }
    return sum;
}

void block_fill(void *buf, size_t bytes, uint32_t worker, uint64_t number, uint32_t generation)
{
    struct header header = {MAGIC, number, worker, generation, 0};
    struct rng rng = {number ^ (uint64_t)generation << 40 ^ (uint64_t)worker << 20};
    unsigned char *at = buf;

    memcpy(at, &header, sizeof header);
    for (size_t i = sizeof header; i + 8 <= bytes; i += 8) {
        uint64_t word = rng_next(&rng);

        memcpy(at + i, &word, sizeof word);
    }
    header.checksum = checksum(&header, buf, bytes);
    memcpy(at, &header, sizeof header);
}

enum stats_error block_check(const void *buf, size_t bytes, uint32_t worker, uint64_t number,
                             uint32_t generation)
{
    struct header header;

    memcpy(&header, buf, sizeof header);
    if (header.magic != MAGIC || header.checksum != checksum(&header, buf, bytes))
        return ERROR_corrupt;
    if (header.worker != worker || header.number != number)
        return ERROR_misplaced;
    return header.generation == generation ? ERROR_KINDS : ERROR_stale;
}
