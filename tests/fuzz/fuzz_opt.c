/*
 * Any command line fills the config with values that its rows allow, or is answered on out, or is
 * refused with exactly one line on err; never two of the three.
 */
#include "common/base/opt.h"

#include <stdlib.h>
#include <string.h>

struct config {
    bool quiet;
    uint64_t connections, size_bytes, duration_ns;
    const char *host, *backend;
    struct opt_cpus cpus;
};

#define FIELD(member) .offset = offsetof(struct config, member)

enum { CONNECTIONS_MAX = 1000000, SIZE_MAX_BYTES = 16 << 20 };

static const char *const backends[] = {"auto", "epoll", "libev:poll", NULL};

static const struct opt rows[] = {
    {"connections", 'c', OPT_COUNT, FIELD(connections), .initial = "100", .arg = "N", .min = 1,
     .max = CONNECTIONS_MAX, .help = "connections"},
    {"size", 's', OPT_BYTES, FIELD(size_bytes), .initial = "256", .arg = "BYTES", .min = 1,
     .max = SIZE_MAX_BYTES, .help = "message size"},
    {"duration", 'd', OPT_DURATION_NS, FIELD(duration_ns), .initial = "10s", .arg = "TIME",
     .max = UINT64_MAX, .help = "measuring window"},
    {"host", 'h', OPT_TEXT, FIELD(host), .arg = "HOST", .help = "peer"},
    {"backend", 'b', OPT_CHOICE, FIELD(backend), .initial = "auto", .arg = "NAME",
     .choices = backends, .help = "backend"},
    {"cpus", 0, OPT_CPUS, FIELD(cpus), .arg = "LIST", .help = "CPUs"},
    {"quiet", 'q', OPT_FLAG, FIELD(quiet), .help = "say less"},
};

static const struct opt_table table = {
    .program = "bench_fuzz",
    .summary = "is fuzzed",
    .rows = rows,
    .count = sizeof(rows) / sizeof(rows[0]),
    .positional = "connections",
};

enum { WORDS_MAX = 16 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* One word a line; the rest stays in the last word. Ends argv with NULL. */
static int split(char *text, char **argv)
{
    static char program[] = "bench_fuzz";
    int argc = 0;

    argv[argc++] = program;
    for (; text && argc <= WORDS_MAX; argc++)
        argv[argc] = strsep(&text, argc < WORDS_MAX ? "\n" : "");
    argv[argc] = NULL;
    return argc;
}

static void require_allowed(const struct config *config)
{
    bool known = false;

    for (size_t i = 0; backends[i]; i++)
        known = known || config->backend == backends[i];
    require(known);
    require(config->connections >= 1 && config->connections <= CONNECTIONS_MAX);
    require(config->size_bytes >= 1 && config->size_bytes <= SIZE_MAX_BYTES);
    require(config->cpus.count <= OPT_CPUS_MAX);
    for (size_t i = 0; i < config->cpus.count; i++)
        require(config->cpus.cpu[i] < OPT_CPUS_MAX);
}

static void require_one_line(const char *err)
{
    require(strncmp(err, "bench_fuzz: ", 12) == 0);
    for (; *err != '\n'; err++)
        require((unsigned char)*err >= ' ' && *err != 0x7f);
    require(err[1] == '\0');
}

static void check(int argc, char **argv)
{
    struct config config = {0};
    char *out = NULL, *err = NULL;
    size_t out_len, err_len;
    FILE *out_file = open_memstream(&out, &out_len);
    FILE *err_file = open_memstream(&err, &err_len);
    enum opt_result result = opt_parse(&table, argc, argv, &config, out_file, err_file);

    fclose(out_file);
    fclose(err_file);
    require((result == OPT_DONE) == (out_len > 0));
    require((result == OPT_BAD) == (err_len > 0));
    if (result == OPT_RUN)
        require_allowed(&config);
    if (result == OPT_BAD)
        require_one_line(err);
    free(out);
    free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *argv[WORDS_MAX + 2];
    char *text = strndup((const char *)data, size);

    require(text);
    check(split(text, argv), argv);
    free(text);
    return 0;
}
