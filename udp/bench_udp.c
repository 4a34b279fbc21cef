/*
 * bench_udp: UDP echo, with every packet accounted for; client and server, in one process or apart.
 *
 * Exit status: 0 good, also when packets were lost: that is a result; 1 the run failed (nothing
 * came back, or the work could not be done); 2 usage, which includes an address that cannot be had;
 * 77 what was asked for by name cannot run here.
 */
#include "common/base/clock.h"
#include "common/loop/net_option.h"
#include "common/report/program.h"
#include "udp/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(struct udp_config, name)
#define MIB         (1024 * 1024ULL)
#define LONGEST     (7 * 24 * 3600 * NS_PER_S)

static const char *const role_choices[] = {"both", "client", "server", NULL};
static const char *const offload_choices[] = {"auto", "on", "off", NULL};
static const char *const zerocopy_choices[] = {"off", "on", NULL};

static const struct opt rows[] = {
    {"role", 0, OPT_CHOICE, FIELD(role), "both", "ROLE", 0, 0, role_choices,
     "what this process is; a server alone runs until SIGINT, SIGTERM or the end of --duration"},
    {"host", 'h', OPT_TEXT, FIELD(host), "127.0.0.1", "HOST", 0, 0, NULL,
     "the server's address: IPv4, IPv6 or a name"},
    {"port", 'p', OPT_COUNT, FIELD(port), "0", "N", 0, 65535, NULL,
     "the server's port; 0 lets the kernel choose one, and a server says which"},
    {"clients", 'c', OPT_COUNT, FIELD(clients), "100", "N", 1, 100000, NULL,
     "clients, each with a socket of its own"},
    {"messages", 'n', OPT_COUNT, FIELD(messages), NULL, "N", 1, UINT32_MAX, NULL,
     "end when each client has sent so many; 1000 unless --duration is given"},
    {"duration", 'd', OPT_DURATION_NS, FIELD(duration_ns), NULL, "TIME", NS_PER_MS, LONGEST, NULL,
     "length of the measuring window, or of the life of a server alone"},
    {"size", 's', OPT_BYTES, FIELD(size_bytes), "256", "BYTES", 1, GSO_MAX_BYTES, NULL,
     "message size; below 32 there is no room for a header, and answers are counted but not told "
     "apart (a server of its own needs the same size then)"},
    {"workers", 'w', OPT_COUNT, FIELD(workers), "4", "N", 1, 1024, NULL,
     "server threads, each with a socket on the same port"},
    {"pipeline", 'P', OPT_COUNT, FIELD(pipeline), "10", "N", 1, 10000, NULL,
     "messages that each client keeps in flight"},
    {"backend", 'b', OPT_TEXT, FIELD(backend), "auto", "NAME", 0, 0, NULL,
     "auto, epoll, io_uring or libev; one that cannot run here is an error (exit status 77)"},
    {"threads", 't', OPT_COUNT, FIELD(threads), "1", "N", 1, 1024, NULL,
     "client threads, which share the clients"},
    {"cpus", 0, OPT_CPUS, FIELD(cpus), NULL, "LIST", 0, 0, NULL,
     "bind client threads, then server threads, to these CPUs in turn, such as 0,2-3"},
    {"batch", 0, OPT_COUNT, FIELD(batch), "64", "N", 1, 1024, NULL,
     "datagrams per system call, at most; 1 is recvfrom and sendto"},
    {"gso", 0, OPT_CHOICE, FIELD(gso), "auto", "HOW", 0, 0, offload_choices,
     "let the kernel cut a long send into datagrams (UDP_SEGMENT)"},
    {"gro", 0, OPT_CHOICE, FIELD(gro), "auto", "HOW", 0, 0, offload_choices,
     "let the kernel join datagrams of one sender into a long receive (UDP_GRO)"},
    {"zerocopy", 0, OPT_CHOICE, FIELD(zerocopy), "off", "HOW", 0, 0, zerocopy_choices,
     "have the kernel send from this program's memory (MSG_ZEROCOPY), and wait until it has"},
    {"connected", 0, OPT_FLAG, FIELD(connected), NULL, NULL, 0, 0, NULL,
     "connect the clients' sockets"},
    {"rate", 'R', OPT_COUNT, FIELD(rate), NULL, "N", 1, 1000000000, NULL,
     "open loop: send so many messages per second, of all clients together, whatever comes back"},
    {"arrivals", 0, OPT_CHOICE, FIELD(arrivals), "constant", "HOW", 0, 0, pace_arrivals_names,
     "open loop: even gaps, or random ones"},
    {"seed", 0, OPT_COUNT, FIELD(seed), "1", "N", 0, UINT64_MAX, NULL, "of the random gaps"},
    {"mode", 0, OPT_CHOICE, FIELD(mode), "throughput", "MODE", 0, 0, spin_mode_names,
     "while nothing arrives: latency spins, throughput sleeps, balanced spins shortly, then "
     "sleeps"},
    {"rcvbuf", 0, OPT_BYTES, FIELD(rcvbuf_bytes), "16m", "BYTES", 1, 1024 * MIB, NULL,
     "SO_RCVBUF of each socket, beyond the system's limit where that is permitted"},
    {"sndbuf", 0, OPT_BYTES, FIELD(sndbuf_bytes), NULL, "BYTES", 1, 1024 * MIB, NULL,
     "SO_SNDBUF of each socket"},
    {"timeout", 0, OPT_DURATION_NS, FIELD(timeout_ns), "1s", "TIME", NS_PER_MS, 3600 * NS_PER_S,
     NULL, "a message without an answer for so long is lost"},
    {"warmup", 0, OPT_DURATION_NS, FIELD(warmup_ns), "0s", "TIME", 0, 3600 * NS_PER_S, NULL,
     "run for so long before the window starts"},
    {"interval", 'i', OPT_DURATION_NS, FIELD(interval_ns), "1s", "TIME", NS_PER_MS, 3600 * NS_PER_S,
     NULL, "length of one line, and of one point of the series"},
    {"published-method", 0, OPT_FLAG, FIELD(published_method), NULL, NULL, 0, 0, NULL,
     "also print the figure by the published definition: the packets divided by a fixed 5.7 s"},
    PROGRAM_JSON_ROW,
    PROGRAM_QUIET_ROW,
};

