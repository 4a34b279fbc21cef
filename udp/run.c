#include "udp/run.h"

#include "common/base/clock.h"
#include "common/report/program.h"
#include "udp/print.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- making ready ---------------------------------------------------------------------------- */

/* CPUs for the server threads: where the client threads' turns end. */
static struct opt_cpus server_cpus(const struct bench *b)
{
    struct opt_cpus cpus = b->config.cpus;
    size_t skip = b->is_client ? b->config.threads : 0;

    for (size_t i = 0; i < cpus.count; i++)
        cpus.cpu[i] = b->config.cpus.cpu[(i + skip) % cpus.count];
    return cpus;
}

static int open_server(struct bench *b, const struct opt_table *table)
{
    struct opt_cpus cpus = server_cpus(b);
    struct server *s = &b->server;
    int err;

    s->config = &b->config;
    s->setup = &b->setup;
    s->serve.program = table->program;
    s->serve.owner = b;
    s->serve.print_ready = print_ready;
    err = server_open(s, &b->address, &cpus);
    return err ? net_option_not_heard(table, &b->asked, &b->address, err) : 0;
}

/* After the server, whose port it must know, and which gets no signals where both are one. */
static int open_client(struct bench *b, const struct opt_table *table)
{
    struct client_run *c = &b->client;
    int err;

    c->config = &b->config;
    c->setup = &b->setup;
    c->server = b->address;
    c->drive.program = table->program;
    c->drive.owner = b;
    c->drive.print_header = print_header;
    c->drive.print_point = print_point;
    if (getentropy(&c->id, sizeof c->id) < 0)
        c->id = (uint32_t)clock_now_ns();
    err = client_open(c);
    if (err)
        fprintf(stderr, "%s: cannot prepare the clients: %s\n", table->program, strerror(-err));
    return err ? EXIT_FAILED : 0;
}

static int open_roles(struct bench *b, const struct opt_table *table)
{
    int status = b->is_server ? open_server(b, table) : 0;

    return !status && b->is_client ? open_client(b, table) : status;
}

/* ---- running --------------------------------------------------------------------------------- */

static int end_server(struct bench *b)
{
    int status = serve_end(&b->server.serve);

    results_collect_server(&b->served, &b->server);
    return status;
}

static int run_client(struct bench *b, FILE *out)
{
    int status;

    if (b->is_server)
        serve_known_as(&b->server.serve, &b->client.drive.served);
    status = drive_run(&b->client.drive, 0, b->config.quiet ? NULL : out);

    if (!b->client.drive.ran)
        return status;
    results_collect(&b->results, &b->client);
    return !status && results_failed(&b->results) ? EXIT_FAILED : status;
}

/* *ran: there are results to report. */
static int run_roles(struct bench *b, FILE *out, bool *ran)
{
    int status = b->is_server ? serve_start(&b->server.serve) : 0, server_status = 0;

    *ran = !status;
    if (status)
        return status;
    if (b->is_client)
        status = run_client(b, out);
    else
        serve_watch(&b->server.serve, b->config.duration_ns, out);
    if (b->is_server)
        server_status = end_server(b);
    *ran = !b->is_client || b->client.drive.ran;
    return status ? status : server_status;
}

static int write_report(const struct bench *b, const struct opt_table *table, int argc, char **argv,
                        int status)
{
    struct report *report = report_new(table, &b->config, argc, argv);

    if (report)
        results_report(report, b);
    return program_report(table, b->config.json, report, status);
}

int run_bench(struct bench *b, const struct opt_table *table, int argc, char **argv)
{
    FILE *out = program_out(b->config.json);
    int status = open_roles(b, table);
    bool ran = false;

    if (!status)
        status = run_roles(b, out, &ran);
    if (ran && b->is_client)
        print_final(out, b);
    else if (ran)
        print_server(out, b);
    if (ran && b->config.json)
        status = write_report(b, table, argc, argv, status);
    if (b->is_client)
        client_close(&b->client);
    if (b->is_server)
        server_close(&b->server);
    return status;
}
