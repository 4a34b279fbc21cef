/*
 * bench_client: a TCP echo client, in a closed or an open loop.
 *
 * Exit status: 0 good; 1 the run failed (nothing completed, or errors; the results are still
 * printed and written); 2 usage; 77 the backend that was asked for cannot run here.
 */
#include "client/execute.h"
#include "client/print.h"
#include "client/results.h"
#include "client/search.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/choose/choose.h"
#include "common/loop/net_option.h"
#include "common/report/program.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(struct client_config, name)
#define MIB         (1024 * 1024ULL)

#define MOST_RATE           20000000ULL
#define MOST_REQUESTS       1000000000000000ULL
#define IN_FLIGHT_MAX_BYTES (256 * MIB)

static const char *const close_choices[] = {"fin", "rst", NULL};
static const char *const verify_choices[] = {"length", "full", NULL};

static const struct opt rows[] = {
    {"host", 'h', OPT_TEXT, FIELD(host), "127.0.0.1", "HOST", 0, 0, NULL,
     "server to connect to: IPv4, IPv6 or a name"},
    {"port", 'p', OPT_COUNT, FIELD(port), "8080", "N", 1, 65535, NULL, "its port"},
    {"unix", 'u', OPT_TEXT, FIELD(unix_path), NULL, "PATH", 0, 0, NULL,
     "connect to a Unix socket instead of host and port"},
    {"connections", 'c', OPT_COUNT, FIELD(connections), "100", "N", 1, 1000000, NULL,
     "connections, each with up to --pipeline requests in flight"},
    {"size", 's', OPT_BYTES, FIELD(size_bytes), "256", "BYTES", 1, 16 * MIB, NULL, "message size"},
    {"sizes", 0, OPT_TEXT, FIELD(sizes), NULL, "LIST", 0, 0, NULL,
     "instead of --size: sizes with their weights, such as 64:0.7,1k:0.2,64k:0.1"},
    {"pipeline", 'P', OPT_COUNT, FIELD(pipeline), "1", "N", 1, 4096, NULL,
     "requests in flight per connection, at most"},
    {"rate", 'R', OPT_COUNT, FIELD(rate), NULL, "N", 1, MOST_RATE, NULL,
     "open loop: so many requests are due per second, over all connections; 0 is a closed loop"},
    {"arrivals", 0, OPT_CHOICE, FIELD(arrivals), "constant", "HOW", 0, 0, pace_arrivals_names,
     "how an open loop's requests are spread over time"},
    {"seed", 0, OPT_COUNT, FIELD(seed), "1", "N", 0, UINT64_MAX, NULL,
     "of whatever is drawn at random: arrivals and sizes"},
    {"find-rate", 0, OPT_TEXT, FIELD(find_rate), NULL, "GOAL", 0, 0, NULL,
     "find the highest rate that keeps a response time, such as 'p99<1ms', and measure that; each "
     "run lasts --duration (1s)"},
    {"until-steady", 0, OPT_DURATION_NS, FIELD(until_steady_ns), NULL, "TIME", 0,
     7 * 24 * 3600 * NS_PER_S, NULL,
     "while the rate is not steady, double the window, up to this length in all"},
    {"think", 0, OPT_DURATION_NS, FIELD(think_ns), NULL, "TIME", 0, 3600 * NS_PER_S, NULL,
     "closed loop: pause between a reply and the next request of its connection"},
    {"churn", 0, OPT_COUNT, FIELD(churn), NULL, "N", 1, MOST_REQUESTS, NULL,
     "close and reopen each connection after so many requests"},
    {"close", 0, OPT_CHOICE, FIELD(close), "fin", "HOW", 0, 0, close_choices,
     "how connections are closed: in good order, or with a reset, which leaves no port in "
     "TIME_WAIT"},
    {"connect-only", 0, OPT_FLAG, FIELD(connect_only), NULL, NULL, 0, 0, NULL,
     "make connections and close them, without any request"},
    {"ramp", 0, OPT_DURATION_NS, FIELD(ramp_ns), NULL, "TIME", 0, 3600 * NS_PER_S, NULL,
     "open the connections one by one over this time; a closed loop's begin to work at once"},
    {"duration", 'd', OPT_DURATION_NS, FIELD(duration_ns), NULL, "TIME", NS_PER_MS,
     7 * 24 * 3600 * NS_PER_S, NULL,
     "length of the measuring window; 10s unless --requests ends it"},
    {"requests", 'n', OPT_COUNT, FIELD(requests), NULL, "N", 1, MOST_REQUESTS, NULL,
     "end the window after so many requests"},
    {"warmup", 0, OPT_DURATION_NS, FIELD(warmup_ns), "1s", "TIME", 0, 3600 * NS_PER_S, NULL,
     "run for so long before the window starts"},
    {"interval", 'i', OPT_DURATION_NS, FIELD(interval_ns), "1s", "TIME", NS_PER_MS, 3600 * NS_PER_S,
     NULL, "length of one line, and of one point of the series"},
    {"timeout", 0, OPT_DURATION_NS, FIELD(timeout_ns), "5s", "TIME", NS_PER_MS, 3600 * NS_PER_S,
     NULL, "a connect or a reply that takes longer is an error, and ends its connection"},
    {"verify", 0, OPT_CHOICE, FIELD(verify), "length", "HOW", 0, 0, verify_choices,
     "check the length of each reply, or every byte of it"},
    LOOP_ROWS,
    {"threads", 't', OPT_COUNT, FIELD(threads), "1", "N", 1, 1024, NULL,
     "threads, each with an event loop and a share of the connections"},
    {"cpus", 0, OPT_CPUS, FIELD(cpus), NULL, "LIST", 0, 0, NULL,
     "bind the threads to these CPUs in turn, such as 0,2-3"},
    SERVED_PID_ROW,
    GATE_ROW,
    PROGRAM_JSON_ROW,
    PROGRAM_QUIET_ROW,
};

