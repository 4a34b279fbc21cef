"""A TCP echo cell: a server and a client of one thread each; how it is run and what it says."""

import re
from typing import NamedTuple

from iobench import figures, run
from iobench.table import BLANK, Table

NAME = "tcp"
ROUNDS, DURATION_S, WARMUP_S = 6, 0.7, 0.3
UNIT = "requests/s"
BASELINE = "epoll"
STALLED_S = 30  # beyond warm-up and window; the client's own timeouts are well within it
PERCENTILES = {"p50": 50, "p95": 95, "p99": 99}


class Cell(NamedTuple):
    server: str
    client: str
    connections: int
    size_bytes: int

    @property
    def group(self):
        """What the cells that are compared have in common."""
        return self.connections, self.size_bytes

    @property
    def is_baseline(self):
        return self.server == BASELINE

    @property
    def backends(self):
        return self.server if self.server == self.client else f"{self.server}+{self.client}"

    @property
    def name(self):
        """For file names, of all systems."""
        backends = re.sub(r"[^\w.+-]", "_", self.backends)
        return f"{backends}-c{self.connections}-s{self.size_bytes}"


def cells(args, backends):
    return [Cell(name, args.client or name, connections, size) for size in args.sizes
            for connections in args.connections for name in backends]


def measure(cell, plan, cpus, stem):
    """One run with a server of its own; leaves both reports under stem and returns them."""
    files = {end: f"{stem}.{end}.json" for end in ("server", "client")}
    server = [run.program("bench_server"), "-H", "127.0.0.1", "-p", "0", "-b", cell.server,
              "--json", files["server"], *run.pinned(cpus, 0)]
    client = [run.program("bench_client"), "-h", "127.0.0.1", "-b", cell.client,
              "-c", str(cell.connections), "-s", str(cell.size_bytes),
              "-d", f"{plan.duration_s:.9f}", "--warmup", f"{plan.warmup_s:.9f}",
              "-q", "--json", files["client"],
              *run.pinned(cpus, 1)]
    with run.server(server) as (port, _):
        run.client([*client, "-p", str(port)], plan.warmup_s + plan.duration_s + STALLED_S)
    sample = {end: run.report(file) for end, file in files.items()}
    totals = sample["client"]["totals"]
    if not totals["requests"] or (sample["client"]["exit_status"] and not totals["errors"]):
        raise run.Failed("the client completed no request, or its event loop failed")
    return sample


# ---- what the samples say


def summarise(cell, samples, failures):
    """One cell over its rounds. samples: round -> reports of both ends; failures: texts."""
    clients = [sample["client"] for sample in samples.values()]
    servers = [sample["server"] for sample in samples.values()]
    found = figures.start(NAME, cell, samples, failures,
                          sum(r["totals"]["errors"] for r in clients + servers))
    if not samples:
        return found
    # The server's figures are of its whole life, and so is what it received.
    echoed = sum(server["totals"]["rx_bytes"] for server in servers) / cell.size_bytes
    return found | {
        "qps": figures.rates(samples),
        "latency_ns": figures.latency(clients, PERCENTILES),
        "client_cpu_us_per_request": figures.cpu_us(
            [r["cpu"] for r in clients], sum(r["totals"]["requests"] for r in clients)),
        "server_cpu_us_per_request": figures.cpu_us([r["cpu"] for r in servers], echoed),
        "server_syscalls_per_request": sum(r["syscalls"]["total"] for r in servers) / echoed,
        "client_limited_rounds": sum(client["client_limited"] for client in clients),
    }


def summary(some, samples, failures):
    return figures.summary(summarise, some, samples, failures)


# ---- the table

COLUMNS = [
    ("", "backend"), ("requests per s", "median"), ("requests per s", "spread"),
    ("latency, us", "P50"), ("latency, us", "P95"), ("latency, us", "P99"),
    ("CPU us per request", "client"), ("CPU us per request", "server"),
    ("", "errors"), ("QPS to", BASELINE),
]
NOTES = [
    figures.SPREAD_NOTE.format("requests"),
    "CPU: user and system; of the client in the window, of the server in its whole life.",
]


def ratio_text(found):
    return figures.ratio_text(found, found["server"] == BASELINE)


def row(found):
    if not found["rounds"]:
        return [found["server"], *[BLANK] * 7, f"{found['errors']:,}", BLANK]
    return [
        found["server"],
        *figures.rate_texts(found),
        *(figures.us_text(found["latency_ns"][name]) for name in PERCENTILES),
        f"{found['client_cpu_us_per_request']:.2f}",
        f"{found['server_cpu_us_per_request']:.2f}",
        f"{found['errors']:,}",
        ratio_text(found),
    ]


def heading(found):
    connections, size = found["connections"], found["size_bytes"]
    size = f"{size // 1024} KiB" if size % 1024 == 0 else f"{size} B"
    return f"{connections:,} connection{'s' * (connections > 1)}, {size}"


def lines(args, where):
    client = [f"client: {args.client} in all rows; backend is the server's"] if args.client else []
    return [f"one thread at each end, {where}", *client]


def table(found, texts):
    groups = {}
    for cell in found:
        groups.setdefault(heading(cell), []).append(row(cell))
    return Table("TCP echo over loopback", texts, COLUMNS, groups, list(NOTES))
