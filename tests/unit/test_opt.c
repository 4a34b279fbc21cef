#include "common/base/opt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct config {
    bool quiet, verbose;
    uint64_t connections, batch, port, size_bytes, duration_ns, timeout_ns, rate;
    const char *host, *json;
    const char *backend, *verify;
    struct opt_cpus cpus;
};

#define FIELD(member) .offset = offsetof(struct config, member)

static const char *const backends[] = {"auto", "epoll", "libev:poll", NULL};
static const char *const verifications[] = {"full", "length", NULL};

static const struct opt rows[] = {
    {"connections", 'c', OPT_COUNT, FIELD(connections), .initial = "100", .arg = "N", .min = 1,
     .max = 1000000, .help = "how many connections"},
    {"batch", 0, OPT_COUNT, FIELD(batch), .arg = "N", .max = UINT64_MAX, .help = "batch size"},
    {"port", 'p', OPT_COUNT, FIELD(port), .initial = "8080", .arg = "PORT", .min = 1, .max = 65535,
     .help = "where to listen"},
    {"size", 's', OPT_BYTES, FIELD(size_bytes), .initial = "256", .arg = "BYTES", .min = 1,
     .max = 16 << 20, .help = "message size"},
    {"duration", 'd', OPT_DURATION_NS, FIELD(duration_ns), .initial = "10s", .arg = "TIME",
     .min = 1000000, .max = 86400000000000, .help = "length of the measuring window"},
    {"timeout", 0, OPT_DURATION_NS, FIELD(timeout_ns), .initial = "1.5s", .arg = "TIME",
     .min = 1500000000, .max = UINT64_MAX, .help = "give up after this long"},
    {"rate", 'r', OPT_COUNT, FIELD(rate), .arg = "N", .max = 5000, .help = "requests a second"},
    {"host", 'h', OPT_TEXT, FIELD(host), .initial = "127.0.0.1", .arg = "HOST", .help = "peer"},
    {"json", 0, OPT_TEXT, FIELD(json), .arg = "FILE", .help = "file for the report"},
    {"backend", 'b', OPT_CHOICE, FIELD(backend), .initial = "auto", .arg = "NAME",
     .choices = backends, .help = "event backend"},
    {"verify", 0, OPT_CHOICE, FIELD(verify), .arg = "HOW", .choices = verifications,
     .help = "what is checked"},
    {"cpus", 0, OPT_CPUS, FIELD(cpus), .arg = "LIST", .help = "CPUs for the threads, in turn"},
    {"quiet", 'q', OPT_FLAG, FIELD(quiet), .help = "say less"},
    {"verbose", 'v', OPT_FLAG, FIELD(verbose), .help = "say more"},
};

static const struct opt_table with_positional = {
    .program = "bench_test",
    .summary = "tests the option table",
    .rows = rows,
    .count = sizeof(rows) / sizeof(rows[0]),
    .positional = "port",
    .notes = ".first note's line with a back\\slash and a 'quote'\n\n'second paragraph",
    .examples = "bench_test -c 100 --size=64k\n.bench_test 'a b'",
};

static struct opt_table table;
static struct config config;
static char *out, *err;

/* Parses the words (up to NULL) into config, and what was written into out and err. */
static enum opt_result parse(const char *const *words)
{
    const char *argv[32] = {"./bench_test"};
    int argc = 1;
    size_t out_len, err_len;
    enum opt_result result;
    FILE *out_file, *err_file;

