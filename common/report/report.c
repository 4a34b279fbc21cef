#include "common/report/report.h"

#include "common/report/report_file.h"
#include "common/report/report_parts.h"
#include "common/report/report_text.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Up to here each whole number has a double of its own. */
#define WHOLE_MAX 9007199254740992.0 /* 2^53 */

struct report {
    cJSON *root;
    int error; /* the first: 0 or -errno */
};

/* ---- Values. NULL when memory ran out, as from cJSON itself. */

/* cJSON prints 15 digits where these come within a rounding error: 2^53 would lose its end. */
static cJSON *integer(uint64_t value)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRIu64, value);
    return cJSON_CreateRaw(digits);
}

static cJSON *number(double value)
{
    if (!isfinite(value))
        return cJSON_CreateNull();
    if (fabs(value) <= WHOLE_MAX && trunc(value) == value) {
        char digits[24];

        snprintf(digits, sizeof(digits), "%.0f", value == 0 ? 0.0 : value); /* no "-0" */
        return cJSON_CreateRaw(digits);
    }
    return cJSON_CreateNumber(value);
}

static cJSON *text(const char *value)
{
    char *clean;
    cJSON *item;

    if (!value)
        return cJSON_CreateNull();
    clean = report_text_utf8(value);
    item = clean ? cJSON_CreateString(clean) : NULL;
    free(clean);
    return item;
}

/* ---- Places in the document. They pass NULL on, so that callers need not check each step. */

static void *fail(struct report *r, int error)
{
    if (!r->error)
        r->error = error;
    return NULL;
}

/* Puts item, which it owns from here on, in the place of what was there. */
static void set_member(struct report *r, cJSON *object, const char *name, cJSON *item)
{
    bool done = false;

    if (object && item) {
        cJSON_DeleteItemFromObjectCaseSensitive(object, name);
        done = cJSON_AddItemToObject(object, name, item);
    }
    if (!done) {
        fail(r, -ENOMEM);
        cJSON_Delete(item);
    }
}

typedef cJSON *make_container(void);

/* The object or array called name, made as needed; -EINVAL if there is something else. */
static cJSON *get_container(struct report *r, cJSON *object, const char *name, make_container *make)
{
    cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!object)
        return NULL;
    if (!found) {
        set_member(r, object, name, make());
        return cJSON_GetObjectItemCaseSensitive(object, name);
    }
    if (make == cJSON_CreateArray ? cJSON_IsArray(found) : cJSON_IsObject(found))
        return found;
    return fail(r, -EINVAL);
}

/* The object or array at path, made as needed; what is on the way to it are objects. */
static cJSON *container_at(struct report *r, const char *path, make_container *make)
{
    char *names = strdup(path), *rest = names;
    cJSON *found = r->root;

    if (!names)
        return fail(r, -ENOMEM);
    for (char *name; (name = strsep(&rest, ".")) != NULL;)
        found = get_container(r, found, name, rest ? cJSON_CreateObject : make);
    free(names);
    return found;
}

/* Sets what path leads to. */
static void put(struct report *r, const char *path, cJSON *item)
{
    const char *dot = strrchr(path, '.');
    char *parent = dot ? strndup(path, (size_t)(dot - path)) : NULL;
    cJSON *object = dot ? NULL : r->root;

    if (parent)
        object = container_at(r, parent, cJSON_CreateObject);
    set_member(r, object, dot ? dot + 1 : path, item);
    free(parent);
}

static void append(struct report *r, const char *path, cJSON *item)
{
    cJSON *array = container_at(r, path, cJSON_CreateArray);

    if (!array || !item || !cJSON_AddItemToArray(array, item)) {
        fail(r, -ENOMEM);
        cJSON_Delete(item);
    }
}

/* ---- The document */

static cJSON *cpu_list(const struct opt_cpus *cpus)
{
    int numbers[OPT_CPUS_MAX];

    for (int i = 0; i < cpus->count; i++)
        numbers[i] = cpus->cpu[i];
    return cJSON_CreateIntArray(numbers, cpus->count);
}

