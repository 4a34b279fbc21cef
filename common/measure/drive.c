#include "common/measure/drive.h"

#include "common/base/clock.h"
#include "common/base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often threads look at the clock at least: late replies and the window's end wait for it. */
#define LOOK_NS (100 * NS_PER_MS)

/* The progress of a run, as the main thread sees it. */
struct progress {
    struct drive *drive;
    struct ticks_reader series;
    FILE *out;
    bool live;           /* out is a terminal: its last line moves */
    uint64_t look_ns;    /* how often the threads are woken */
    uint64_t next_ns;    /* when next; CLOCK_NEVER_NS while they set up */
    bool opened, closed; /* the pressure at the window's start and end was read */
};

uint64_t drive_tick_ns(uint64_t interval_ns, uint64_t duration_ns)
{
    if (interval_ns >= NS_PER_S / 2 && duration_ns / (interval_ns / 5) < TICKS_MAX)
        return interval_ns / 5;
    return interval_ns;
}

int drive_init(struct drive *d, unsigned threads, const struct opt_cpus *cpus,
               const struct window_plan *plan, const struct window_hooks *hooks)
{
    int err = crew_init(&d->crew, threads, cpus);

    d->interrupted = d->ran = d->never_begun = false;
    if (err)
        return err;
    d->conditions.cpu_start = calloc(2 * threads, sizeof *d->conditions.cpu_start);
    d->conditions.cpu_end = d->conditions.cpu_start + threads;
    if (!d->conditions.cpu_start)
        return -ENOMEM;
    err = window_init(&d->window, &d->crew, plan, hooks);
    d->window.gated = d->gate.table != NULL;
    d->window.served = &d->served;
    d->served.start.known = d->served.end.known = false;
    return err;
}

void drive_free(struct drive *d)
{
    window_free(&d->window);
    free(d->conditions.cpu_start);
    d->conditions.cpu_start = NULL;
    crew_free(&d->crew);
}

/* ---- at the window's edges ------------------------------------------------------------------ */

static void read_cpus(const struct crew *crew, struct host_pressure *pressures)
{
    int cpus[crew->count];

    for (unsigned i = 0; i < crew->count; i++)
        cpus[i] = crew->workers[i].cpu;
    host_read_pressures(cpus, pressures, crew->count);
}

/*
 * The kernel counts stolen time in steps of 10 ms, so it is precise enough that the main thread
 * reads it when it next wakes; the threads that measure spend no time on it.
 */
static void read_at_edges(struct progress *p, uint64_t window_start_ns, bool done)
{
    struct conditions *c = &p->drive->conditions;

    if (!p->opened && clock_now_ns() >= window_start_ns) {
        p->opened = true;
        read_cpus(&p->drive->crew, c->cpu_start);
    }
    if (!p->closed && (done || atomic_load(&p->drive->window.ticks[0]->over))) {
        p->closed = true;
        read_cpus(&p->drive->crew, c->cpu_end);
    }
}

/* ---- what is printed meanwhile -------------------------------------------------------------- */

static void clear_live(const struct progress *p)
{
    if (p->live)
        fputs("\r\x1b[K", p->out);
}

static void print_live(const struct progress *p)
{
    const struct drive *d = p->drive;
    uint64_t planned_ns = window_planned_ns(&d->window);
    struct ticks_point point;
    double left_s;

    if (!ticks_peek(&p->series, &point))
        return;
    clear_live(p);
    d->print_point(p->out, d->owner, &point);
    left_s = (double)planned_ns / (double)NS_PER_S - point.end_s;
    if (planned_ns != CLOCK_NEVER_NS && left_s > 0)
        fprintf(p->out, " | %.0f s left", ceil(left_s));
    fflush(p->out);
}

static void print_news(struct progress *p)
{
    struct ticks_point point;

    while (ticks_next(&p->series, &point)) {
        clear_live(p);
        p->drive->print_point(p->out, p->drive->owner, &point);
        fputc('\n', p->out);
        fflush(p->out);
    }
}

/* With --until-steady: whether the window is to go on. */
static void extend(struct progress *p)
{
    struct drive *d = p->drive;

    if (!extend_look(&d->extension, &d->window) || !p->out)
        return;
    clear_live(p);
    fprintf(p->out, "[until-steady] not yet: %s; going on to %s\n", d->extension.verdict.reason,
            text_time(window_planned_ns(&d->window)).s);
    fflush(p->out);
}

/* ---- a gate that another process opens ------------------------------------------------------ */

/* Whether the run is set up and waits for the gate to be opened. */
static bool waits_at_gate(const struct drive *d)
{
    return d->window.gated && window_all_ready(&d->window) && !atomic_load(&d->window.start_ns) &&
           !atomic_load(&d->window.stop);
}

