"""Figures for two dashboards of continuous benchmarking.

github-action-benchmark: an array of {name, unit, value, range, extra} for each direction; the
README's section on customBiggerIsBetter and customSmallerIsBetter. A range is understood as
"± NUMBER" (src/extractRangeInfo.ts). An empty array is refused there, so such a file is not made.
https://github.com/benchmark-action/github-action-benchmark

Bencher Metric Format: {benchmark: {measure: {value, lower_value, upper_value}}}; names of at most
1024 and 64 characters. "throughput" (per second) is a measure that every project has; others are
made on first use and carry their unit in their name.
https://bencher.dev/docs/reference/bencher-metric-format
"""

import json

from iobench.cells import HIGHER, LOWER

FILES = {HIGHER: "bigger-is-better.json", LOWER: "smaller-is-better.json"}


def as_text(value):
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def entry(one, figure):
    metric, bounds = figure.metric, figure.bounds()
    is_rate = metric.name == "rate"
    found = {"name": f"{one.full_name}: {metric.title}",
             "unit": one.unit if is_rate else metric.unit or "count", "value": figure.value}
    lines = one.context()
    if bounds:
        found["range"] = f"± {(bounds[1] - bounds[0]) / 2:g}"
        lines.append(f"lowest round {bounds[0]:g}, highest {bounds[1]:g}")
    return found | {"extra": "\n".join(lines)}


def github_action_benchmark(exported):
    """{file name: text}"""
    entries = {better: [entry(one, figure) for one in exported for figure in one.figures
                        if figure.metric.better == better] for better in FILES}
    return {FILES[better]: as_text(some) for better, some in entries.items() if some}


def measure(figure):
    name = "throughput" if figure.metric.name == "rate" else figure.metric.name.replace("_", "-")
    bounds = figure.bounds()
    limits = {"lower_value": bounds[0], "upper_value": bounds[1]} if bounds else {}
    return name, {"value": figure.value} | limits


def bmf(exported):
    return as_text({one.full_name: dict(map(measure, one.figures)) for one in exported})
