"""UDP echo: clients and server in one process of bench_udp, one by one or in batches."""

import shlex

from iobench import cells, figures, options, run
from iobench.cells import LOWER, Key, Metric, Timing
from iobench.table import BLANK, Table

NAME, TITLE, UNIT = "udp", "UDP echo over loopback", "echoes/s"
TIMING = Timing(3, 0.4, 0.1)
ONE_BY_ONE, BATCHED = "one-by-one", "batched"
KEYS = {
    "backend": Key(options.backend, "epoll", ""),
    "how": Key(options.one_of((ONE_BY_ONE, BATCHED)), BATCHED, ""),
    "clients": Key(options.count(1000000), 100),
    "size": Key(options.size_bytes, 256),
    "pipeline": Key(options.count(1000), 10),
    "mode": Key(options.one_of(("throughput", "balanced", "latency")), "balanced"),
    "rate": Key(options.rate, 0),
    "threads": Key(options.count(1024), 1),
    "workers": Key(options.count(1024), 1),
    "options": Key(options.text, ""),
}
COMPARED = ("backend", "how")
BASELINE = {"backend": "epoll", "how": ONE_BY_ONE}
STALLED_S = 30  # beyond warm-up and window


def command(cell, timing, place, file):
    words = [place.program("bench_udp"), "-b", cell["backend"], "-c", str(cell["clients"]),
             "-s", str(cell["size"]), "-P", str(cell["pipeline"]), "--mode", cell["mode"],
             "-t", str(cell["threads"]), "-w", str(cell["workers"]),
             "-d", f"{timing.duration_s:.9f}", "--warmup", f"{timing.warmup_s:.9f}", "-q",
             "--json", file]
    if cell["how"] == ONE_BY_ONE:
        words += ["--batch", "1"]
    if cell["rate"]:
        words += ["--rate", str(cell["rate"])]
    if place.cpus and (cell["threads"], cell["workers"]) == (1, 1):
        words += ["--cpus", f"{place.cpus[run.CLIENT]},{place.cpus[run.SERVER]}"]  # in this order
    return words + shlex.split(cell["options"])


def measure(cell, timing, place, stem):
    """One run; leaves its report under stem and returns it."""
    file = run.report_files(stem, ("client",))["client"]
    run.client(command(cell, timing, place, file),
               timing.warmup_s + timing.duration_s + STALLED_S)
    report = run.report(file)
    if not report["totals"]["requests"] or not report["server"]["echoed"]:
        raise run.Failed("bench_udp: nothing came back")
    if report["exit_status"] and not report["totals"]["errors"]:
        raise run.Failed(f"bench_udp: exit status {report['exit_status']}")
    return {"client": report}


# ---- what the samples say


def server_cpu_us(samples):
    servers = [report["server"] for report in figures.clients(samples)]
    return figures.cpu_us(servers, sum(server["echoed"] for server in servers))


METRICS = [
    figures.rate_metric(UNIT),
    *figures.latency_metrics(),
    Metric("client_cpu_us", "client CPU us per echo", "us", LOWER, lambda samples:
           figures.cpu_us([r["cpu"] for r in figures.clients(samples)], figures.requests(samples))),
    Metric("server_cpu_us", "server CPU us per echo", "us", LOWER, server_cpu_us),
    Metric("lost", "lost", "", LOWER, lambda samples:
           sum(report["packets"]["lost"] for report in figures.clients(samples))),
]


def remarks(_, samples):
    return {"features": samples[-1]["client"]["backend"]["features"]}


# ---- the table

COLUMNS = [
    ("", "backend"), ("", "how"), ("echoes per s", "median"), ("echoes per s", "spread"),
    ("latency, us", "P50"), ("latency, us", "P99"),
    ("CPU us per echo", "client"), ("CPU us per echo", "server"),
    ("", "lost"), ("", "errors"), (f"to {BASELINE['backend']}", ONE_BY_ONE),
]
NOTES = [
    figures.SPREAD_NOTE.format("echoes"),
    "CPU: user and system; of the client in the window, of the server in its whole life.",
    f"{ONE_BY_ONE}: a datagram per system call (--batch 1). {BATCHED}: bench_udp's defaults, with "
    "GSO and GRO where the system has them.",
]


def row(found):
    name = {key: found["settings"][key] for key in COMPARED}
    if not found["rounds"]:
        return [*name.values(), *[BLANK] * 7, f"{found['errors']:,}", BLANK]
    metrics = found["metrics"]
    return [
        *name.values(), *figures.rate_texts(found),
        *(figures.us_text(metrics[metric]) for metric in ("p50_ns", "p99_ns")),
        figures.number_text(metrics["client_cpu_us"], 2),
        figures.number_text(metrics["server_cpu_us"], 2),
        f"{metrics['lost']:,}", f"{found['errors']:,}",
        figures.ratio_text(found, name == BASELINE),
    ]


def heading(settings):
    clients = settings["clients"]
    words = [f"{clients:,} client{'s' * (clients > 1)}, {settings['pipeline']} in flight each, "
             f"{figures.size_text(settings['size'])}"]
    return ", ".join(words + cells.others(KEYS, settings, *COMPARED, "clients", "size", "pipeline"))


def lines(where):
    return [f"clients and server a thread each unless said, {where}"]


def table(found, texts):
    groups = {}
    for cell in found:
        groups.setdefault(heading(cell["settings"]), []).append(row(cell))
    return Table(TITLE, texts, COLUMNS, groups, list(NOTES))