    for (; words[argc - 1]; argc++)
        argv[argc] = words[argc - 1];
    free(out);
    free(err);
    out_file = open_memstream(&out, &out_len);
    err_file = open_memstream(&err, &err_len);
    memset(&config, 0, sizeof(config));
    result = opt_parse(&table, argc, (char **)argv, &config, out_file, err_file);
    fclose(out_file);
    fclose(err_file);
    return result;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

#define RUNS(...)                                    \
    do {                                             \
        enum opt_result result = PARSE(__VA_ARGS__); \
        assert_string_equal(err, "");                \
        assert_string_equal(out, "");                \
        assert_int_equal(result, OPT_RUN);           \
    } while (0)

#define FAILS(message, ...)                                    \
    do {                                                       \
        assert_int_equal(PARSE(__VA_ARGS__), OPT_BAD);         \
        assert_string_equal(err, "bench_test: " message "\n"); \
        assert_string_equal(out, "");                          \
    } while (0)

static int set_up(void **state)
{
    (void)state;
    table = with_positional;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(out);
    free(err);
    out = err = NULL;
    return 0;
}

/* ---- what is accepted ---- */

static void defaults_fill_the_config(void **state)
{
    (void)state;
    RUNS(NULL);
    assert_int_equal(config.connections, 100);
    assert_int_equal(config.batch, 0);
    assert_int_equal(config.port, 8080);
    assert_int_equal(config.size_bytes, 256);
    assert_int_equal(config.duration_ns, 10000000000);
    assert_int_equal(config.timeout_ns, 1500000000);
    assert_string_equal(config.host, "127.0.0.1");
    assert_null(config.json);
    assert_ptr_equal(config.backend, backends[0]);
    assert_null(config.verify);
    assert_int_equal(config.cpus.count, 0);
    assert_false(config.quiet);
}

static void every_kind_is_taken(void **state)
{
    (void)state;
    RUNS("--connections", "200k", "--size", "64k", "--duration", "500ms", "--host", "::1",
         "--backend", "libev:poll", "--cpus", "0,2-3,0", "--quiet", "--json", "-");
    assert_int_equal(config.connections, 200000);
    assert_int_equal(config.size_bytes, 65536);
    assert_int_equal(config.duration_ns, 500000000);
    assert_string_equal(config.host, "::1");
    assert_ptr_equal(config.backend, backends[2]);
    assert_int_equal(config.cpus.count, 4);
    assert_int_equal(config.cpus.cpu[0], 0);
    assert_int_equal(config.cpus.cpu[1], 2);
    assert_int_equal(config.cpus.cpu[2], 3);
    assert_int_equal(config.cpus.cpu[3], 0);
    assert_true(config.quiet);
    assert_false(config.verbose);
    assert_string_equal(config.json, "-");
}

static void letters_may_be_attached(void **state)
{
    (void)state;
    RUNS("-c1000", "-s", "512", "-qvd30", "-hlocalhost");
    assert_int_equal(config.connections, 1000);
    assert_int_equal(config.size_bytes, 512);
    assert_int_equal(config.duration_ns, 30000000000);
    assert_string_equal(config.host, "localhost");
    assert_true(config.quiet);
    assert_true(config.verbose);
}

static void long_names_take_one_dash_or_two(void **state)
{
    (void)state;
    RUNS("-batch", "4");
    assert_int_equal(config.batch, 4);
    RUNS("--batch=5");
    assert_int_equal(config.batch, 5);
    RUNS("-batch=6", "-quiet");
    assert_int_equal(config.batch, 6);
    assert_true(config.quiet);
}

/* "-bat" begins --batch, "-b" is a letter with a value: the letter wins. */
static void a_letter_wins_over_an_abbreviation(void **state)
{
    (void)state;
    RUNS("-host", "peer");
    assert_string_equal(config.host, "peer");
    RUNS("-hos");
    assert_string_equal(config.host, "os");
    RUNS("-hos=t");
    assert_string_equal(config.host, "os=t");
    RUNS("-bepoll");
    assert_ptr_equal(config.backend, backends[1]);
    FAILS("--backend: 'at' is not one of auto, epoll, libev:poll", "-bat", "4");
}

static void the_last_one_wins(void **state)
{
    (void)state;
    RUNS("-c1", "--connections=2", "-connections", "3");
    assert_int_equal(config.connections, 3);
    RUNS("--cpus=1,2,3", "--cpus=7");
    assert_int_equal(config.cpus.count, 1);
    assert_int_equal(config.cpus.cpu[0], 7);
    RUNS("-p1", "2");
    assert_int_equal(config.port, 2);
    RUNS("2", "-p1");
    assert_int_equal(config.port, 1);
}

static void a_bare_argument_sets_its_row(void **state)
{
    (void)state;
    RUNS("9000");
    assert_int_equal(config.port, 9000);
    RUNS("-q", "9001", "-c", "7");
    assert_int_equal(config.port, 9001);
    assert_int_equal(config.connections, 7);
    RUNS("-c", "7", "--", "9002");
    assert_int_equal(config.port, 9002);
    assert_int_equal(config.connections, 7);
}

static void limits_belong_to_the_range(void **state)
{
    (void)state;
    RUNS("-c1", "-s16M", "-d1ms", "--batch=18446744073709551615");
    RUNS("-c1M", "-s1", "-d24h", "--batch=0");
}

/* A parse leaves nothing behind, even one that ended within a cluster of letters. */
static void parses_do_not_affect_each_other(void **state)
{
    (void)state;
    FAILS("unknown option '-qzv', see --help", "-qzv");
    RUNS("-c2");
    assert_int_equal(config.connections, 2);
    assert_false(config.quiet);
    assert_false(config.verbose);
}

/* ---- what is refused ---- */

static void bad_numbers_name_the_range(void **state)
{
    (void)state;
    FAILS("--connections: 'abc' is not a count from 1 to 1,000,000", "-c", "abc");
    FAILS("--connections: '' is not a count from 1 to 1,000,000", "--connections=");
    FAILS("--connections: '0' is not a count from 1 to 1,000,000", "--connections=0");
    FAILS("--connections: '-5' is not a count from 1 to 1,000,000", "-c", "-5");
    FAILS("--connections: '-d' is not a count from 1 to 1,000,000", "-c", "-d", "5");
    FAILS("--connections: '1000001' is not a count from 1 to 1,000,000", "-c1000001");
    FAILS("--connections: '=5' is not a count from 1 to 1,000,000", "-c=5");
    FAILS("--batch: 'x' is not a count", "--batch", "x");
    FAILS("--rate: '6k' is not a count of at most 5,000", "--rate=6k");
    FAILS("--size: '17M' is not a size from 1 B to 16 MiB", "-s17M");
    FAILS("--duration: '1us' is not a duration from 1 ms to 24 h", "-d1us");
    FAILS("--timeout: '1s' is not a duration of at least 1,500 ms", "--timeout=1s");
}

static void bad_choices_name_the_choices(void **state)
{
    (void)state;
    FAILS("--verify: 'ful' is not one of full, length", "--verify", "ful");
    FAILS("--verify: '' is not one of full, length", "--verify=");
}

static void bad_cpu_lists_are_refused(void **state)
{
    static const char *const lists[] = {
        "",      ",", "0,",  ",0",   "0,,1", "1-",     "-1",       "3-2",
        "0-1-2", "a", "0 1", "1024", "0x1",  "0-1024", "0-1023,0", "99999999999999999999"};
    struct opt_cpus cpus = {.count = 1, .cpu = {5}};

    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (opt_parse_cpus(lists[i], &cpus) == 0)
            fail_msg("'%s' was accepted", lists[i]);
        assert_int_equal(cpus.count, 1);
        assert_int_equal(cpus.cpu[0], 5);
    }
    FAILS("--cpus: '1-' is not a list of CPU numbers below 1024 such as 0,2-3", "--cpus", "1-");
    assert_int_equal(opt_parse_cpus("0-1023", &cpus), 0);
    assert_int_equal(cpus.count, 1024);
    assert_int_equal(cpus.cpu[1023], 1023);
}

