"""The figures of a cell that a report shows, as plain objects that JSON can hold."""

import math
from datetime import datetime

from iobench import figures, stats
from iobench.hdr import slot_high

CURVE_STEP = 0.05  # of log10(1 / (1 - p))
LEAST_BEYOND = 10  # requests that lie beyond a percentile that is drawn or written
LEAST_INTERVALS = 3  # runs with so many are drawn over their window, others over the session
PERCENTILES = {"P50": 50, "P90": 90, "P99": 99, "P99.9": 99.9, "P99.99": 99.99}
CPU = {"server_cpu_us": "server", "client_cpu_us": "client", "cpu_us": "process"}


def estimate(values):
    """Median and its 95 % interval; None of no values, and of one without an interval."""
    values = list(values)
    if not values:
        return None
    low, high = stats.resampled(values, stats.median) if len(values) > 1 else (None, None)
    return {"median": stats.median(values), "low": low, "high": high, "rounds": len(values)}


def at_ranks(histogram, ranks):
    """The values at these ranks, which ascend."""
    found, seen, wanted = [], 0, iter(ranks)
    rank = next(wanted, None)
    for slot in sorted(histogram.counts):
        seen += histogram.counts[slot]
        while rank is not None and rank <= seen:
            found.append(min(slot_high(slot), histogram.max))
            rank = next(wanted, None)
    return found


def curve(histogram):
    """[[log10(1 / (1 - p)), ns]], as far as enough requests lie beyond."""
    last = math.log10(max(1, histogram.count / LEAST_BEYOND))
    xs = [i * CURVE_STEP for i in range(int(last / CURVE_STEP) + 1)]
    ranks = [max(1, math.ceil((1 - 10 ** -x) * histogram.count)) for x in xs]
    return [[round(x, 3), ns] for x, ns in zip(xs, at_ranks(histogram, ranks))]


def latency(samples):
    """Of response times where the loop was open, since those are what a user sees."""
    kind = "response_ns" if all(report["latency"].get("response_ns")
                                for report in figures.clients(samples)) else "service_ns"
    merged = figures.histogram(samples, kind)
    if not merged:
        return None
    found = {name: merged.percentile(percent) for name, percent in PERCENTILES.items()
             if merged.count * (100 - percent) / 100 >= LEAST_BEYOND}
    return {"kind": kind.removesuffix("_ns"), "count": merged.count, "max": merged.max,
            "percentiles": found, "curve": curve(merged)}


def intervals_of(report):
    """[(end in s, rate)]: a window without intervals is one."""
    return [(float(one["t_s"]), float(one["qps"])) for one in report["intervals"]] or [
        (report["window"]["duration_s"], report["rate"]["qps"])]


def throughput(samples):
    """MiB/s of both directions: median of the rounds, and the best interval of any."""
    reports = figures.clients(samples)
    average = [report["throughput"]["both_mib_s"] for report in reports]
    best = [report["throughput"]["both_mib_s"] * rate / report["rate"]["qps"]
            for report in reports if report["rate"]["qps"] for _, rate in intervals_of(report)]
    return {"average": stats.median(average), "peak": max(best, default=None)}


def seconds(text):
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def over_time(samples, start_s):
    """Lines of [s, rate]: one of each round over its window, or one over the session."""
    reports = figures.clients(samples)
    lines = [[[round(t_s, 3), rate] for t_s, rate in intervals_of(report)] for report in reports]
    if min(map(len, lines)) >= LEAST_INTERVALS:
        return {"over": "window", "lines": lines}
    began = [seconds(report["started_at"]) for report in reports]
    if None in began or start_s is None:
        return None
    points = sorted([round(at - start_s + t_s, 3), rate]
                    for at, line in zip(began, lines) for t_s, rate in line)
    return {"over": "session", "lines": [points]}


def cpu(found, name):
    return {CPU[metric.name]: estimate(found.by_round(name, metric.name).values())
            for metric in found.metrics(name) if metric.name in CPU}


def row(found, part, cell, start_s):
    """A measured cell; texts and figures alone, for pages and tables."""
    rounds = found.samples[cell.name]
    samples, every = list(rounds.values()), found.every(cell.name)
    rates = found.by_round(cell.name, "rate")
    reports, spread = figures.clients(samples), stats.spread(rates.values())
    unsteady = sum(1 for report in reports
                   if (report.get("steady") or {}).get("enough") and not report["steady"]["steady"])
    return {
        "rounds": len(rounds), "rate": estimate(rates.values()),
        "spread_percent": spread["spread_percent"] if len(rates) > 1 else None,
        "throughput": throughput(samples), "latency": latency(samples),
        "cpu": {end: one for end, one in cpu(found, cell.name).items() if one},
        "over_time": over_time(samples, start_s),
        "storage": part.remarks(cell, samples).get("storage"),
        "void": figures.void(every), "errors": figures.errors(every), "unsteady": unsteady,
        "failures": len(found.failures.get(cell.name, [])),
        "client_limited": sum(bool(report.get("client_limited")) for report in reports),
    }