/* The client does best with epoll: it sends at once what a batch of completions would hold back. */
static const char *const backend_order[] = {"epoll", "io_uring", "libev", NULL};
static const struct choose_from backends = {
    .option = "backend", .table = loop_table, .order = backend_order};

static const struct opt_table table = {
    .program = "bench_client",
    .summary = "measure a TCP echo server: requests per second, latency, CPU per request",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .write_list = choose_write_help,
    .list = &backends,
    .examples = "bench_client -c 1000 -s 512 -d 30\n"
                "bench_client -b io_uring -t 2 --cpus 2,3 --json result.json\n"
                "bench_client -n 100000 --warmup 0 --verify full",
};

static int choose_backend(struct client_run *run)
{
    const struct client_config *config = run->config;
    int status = choose_or_complain(&run->loop.choice, &backends, &table, config->backend);

    if (status)
        return status;
    run->loop.program = table.program;
    run->loop.mode = spin_mode_named(config->mode);
    run->loop.conn_bytes = client_conn_bytes(config->pipeline);
    run->loop.read_while_unsent = true; /* a long reply begins before its request is all sent */
    run->loop.socket_options = (struct net_options){
        .sndbuf_bytes = config->sndbuf_bytes,
        .rcvbuf_bytes = config->rcvbuf_bytes,
        .nodelay = opt_is_on(config->nodelay),
        .reset_on_close = strcmp(config->close, "rst") == 0,
    };
    run->loop.connect_timeout_ns = config->timeout_ns;
    return 0;
}

/* Options that make sense alone, but not together. */
static int check_together(const struct client_config *config)
{
    const char *why = NULL;

    if (pace_lacks_rate(config->arrivals, config->rate) && !config->find_rate)
        return opt_complain(&table, EXIT_USAGE, "arrivals", config->arrivals, PACE_LACKS_RATE);
    if (config->think_ns && config->rate)
        why = "--think pauses a closed loop; --rate asks for an open one: use one of them";
    else if (config->think_ns && config->pipeline > 1)
        why = "--think needs --pipeline 1: it begins when the reply is there";
    else if (config->find_rate && (config->requests || config->think_ns || config->connect_only ||
                                   config->until_steady_ns || config->gate))
        why = "--find-rate sets the rate of timed runs: leave out --requests, --think, "
              "--connect-only, --until-steady and --gate";
    else if (config->until_steady_ns && config->requests)
        why = "--until-steady lengthens a timed run: leave out --requests";
    else if (config->connect_only &&
             (config->rate || config->churn || config->requests || config->think_ns))
        why = "--connect-only makes no requests: leave out --rate, --churn, --requests and --think";
    else if (config->unix_path && strcmp(config->close, "rst") == 0)
        why = "--close rst resets TCP connections: leave it out with --unix";
    else if (config->sizes && config->connect_only)
        why = "--connect-only makes no requests: leave out --sizes";
    return why ? opt_refuse(&table, "%s", why) : 0;
}

