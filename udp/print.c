#include "udp/print.h"

#include "common/base/text.h"
#include "common/measure/page.h"

#include <math.h>
#include <string.h>

#define MIB (1024.0 * 1024.0)

/* ---- before and meanwhile -------------------------------------------------------------------- */

void print_header(FILE *out, const void *owner)
{
    const struct bench *b = owner;
    const struct udp_config *c = &b->config;
    char target[NET_TEXT_CAP];

    fprintf(out, "Target:      %s", net_text(target, sizeof target, &b->client.server));
    if (b->is_server)
        fprintf(out, ", %u worker%s of this process", (unsigned)c->workers,
                text_plural(c->workers));
    fprintf(out, "\nBackend:     ");
    choice_print(out, &b->setup.choice);
    fprintf(out, "\nClients:     %s on %u thread%s, ", text_count(c->clients).s,
            (unsigned)c->threads, text_plural(c->threads));
    if (c->rate)
        fprintf(out, "%s messages/s in all (%s arrivals)\n", text_count(c->rate).s, c->arrivals);
    else
        fprintf(out, "each with %s in flight\n", text_count(c->pipeline).s);
    fprintf(out, "Message:     %s%s\n", text_bytes(c->size_bytes).s,
            b->client.checked ? "" : ", too short for a header: answers are counted, not checked");
    if (c->messages)
        fprintf(out, "Work:        %s messages per client\n", text_count(c->messages).s);
    if (c->duration_ns)
        fprintf(out, "Duration:    %s\n", text_time(c->duration_ns).s);
    if (c->warmup_ns)
        fprintf(out, "Warm-up:     %s\n", text_time(c->warmup_ns).s);
    fputc('\n', out);
    fflush(out);
}

/* Bytes both ways, as the published figures have it. */
static double throughput_mib_s(const struct udp_config *config, double echoes_s)
{
    return echoes_s * 2.0 * (double)config->size_bytes / MIB;
}

void print_point(FILE *out, const void *owner, const struct ticks_point *p)
{
    const struct bench *b = owner;

    fprintf(out, "[%.4gs] Echoes/s: %s | Throughput: %.2f MB/s | Total: %s | Lost or bad: %s",
            p->end_s, text_rounded(p->qps).s, throughput_mib_s(&b->config, p->qps),
            text_count(p->total).s, text_count(p->errors).s);
}

void print_ready(FILE *out, const void *owner)
{
    const struct bench *b = owner;
    const struct server *server = &b->server;
    unsigned workers = server->serve.crew.count;
    char text[NET_TEXT_CAP];

    fprintf(out, "%s: listening on %s, %u worker%s, receive buffer %s, backend ",
            server->serve.program, net_text(text, sizeof text, server->address), workers,
            text_plural(workers), text_bytes(wire_rcvbuf_bytes(server->workers[0].socket.fd)).s);
    choice_print(out, &b->setup.choice);
    fputc('\n', out);
}

/* ---- what became of the datagrams ------------------------------------------------------------ */

/* Rows below a labelled one, each for something that happened. */
static void print_count(const struct page *p, const char *what, uint64_t count)
{
    if (count)
        fprintf(p->out, "%*s%s: %s\n", p->label_width, "", what, text_count(count).s);
}

static void print_send_errors(const struct page *p, const struct send_errors *e)
{
#define TEXT(name, text) text,
    static const char *const texts[SEND_ERROR_KINDS] = {SEND_ERRORS(TEXT)};
#undef TEXT

    for (unsigned i = 0; i < SEND_other; i++)
        print_count(p, texts[i], e->kinds[i]);
    if (e->kinds[SEND_other])
        fprintf(p->out, "%*s%s: %s (last: %s)\n", p->label_width, "", texts[SEND_other],
                text_count(e->kinds[SEND_other]).s, strerror(e->last_other));
}

static void print_zerocopy(const struct page *p, const struct stats *s)
{
    if (s->zerocopy_sends)
        fprintf(p->out, "%*ssent with MSG_ZEROCOPY: %s; the kernel copied %.1f %%\n",
                p->label_width, "", text_count(s->zerocopy_sends).s,
                100.0 * (double)s->zerocopy_copied / (double)s->zerocopy_sends);
}

static void print_came_back(FILE *out, const struct seq_counts *c, bool numbered)
{
    if (numbered)
        fprintf(out,
                "Came back:          late %s | reordered %s | duplicated %s | corrupted %s | "
                "foreign %s",
                text_count(c->late).s, text_count(c->reordered).s, text_count(c->duplicated).s,
                text_count(c->corrupted).s, text_count(c->foreign).s);
    else
        fprintf(out, "Came back:          corrupted %s | unasked %s", text_count(c->corrupted).s,
                text_count(c->foreign).s);
    if (c->stale)
        fprintf(out, " | too old to tell %s", text_count(c->stale).s);
    fputc('\n', out);
}

