"""What the parts share: how the reports of rounds become metrics and texts of a cell.

A sample is what one run left: {"client": report} and, of TCP, {"server": report}.
"""

import math

from iobench import stats
from iobench.cells import HIGHER, LOWER, Metric
from iobench.hdr import Histogram
from iobench.table import BLANK

SPREAD_NOTE = ("spread: half of the rounds' max - min. Latency: percentiles of all rounds' "
               "{} together.")


def clients(samples):
    return [sample["client"] for sample in samples]


def rate(samples):
    rates = [report["rate"]["qps"] for report in clients(samples)]
    return stats.median(rates) if rates else None


def histogram(samples, name):
    """All requests of all samples; averages of percentiles would mean nothing. None: not kept."""
    merged = Histogram()
    for report in clients(samples):
        block = report["latency"].get(name)
        if not block:
            return None
        merged.add(block["hdr"], block["max"])
    return merged if merged.count else None


def percentile(percent, name="service_ns"):
    def of(samples):
        merged = histogram(samples, name)
        return merged and merged.percentile(percent)

    return of


def per(amount, requests):
    return amount / requests if requests else None


def cpu_us(uses, requests):
    """uses: objects with user_s and system_s, such as a report's cpu; None if one is not known."""
    if any(use["user_s"] is None for use in uses):
        return None
    return per(sum(use["user_s"] + use["system_s"] for use in uses) * 1e6, requests)


def server_cpu_us(samples, whole_life):
    """Per request, in the client's window; of reports that do not know it whole_life(samples)."""
    uses = [report["cpu"].get("server_s") for report in clients(samples)]
    if None in uses:
        return whole_life(samples)
    return per(sum(uses) * 1e6, requests(samples))


def syscalls(reports, amount):
    totals = [report["syscalls"]["total"] for report in reports]
    return None if None in totals else per(sum(totals), amount)


def requests(samples):
    return sum(report["totals"]["requests"] for report in clients(samples))


def errors(samples):
    """Of both ends."""
    return sum(report["totals"]["errors"] for sample in samples for report in sample.values())


def starved(samples):
    """Connections, or clients of UDP, that were never served in a round."""
    return sum((report.get("fairness") or {}).get("starved") or 0 for report in clients(samples))


def void(samples):
    """Why a cell is not fit to be compared, in words; None if it is."""
    count = starved(samples)
    if count:
        return f"void: {count:,} connection{'s' * (count > 1)} never served"
    return "void: errors" if errors(samples) else None


def check(metrics, sample):
    """Raises unless each of these metrics is a number, or unknown."""
    for metric in metrics:
        value = metric.of([sample])
        if value is not None and not 0 <= value < math.inf:
            raise ValueError(f"{metric.name} is {value!r}")


def rate_metric(title):
    return Metric("rate", title, "per s", HIGHER, rate)


def latency_metrics():
    """Of service times; of response times, which open loops have, apart."""
    texts = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "p999": 99.9}
    return [Metric(f"{prefix}{text}_ns", f"{title}P{percent:g}", "ns", LOWER,
                   percentile(percent, source))
            for prefix, title, source in (("", "", "service_ns"),
                                          ("response_", "response ", "response_ns"))
            for text, percent in texts.items()]


def rates(samples):
    by_round = {number: rate([sample]) for number, sample in samples.items()}
    return stats.spread(by_round.values()) | {"by_round": by_round}


def summarise(part, found, cell):
    """What is kept of a cell of a result set in summary.json. Its figures are of the solo rounds; what
    went wrong counts in duets as well."""
    samples, failures = found.samples[cell.name], found.failures.get(cell.name, [])
    solo, every = list(samples.values()), found.every(cell.name)
    made = {"name": cell.name, "part": cell.part, "settings": cell.settings,
            "rounds": len(solo), "duets": len(every) - len(solo), "failures": failures,
            "errors": errors(every) + len(failures)}
    if not solo:
        return made
    merged = {metric.name: metric.of(solo) for metric in part.METRICS}
    return made | {"void": void(every), "rate": rates(samples), "metrics": merged} | part.remarks(
        cell, solo)


# ---- texts


def machine_text(host):
    return f"{host['os']}, {host['cpu_model'] or 'unknown CPU'}, {host['cpus_online']} CPUs"


def us_text(value_ns):
    if value_ns is None:
        return BLANK
    return f"{value_ns / 1e3:,.1f}" if value_ns < 1e6 else f"{value_ns / 1e3:,.0f}"


def number_text(value, digits):
    return BLANK if value is None else f"{value:,.{digits}f}"


def rate_texts(found):
    """Median and spread."""
    return [f"{found['rate']['median']:,.0f}",
            f"±{found['rate']['spread_percent']:.1f} %" if found["rounds"] > 1 else BLANK]


def ratio_texts(found, is_baseline, ratio_metrics):
    """Of each metric that a part has ratios of: both are functions of the part, of settings."""
    settings, known = found["settings"], found.get("ratios", {})
    missing = "1" if is_baseline(settings) else BLANK
    return ["void" if found.get("void") else known[name]["text"] if name in known else missing
            for name in ratio_metrics(settings)]


def size_text(size_bytes):
    return f"{size_bytes // 1024} KiB" if size_bytes % 1024 == 0 else f"{size_bytes} B"
