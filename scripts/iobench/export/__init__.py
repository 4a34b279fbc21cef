"""What all export formats draw on: the cells of some result sets, each with its checked figures.

A report that a figure cannot be taken from is left out of its cell, with a line that names it; what
is merged afterwards is exactly what ResultSet.merged() says of the rest.
"""

import functools
from datetime import datetime
from typing import NamedTuple

from iobench import figures, resultset
from iobench.run import Failed

MEMBERS = ("version", "host.name", "host.os", "host.cpu_model", "host.cpus_online",
           "window.warmup_s", "window.duration_s", "latency.service_ns.count",
           "latency.service_ns.mean", "latency.service_ns.max", "latency.service_ns.hdr")
SUMS = ("lost",)  # of all rounds together, not per round: the rounds' figures do not bound it


class Figure(NamedTuple):
    metric: object  # cells.Metric
    value: float  # of all rounds together, as ResultSet.merged() gives it
    by_round: dict

    def bounds(self):
        """The lowest and the highest round; None when there is but one, or the value is a sum."""
        values = [self.value, *self.by_round.values()]
        if len(self.by_round) < 2 or self.metric.name in SUMS:
            return None
        return min(values), max(values)


class Exported(NamedTuple):
    """A cell of a set."""

    source: resultset.ResultSet
    set_name: str  # of all sets the only one that is called so
    several: bool  # there are other sets too: the cell's name alone is not enough
    name: str
    figures: list

    @property
    def cell(self):
        return self.source.planned[self.name].cell

    @property
    def unit(self):
        """What the rate counts."""
        return self.source.metric(self.name, "rate").title

    @property
    def full_name(self):
        return f"{self.set_name}/{self.name}" if self.several else self.name

    @property
    def samples(self):
        return self.source.samples[self.name]

    def context(self):
        """Under which conditions, in lines for people."""
        host = next(iter(self.samples.values()))["client"]["host"]
        timing = self.source.planned[self.name].timing._replace(rounds=len(self.samples))
        return [timing.text(), figures.machine_text(host)]


def check(found, name, _, sample):
    """Raises what any export would stumble over later."""
    report = sample["client"]
    figures.check(found.metrics(name), sample)
    figures.errors([sample])
    datetime.fromisoformat(report["started_at"])
    for path in MEMBERS:
        functools.reduce(lambda part, member: part[member], path.split("."), report)


def figures_of(found, name):
    merged = ((metric, found.merged(name, metric.name)) for metric in found.metrics(name))
    return [Figure(metric, value, found.by_round(name, metric.name))
            for metric, value in merged if value is not None]


def unique(label, taken):
    """The label, or with a number behind it when there is one like it."""
    number, name = 1, label
    while name in taken:
        number += 1
        name = f"{label} ({number})"
    return name


def read(paths):
    """([Exported], complaints): whatever can be read, and a line on whatever cannot."""
    sets, complaints = {}, []
    for path in paths:
        try:
            found = resultset.load(path)
        except Failed as failed:
            complaints.append(str(failed))
            continue
        sets[unique(found.label, sets)] = found
    exported = []
    for set_name, found in sets.items():
        found.sift(check)
        for cell in found.cells():
            if found.samples[cell.name]:
                exported.append(Exported(found, set_name, len(paths) > 1, cell.name,
                                         figures_of(found, cell.name)))
        complaints += found.problems
    return exported, complaints
