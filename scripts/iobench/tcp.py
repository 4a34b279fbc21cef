"""TCP echo: a server and a client of bench_server and bench_client, a run with both of its own."""

import shlex
import sys
from contextlib import contextmanager

from iobench import cells, figures, gate, options, run
from iobench.cells import LOWER, Key, Metric, Timing
from iobench.table import BLANK, Table

NAME, TITLE, UNIT = "tcp", "TCP echo over loopback", "requests/s"
TIMING = Timing(3, 0.4, 0.1, duets=24, solo=10)
SAME = "same"  # client: the server's backend
KEYS = {
    "backend": Key(options.backend, "epoll", ""),  # of the server
    "client": Key(options.backend, "epoll"),
    "connections": Key(options.count(1000000), 100, "c"),
    "size": Key(options.size_bytes, 256, "s"),
    "pipeline": Key(options.count(4096), 1),
    "mode": Key(options.one_of(("throughput", "balanced", "latency")), "balanced"),
    "threads": Key(options.count(1024), 1),  # of the server
    "client_threads": Key(options.count(1024, 0), 0),  # 0: what the CPUs allow
    "rate": Key(options.rate, 0),
    "churn": Key(options.count(1 << 31), 0),
    "work": Key(options.duration_text, "0"),  # of the server
    "server_options": Key(options.text, ""),
    "client_options": Key(options.text, ""),
}
COMPARED = ("backend", "client")
BASELINE = {"backend": "epoll", "client": "epoll"}
STALLED_S = 30  # beyond warm-up and window; the client's own timeouts are well within it
DUET_MOST_BYTES, DUET_CONNECTIONS = 4096, (10, 300)  # for which duets were shown to be right
CLIENT_TO_SERVER = 3  # threads of a client that is to keep a server busy, at most


def fit(table, given):
    """Backends that are given take the place of those that the table compares: its servers', or its
    clients'. With one client for all, clients are not compared."""
    if sys.platform != "linux":  # no epoll there
        table = {"client": SAME} | table
    if not isinstance(table.get("client"), list):
        return table | given
    if "client" in given:
        return None
    others = {name: value for name, value in given.items() if name != "backend"}
    return table | others | ({"client": given["backend"]} if "backend" in given else {})


def ends(_):
    """Whose reports a run leaves."""
    return "client", "server"


def client_backend(cell):
    return cell["backend"] if cell["client"] == SAME else cell["client"]


def client_threads(cell, place):
    """As many as the server has; more where CPUs are to spare, so that the server is the limit. One
    is left for the rest of the system."""
    own, server = cell["client_threads"], cell["threads"]
    spare = place.usable_cpus() - server - 1
    return own or max(server, min(CLIENT_TO_SERVER * server, spare, cell["connections"]))


def both(cell, place, end):
    threads = cell["threads"], client_threads(cell, place)
    return ["--mode", cell["mode"], "--threads", str(threads[end]),
            *place.pinned(end, threads[end], threads[1 - end])]


def server_command(cell, timing, place, file):
    """It ends by itself should nobody be left to end it."""
    return [place.program("bench_server"), "-H", "127.0.0.1", "-p", "0", "-b", cell["backend"],
            "-d", f"{timing.warmup_s + timing.duration_s + 2 * STALLED_S + gate.PATIENCE_S:.0f}s",
            "--work", cell["work"], *both(cell, place, run.SERVER), "--json", file,
            *shlex.split(cell["server_options"])]


def client_command(cell, timing, place, file):
    command = [place.program("bench_client"), "-h", "127.0.0.1", "-b", client_backend(cell),
               "-c", str(cell["connections"]), "-s", str(cell["size"]),
               "-d", f"{timing.duration_s:.9f}", "--warmup", f"{timing.warmup_s:.9f}",
               *both(cell, place, run.CLIENT), *place.gated(), "-q", "--json", file]
    for name, plain in (("pipeline", 1), ("rate", 0), ("churn", 0)):
        if cell[name] != plain:
            command += [f"--{name}", str(cell[name])]
    return command + shlex.split(cell["client_options"])


@contextmanager
def under_way(cell, timing, place, stem):
    """Gives the process of the client, whose server is there as long as the block lasts."""
    files = run.report_files(stem, ends(cell))
    client = client_command(cell, timing, place, files["client"])
    with run.server(server_command(cell, timing, place, files["server"])) as (port, pid):
        with run.started([*client, "-p", str(port), *place.beside("bench_client", pid)]) as process:
            yield process


def result(cell, stem):
    sample = {end: run.report(file) for end, file in run.report_files(stem, ends(cell)).items()}
    totals = sample["client"]["totals"]
    if not totals["requests"] or (sample["client"]["exit_status"] and not totals["errors"]):
        raise run.Failed("the client completed no request, or its event loop failed")
    return sample


def why_no_duet(cell):
    """By measurement: docs/method.md, "Duets"."""
    if cell["threads"] > 1:
        return "several threads do not share a CPU as they do apart"
    if cell["size"] > DUET_MOST_BYTES:
        return f"messages above {DUET_MOST_BYTES:,} B: the side that needs more CPU gets less of it"
    few, many = DUET_CONNECTIONS
    if cell["connections"] < few:
        return f"below {few} connections a side waits for the other's turn more than for its server"
    if cell["connections"] > many:
        return f"above {many} connections it takes longer than a duet until they have settled"
    return None


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