/* Opens the gate when the moment has come; a gate that fails stops the run. */
static void attend_gate(struct drive *d)
{
    bool told = d->gate.begin_ns;

    d->crew.watched_fd = -1;
    if (!waits_at_gate(d))
        return;
    if (gate_attend(&d->gate)) {
        window_stop(&d->window);
        return;
    }
    if (!d->gate.begin_ns)
        d->crew.watched_fd = d->gate.fd;
    else if (!told)
        host_read_pressure(&d->conditions.before); /* the wait is no part of the run */
    if (gate_passed(&d->gate))
        window_open_gate(&d->window, d->gate.begin_ns);
}

/* ---- the run -------------------------------------------------------------------------------- */

/* Wakes the threads if it is time to. The window's own edges are moments to do so. */
static void wake_threads(struct progress *p, uint64_t window_start_ns)
{
    uint64_t now_ns = clock_now_ns();

    if (p->next_ns == CLOCK_NEVER_NS)
        p->next_ns = window_start_ns - p->drive->window.plan.warmup_ns +
                     p->drive->window.plan.warmup_ns % p->look_ns;
    if (now_ns < p->next_ns)
        return;
    crew_wake_all(&p->drive->crew);
    p->next_ns += (now_ns - p->next_ns) / p->look_ns * p->look_ns + p->look_ns;
}

/* When the main thread has something to do even if there is no news. */
static uint64_t next_look_ns(const struct progress *p, uint64_t extend_ns)
{
    if (waits_at_gate(p->drive))
        return gate_look_ns(&p->drive->gate);
    return p->next_ns < extend_ns ? p->next_ns : extend_ns;
}

static void watch(struct progress *p)
{
    struct drive *d = p->drive;
    enum crew_news news = CREW_NEWS;

    while (news != CREW_DONE) {
        uint64_t extend_ns = extend_when_ns(&d->extension, &d->window), start_ns;

        news = crew_wait(&d->crew, next_look_ns(p, extend_ns));
        if (news == CREW_SIGNAL) {
            d->interrupted = true;
            window_stop(&d->window);
        }
        attend_gate(d);
        start_ns = atomic_load(&d->window.start_ns);
        if (start_ns) {
            wake_threads(p, start_ns + d->window.plan.warmup_ns);
            read_at_edges(p, start_ns + d->window.plan.warmup_ns, news == CREW_DONE);
        }
        if (p->out)
            print_news(p);
        if (news == CREW_NEWS && clock_now_ns() >= extend_ns)
            extend(p);
        if (p->live && news != CREW_DONE)
            print_live(p);
    }
}

/* A thread that ends by an error stops the others: they would wait for it, for ever. */
static int run_worker(struct worker *worker)
{
    struct meter *m = worker->program;
    struct drive *d = worker->crew->program;
    int err = d->body(m);

    if (err)
        window_stop(&d->window);
    window_done(m);
    return err;
}

/*
 * Those that wait for one gate set up at the same time on the same CPUs: what they measured of
 * themselves would be of each other. Without a thread to be had crew_start() will say so.
 */
static void calibrate(struct drive *d, struct calibration *c)
{
    if (d->window.gated || calibrate_run(c))
        memset(c, 0, sizeof *c);
}

static int start_crew(struct drive *d)
{
    struct conditions *c = &d->conditions;

    host_read(&c->host);
    calibrate(d, &c->calibration);
    host_read_pressure(&c->before);
    d->crew.program = d;
    return crew_start(&d->crew, run_worker, d->program);
}

int drive_run(struct drive *d, uint64_t until_steady_ns, FILE *out)
{
    uint64_t tick_ns = d->window.plan.tick_ns;
    struct progress p = {
        .drive = d,
        .series = window_series(&d->window, d->interval_ns),
        .out = out,
        .live = out && isatty(fileno(out)),
        .look_ns = tick_ns < LOOK_NS ? tick_ns : LOOK_NS,
        .next_ns = CLOCK_NEVER_NS,
    };
    int err;

    extend_begin(&d->extension, &d->window, until_steady_ns);
    err = start_crew(d);
    if (err)
        return err;
    d->ran = true;
    if (out)
        d->print_header(out, d->owner);
    watch(&p);
    err = crew_join(&d->crew);
    gate_close(&d->gate);
    host_read_pressure(&d->conditions.after);
    d->never_begun = !err && d->window.gated && !atomic_load(&d->window.start_ns);
    if (!err)
        return d->never_begun ? EXIT_FAILED : 0;
    if (d->complain)
        return d->complain(d->owner, err);
    fprintf(stderr, "%s: a thread failed: %s\n", d->program, strerror(-err));
    return EXIT_FAILED;
}
