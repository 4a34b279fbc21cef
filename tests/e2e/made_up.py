"""Result sets that nobody measured: from given rates and latencies, for the scripts that read them.

    epoll = made_up.cell("tcp", backend="epoll", connections=1)
    made_up.result_set(directory, {epoll: [100e3, Round(101e3, errors={"timeout": 2}), None]})

made_up.json holds a report of each program as it was written on a real machine, histograms left
out; what a Round says goes over it. The reports are valid by docs/report.schema.json.
"""

import copy
import json
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from iobench import cells, hdr, resultset  # noqa: E402 (the path comes first)
from iobench.matrix import Planned  # noqa: E402
from iobench.parts import PARTS  # noqa: E402

TEMPLATES = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
HISTOGRAMS = ("service_ns", "response_ns", "latency_ns", "complete_ns", "sync_ns", "lateness_ns",
              "queued_ns")
SHAPE = {0.8: 0.1, 1.0: 0.6, 1.2: 0.2, 2.0: 0.085, 5.0: 0.01, 20.0: 0.005}  # of typical latencies
INTERVALS = 10


@dataclass
class Round:
    """What one run found. Requests are the rate times the window."""

    rate: float
    latencies_ns: dict | float | None = None  # {value: share}, or about how long; None: by the rate
    response_ns: dict | float | None = None  # the same; makes the report one of an open loop
    client_cpu_us: float = 5.0  # per request
    server_cpu_us: float = 4.0
    errors: dict = field(default_factory=dict)  # of the client: {"timeout": 2}
    starved: int = 0
    limited: str | None = None  # why the client was the limit
    unsteady: str | None = None  # why the rate kept no level; of TCP
    warnings: list = field(default_factory=list)
    intervals: list | None = None  # rates; of equal length
    host: dict = field(default_factory=dict)  # over the set's
    report: dict = field(default_factory=dict)  # members over the client's, such as {"tool": "x"}


# ---- histograms


def counts_of(latencies_ns, requests, typical_ns):
    """{value_ns: count} of so many requests."""
    if not isinstance(latencies_ns, dict):
        middle = latencies_ns or typical_ns
        latencies_ns = {middle * factor: share for factor, share in SHAPE.items()}
    counts, taken, shares = {}, 0, 0
    whole = sum(latencies_ns.values())
    for value_ns, share in sorted(latencies_ns.items()):
        shares += share / whole
        upto = round(shares * requests)
        value_ns = max(1, round(value_ns))
        counts[value_ns] = counts.get(value_ns, 0) + upto - taken
        taken = upto
    return counts


# ---- reports


def fill_histograms(block):
    for name, value in block.items():
        if isinstance(value, dict):
            fill_histograms(value)
        elif value is None and name in HISTOGRAMS:
            block[name] = hdr.block({})


def template(name):
    found = copy.deepcopy(TEMPLATES[name])
    fill_histograms(found)
    return found


def in_flight(one):
    """How many requests were under way at once."""
    if one.part == "tcp":
        return one["connections"] * one["pipeline"]
    return one["clients"] * one["pipeline"] if one.part == "udp" else one["depth"]


def cpu_of(seconds, old):
    """User a quarter, system the rest."""
    return old | {"user_s": seconds / 4, "system_s": seconds * 3 / 4}


def throughput(totals, duration_s):
    tx, rx = (totals[name] / duration_s / (1 << 20) for name in ("tx_bytes", "rx_bytes"))
    return {"tx_mib_s": tx, "rx_mib_s": rx, "both_mib_s": tx + rx}


def client_report(one, it, timing):
    """What all three programs that send have in common."""
    report = template({"tcp": "client"}.get(one.part, one.part))
    duration_s, requests = timing.duration_s, round(it.rate * timing.duration_s)
    size_bytes = one["block"] if one.part == "file" else one["size"]
    errors = sum(it.errors.values())
    report["window"] |= {"warmup_s": timing.warmup_s, "duration_s": duration_s}
    report["totals"] |= {"requests": requests, "errors": errors, "reads": requests,
                         "writes": 0 if one.part == "file" else requests,
                         "tx_bytes": 0 if one.part == "file" else requests * size_bytes,
                         "rx_bytes": requests * size_bytes}
    report["errors"] = dict(it.errors)
    report["rate"] = {"qps": requests / duration_s}
    report["throughput"] = throughput(report["totals"], duration_s)
    typical_ns = 1e9 * in_flight(one) / max(it.rate, 1)
    report["latency"]["service_ns"] = hdr.block(counts_of(it.latencies_ns, requests, typical_ns))
    report["cpu"] = cpu_of(it.client_cpu_us * requests / 1e6, report["cpu"])
    rates = it.intervals or [it.rate] * INTERVALS
    report["intervals"] = [{"t_s": duration_s * i / len(rates), "qps": rate, "errors": 0}
                           for i, rate in enumerate(rates, 1)]
    report["syscalls"]["total"] = sum(report["syscalls"]["by_kind"].values())
    report["warnings"] = list(it.warnings)
    report["exit_status"] = 1 if errors else 0
    return report