def whole_life_cpu_us(samples):
    return figures.cpu_us([report["cpu"] for report in servers(samples)], echoed(samples))


METRICS = [
    figures.rate_metric(UNIT),
    *figures.latency_metrics(),
    Metric("client_cpu_us", "client CPU us per request", "us", LOWER, lambda samples:
           figures.cpu_us([r["cpu"] for r in figures.clients(samples)], figures.requests(samples))),
    Metric("server_cpu_us", "server CPU us per request", "us", LOWER, lambda samples:
           figures.server_cpu_us(samples, whole_life_cpu_us)),
    Metric("server_syscalls", "server system calls per request", "", LOWER, lambda samples:
           figures.syscalls(servers(samples), echoed(samples))),
]


def ratio_metrics(cell):
    """Of which bench's table has ratios: the rate, and the CPU time of the end that is compared."""
    of_clients = cell["backend"] == BASELINE["backend"] and not is_baseline(cell)
    return "rate", "client_cpu_us" if of_clients else "server_cpu_us"


def remarks(_, samples):
    return {"client_limited_rounds": sum(
        bool(r["client_limited"]) for r in figures.clients(samples))}


# ---- the table

SERVERS = f"servers (client: {BASELINE['client']})"
CLIENTS = f"clients (server: {BASELINE['backend']})"
BOTH = "both ends"
COLUMNS = [
    ("", "backend"), ("requests per s", "median"), ("requests per s", "spread"),
    ("latency, us", "P50"), ("latency, us", "P95"), ("latency, us", "P99"),
    ("CPU us per request", "client"), ("CPU us per request", "server"),
    ("", "errors"), ("to epoll", "requests/s"), ("to epoll", "CPU"),
]
NOTES = [
    figures.SPREAD_NOTE.format("requests"),
    "CPU: user and system, of client and server in the window; its ratio to epoll is that of the "
    "end that is compared.",
]


def row_name(settings, which):
    """Of the end that is compared."""
    names = {SERVERS: settings["backend"], CLIENTS: client_backend(settings)}
    return names.get(which) or model(settings)


def row(found, which):
    name = row_name(found["settings"], which)
    if not found["rounds"]:
        return [name, *[BLANK] * 7, f"{found['errors']:,}", BLANK, BLANK]
    metrics = found["metrics"]
    return [
        name, *figures.rate_texts(found),
        *(figures.us_text(metrics[name]) for name in ("p50_ns", "p95_ns", "p99_ns")),
        figures.number_text(metrics["client_cpu_us"], 2),
        figures.number_text(metrics["server_cpu_us"], 2),
        f"{found['errors']:,}",
        *figures.ratio_texts(found, is_baseline, ratio_metrics),
    ]


def is_baseline(cell):
    return (cell["backend"], client_backend(cell)) == tuple(BASELINE.values())


def model(settings):
    """What a cell is among those of its load: its server, unless the client is not the usual one."""
    server, client = settings["backend"], client_backend(settings)
    if settings["client"] in (SAME, BASELINE["client"]):
        return server
    if server == client:
        return f"{server} at both ends"
    return f"{client} client" if server == BASELINE["backend"] else f"{server} to {client}"


def sides(settings):
    """In which comparisons a cell is shown: the baseline in both."""
    ours = [SERVERS] * (client_backend(settings) == BASELINE["client"])
    ours += [CLIENTS] * (settings["backend"] == BASELINE["backend"])
    return ours or [BOTH]


def heading(settings):
    """The group of a cell, in words."""
    connections = settings["connections"]
    words = [f"{connections:,} connection{'s' * (connections > 1)}",
             figures.size_text(settings["size"])]
    return ", ".join(words + cells.others(KEYS, settings, *COMPARED, "connections", "size"))


def whose_limit(cells_of_side):
    """Of the servers: what tells of them when the client was the limit."""
    rounds = sum(one["rounds"] for one in cells_of_side)
    limited = sum(one.get("client_limited_rounds", 0) for one in cells_of_side)
    if 2 * limited <= rounds:
        return ""
    return f"; the client was the limit in {limited} of {rounds} rounds: compare the CPU"


def lines(where):
    return [f"server: one thread unless said; client: more where CPUs are to spare; {where}"]


def grouped(found):
    """{heading: rows}"""
    loads = {}
    for one in found:
        for which in sides(one["settings"]):
            loads.setdefault((heading(one["settings"]), which), []).append(one)
    groups = {}
    for (text, which), some in loads.items():
        if which != CLIENTS or any(one["settings"]["client"] != BASELINE["client"] for one in some):
            head = f"{text}, {which}" + (whose_limit(some) if which == SERVERS else "")
            groups[head] = [row(one, which) for one in some]
    return groups


def table(found, texts):
    return Table(TITLE, texts, COLUMNS, grouped(found), list(NOTES))
