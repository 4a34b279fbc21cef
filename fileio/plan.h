/*
 * plan: what the command line comes to: texts read, defaults that depend on other options filled
 * in, contradictions refused.
 */
#ifndef IOBENCH_FILEIO_PLAN_H
#define IOBENCH_FILEIO_PLAN_H

#include "fileio/config.h"
#include "fileio/engine.h"
#include "fileio/offsets.h"

#include <stdio.h>

enum sync_kind { SYNC_NONE, SYNC_FSYNC, SYNC_FDATASYNC, SYNC_DSYNC };

struct plan {
    bool pairs;            /* each block is written, then read back */
    unsigned read_percent; /* of single operations: 0 writes only, 100 reads only */
    bool whole;            /* files have all their blocks before the window... */
    bool fill;             /* ... because this program writes them */
    bool direct, split;
    bool adaptive; /* the batch is found while running */
    unsigned batch, depth;
    unsigned reap_min_given; /* 0: see plan_reap_min() */
    enum sync_kind sync;
    uint64_t sync_every; /* writes to one file */
    struct offsets_choice pattern;
    uint64_t blocks_per_file, file_bytes, blocks; /* blocks: of one worker */
    uint64_t ops;                                 /* to start, per worker; UINT64_MAX: no limit */
    struct choice choice;                         /* of the engine */
};

/* FILES_MOST: in struct file_op a file's number has 16 bits. */
enum { BATCH_MOST = 256, DEPTH_MOST = 4096, FILES_MOST = 65535 };

/* For the choices of option rows; NULL-terminated. */
extern const char *const plan_rw_names[], *const plan_threading_names[];

/* 0, or an exit status after one line on stderr. config gains defaults. */
int plan_make(struct plan *plan, struct file_config *config, const struct opt_table *table);

/* How many completions are worth sleeping for when submissions are of so many operations. */
unsigned plan_reap_min(const struct plan *plan, unsigned batch);

/*
 * Chooses the engine, then cuts the depth down to what it can do and refuses what it cannot. 0, or
 * an exit status after one line on stderr.
 */
int plan_choose(struct plan *plan, const struct file_config *config, const struct opt_table *table);
void plan_list_engines(const void *list, FILE *out);

#endif
