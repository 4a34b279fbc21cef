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
     "event backend, with what it is to use or leave out; see below"},
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
    SERVED_PID_ROW,
    GATE_ROW,
    PROGRAM_JSON_ROW,
    PROGRAM_QUIET_ROW,
};

static const struct choose_from backends = {.option = "backend", .table = udp_backends};

static const struct opt_table table = {
    .program = "bench_udp",
    .summary = "measure UDP echo: packets per second, loss, latency, CPU per echo",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .notes = "Without options it runs 100 clients with 1000 messages each, 10 of them in flight, "
             "against 4 server threads in the same process.\n",
    .write_list = choose_write_help,
    .list = &backends,
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
    if (b->is_client && c->threads > c->clients)
        return opt_refuse(&table, "--threads: '%" PRIu64 "' is more than the %" PRIu64 " clients",
                          c->threads, c->clients);
    if (b->is_server && c->server_pid)
        return opt_refuse(&table,
                          "--server-pid: '%" PRIu64 "' is for --role client: else the "
                          "server is this process",
                          c->server_pid);
    if (!b->is_client && c->gate)
        return opt_complain(&table, EXIT_USAGE, "gate", c->gate,
                            "is for clients: --role server has no window that could begin");
    if (pace_lacks_rate(c->arrivals, c->rate))
        return opt_complain(&table, EXIT_USAGE, "arrivals", c->arrivals, PACE_LACKS_RATE);
    return program_check_json(&table, c->json);
}

/* An option that was given as on or off is the same as a feature asked for or left out. */
static unsigned add_item(struct choose_item *item, const char *option, const char *value,
                         const char *feature)
{
    if (strcmp(value, "auto") == 0)
        return 0;
    *item = (struct choose_item){.option = option, .value = value};
    snprintf(item->text, sizeof item->text, "%c%s", opt_is_on(value) ? '+' : '-', feature);
    return 1;
}

static int choose_backend(struct bench *b)
{
    const struct udp_config *c = &b->config;
    struct choose_item items[3];
    struct choose_from from = backends;

    from.items = items;
    from.item_count = add_item(items, "gso", c->gso, "gso");
    from.item_count += add_item(items + from.item_count, "gro", c->gro, "gro");
    from.item_count += add_item(items + from.item_count, "zerocopy", c->zerocopy, "msg_zerocopy");
    from.about = &b->setup;
    b->setup.mode = spin_mode_named(c->mode);
    b->setup.ways.batch = wire_batch((unsigned)c->batch);
    b->setup.fits = !b->is_client || wire_fits(&b->address, c->size_bytes);
    return udp_loop_choose(&b->setup, &from, &table, c->backend);
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
    if (!status)
        status = served_by_process(&b.client.drive.served, &table, b.config.server_pid);
    if (!status)
        status = gate_connect(&b.client.drive.gate, &table, b.config.gate);
    return status ? status : run_bench(&b, &table, argc, argv);
}
