#include "client/execute.h"

#include "client/extend.h"
#include "client/print.h"
#include "client/window.h"
#include "common/base/clock.h"

#include <string.h>
#include <unistd.h>

/* How often threads look at the clock at least: late replies and the window's end wait for it. */
#define LOOK_NS (100 * NS_PER_MS)

/* Ticks are what the live line moves by; a long window keeps them within their table. */
static uint64_t choose_tick_ns(const struct client_config *config)
{
    uint64_t tick_ns = config->interval_ns;

    if (tick_ns >= NS_PER_S / 2 && config->duration_ns / (tick_ns / 5) < TICKS_MAX)
        tick_ns /= 5;
    return tick_ns;
}

static void print_news(FILE *out, const struct run *run, struct ticks_reader *series, bool live)
{
    struct ticks_point p;

    while (ticks_next(series, &p)) {
        if (live)
            print_live_clear(out);
        print_interval(out, run, &p);
    }
}

/* With --until-steady: whether the window is to go on. */
static void look(struct run *run, FILE *out, bool live)
{
    if (!extend_look(run) || !out)
        return;
    if (live)
        print_live_clear(out);
    print_extended(out, run);
}

/*
 * Sleeps through the run, but wakes the threads now and then, so that they look at the clock even
 * when nothing arrives: that is cheaper than a timer in each of their waits. True when interrupted.
 */
static bool watch(struct run *run, FILE *out)
{
    struct ticks_reader series = flight_series(run);
    struct ticks_point p;
    bool interrupted = false, live = out && isatty(fileno(out));
    uint64_t look_ns = run->tick_ns < LOOK_NS ? run->tick_ns : LOOK_NS;
    uint64_t next_ns = CLOCK_NEVER_NS;

    for (;;) {
        uint64_t extend_ns = extend_when_ns(run);
        enum crew_news news = crew_wait(&run->crew, next_ns < extend_ns ? next_ns : extend_ns);
        uint64_t start_ns = atomic_load(&run->start_ns), now_ns = clock_now_ns();

        if (news == CREW_SIGNAL) {
            interrupted = true;
            atomic_store(&run->stop, true);
            crew_wake_all(&run->crew);
        }
        if (start_ns && next_ns == CLOCK_NEVER_NS)
            next_ns = start_ns + run->config->warmup_ns % look_ns;
        if (now_ns >= next_ns)
            crew_wake_all(&run->crew);
        while (next_ns <= now_ns)
            next_ns += look_ns;
        if (out)
            print_news(out, run, &series, live);
        if (now_ns >= extend_ns && news == CREW_NEWS)
            look(run, out, live);
        if (news == CREW_DONE)
            return interrupted;
        if (live && ticks_peek(&series, &p))
            print_live(out, run, &p);
    }
}

static int prepare(struct run *run)
{
    const struct client_config *config = run->config;
    int err;

    run->tick_ns = choose_tick_ns(config);
    atomic_store(&run->ready, 0);
    atomic_store(&run->start_ns, 0);
    atomic_store(&run->stop, false);
    window_set_length(run);
    extend_begin(run);
    err = crew_init(&run->crew, (unsigned)config->threads, &config->cpus);
    return err ? err : flight_init(run);
}

int execute(struct run *run, FILE *out, struct results *r)
{
    const char *program = run->loop.program;
    struct conditions conditions;
    bool interrupted;
    char why[160];
    int err = prepare(run);

    if (err) {
        fprintf(stderr, "%s: cannot prepare the run: %s\n", program, strerror(-err));
        return EXIT_FAILED;
    }
    host_read(&conditions.host);
    if (calibrate_run(&conditions.calibration)) /* no thread to be had: crew_start() will say so */
        memset(&conditions.calibration, 0, sizeof conditions.calibration);
    host_read_pressure(&conditions.before);
    if (crew_start(&run->crew, flight_run, why, sizeof why)) {
        fprintf(stderr, "%s: %s\n", program, why);
        return EXIT_USAGE;
    }
    if (out)
        print_header(out, run);
    interrupted = watch(run, out);
    err = crew_join(&run->crew);
    host_read_pressure(&conditions.after);
    results_collect(r, run, &conditions, interrupted);
    if (!err)
        return 0;
    fprintf(stderr, "%s: the event loop failed: %s\n", program, strerror(-err));
    return EXIT_FAILED;
}

void execute_free(struct run *run)
{
    flight_free(run);
    crew_free(&run->crew);
}