static int choose_sizes(struct client_run *run)
{
    const struct client_config *config = run->config;

    sizes_fixed(&run->sizes, (uint32_t)config->size_bytes);
    if (config->sizes && sizes_parse(&run->sizes, config->sizes, 16 * MIB))
        return opt_complain(
            &table, EXIT_USAGE, "sizes", config->sizes,
            "is not a list of up to 32 SIZE:WEIGHT, sizes from 1 to 16M and weights "
            "above 0, such as 64:0.7,1k:0.3");
    if (run->sizes.longest_bytes * config->pipeline > IN_FLIGHT_MAX_BYTES)
        return opt_refuse(&table,
                          "--pipeline: '%" PRIu64 "' requests of up to %u bytes are more than the "
                          "256 MiB that may be in flight per connection",
                          config->pipeline, run->sizes.longest_bytes);
    return 0;
}

static int check_config(struct client_config *config)
{
    int err = check_together(config);
    struct goal goal;

    if (err)
        return err;
    if (config->find_rate && goal_parse(&goal, config->find_rate))
        return opt_complain(&table, EXIT_USAGE, "find-rate", config->find_rate,
                            "is not a goal such as p99<1ms, p99.9<500us or max<10ms");
    if (config->duration_ns == 0 && config->requests == 0)
        config->duration_ns = config->find_rate ? NS_PER_S : 10 * NS_PER_S;
    if (config->until_steady_ns && config->until_steady_ns < config->duration_ns)
        return opt_complain(&table, EXIT_USAGE, "until-steady",
                            text_time(config->until_steady_ns).s,
                            "is less than the --duration that it lengthens");
    if (config->duration_ns / config->interval_ns >= TICKS_MAX)
        return opt_refuse(
            &table, "--interval: more than %d intervals in --duration; make it longer", TICKS_MAX);
    if (config->threads > config->connections)
        return opt_refuse(&table,
                          "--threads: '%" PRIu64 "' is more than the %" PRIu64 " connections",
                          config->threads, config->connections);
    return program_check_json(&table, config->json);
}

static int write_report(const struct client_run *run, const struct results *results,
                        const struct search *search, int argc, char **argv, int status)
{
    const struct client_config *config = run->config;
    struct report *report = report_new(&table, config, argc, argv);

    if (report) {
        results_report(report, results, run);
        if (search)
            search_report(report, search, config->find_rate);
    }
    return program_report(&table, config->json, report, status);
}

static int measure(struct client_run *run, int argc, char **argv)
{
    const struct client_config *config = run->config;
    FILE *out = program_out(config->json);
    static struct search search;
    static struct results results;
    bool found = true;
    int status;

    if (config->find_rate) {
        goal_parse(&search.goal, config->find_rate);
        status = search_run(&search, run, out, &results);
        found = search.rate > 0;
    } else {
        status = execute(run, config->quiet ? NULL : out, &results);
    }
    if (status != EXIT_USAGE && results.summary.drive) {
        if (found)
            print_final(out, run, &results);
        if (!status && results_failed(&results))
            status = EXIT_FAILED;
        if (config->json)
            status =
                write_report(run, &results, config->find_rate ? &search : NULL, argc, argv, status);
    }
    client_close(run);
    return status;
}

int main(int argc, char **argv)
{
    static struct client_config config;
    static struct client_run run = {.config = &config};
    struct net_option server;
    int err;

    program_begin(&table, argc, argv, &config);
    server = (struct net_option){config.host, config.unix_path, config.port};
    err = check_config(&config);
    if (!err)
        err = choose_sizes(&run);
    if (!err)
        err = choose_backend(&run);
    if (!err)
        err = net_option_find(&table, &server, SOCK_STREAM, &run.loop.peer);
    if (!err) /* for the connections, and some for rings, pipes and files */
        err = net_option_descriptors(&table, "connections", config.connections,
                                     config.connections + 32 + 8 * config.threads);
    if (!err)
        err = served_by_process(&run.drive.served, &table, config.server_pid);
    if (!err)
        err = gate_connect(&run.drive.gate, &table, config.gate);
    if (err)
        return err;
    return measure(&run, argc, argv);
}
