/*
 * bench_server: a TCP echo server.
 *
 * SIGINT, SIGTERM or the end of --duration ends it: it stops accepting, lets pending bytes go out,
 * prints what it did. A second signal ends it at once. Exit status: 0 good; 1 it failed while
 * running; 2 usage, which includes an address that cannot be had; 77 the backend that was asked for
 * cannot run here.
 */
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/choose/choose.h"
#include "common/loop/net_option.h"
#include "common/report/program.h"
#include "server/config.h"
#include "server/echo.h"
#include "server/results.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define FIELD(name) offsetof(struct server_config, name)

static const struct opt rows[] = {
    {"port", 'p', OPT_COUNT, FIELD(port), "8080", "N", 0, 65535, NULL,
     "port to listen on; 0 lets the kernel choose, and the ready line says which"},
    {"host", 'H', OPT_TEXT, FIELD(host), NULL, "HOST", 0, 0, NULL,
     "address to listen on: IPv4, IPv6 or a name; all of the machine's when not given"},
    {"unix", 'u', OPT_TEXT, FIELD(unix_path), NULL, "PATH", 0, 0, NULL,
     "listen on a Unix socket instead"},
    LOOP_ROWS,
    {"threads", 't', OPT_COUNT, FIELD(threads), "1", "N", 1, 1024, NULL,
     "threads, each with an event loop; connections are dealt out evenly"},
    {"cpus", 0, OPT_CPUS, FIELD(cpus), NULL, "LIST", 0, 0, NULL,
     "bind the threads to these CPUs in turn, such as 0,2-3"},
    {"duration", 'd', OPT_DURATION_NS, FIELD(duration_ns), NULL, "TIME", 0, 24 * 3600 * NS_PER_S,
     NULL, "end after so long, as a signal would end it; 0: at a signal alone"},
    {"backlog", 0, OPT_COUNT, FIELD(backlog), "4096", "N", 1, 65535, NULL,
     "connections that may wait to be accepted"},
    {"work", 0, OPT_DURATION_NS, FIELD(work_ns), NULL, "TIME", 0, NS_PER_S, NULL,
     "compute for so long on each piece that is received, before it is echoed; less than 1 us is "
     "an average"},
    {"timers", 0, OPT_COUNT, FIELD(timers), NULL, "N", 0, 10000000, NULL,
     "recurring timers beside the I/O, whose lateness is reported"},
    {"timer-period", 0, OPT_DURATION_NS, FIELD(timer_period_ns), "100ms", "TIME", NS_PER_MS,
     3600 * NS_PER_S, NULL, "how often each of them fires"},
    PROGRAM_JSON_ROW,
};

static const char *const backend_order[] = {"io_uring", "epoll", "libev", NULL};
static const struct choose_from backends = {
    .option = "backend", .table = loop_table, .order = backend_order};

static const struct opt_table table = {
    .program = "bench_server",
    .summary = "echo every byte back, and count what it costs",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .positional = "port",
    .write_list = choose_write_help,
    .list = &backends,
    .examples = "bench_server 8080\n"
                "bench_server -p 9000 -H ::1 -b io_uring -t 2 --cpus 0,1\n"
                "bench_server -u /tmp/echo.sock -b libev:poll --json server.json",
};

/* Besides one per connection: enough to let the server say that it ran out, and to go on. */
enum { DESCRIPTORS_WANTED = 1 << 20 };

static int choose_backend(struct echo *echo, const struct server_config *config)
{
    int status = choose_or_complain(&echo->loop.choice, &backends, &table, config->backend);

    if (status)
        return status;
    echo->loop.program = table.program;
    echo->loop.mode = spin_mode_named(config->mode);
    echo->loop.conn_bytes = sizeof(struct conn);
    echo->work_ns = config->work_ns;
    echo->timer_count = config->timers;
    echo->timer_period_ns = config->timer_period_ns;
    return 0;
}

/*
 * One listening socket per thread where the kernel spreads connections over them, else one for the
 * first thread alone. Socket options are inherited by what is accepted.
 */
static int listen_on(struct echo *echo, const struct server_config *config,
                     const struct net_option *asked)
{
    bool share = !config->unix_path && os_reuseport_balances() && echo->serve.crew.count > 1;
    struct net_options options = {.sndbuf_bytes = config->sndbuf_bytes,
                                  .rcvbuf_bytes = config->rcvbuf_bytes,
                                  .nodelay = opt_is_on(config->nodelay) && !config->unix_path};
    unsigned count = share ? echo->serve.crew.count : 1;

    for (unsigned i = 0; i < count; i++) {
        int fd = net_listen(&echo->address, (int)config->backlog, share);

        if (fd < 0)
            return net_option_not_heard(&table, asked, &echo->address, fd);
        net_set_options(fd, &options);
        echo->threads[i].listen_fd = fd;
    }
    return 0;
}

static void print_ready(FILE *out, const void *owner)
{
    const struct echo *echo = owner;
    unsigned threads = echo->serve.crew.count;
    char text[NET_TEXT_CAP];

    fprintf(out, "%s: listening on %s, backend ", table.program,
            net_text(text, sizeof text, &echo->address));
    choice_print(out, &echo->loop.choice);
    fprintf(out, ", %u thread%s\n", threads, text_plural(threads));
}

static int write_report(const struct echo *echo, const struct server_config *config,
                        const struct results *results, int argc, char **argv, int status)
{
    struct report *report = report_new(&table, config, argc, argv);

    if (report)
        results_report(report, results, echo, config);
    return program_report(&table, config->json, report, status);
}

static int run(struct echo *echo, const struct server_config *config, int argc, char **argv)
{
    FILE *out = program_out(config->json);
    struct results results;
    int status;

    echo->serve.program = table.program;
    echo->serve.owner = echo;
    echo->serve.body = echo_run;
    echo->serve.print_ready = print_ready;
    status = serve_start(&echo->serve);
    if (status)
        return status;
    serve_watch(&echo->serve, config->duration_ns, out);
    status = serve_end(&echo->serve);
    results_collect(&results, echo);
    results_print(out, &results, echo);
    return config->json ? write_report(echo, config, &results, argc, argv, status) : status;
}

int main(int argc, char **argv)
{
    static struct server_config config;
    static struct echo echo;
    struct net_option asked;
    int err;

    program_begin(&table, argc, argv, &config);
    asked = (struct net_option){config.host, config.unix_path, config.port};
    err = program_check_json(&table, config.json);
    if (!err)
        err = choose_backend(&echo, &config);
    if (!err)
        err = net_option_find(&table, &asked, SOCK_STREAM, &echo.address);
    if (err)
        return err;
    net_raise_descriptor_limit(DESCRIPTORS_WANTED);
    if (crew_init(&echo.serve.crew, (unsigned)config.threads, &config.cpus) || echo_init(&echo)) {
        fprintf(stderr, "%s: out of memory or descriptors\n", table.program);
        return EXIT_FAILED;
    }
    err = listen_on(&echo, &config, &asked);
    if (!err)
        err = run(&echo, &config, argc, argv);
    if (config.unix_path && echo.threads[0].listen_fd >= 0)
        unlink(config.unix_path);
    echo_free(&echo);
    crew_free(&echo.serve.crew);
    return err;
}
