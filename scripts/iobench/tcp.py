"""A TCP echo cell: a server and a client of one thread each; how it is run and what it says."""

import re
from typing import NamedTuple

from iobench import run, stats
from iobench.hdr import Histogram
from iobench.table import BLANK, Table

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
    def backends(self):
        return self.server if self.server == self.client else f"{self.server}+{self.client}"

    @property
    def name(self):
        """For file names, of all systems."""
        backends = re.sub(r"[^\w.+-]", "_", self.backends)
        return f"{backends}-c{self.connections}-s{self.size_bytes}"


def measure(cell, warmup_s, duration_s, cpus, stem):
    """One run with a server of its own; leaves both reports under stem and returns them."""
    files = {end: f"{stem}.{end}.json" for end in ("server", "client")}
    server = [run.program("bench_server"), "-H", "127.0.0.1", "-p", "0", "-b", cell.server,
              "--json", files["server"], *run.pinned(cpus, 0)]
    client = [run.program("bench_client"), "-h", "127.0.0.1", "-b", cell.client,
              "-c", str(cell.connections), "-s", str(cell.size_bytes), "-d", f"{duration_s:.9f}",
              "--warmup", f"{warmup_s:.9f}", "-q", "--json", files["client"],
              *run.pinned(cpus, 1)]
    with run.server(server) as (port, _):
        run.client([*client, "-p", str(port)], warmup_s + duration_s + STALLED_S)
    sample = {end: run.report(file) for end, file in files.items()}
    totals = sample["client"]["totals"]
    if not totals["requests"] or (sample["client"]["exit_status"] and not totals["errors"]):
        raise run.Failed("the client completed no request, or its event loop failed")
    return sample


# ---- what the samples say


def latency(clients):
    """Percentiles of all requests of all rounds; averages of percentiles would mean nothing."""
    merged = Histogram()
    for client in clients:
        service = client["latency"]["service_ns"]
        merged.add(service["hdr"], service["max"])
    found = {name: merged.percentile(percent) for name, percent in PERCENTILES.items()}
    return {"count": merged.count, **found, "max": merged.max}


def cpu_us(reports, requests):
    return sum(r["cpu"]["user_s"] + r["cpu"]["system_s"] for r in reports) * 1e6 / requests


def summarise(cell, samples, failures):
    """One cell over its rounds. samples: round -> reports of both ends; failures: texts."""
    clients = [sample["client"] for sample in samples.values()]
    servers = [sample["server"] for sample in samples.values()]
    found = {"name": cell.name, **cell._asdict(), "rounds": len(samples), "failures": failures,
             "errors": sum(r["totals"]["errors"] for r in clients + servers) + len(failures)}
    if not samples:
        return found
    rates = {number: sample["client"]["rate"]["qps"] for number, sample in samples.items()}
    # The server's figures are of its whole life, and so is what it received.
    echoed = sum(server["totals"]["rx_bytes"] for server in servers) / cell.size_bytes
    return found | {
        "qps": stats.spread(rates.values()) | {"by_round": rates},
        "latency_ns": latency(clients),
        "client_cpu_us_per_request": cpu_us(clients, sum(r["totals"]["requests"] for r in clients)),
        "server_cpu_us_per_request": cpu_us(servers, echoed),
        "server_syscalls_per_request": sum(r["syscalls"]["total"] for r in servers) / echoed,
        "client_limited_rounds": sum(client["client_limited"] for client in clients),
    }


def add_ratio(found, baseline):
    """The cell's QPS against the baseline's of the same round."""
    rates, base = found["qps"]["by_round"], baseline["qps"]["by_round"]
    ratios = {number: rates[number] / base[number] for number in rates if number in base}
    if ratios:
        found["ratio"] = {"to": baseline["name"], "shown": stats.is_shown(ratios.values()),
                          **stats.spread(ratios.values()), "by_round": ratios}


def summary(cells, samples, failures):
    """The cells in order, each with its ratio to the baseline of its group."""
    found = {cell: summarise(cell, samples.get(cell, {}), failures.get(cell, []))
             for cell in cells}
    baselines = {cell.group: cell for cell in samples if cell.server == BASELINE}
    for cell in samples:
        if baselines.get(cell.group, cell) != cell:
            add_ratio(found[cell], found[baselines[cell.group]])
    return list(found.values())


# ---- the table

COLUMNS = [
    ("", "backend"), ("requests per s", "median"), ("requests per s", "spread"),
    ("latency, us", "P50"), ("latency, us", "P95"), ("latency, us", "P99"),
    ("CPU us per request", "client"), ("CPU us per request", "server"),
    ("", "errors"), ("QPS to", BASELINE),
]
NOTES = [
    "spread: half of the rounds' max - min. Latency: percentiles of all rounds' requests together.",
    "CPU: user and system; of the client in the window, of the server in its whole life.",
    stats.RATIO_RULE,
]


def ratio_text(found):
    if "ratio" not in found:
        return "1" if found["server"] == BASELINE else BLANK
    return f"{found['ratio']['median']:.2f}" if found["ratio"]["shown"] else "~"


def us_text(value_ns):
    return f"{value_ns / 1e3:,.1f}" if value_ns < 1e6 else f"{value_ns / 1e3:,.0f}"


def row(found):
    if not found["rounds"]:
        return [found["server"], *[BLANK] * 7, f"{found['errors']:,}", BLANK]
    return [
        found["server"],
        f"{found['qps']['median']:,.0f}",
        f"±{found['qps']['spread_percent']:.1f} %" if found["rounds"] > 1 else BLANK,
        *(us_text(found["latency_ns"][name]) for name in PERCENTILES),
        f"{found['client_cpu_us_per_request']:.2f}",
        f"{found['server_cpu_us_per_request']:.2f}",
        f"{found['errors']:,}",
        ratio_text(found),
    ]


def heading(found):
    connections, size = found["connections"], found["size_bytes"]
    size = f"{size // 1024} KiB" if size % 1024 == 0 else f"{size} B"
    return f"{connections:,} connection{'s' * (connections > 1)}, {size}"


def table(cells, lines, remarks):
    groups = {}
    for found in cells:
        groups.setdefault(heading(found), []).append(row(found))
    return Table("TCP echo over loopback", lines, COLUMNS, groups, [*remarks, *NOTES])
