"""TCP echo: a server and a client of bench_server and bench_client, a run with both of its own."""

import shlex

from iobench import cells, figures, options, run
from iobench.cells import LOWER, Key, Metric, Timing
from iobench.table import BLANK, Table

NAME, TITLE, UNIT = "tcp", "TCP echo over loopback", "requests/s"
TIMING = Timing(6, 0.7, 0.3)
SAME = "same"  # --client: the server's backend
KEYS = {
    "backend": Key(options.backend, "epoll", ""),
    "client": Key(options.backend, SAME),
    "connections": Key(options.count(1000000), 100, "c"),
    "size": Key(options.size_bytes, 256, "s"),
    "pipeline": Key(options.count(4096), 1),
    "mode": Key(options.one_of(("throughput", "balanced", "latency")), "balanced"),
    "threads": Key(options.count(1024), 1),  # at each end
    "rate": Key(options.rate, 0),
    "churn": Key(options.count(1 << 31), 0),
    "work": Key(options.duration_text, "0"),  # of the server
    "server_options": Key(options.text, ""),
    "client_options": Key(options.text, ""),
}
COMPARED = ("backend",)
BASELINE = {"backend": "epoll"}
STALLED_S = 30  # beyond warm-up and window; the client's own timeouts are well within it


def ends(_):
    """Whose reports a run leaves."""
    return "client", "server"


def both(cell, place, end):
    return ["--mode", cell["mode"], "--threads", str(cell["threads"]),
            *place.pinned(end, cell["threads"])]


def server_command(cell, timing, place, file):
    """It ends by itself should nobody be left to end it."""
    return [place.program("bench_server"), "-H", "127.0.0.1", "-p", "0", "-b", cell["backend"],
            "-d", f"{timing.warmup_s + timing.duration_s + 2 * STALLED_S:.0f}s",
            "--work", cell["work"], *both(cell, place, run.SERVER), "--json", file,
            *shlex.split(cell["server_options"])]


def client_command(cell, timing, place, file):
    backend = cell["backend"] if cell["client"] == SAME else cell["client"]
    command = [place.program("bench_client"), "-h", "127.0.0.1", "-b", backend,
               "-c", str(cell["connections"]), "-s", str(cell["size"]),
               "-d", f"{timing.duration_s:.9f}", "--warmup", f"{timing.warmup_s:.9f}",
               *both(cell, place, run.CLIENT), "-q", "--json", file]
    for name, plain in (("pipeline", 1), ("rate", 0), ("churn", 0)):
        if cell[name] != plain:
            command += [f"--{name}", str(cell[name])]
    return command + shlex.split(cell["client_options"])


def measure(cell, timing, place, stem):
    """One run with a server of its own; leaves both reports under stem and returns them."""
    files = run.report_files(stem, ends(cell))
    client = client_command(cell, timing, place, files["client"])
    with run.server(server_command(cell, timing, place, files["server"])) as (port, _):
        run.client([*client, "-p", str(port)], timing.warmup_s + timing.duration_s + STALLED_S)
    sample = {end: run.report(file) for end, file in files.items()}
    totals = sample["client"]["totals"]
    if not totals["requests"] or (sample["client"]["exit_status"] and not totals["errors"]):
        raise run.Failed("the client completed no request, or its event loop failed")
    return sample


# ---- what the samples say


def servers(samples):
    """None of them where one is not known: a client's report may come alone."""
    found = [sample["server"] for sample in samples if "server" in sample]
    return found if len(found) == len(samples) else []


def echoed(samples):
    """The server's figures are of its whole life, and so is what it received: in requests."""
    received = sum(report["totals"]["rx_bytes"] for report in servers(samples))
    clients = figures.clients(samples)
    if not received:
        return 0
    if clients[0]["config"].get("sizes") is None:
        return received / clients[0]["config"]["size_bytes"]
    replies = sum(report["totals"]["rx_bytes"] for report in clients)
    return figures.per(received * figures.requests(samples), replies)


METRICS = [
    figures.rate_metric(UNIT),
    *figures.latency_metrics(),
    Metric("client_cpu_us", "client CPU us per request", "us", LOWER, lambda samples:
           figures.cpu_us([r["cpu"] for r in figures.clients(samples)], figures.requests(samples))),
    Metric("server_cpu_us", "server CPU us per request", "us", LOWER, lambda samples:
           figures.cpu_us([r["cpu"] for r in servers(samples)], echoed(samples))),
    Metric("server_syscalls", "server system calls per request", "", LOWER, lambda samples:
           figures.syscalls(servers(samples), echoed(samples))),
]


def remarks(_, samples):
    return {"client_limited_rounds": sum(
        bool(r["client_limited"]) for r in figures.clients(samples))}


# ---- the table

COLUMNS = [
    ("", "backend"), ("requests per s", "median"), ("requests per s", "spread"),
    ("latency, us", "P50"), ("latency, us", "P95"), ("latency, us", "P99"),
    ("CPU us per request", "client"), ("CPU us per request", "server"),
    ("", "errors"), ("QPS to", BASELINE["backend"]),
]
NOTES = [
    figures.SPREAD_NOTE.format("requests"),
    "CPU: user and system; of the client in the window, of the server in its whole life.",
]


def row(found):
    backend = found["settings"]["backend"]
    if not found["rounds"]:
        return [backend, *[BLANK] * 7, f"{found['errors']:,}", BLANK]
    metrics = found["metrics"]
    return [
        backend, *figures.rate_texts(found),
        *(figures.us_text(metrics[name]) for name in ("p50_ns", "p95_ns", "p99_ns")),
        figures.number_text(metrics["client_cpu_us"], 2),
        figures.number_text(metrics["server_cpu_us"], 2),
        f"{found['errors']:,}",
        figures.ratio_text(found, backend == BASELINE["backend"]),
    ]


def heading(settings):
    """The group of a cell, in words."""
    connections = settings["connections"]
    words = [f"{connections:,} connection{'s' * (connections > 1)}",
             figures.size_text(settings["size"])]
    return ", ".join(words + cells.others(KEYS, settings, "backend", "connections", "size"))


def lines(where):
    return [f"one thread at each end unless said, {where}"]


def table(found, texts):
    groups = {}
    for cell in found:
        groups.setdefault(heading(cell["settings"]), []).append(row(cell))
    return Table(TITLE, texts, COLUMNS, groups, list(NOTES))