static void unknown_options_point_to_help(void **state)
{
    (void)state;
    FAILS("unknown option '--nonsense', see --help", "--nonsense");
    FAILS("unknown option '--nonsense=5', see --help", "--nonsense=5");
    FAILS("unknown option '---batch', see --help", "---batch", "4");
    FAILS("unknown option '-x', see --help", "-x");
    FAILS("unknown option '-q100', see --help", "-q100");
    FAILS("unknown option '-:', see --help", "-:");
    FAILS("unknown option '--=', see --help", "--=");
}

/* Not even those that are unique: the next option added would change their meaning. */
static void abbreviations_are_unknown(void **state)
{
    (void)state;
    FAILS("unknown option '--conn', see --help", "--conn", "5");
    FAILS("unknown option '--batc=5', see --help", "--batc=5");
    FAILS("unknown option '-timeou', see --help", "-timeou", "5");
    FAILS("unknown option '--c', see --help", "--c", "5");
    FAILS("unknown option '--hel', see --help", "--hel");
}

static void missing_values_name_what_is_wanted(void **state)
{
    (void)state;
    FAILS("--connections: needs a value: a count from 1 to 1,000,000", "-c");
    FAILS("--connections: needs a value: a count from 1 to 1,000,000", "-qc");
    FAILS("--connections: needs a value: a count from 1 to 1,000,000", "--connections");
    FAILS("--verify: needs a value: one of full, length", "-verify");
    FAILS("--json: needs a value: a text", "--json");
}