static const struct opt_table table = {
    .program = "bench_udp",
    .summary = "measure UDP echo: packets per second, loss, latency, CPU per echo",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .notes = "Without options it runs 100 clients with 1000 messages each, 10 of them in flight, "
             "against 4 server threads in the same process.\n",
    .examples = "bench_udp --published-method\n"
                "bench_udp -d 10 -t 2 -w 2 --cpus 0-3 -b io_uring\n"
                "bench_udp --role server -p 9000 -h 0.0.0.0\n"
                "bench_udp --role client -p 9000 -h server.example -R 100k --arrivals poisson",
};

static int check_config(struct bench *b)
{
    struct udp_config *c = &b->config;

    b->is_client = strcmp(c->role, "server") != 0;
    b->is_server = strcmp(c->role, "client") != 0;
    if (!c->messages && !c->duration_ns)
        c->messages = 1000;
    if (!b->is_server && c->port == 0)
        return opt_complain(&table, EXIT_USAGE, "port", "0",
                            "is no port to send to: a client needs the server's, 1 to 65535");
    if (b->is_client && c->threads > c->clients) {
        fprintf(stderr, "%s: --threads: '%" PRIu64 "' is more than the %" PRIu64 " clients\n",
                table.program, c->threads, c->clients);
        return EXIT_USAGE;
    }
    if (pace_lacks_rate(c->arrivals, c->rate))
        return opt_complain(&table, EXIT_USAGE, "arrivals", c->arrivals, PACE_LACKS_RATE);
    return program_check_json(&table, c->json);
}

/*
 * auto: where the kernel has it, unless datagrams are to be moved one by one or a message does not
 * go through in one piece. *use says whether; 0 or an exit status.
 */
static int choose_offload(struct bench *b, const char *option, const char *asked,
                          bool (*has)(const char **why_not), bool *use, const char **why_not)
{
    *use = strcmp(asked, "off") != 0 && has(why_not);
    if (strcmp(asked, "off") == 0)
        *why_not = "asked not to";
    if (strcmp(asked, "on") == 0 && !*use)
        return opt_cannot_run(&table, option, asked, *why_not);
    if (strcmp(asked, "auto") != 0 || !*use)
        return 0;
    if (b->setup.ways.batch == 1)
        *why_not = "batch is 1";
    else if (b->is_client && !wire_fits(&b->address, b->config.size_bytes))
        *why_not = "message exceeds the path's MTU";
    *use = !*why_not;
    return 0;
}

/* Why what is left out is left out. */
struct left_out {
    const char *gso, *gro, *zerocopy;
};

static int choose_ways(struct bench *b, struct left_out *why_not)
{
    const struct udp_config *c = &b->config;
    struct wire_ways *ways = &b->setup.ways;
    int status;

    ways->batch = wire_batch((unsigned)c->batch);
    status = choose_offload(b, "gso", c->gso, wire_has_gso, &ways->gso, &why_not->gso);
    if (!status)
        status = choose_offload(b, "gro", c->gro, wire_has_gro, &ways->gro, &why_not->gro);
    if (!status)
        status = choose_offload(b, "zerocopy", c->zerocopy, wire_has_zerocopy, &ways->zerocopy,
                                &why_not->zerocopy);
    return status;
}

static void note_ways(struct bench *b, const struct left_out *why_not)
{
    const struct wire_ways *ways = &b->setup.ways;

    udp_feature(&b->setup, ways->batch > 1 || ways->gso ? "sendmmsg" : "sendto", NULL);
    if (ways->batch < b->config.batch)
        udp_feature(&b->setup, "batch", "this system has no call for it");
    udp_feature(&b->setup, "gso", why_not->gso);
    udp_feature(&b->setup, "gro", why_not->gro);
    if (ways->zerocopy)
        udp_feature(&b->setup, "msg_zerocopy", NULL);
}

static int choose_backend(struct bench *b)
{
    struct left_out why_not = {0};
    char why[512];
    int err = choose_ways(b, &why_not);

    if (err)
        return err;
    b->setup.mode = spin_mode_named(b->config.mode);
    err = udp_loop_choose(&b->setup, b->config.backend, why, sizeof why);
    if (err == -EINVAL)
        return opt_complain(&table, EXIT_USAGE, "backend", b->config.backend, why);
    if (err)
        return opt_cannot_run(&table, "backend", b->config.backend, why);
    note_ways(b, &why_not);
    return 0;
}

static int raise_limits(const struct bench *b)
{
    const struct udp_config *c = &b->config;
    uint64_t want =
        64 + (b->is_client ? c->clients + 8 * c->threads : 0) + (b->is_server ? 9 * c->workers : 0);

    return net_option_descriptors(&table, "clients", c->clients, want);
}

int main(int argc, char **argv)
{
    static struct bench b;
    int status;

    program_begin(&table, argc, argv, &b.config);
    b.asked = (struct net_option){.host = b.config.host, .port = b.config.port};
    status = check_config(&b);
    if (!status)
        status = net_option_find(&table, &b.asked, SOCK_DGRAM, &b.address);
    if (!status)
        status = choose_backend(&b);
    if (!status)
        status = raise_limits(&b);
    return status ? status : run_bench(&b, &table, argc, argv);
}
