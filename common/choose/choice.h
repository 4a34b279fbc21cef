/*
 * choice: a backend that was chosen by name, and what it uses.
 *
 * An event backend or a file engine says in tables which features it knows and which keys can be
 * set. Its probe then notes each feature as used, or as left out and why. From these notes come the
 * text, the report's "backend" block and the refusals, so that what is said is what runs.
 */
#ifndef IOBENCH_CHOICE_H
#define IOBENCH_CHOICE_H

#include "common/report/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum feature_use {
    FEATURE_USUAL,  /* used where it can be had; "-name" leaves it out, "+name" insists on it */
    FEATURE_ASKED,  /* used after "+name" only */
    FEATURE_ALWAYS, /* what the backend is: noted, but neither asked for nor left out */
};

struct feature {
    const char *name;
    uint32_t bit; /* in choice.used */
    enum feature_use use;
    const char *help;
};

/* A number from min to max ("64k" is 65,536), or one of words. */
struct feature_key {
    const char *name;
    uint64_t min, max;
    const char *const *words; /* NULL-terminated; NULL: a number */
    const char *help;
};

/* The most rows that a backend's tables may have. */
enum { CHOICE_FEATURES = 16, CHOICE_KEYS = 8, CHOICE_REASON = 64, CHOICE_TEXT = 96 };

struct choice;

/* Any event backend or file engine; the first member of struct loop_backend and the like. */
struct backend {
    const char *name, *summary;
    const char *const *variants;    /* "epoll" of "libev:epoll"; NULL-terminated, or NULL */
    const struct feature *features; /* the last has a name of NULL; or NULL */
    const struct feature_key *keys; /* likewise */
    bool by_name_only;              /* "auto" passes it over */
    /*
     * Whether it can run here, for what `about` says of the run (see struct choose_from); notes
     * features and may choose the variant. 0; -EINVAL: what was asked for makes no sense;
     * another -errno: it cannot run here. Both with the reason. NULL: everywhere.
     */
    int (*probe)(struct choice *choice, const void *about, char *why, size_t why_cap);
};

struct choice {
    const struct backend *backend;
    char name[32];                                /* effective: "libev:epoll" */
    int variant;                                  /* index into backend->variants; -1: none */
    uint32_t used;                                /* bits of the features that are */
    uint32_t asked, refused;                      /* bits by "+name" and "-name" */
    uint32_t given;                               /* keys that have a value, by index */
    uint64_t values[CHOICE_KEYS];                 /* of words: the index */
    char why_not[CHOICE_FEATURES][CHOICE_REASON]; /* by row; "": used, or not noted */
    const char *blamed; /* the feature or key that made choosing fail, or NULL */
};

/* ---- for probes and backends ---------------------------------------------------------------- */

/* Whether a feature should be used if it can be had. */
bool choice_wants(const struct choice *c, uint32_t bit);

/*
 * Notes a feature as used, or as left out because of why_not (NULL: it can be had) or because that
 * was asked for. True: it is to be used. A feature that nobody asked for is not noted.
 */
bool choice_feature(struct choice *c, uint32_t bit, const char *why_not);

/* When features have been noted: 0, or -ENOTSUP and the reason when one was insisted on in vain. */
int choice_insist(struct choice *c, char *why, size_t why_cap);

/* A probe's complaint about one feature or key: sets blamed and returns err. */
int choice_blame(struct choice *c, int err, const char *name, const char *reason, char *why,
                 size_t why_cap);

/* The value of the key of that index (of words: the index), or otherwise. */
uint64_t choice_value(const struct choice *c, unsigned key, uint64_t otherwise);
void choice_set(struct choice *c, unsigned key, uint64_t value);

/* ---- to be read ----------------------------------------------------------------------------- */

/*
 * Goes through what is in use: features in the order of the table, then "key=value". *at begins at
 * 0. False at the end.
 */
bool choice_next_used(const struct choice *c, unsigned *at, char text[CHOICE_TEXT]);

/* The same for what is left out: "name (reason)". */
bool choice_next_left_out(const struct choice *c, unsigned *at, char text[CHOICE_TEXT]);

/* "name (feature, feature)" */
void choice_print(FILE *out, const struct choice *c);

/* backend.{requested,name,features[],left_out[]}; requested is what the command line said. */
void choice_report(struct report *r, const char *requested, const struct choice *c);

#endif