def add_limits(report, it, connections):
    """Of TCP and UDP."""
    requests = report["totals"]["requests"]
    per_request = {"us_per_request": it.client_cpu_us, "user_us_per_request": it.client_cpu_us / 4,
                   "system_us_per_request": it.client_cpu_us * 3 / 4}
    report["cpu"] |= per_request if requests else dict.fromkeys(per_request)
    report["client_limited"] = bool(it.limited)
    report["client_limited_reason"] = it.limited
    each = requests // max(1, connections - it.starved)
    report["fairness"] = {"jain": 1 - it.starved / connections, "starved": it.starved,
                          "min_requests": 0 if it.starved else each, "max_requests": each}


def open_loop(report, it, requests):
    block = hdr.block(counts_of(it.response_ns, requests, 1e6))
    report["latency"]["response_ns"] = block
    report["open_loop"] = template("open_loop") | {
        "rate": max(1, round(it.rate)), "scheduled": requests, "sent_rate": it.rate}


def tcp_reports(one, it, timing):
    client, server = client_report(one, it, timing), template("server")
    add_limits(client, it, one["connections"])
    client["connections"] |= {name: one["connections"] for name in ("asked", "opened", "open_peak")}
    if it.unsteady:
        client["steady"] |= {"steady": False, "reason": it.unsteady}
    totals = client["totals"]
    if it.response_ns:
        open_loop(client, it, totals["requests"])
    server["cpu"] = cpu_of(it.server_cpu_us * totals["requests"] / 1e6, server["cpu"])
    server["totals"] |= {name: totals[name] for name in ("rx_bytes", "tx_bytes")}
    for report in (client, server):
        report["backend"] |= {"requested": one["backend"], "name": one["backend"]}
        report["config"]["backend"] = one["backend"]
    client["config"] |= {"connections": one["connections"], "size_bytes": one["size"]}
    return {"client": client, "server": server}


def udp_reports(one, it, timing):
    client = client_report(one, it, timing)
    add_limits(client, it, one["clients"])
    requests = client["totals"]["requests"]
    client["packets"] |= {"sent": requests, "received": requests}
    uses = cpu_of(it.server_cpu_us * requests / 1e6, {})
    client["server"] |= uses | {"received": requests, "echoed": requests,
                                "us_per_echo": it.server_cpu_us if requests else None}
    client["backend"] |= {"requested": one["backend"], "name": one["backend"]}
    client["config"] |= {"backend": one["backend"], "clients": one["clients"]}
    return {"client": client}


def file_reports(one, it, timing):
    client = client_report(one, it, timing)
    requests = client["totals"]["requests"]
    client["cpu"]["us_per_op"] = it.client_cpu_us if requests else None
    client["read"] |= {"iops": it.rate, "operations": requests,
                       "mib_s": client["throughput"]["rx_mib_s"],
                       "bytes": client["totals"]["rx_bytes"],
                       "latency_ns": client["latency"]["service_ns"]}
    direct = one["direct"] == "on"
    client["file"]["storage"] |= {"direct_asked": direct, "direct_in_force": direct}
    client["backend"] |= {"requested": one["engine"], "name": one["engine"], "features": []}
    client["config"]["engine"] = one["engine"]
    return {"client": client}


def reports(one, it, timing, host=None):
    """{"client": report} and of TCP {"server": report}; valid unless it.report says otherwise."""
    found = {"tcp": tcp_reports, "udp": udp_reports, "file": file_reports}[one.part](
        one, it, timing)
    for report in found.values():
        report["host"] = TEMPLATES["host"] | (host or {}) | it.host
    found["client"] |= it.report
    return found


# ---- sets


def cell(part, **settings):
    """A cell of a part; what is not said is the part's default."""
    return cells.make(PARTS[part], settings)


TIMING = cells.Timing(rounds=1, duration_s=0.5, warmup_s=0.1)


def result_set(path, rounds, *, label=None, session=None, seed=1, host=None, left_out=None,
               timing=TIMING, remarks=()):
    """Writes the set and returns what resultset.load() makes of it.

    rounds: {cell: [of each round: a rate, a Round, a text (failed, and why) or None (not run)]}
    left_out: {cell: why}; host: members over the template's
    """
    lengths = {one: len(some) for one, some in rounds.items()} | dict.fromkeys(left_out or {}, 1)
    planned = [Planned(one, timing._replace(rounds=max(1, length)))
               for one, length in lengths.items()]
    plan = resultset.plan_for(planned, seed=seed, session=session, label=label, remarks=remarks)
    store = resultset.Store.create(path, plan)
    for one, why in (left_out or {}).items():
        store.record([resultset.ended(one.name, 1, resultset.LEFT_OUT, why)])
    for number in range(1, max(lengths.values()) + 1):
        for one, some in rounds.items():
            if number <= len(some) and some[number - 1] is not None:
                write_run(store, one, number, some[number - 1], timing, host)
    return resultset.load(path)


def write_run(store, one, number, value, timing, host):
    if isinstance(value, str):
        store.record([resultset.ended(one.name, number, resultset.FAILED, value)])
        return
    it = value if isinstance(value, Round) else Round(value)
    for end, report in reports(one, it, timing, host).items():
        resultset.write_json(Path(f"{store.stem(one.name, number)}.{end}.json"), report)
    store.record([resultset.ended(one.name, number, resultset.MEASURED)])


def noisy(rate, rounds, spread=0.05, seed=1):
    """Rates about a median, log-normal: spread is the standard deviation of their logarithm."""
    draw = random.Random(seed)
    return [rate * draw.lognormvariate(0, spread) for _ in range(rounds)]