static cJSON *option_value(const struct opt *row, const void *config)
{
    const void *field = opt_field(row, config);

    switch (row->kind) {
    case OPT_FLAG:
        return cJSON_CreateBool(*(const bool *)field);
    case OPT_COUNT:
    case OPT_BYTES:
    case OPT_DURATION_NS:
        return integer(*(const uint64_t *)field);
    case OPT_TEXT:
    case OPT_CHOICE:
        return text(*(const char *const *)field);
    case OPT_CPUS:
        return cpu_list(field);
    }
    return cJSON_CreateNull();
}

/* "send-size" of kind OPT_BYTES is "send_size_bytes". */
static void option_name(const struct opt *row, char *name, size_t cap)
{
    const char *unit = row->kind == OPT_BYTES         ? "_bytes"
                       : row->kind == OPT_DURATION_NS ? "_ns"
                                                      : "";

    snprintf(name, cap, "%s%s", row->name, unit);
    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
}

static void put_config(struct report *r, const struct opt_table *table, const void *config)
{
    cJSON *object = container_at(r, "config", cJSON_CreateObject);
    char name[128];

    for (size_t i = 0; i < table->count; i++) {
        option_name(&table->rows[i], name, sizeof(name));
        set_member(r, object, name, option_value(&table->rows[i], config));
    }
}

static void put_command(struct report *r, int argc, char *const *argv)
{
    char *command = report_text_command(argc, argv);

    put(r, "command", command ? text(command) : NULL);
    free(command);
}

static void put_started_at(struct report *r)
{
    char stamp[sizeof("2026-11-21T02:14:05Z") + 8] = "";
    time_t now = time(NULL);
    struct tm utc;

    if (gmtime_r(&now, &utc))
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &utc);
    report_text(r, "started_at", stamp);
}

struct report *report_new(const struct opt_table *table, const void *config, int argc,
                          char *const *argv)
{
    struct report *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->root = cJSON_CreateObject();
    report_integer(r, "schema_version", REPORT_SCHEMA_VERSION);
    report_text(r, "tool", table->program);
    report_text(r, "version", IOBENCH_VERSION);
    put_command(r, argc, argv);
    put_started_at(r);
    put_config(r, table, config);
    if (r->error) {
        report_free(r);
        return NULL;
    }
    return r;
}

void report_free(struct report *r)
{
    if (!r)
        return;
    cJSON_Delete(r->root);
    free(r);
}

void report_number(struct report *r, const char *path, double value)
{
    put(r, path, number(value));
}

void report_integer(struct report *r, const char *path, uint64_t value)
{
    put(r, path, integer(value));
}

void report_flag(struct report *r, const char *path, bool value)
{
    put(r, path, cJSON_CreateBool(value));
}

void report_text(struct report *r, const char *path, const char *value)
{
    put(r, path, text(value));
}

void report_null(struct report *r, const char *path)
{
    put(r, path, cJSON_CreateNull());
}

void report_append_text(struct report *r, const char *path, const char *value)
{
    append(r, path, text(value));
}

void report_append_point(struct report *r, const char *path, const char *const *names,
                         const double *values, size_t count)
{
    cJSON *point = cJSON_CreateObject();

    for (size_t i = 0; point && i < count; i++)
        set_member(r, point, names[i], number(values[i]));
    append(r, path, point);
}

void report_object(struct report *r, const char *path)
{
    container_at(r, path, cJSON_CreateObject);
}

void report_out_of_memory(struct report *r)
{
    fail(r, -ENOMEM);
}

void report_array(struct report *r, const char *path)
{
    container_at(r, path, cJSON_CreateArray);
}

int report_write(struct report *r, const char *target_path)
{
    char *json;
    int err;

    if (r->error)
        return r->error;
    json = cJSON_Print(r->root);
    if (!json)
        return -ENOMEM;
    err = report_file_write(target_path, json);
    cJSON_free(json);
    return err;
}
