"""A UDP echo cell: clients and server in one process, a thread each; one by one or in batches."""

import re
from typing import NamedTuple

from iobench import figures, run
from iobench.table import BLANK, Table

NAME = "udp"
ROUNDS, DURATION_S, WARMUP_S = 3, 0.4, 0.1
UNIT = "echoes/s"
BASELINE = "epoll"
ONE_BY_ONE, BATCHED = "one by one", "batched"
STALLED_S = 30  # beyond warm-up and window
PERCENTILES = {"p50": 50, "p99": 99}


class Cell(NamedTuple):
    backend: str
    how: str

    group = None  # all are compared with one another

    @property
    def is_baseline(self):
        return self.backend == BASELINE and self.how == ONE_BY_ONE

    @property
    def name(self):
        backend = re.sub(r"[^\w.+-]", "_", self.backend)
        return f"udp-{backend}-{self.how.replace(' ', '-')}"


def cells(_, backends):
    names = dict.fromkeys(name.split(":")[0] for name in backends)  # bench_udp takes no items
    return [Cell(name, how) for how in (ONE_BY_ONE, BATCHED) for name in names]


def measure(cell, plan, cpus, stem):
    """One run; leaves its report under stem and returns it."""
    file = f"{stem}.json"
    command = [run.program("bench_udp"), "-b", cell.backend, "-t", "1", "-w", "1",
               "-d", f"{plan.duration_s:.9f}", "--warmup", f"{plan.warmup_s:.9f}", "-q",
               "--json", file]
    if cell.how == ONE_BY_ONE:
        command += ["--batch", "1"]
    if cpus:
        command += ["--cpus", f"{cpus[1]},{cpus[0]}"]  # it takes the client's first
    run.client(command, plan.warmup_s + plan.duration_s + STALLED_S)
    report = run.report(file)
    if not report["totals"]["requests"] or not report["server"]["echoed"]:
        raise run.Failed("bench_udp: nothing came back")
    if report["exit_status"] and not report["totals"]["errors"]:
        raise run.Failed(f"bench_udp: exit status {report['exit_status']}")
    return {"client": report}


# ---- what the samples say


def summarise(cell, samples, failures):
    """One cell over its rounds. samples: round -> report; failures: texts."""
    reports = [sample["client"] for sample in samples.values()]
    found = figures.start(NAME, cell, samples, failures,
                          sum(report["totals"]["errors"] for report in reports))
    if not samples:
        return found
    servers = [report["server"] for report in reports]
    return found | {
        "qps": figures.rates(samples),
        "latency_ns": figures.latency(reports, PERCENTILES),
        "client_cpu_us_per_request": figures.cpu_us(
            [report["cpu"] for report in reports], sum(r["totals"]["requests"] for r in reports)),
        "server_cpu_us_per_request": figures.cpu_us(
            servers, sum(server["echoed"] for server in servers)),
        "lost": sum(report["packets"]["lost"] for report in reports),
        "features": reports[-1]["backend"]["features"],
    }


def summary(some, samples, failures):
    return figures.summary(summarise, some, samples, failures)


# ---- the table

COLUMNS = [
    ("", "backend"), ("", "how"), ("echoes per s", "median"), ("echoes per s", "spread"),
    ("latency, us", "P50"), ("latency, us", "P99"),
    ("CPU us per echo", "client"), ("CPU us per echo", "server"),
    ("", "lost"), ("", "errors"), (f"to {BASELINE}", ONE_BY_ONE),
]
NOTES = [
    figures.SPREAD_NOTE.format("echoes"),
    "CPU: user and system; of the client in the window, of the server in its whole life.",
    "one by one: a datagram per system call (--batch 1). batched: bench_udp's defaults, with GSO "
    "and GRO where the system has them.",
]


def row(found):
    name = [found["backend"], found["how"]]
    if not found["rounds"]:
        return [*name, *[BLANK] * 7, f"{found['errors']:,}", BLANK]
    return [
        *name, *figures.rate_texts(found),
        *(figures.us_text(found["latency_ns"][percentile]) for percentile in PERCENTILES),
        f"{found['client_cpu_us_per_request']:.2f}",
        f"{found['server_cpu_us_per_request']:.2f}",
        f"{found['lost']:,}", f"{found['errors']:,}",
        figures.ratio_text(found, Cell(*name).is_baseline),
    ]


def lines(_, where):
    return [f"100 clients on one thread, 10 messages of 256 B in flight each, {where}"]


def table(found, texts):
    return Table("UDP echo over loopback", texts, COLUMNS, {"": list(map(row, found))}, list(NOTES))
