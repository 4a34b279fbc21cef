"""OpenMetrics text 1.0, for Prometheus and what reads the same:
https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md

Of each cell: the service times (and, of an open loop, the response times) as a histogram, merged
over all rounds; the suite's own percentiles as quantiles, because Prometheus interpolates those of
a histogram; every other metric as a gauge. Units are base units: seconds.

The HDR histogram has a thousand slots. A bucket here is half a power of two and ends where a slot
ends, so that its count is exact; all cells and all exports have the same ones and can be added.
"""

import re
from datetime import datetime

from iobench import figures, hdr
from iobench.parts import PARTS

SOURCES = {
    "service_ns": ("iobench_service_time", "From handing a request over to its last byte"),
    "response_ns": ("iobench_response_time", "From when a request was due to its last byte"),
}
PERCENTILE = re.compile(r"(response_)?p(\d+)_ns")
# The last slot of each bucket: up to 255 ns, 383 ns, 511 ns and so on to 17 s.
EDGES = range(2 * hdr.HALF - 1, 28 * hdr.HALF, hdr.HALF // 2)


def escaped(text):
    return str(text).replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def label_text(labels):
    return ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items())


class Exposition:
    """Families in the order of their first sample; the samples of one stay together."""

    def __init__(self):
        self.families = {}

    def add(self, family, kind, text, unit, samples):
        """samples: (suffix, labels, value)"""
        lines = self.families.setdefault(family, [
            f"# TYPE {family} {kind}", *([f"# UNIT {family} {unit}"] if unit else []),
            f"# HELP {family} {escaped(text)}"])
        lines += [f"{family}{suffix}{{{label_text(labels)}}} {value!r}"
                  for suffix, labels, value in samples]

    def text(self):
        lines = [line for family in self.families.values() for line in family]
        return "\n".join([*lines, "# EOF", ""])


def labels_of(one):
    """What tells a cell from others. The set is named only where there are several: run by run a
    new name would make each run's series new ones."""
    keys = PARTS[one.cell.part].KEYS
    settings = {name: value for name, value in one.cell.settings.items()
                if keys[name].short is not None or value != keys[name].default}
    of_set = {"set": one.set_name} if one.several else {}
    return of_set | {"part": one.cell.part, "cell": one.name} | settings


def buckets(histogram, labels):
    below, rest = 0, sorted(histogram.counts.items(), reverse=True)
    for edge in EDGES:
        while rest and rest[-1][0] <= edge:
            below += rest.pop()[1]
        yield "_bucket", labels | {"le": repr(hdr.slot_high(edge) / 1e9)}, below
    yield "_bucket", labels | {"le": "+Inf"}, histogram.count


def totals(histogram, source, samples, labels):
    """The sum is exact: each report has the exact mean of what it counted."""
    blocks = [report["latency"][source] for report in figures.clients(samples)]
    total_ns = sum(block["count"] * (block["mean"] or 0) for block in blocks)
    created = min(datetime.fromisoformat(report["started_at"]).timestamp()
                  for report in figures.clients(samples))
    return [("_count", labels, histogram.count), ("_sum", labels, total_ns / 1e9),
            ("_created", labels, created)]


def add_histograms(out, one):
    labels, samples = labels_of(one), list(one.samples.values())
    for source, (name, text) in SOURCES.items():
        histogram = figures.histogram(samples, source)
        if histogram:
            out.add(f"{name}_seconds", "histogram", f"{text}, of all rounds.", "seconds",
                    [*buckets(histogram, labels), *totals(histogram, source, samples, labels)])


def add_figure(out, labels, figure):
    metric = figure.metric
    quantile = PERCENTILE.fullmatch(metric.name)
    if quantile:
        name, text = SOURCES["response_ns" if quantile[1] else "service_ns"]
        out.add(f"{name}_quantiles_seconds", "summary", f"{text}: percentiles of all rounds.",
                "seconds", [("", labels | {"quantile": repr(float(f"0.{quantile[2]}"))},
                             figure.value / 1e9)])
    elif metric.name == "rate":
        low, high = figure.bounds() or (figure.value, figure.value)
        for prefix, text, value in (("", "Median of the rounds", figure.value),
                                    ("lowest_", "Slowest round", low),
                                    ("highest_", "Fastest round", high)):
            out.add(f"iobench_{prefix}rate_per_second", "gauge",
                    f"Completed requests, echoes or operations per second: {text.lower()}.",
                    "per_second", [("", labels, value)])
    elif metric.unit == "us":
        out.add(f"iobench_{metric.name.removesuffix('_us')}_seconds", "gauge",
                "CPU time per request, echo or operation.", "seconds",
                [("", labels, figure.value / 1e6)])
    else:
        out.add(f"iobench_{metric.name}", "gauge", f"{metric.title} (of all rounds).", "",
                [("", labels, figure.value)])


def add_sets(out, exported):
    """Where the figures are from."""
    for one in {one.set_name: one for one in exported}.values():
        report = next(iter(one.samples.values()))["client"]
        host = report["host"]
        labels = {"set": one.set_name, "version": report["version"], "host": host["name"],
                  "os": host["os"], "cpu_model": host["cpu_model"] or "unknown"}
        out.add("iobench_set", "info", "What was measured, and where.", "", [("_info", labels, 1)])


def exposition(exported):
    out = Exposition()
    add_sets(out, exported)
    for one in exported:
        add_histograms(out, one)
        labels = labels_of(one)
        for figure in one.figures:
            add_figure(out, labels, figure)
        out.add("iobench_rounds", "gauge", "Rounds that the figures are of.", "",
                [("", labels, len(one.samples))])
    return out.text()