static void flags_take_no_value(void **state)
{
    (void)state;
    FAILS("--quiet: 'yes' is one too many, it takes no value", "--quiet=yes");
    FAILS("--quiet: '' is one too many, it takes no value", "-quiet=");
    FAILS("--help: 'me' is one too many, it takes no value", "--help=me");
}

static void surplus_arguments_are_refused(void **state)
{
    (void)state;
    FAILS("surplus argument '2', only one (port) is allowed, see --help", "1", "2");
    FAILS("surplus argument '2', only one (port) is allowed, see --help", "1", "--", "2");
    FAILS("surplus argument '-q', only one (port) is allowed, see --help", "--", "1", "-q");
    FAILS("--port: '' is not a count from 1 to 65,535", "");
    FAILS("--port: '-' is not a count from 1 to 65,535", "-");
    table.positional = NULL;
    FAILS("surplus argument '1', only options are allowed, see --help", "1");
    FAILS("surplus argument '-', only options are allowed, see --help", "-q", "-");
}

static void a_message_is_one_line(void **state)
{
    (void)state;
    FAILS("--rate: 'a?b?[1m' is not a count of at most 5,000", "-r", "a\nb\033[1m");
    FAILS("unknown option '--a?b', see --help", "--a\nb");
}

static void a_bad_default_is_found(void **state)
{
    static const struct opt bad[] = {{"size", 's', OPT_BYTES, FIELD(size_bytes), .initial = "0",
                                      .arg = "BYTES", .min = 1, .max = 1000}};

    (void)state;
    table.rows = bad;
    table.count = 1;
    table.positional = NULL;
    FAILS("--size: '0' is not a size from 1 B to 1,000 B", NULL);
}

/* ---- help, version, manual ---- */

static void version_is_told(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-q", "--version", "--nonsense"), OPT_DONE);
    assert_string_equal(out, "bench_test " IOBENCH_VERSION "\n");
    assert_string_equal(err, "");
    assert_int_equal(PARSE("-version"), OPT_DONE);
}

/* Column at which a description begins in its line of --help; SIZE_MAX when it is not there. */
static size_t description_column(const char *help, const char *description)
{
    const char *at = strstr(help, description);
    const char *line = at;

    if (!at)
        return SIZE_MAX;
    while (line > help && line[-1] != '\n')
        line--;
    return (size_t)(at - line);
}

