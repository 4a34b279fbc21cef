"""The same comparisons by duets and by interleaved solo rounds: whether they find the same.

A row is a cell beside its group's baseline, in one metric. The two ways agree when the whole
interval of the one ratio to the other lies within NEAR of 1. They differ when it leaves out 1 and
the ratio is further from 1 than that. Otherwise nothing is known.
"""

import math
from typing import NamedTuple

import numpy as np

from iobench import cells, figures, inference, resultset, schedule
from iobench.parts import PARTS
from iobench.table import BLANK, Table

NEAR = 0.02  # a ratio - 1
LEAST = 6  # rounds of either way
AGREE, DIFFER, NOT_KNOWN = "agree", "differ", "not known"
TITLE = "Duets against solo rounds"


class Way(NamedTuple):
    """What the rounds of one way say."""

    logs: np.ndarray
    ratio: inference.Ratio | None  # None: fewer than two rounds
    deviation: float | None  # standard deviation of logs

    def as_json(self):
        return {"rounds": len(self.logs), "ratio": self.ratio and list(self.ratio),
                "deviation": self.deviation}


class Row(NamedTuple):
    heading: str
    cell: cells.Cell
    metric: str
    duets: Way
    solo: Way
    apart: inference.Ratio | None  # the ratio by duets to that by solo rounds; None: not known
    remarks: list
    void: str | None  # why it tells nothing

    def overlap(self):
        """Whether the intervals do."""
        one, other = self.duets.ratio, self.solo.ratio
        return one.low <= other.high and other.low <= one.high

    def verdict(self):
        if not self.apart:
            return NOT_KNOWN
        value, low, high = map(math.log, self.apart)
        near = math.log1p(NEAR)
        if -near <= low and high <= near:
            return AGREE
        return DIFFER if not low <= 0 <= high and abs(value) > near else NOT_KNOWN

    def as_json(self):
        return {"group": self.heading, "cell": self.cell.name, "metric": self.metric,
                "duets": self.duets.as_json(), "solo": self.solo.as_json(),
                "duets_to_solo": self.apart and list(self.apart),
                "intervals_overlap": self.overlap() if self.apart else None,
                "verdict": self.verdict(), "void": self.void, "remarks": self.remarks}


# ---- what is compared


def way_of(logs):
    logs = np.array(logs)
    if len(logs) < 2:
        return Way(logs, None, None)
    return Way(logs, inference.ratio_of(logs), float(np.std(logs, ddof=1)))


def logs_of(found, base, new, metric, duets):
    old, now = (found.by_round(cell.name, metric, duets) for cell in (base, new))
    return [math.log(now[number] / old[number]) for number in sorted(now)
            if now[number] and old.get(number)]


def apart(duets, solo):
    if min(len(duets.logs), len(solo.logs)) < LEAST:
        return None
    return inference.ratio_of(duets.logs, solo.logs)


def row_of(found, heading, base, new, metric):
    duets, solo = (way_of(logs_of(found, base, new, metric, how)) for how in (True, False))
    why_void = void(found, base, new)
    why_solo = schedule.why_no_duet(new, found.plan["cpus"])
    return Row(heading, new, metric, duets, solo, None if why_void else apart(duets, solo),
               [f"duets are not used otherwise: {why_solo}"] if why_solo else [], why_void)


def void(found, *some):
    """Why rounds of any of these cells tell nothing."""
    texts = [found.left_out.get(cell.name) or figures.void(found.every(cell.name))
             for cell in some]
    return next(filter(None, texts), None)


def rows_of(found, group):
    part = PARTS[group[0].cell.part]
    base = next((one.cell for one in group if part.is_baseline(one.cell)), None)
    for new in [one.cell for one in group if base and one.cell != base]:
        heading = f"{part.TITLE}: {part.heading(new.settings)}"
        for metric in part.ratio_metrics(new):
            yield row_of(found, heading, base, new, metric)


def check(found, name, _, sample):
    figures.check([metric for metric in found.metrics(name) if metric.name in
                   ("rate", "cpu_us", "client_cpu_us", "server_cpu_us")], sample)
    figures.void([sample])


def rows(path):
    """(rows, problems) of a result set, which need not be complete."""
    found = resultset.load(path).sift(check)
    some = [row for group in schedule.groups_of(list(found.planned.values()))
            for row in rows_of(found, group)]
    if not any(row.apart for row in some):
        raise resultset.Unreadable(f"{path}: fewer than {LEAST} duets and {LEAST} solo rounds of "
                                   "any cell beside its baseline")
    return some, found.problems


# ---- the table

COLUMNS = [
    ("", "compared"), ("", "metric"), ("duets", "ratio (95 %)"), ("duets", "sd"),
    ("solo rounds", "ratio (95 %)"), ("solo rounds", "sd"), ("", "duets to solo"),
    ("", "overlap"), ("", "verdict"),
]
WORDS = {"rate": "rate", "cpu_us": "CPU", "server_cpu_us": "server CPU",
         "client_cpu_us": "client CPU"}
NOTES = [
    "Compared: server / client of TCP, backend / batching of UDP, engine of files. Ratio: to the "
    "group's baseline, with its 95 % interval. sd: standard deviation of the logarithm of a round's "
    "ratio. overlap: whether the two intervals do.",
    f"agree: the interval of duets to solo lies within {100 * NEAR:g} % of 1. differ: it leaves out "
    f"1, and the ratio is further from 1 than {100 * NEAR:g} %; of rows that agree in truth chance "
    "alone takes 1 in 20 that far at most. not known: too noisy, or too few rounds.",
]


def ratio_text(ratio):
    return f"{ratio.value:.3f} ({ratio.low:.3f}-{ratio.high:.3f})"


def way_texts(one):
    if not one.ratio:
        return [BLANK, BLANK]
    return [ratio_text(one.ratio), f"{100 * one.deviation:.1f} %"]


def row_texts(row):
    name = " / ".join(row.cell[setting] for setting in PARTS[row.cell.part].COMPARED)
    apart_texts = [ratio_text(row.apart), "yes" if row.overlap() else "no"] if row.apart else [
        BLANK, BLANK]
    return [name, WORDS[row.metric], *way_texts(row.duets), *way_texts(row.solo), *apart_texts,
            row.verdict() + f" ({row.void})" * bool(row.void)]


def summary_text(some):
    counts = [sum(row.verdict() == word for row in some) for word in (AGREE, DIFFER, NOT_KNOWN)]
    return "{} rows: {} agree, {} differ, of {} it is not known".format(len(some), *counts)


def table(some, texts):
    groups = {}
    for row in some:
        head = "; ".join([row.heading, *row.remarks])
        groups.setdefault(head, []).append(row_texts(row))
    used = [row for row in some if not row.remarks]
    lines = [f"where duets are used: {summary_text(used)}",
             f"everywhere: {summary_text(some)}"]
    return Table(TITLE, [*texts, *lines], COLUMNS, groups, NOTES)