static void print_accounts(const struct page *p, const struct bench *b)
{
    const struct results *r = &b->results;
    const struct seq_counts *c = &r->counts;

    fprintf(p->out, "Sent:               %s = %s received + %s lost + %s in flight\n",
            text_count(c->sent).s, text_count(c->received).s, text_count(c->lost).s,
            text_count(r->in_flight).s);
    print_zerocopy(p, &r->summary.window);
    print_came_back(p->out, c, b->client.checked);
    if (r->unsent)
        fprintf(p->out, "Never sent:         %s that were %s\n", text_count(r->unsent).s,
                b->config.rate ? "due" : "asked for");
    print_count(p, "of them too many in flight already", r->crowded_out);
    print_send_errors(p, &r->send_errors);
    print_count(p, "dropped by the kernel, client's receive buffer full",
                r->kernel_drops > 0 ? (uint64_t)r->kernel_drops : 0);
    page_errors(p, "receiving: ", &r->summary.window);
}

static void print_served(const struct page *p, const struct bench *b)
{
    const struct server_results *r = &b->served;
    const struct server_counts *c = &r->counts;

    fprintf(p->out, "Server:             %s received, %s echoed, %s bad; by worker %s to %s\n",
            text_count(c->received).s, text_count(c->echoed).s, text_count(c->corrupted).s,
            text_count(r->least_received).s, text_count(r->most_received).s);
    print_count(p, "replies of another server, not answered", c->replies_dropped);
    print_zerocopy(p, &r->stats);
    print_send_errors(p, &c->send_errors);
    print_count(p, "dropped by the kernel, server's receive buffer full",
                r->kernel_drops > 0 ? (uint64_t)r->kernel_drops : 0);
    page_errors(p, "receiving: ", &r->stats);
    page_cost(p, "Server CPU:", "echo", r->cpu, NAN, &r->stats, c->echoed);
}

/* ---- the results ----------------------------------------------------------------------------- */

/* The rows of the published table: an echo counts as two packets there. */
static void print_table(FILE *out, const struct bench *b)
{
    const struct udp_config *c = &b->config;
    const struct results *r = &b->results;
    uint64_t requests = r->summary.window.requests;
    uint64_t packets = c->messages ? r->counts.sent + r->counts.received : 2 * requests;
    double echoes_s = summary_rate(&r->summary, requests);

    fprintf(out, "Clients:            %s\n", text_count(c->clients).s);
    if (c->messages)
        fprintf(out, "Messages/client:    %s\n", text_count(c->messages).s);
    fprintf(out, "Message size:       %s bytes\n", text_count(c->size_bytes).s);
    if (!c->rate)
        fprintf(out, "Pipeline:           %s\n", text_count(c->pipeline).s);
    if (b->is_server)
        fprintf(out, "Server workers:     %u\n", (unsigned)c->workers);
    fprintf(out, "Time:               %.4f s\n", r->summary.duration_s);
    fprintf(out, "Packets:            %s (sent and received)\n", text_count(packets).s);
    fprintf(out, "Packets/s:          %s\n", text_rounded(2 * echoes_s).s);
    fprintf(out, "Echoes/s:           %s\n", text_rounded(echoes_s).s);
    fprintf(out, "Throughput:         %.2f MB/s (both ways; 1 MB = 1,048,576 bytes)\n",
            throughput_mib_s(c, echoes_s));
    fprintf(out, "Loss:               %.4f %%\n", results_loss_percent(r));
}

static void print_published(FILE *out, const struct bench *b)
{
    struct published p = results_published(b);

    fprintf(out,
            "Published method:   %s packets / %.1f s = %s packets/s, %.2f MB/s, loss %.1f %%\n"
            "                    (the work divided by a fixed time, whatever it really took)\n",
            text_rounded(p.packets).s, p.wall_s, text_rounded(p.packets_s).s, p.mib_s,
            p.loss_percent);
}

void print_final(FILE *out, const struct bench *b)
{
    const struct results *r = &b->results;
    const struct summary *s = &r->summary;
    struct page page = {out, 20};

    fprintf(out, "=== Final Results ===\n");
    if (s->drive->interrupted)
        fprintf(out, "Interrupted:        the figures are of the time until then\n");
    print_table(out, b);
    if (b->config.published_method)
        print_published(out, b);
    print_accounts(&page, b);
    page_latency(&page, "Service time:", &s->service,
                 r->counts.lost ? "of those that came back" : NULL);
    page_open_loop(&page, s, b->config.arrivals);
    page_cost(&page, "Client CPU:", "echo", s->cpu, s->server_s, &s->window, s->window.requests);
    if (b->is_server)
        print_served(&page, b);
    results_warn(b, page_note, &page);
    page_notes(&page, s);
    fflush(out);
}

void print_server(FILE *out, const struct bench *b)
{
    struct page page = {out, 20};

    fprintf(out, "\n=== Server Summary ===\n");
    fprintf(out, "Backend:            ");
    choice_print(out, &b->setup.choice);
    fprintf(out, "\nWorkers:            %u, up for %.1f s\n", b->server.serve.crew.count,
            serve_uptime_s(&b->server.serve));
    print_served(&page, b);
    fflush(out);
}