static void help_shows_every_row(void **state)
{
    size_t column;

    (void)state;
    assert_int_equal(PARSE("--help"), OPT_DONE);
    assert_string_equal(err, "");
    assert_int_equal(strncmp(out, "Usage: bench_test [options] [port]\n", 35), 0);
    assert_non_null(strstr(out, "\n  -c, --connections N"));
    assert_non_null(strstr(out, "\n      --batch N"));
    assert_non_null(strstr(out, "how many connections (a count from 1 to"));
    assert_non_null(strstr(out, "default: 100)"));
    assert_non_null(strstr(out, "(one of full, length)"));
    assert_non_null(strstr(out, "peer (default: 127.0.0.1)"));
    assert_non_null(strstr(out, "  bench_test -c 100 --size=64k\n  .bench_test 'a b'\n"));
    assert_non_null(strstr(out, with_positional.notes));
    column = description_column(out, "show the version");
    assert_int_not_equal(column, SIZE_MAX);
    for (size_t i = 0; i < table.count; i++)
        assert_int_equal(description_column(out, rows[i].help), column);
}

static void help_is_no_wider_than_a_terminal(void **state)
{
    static const char long_note[] =
        "This is a paragraph that its author wrote as one long line of text, since it is the "
        "business of --help to break it into lines which a terminal can show.";

    (void)state;
    table.notes = long_note;
    assert_int_equal(PARSE("--help"), OPT_DONE);
    for (const char *line = out; *line; line += strcspn(line, "\n") + 1) {
        assert_true(strcspn(line, "\n") <= 80);
        assert_true(line[0] == '\n' || line[strcspn(line, "\n") - 1] != ' ');
    }
    assert_non_null(strstr(out, "\nThis is a paragraph"));
}

static void manual_is_roff(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--man"), OPT_DONE);
    assert_string_equal(err, "");
    assert_int_equal(strncmp(out, ".TH BENCH_TEST 1 ", 17), 0);
    assert_non_null(strstr(out, ".SH NAME\nbench_test \\- tests the option table\n"));
    assert_non_null(strstr(out, "\n\\fB\\-c\\fR, \\fB\\-\\-connections\\fR \\fIN\\fR\n"));
    assert_non_null(strstr(out, "\nhow many connections (a count from 1 to 1,000,000; "));
    assert_non_null(strstr(out, "\n\\&.first note\\(aqs line with a back\\eslash"));
    assert_non_null(strstr(out, "\n.PP\n\\&\\(aqsecond paragraph\n"));
    assert_non_null(strstr(out, "\nbench_test \\-c 100 \\-\\-size=64k\n\\&.bench_test "));
    for (const char *line = out; *line; line += strcspn(line, "\n") + 1)
        assert_true(line[0] != '\'' && line[0] != '\n');
}

/* By what it says: a program may have words of its own for the same. */
static void on_is_on_wherever_it_stands(void **state)
{
    char word[] = "on";

    (void)state;
    assert_true(opt_is_on(word));
    assert_true(opt_is_on(opt_on_off[0]));
    word[1] = 'f';
    assert_false(opt_is_on(word));
    assert_false(opt_is_on("off"));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_is_on_wherever_it_stands),
        TEST(defaults_fill_the_config),
        TEST(every_kind_is_taken),
        TEST(letters_may_be_attached),
        TEST(long_names_take_one_dash_or_two),
        TEST(a_letter_wins_over_an_abbreviation),
        TEST(the_last_one_wins),
        TEST(a_bare_argument_sets_its_row),
        TEST(limits_belong_to_the_range),
        TEST(parses_do_not_affect_each_other),
        TEST(bad_numbers_name_the_range),
        TEST(bad_choices_name_the_choices),
        TEST(bad_cpu_lists_are_refused),
        TEST(unknown_options_point_to_help),
        TEST(abbreviations_are_unknown),
        TEST(missing_values_name_what_is_wanted),
        TEST(flags_take_no_value),
        TEST(surplus_arguments_are_refused),
        TEST(a_message_is_one_line),
        TEST(a_bad_default_is_found),
        TEST(version_is_told),
        TEST(help_shows_every_row),
        TEST(help_is_no_wider_than_a_terminal),
        TEST(manual_is_roff),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
