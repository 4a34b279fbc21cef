#include "udp/print.h"

#include "common/base/clock.h"
#include "common/base/units.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MIB (1024.0 * 1024.0)

/* One number of a line; as many as needed can be alive in one printf(). */
struct number {
    char text[UNITS_TEXT_CAP];
};

static struct number count_of(uint64_t count)
{
    struct number n = {0};

    units_count(n.text, sizeof n.text, count);
    return n;
}

static struct number count_of_real(double count)
{
    return count_of((uint64_t)llround(count));
}

static struct number bytes_of(uint64_t bytes)
{
    struct number n = {0};

    units_bytes(n.text, sizeof n.text, bytes);
    return n;
}

static struct number time_of(uint64_t ns)
{
    struct number n = {0};

    units_duration(n.text, sizeof n.text, ns);
    return n;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

void print_header(FILE *out, const struct outcome *o)
{
    const struct udp_config *c = o->config;
    char target[NET_TEXT_CAP];

    fprintf(out, "Target:      %s", net_text(target, sizeof target, &o->client->server));
    if (o->server)
        fprintf(out, ", %u worker%s of this process", o->server->crew.count,
                plural(o->server->crew.count));
    fprintf(out, "\nBackend:     ");
    choice_print(out, &o->setup->choice);
    fprintf(out, "\nClients:     %s on %u thread%s, ", count_of(c->clients).text,
            o->client->crew.count, plural(o->client->crew.count));
    if (c->rate)
        fprintf(out, "%s messages/s in all (%s arrivals)\n", count_of(c->rate).text, c->arrivals);
    else
        fprintf(out, "each with %s in flight\n", count_of(c->pipeline).text);
    fprintf(out, "Message:     %s%s\n", bytes_of(c->size_bytes).text,
            o->client->checked ? "" : ", too short for a header: answers are counted, not checked");
    if (c->messages)
        fprintf(out, "Work:        %s messages per client\n", count_of(c->messages).text);
    if (c->duration_ns)
        fprintf(out, "Duration:    %s\n", time_of(c->duration_ns).text);
    if (c->warmup_ns)
        fprintf(out, "Warm-up:     %s\n", time_of(c->warmup_ns).text);
    fputc('\n', out);
    fflush(out);
}

/* Bytes both ways, as the published figures have it. */
static double throughput_mib_s(const struct udp_config *config, double echoes_s)
{
    return echoes_s * 2.0 * (double)config->size_bytes / MIB;
}

void print_interval(FILE *out, const struct udp_config *config, const struct ticks_point *p)
{
    fprintf(out, "[%.4gs] Echoes/s: %s | Throughput: %.2f MB/s | Total: %s | Lost or bad: %s\n",
            p->end_s, count_of_real(p->qps).text, throughput_mib_s(config, p->qps),
            count_of(p->total).text, count_of(p->errors).text);
    fflush(out);
}

static void print_latency(FILE *out, const char *name, const struct hist *h, bool some_lost)
{
    static const struct {
        const char *name;
        double percent;
    } rows[] = {{"P50", 50}, {"P90", 90}, {"P95", 95}, {"P99", 99}, {"P99.9", 99.9}};

    if (h->count == 0)
        return;
    fprintf(out, "%s", name);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fprintf(out, "%s %s | ", rows[i].name,
                time_of(hist_percentile_ns(h, rows[i].percent)).text);
    fprintf(out, "max %s%s\n", time_of(h->max_ns).text,
            some_lost ? "  (of those that came back)" : "");
}

static void print_send_errors(FILE *out, const struct send_errors *e)
{
    if (e->would_block)
        fprintf(out, "                    send buffer full (EAGAIN): %s\n",
                count_of(e->would_block).text);
    if (e->no_buffers)
        fprintf(out, "                    no memory to send (ENOBUFS): %s\n",
                count_of(e->no_buffers).text);
    if (e->refused)
        fprintf(out, "                    send refused (nobody listens there): %s\n",
                count_of(e->refused).text);
    if (e->other)
        fprintf(out, "                    send failed otherwise: %s (last: %s)\n",
                count_of(e->other).text, strerror(e->last_other));
}

static void print_drops(FILE *out, const char *whose, int64_t drops)
{
    if (drops > 0)
        fprintf(out, "                    dropped by the kernel, %s receive buffer full: %s\n",
                whose, count_of((uint64_t)drops).text);
}

static void print_receive_errors(FILE *out, const struct stats *s)
{
    for (unsigned kind = 0; kind < ERROR_KINDS; kind++)
        if (s->errors[kind])
            fprintf(out, "                    receiving: %s: %s\n", stats_error_texts[kind],
                    count_of(s->errors[kind]).text);
}

static void print_zerocopy(FILE *out, const struct stats *s)
{
    if (s->zerocopy_sends)
        fprintf(out, "                    sent with MSG_ZEROCOPY: %s; the kernel copied %.1f %%\n",
                count_of(s->zerocopy_sends).text,
                100.0 * (double)s->zerocopy_copied / (double)s->zerocopy_sends);
}

static void print_accounts(FILE *out, const struct outcome *o)
{
    const struct results *r = o->results;
    const struct seq_counts *c = &r->counts;

    fprintf(out, "Sent:               %s = %s received + %s lost + %s in flight\n",
            count_of(c->sent).text, count_of(c->received).text, count_of(c->lost).text,
            count_of(r->in_flight).text);
    print_zerocopy(out, &r->window);
    if (r->numbered)
        fprintf(out,
                "Came back:          late %s | reordered %s | duplicated %s | corrupted %s | "
                "foreign %s",
                count_of(c->late).text, count_of(c->reordered).text, count_of(c->duplicated).text,
                count_of(c->corrupted).text, count_of(c->foreign).text);
    else
        fprintf(out, "Came back:          corrupted %s | unasked %s", count_of(c->corrupted).text,
                count_of(c->foreign).text);
    if (c->stale)
        fprintf(out, " | too old to tell %s", count_of(c->stale).text);
    fputc('\n', out);
    if (r->unsent)
        fprintf(out, "Never sent:         %s that were %s\n", count_of(r->unsent).text,
                r->open_loop ? "due" : "asked for");
    if (r->crowded_out)
        fprintf(out, "                    %s of them: too many in flight already\n",
                count_of(r->crowded_out).text);
    print_send_errors(out, &r->send_errors);
    print_drops(out, "client's", r->kernel_drops);
    print_receive_errors(out, &r->window);
}

static void print_served(FILE *out, const struct outcome *o)
{
    const struct server_results *r = o->served;

    fprintf(out, "Server:             %s received, %s echoed, %s bad; by worker %s to %s\n",
            count_of(r->counts.received).text, count_of(r->counts.echoed).text,
            count_of(r->counts.corrupted).text, count_of(r->least_received).text,
            count_of(r->most_received).text);
    if (r->counts.replies_dropped)
        fprintf(out, "                    replies of another server, not answered: %s\n",
                count_of(r->counts.replies_dropped).text);
    print_zerocopy(out, &r->stats);
    print_send_errors(out, &r->counts.send_errors);
    print_drops(out, "server's", r->kernel_drops);
    print_receive_errors(out, &r->stats);
    if (r->counts.echoed)
        fprintf(out, "Server CPU:         %.2f us per echo, %.2f system calls per echo\n",
                (double)(r->cpu.user_ns + r->cpu.system_ns) / 1e3 / (double)r->counts.echoed,
                (double)stats_syscalls_total(&r->stats) / (double)r->counts.echoed);
}

static void print_client_cpu(FILE *out, const struct results *r)
{
    double requests = (double)r->window.requests;

    if (requests > 0)
        fprintf(out, "Client CPU:         %.2f us per echo, %.2f system calls per echo\n",
                (double)(r->cpu.user_ns + r->cpu.system_ns) / 1e3 / requests,
                (double)stats_syscalls_total(&r->window) / requests);
}

/* The rows of the published table: an echo counts as two packets there. */
static void print_table(FILE *out, const struct outcome *o)
{
    const struct udp_config *c = o->config;
    const struct results *r = o->results;
    double echoes_s = results_rate(r, r->window.requests);

    fprintf(out, "Clients:            %s\n", count_of(c->clients).text);
    if (c->messages)
        fprintf(out, "Messages/client:    %s\n", count_of(c->messages).text);
    fprintf(out, "Message size:       %s bytes\n", count_of(c->size_bytes).text);
    if (!c->rate)
        fprintf(out, "Pipeline:           %s\n", count_of(c->pipeline).text);
    if (o->server)
        fprintf(out, "Server workers:     %u\n", o->server->crew.count);
    fprintf(out, "Time:               %.4f s\n", r->duration_s);
    fprintf(
        out, "Packets:            %s (sent and received)\n",
        count_of(c->messages ? r->counts.sent + r->counts.received : 2 * r->window.requests).text);
    fprintf(out, "Packets/s:          %s\n", count_of_real(2 * echoes_s).text);
    fprintf(out, "Echoes/s:           %s\n", count_of_real(echoes_s).text);
    fprintf(out, "Throughput:         %.2f MB/s (both ways; 1 MB = 1,048,576 bytes)\n",
            throughput_mib_s(c, echoes_s));
    fprintf(out, "Loss:               %.4f %%\n", results_loss_percent(r));
}

static void print_published(FILE *out, const struct outcome *o)
{
    struct published p = results_published(o);

    fprintf(out,
            "Published method:   %s packets / %.1f s = %s packets/s, %.2f MB/s, loss %.1f %%\n"
            "                    (the work divided by a fixed time, whatever it really took)\n",
            count_of_real(p.packets).text, p.wall_s, count_of_real(p.packets_s).text, p.mib_s,
            p.loss_percent);
}

void print_final(FILE *out, const struct outcome *o)
{
    const struct results *r = o->results;
    bool some_lost = r->counts.lost > 0;

    fprintf(out, "=== Final Results ===\n");
    if (r->interrupted)
        fprintf(out, "Interrupted:        the figures are of the time until then\n");
    if (r->gave_up)
        fprintf(out, "Given up:           nothing came back any more\n");
    print_table(out, o);
    if (o->config->published_method)
        print_published(out, o);
    print_accounts(out, o);
    print_latency(out, "Service time:       ", &r->service, some_lost);
    if (r->open_loop)
        print_latency(out, "Response time:      ", &r->response, some_lost);
    print_client_cpu(out, r);
    if (o->served)
        print_served(out, o);
    if (results_client_limited(r))
        fprintf(out, "Note:               client-limited: %s\n", results_client_limited(r));
    fflush(out);
}

void print_server(FILE *out, const struct outcome *o)
{
    fprintf(out, "\n=== Server Summary ===\n");
    fprintf(out, "Backend:            ");
    choice_print(out, &o->setup->choice);
    fprintf(out, "\nWorkers:            %u, up for %.1f s\n", o->server->crew.count,
            o->served->uptime_s);
    print_served(out, o);
    fflush(out);
}
