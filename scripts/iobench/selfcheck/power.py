"""How much machine time finds a slowdown: how often so many rounds do, and how long they take.

A session is one cell with both its metrics, its blocks drawn from the recorded ones. Calibration
hits a slowdown only about, so the CPU time of all rounds is moved by as much as it missed; the
rate, of which nobody knows what it should be, is as recorded.
"""

import math
from typing import NamedTuple

import numpy as np

from iobench import inference
from iobench.outcomes import WORSE
from iobench.pairing import DUET, INTERLEAVED
from iobench.selfcheck import resample
from iobench.selfcheck.count import Count
from iobench.selfcheck.plan import PROMISES

SHARE = 0.95  # of the sessions, that a slowdown is to be found in
PLENTY = 0.995  # and where the curve ends
GRID = (6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
MOST_TIMES = 2  # as many rounds as were recorded: more would say the same again
HOWS = (DUET, INTERLEAVED)


class Point(NamedTuple):
    rounds: int
    seconds: float  # of machine time
    shares: dict  # {metric: of the sessions in which the slowdown was found}


class Slowed(NamedTuple):
    """A slowed cell, in one way."""

    cell: str
    percent: float
    how: str
    metrics: list
    blocks: list

    @property
    def cpu(self):
        return self.metrics[-1]

    @property
    def title(self):
        return f"{self.cell} slowed by {self.percent:g} %"

    def logs(self, metric):
        return [log[metric] for block in self.blocks for log in block.logs if log]

    def ratio(self, metric):
        return inference.ratio_of(self.logs(metric))

    def deviation(self, metric):
        """Of a round's logarithm."""
        return float(np.std(self.logs(metric), ddof=1))

    def round_s(self):
        """Machine time of one, those that failed included."""
        return float(np.mean([second for block in self.blocks for second in block.seconds]))

    def missed(self):
        """What the CPU time of all rounds lacks of the slowdown, as a logarithm."""
        return math.log1p(self.percent / 100) - float(
            inference.location(np.array(self.logs(self.cpu))))

    def drawn(self, draw, rounds):
        return resample.drawn(draw, self.blocks, len(self.blocks[0].logs), rounds)

    def tests(self, blocks, rounds):
        logs = resample.joined(blocks, rounds)
        return [resample.test_of(self.how, logs, metric) for metric in self.metrics]


def all_slowed(recorded):
    """Of a cell and slowdown those with rounds, duets first."""
    some = [Slowed(cell, percent, how, recorded.cells[cell], ways[how])
            for (cell, percent), ways in recorded.slowed().items() for how in HOWS if how in ways]
    return [one for one in some if len(one.logs(one.cpu)) > 1]


def hits(one, rounds, times, rule):
    """{metric: in how many of so many sessions the slowdown was found}"""
    draw, missed = resample.generator(2), one.missed()
    found = dict.fromkeys(one.metrics, 0)
    for _ in range(times if rounds else 0):
        *rates, cpu = one.tests(one.drawn(draw, rounds), rounds)
        outcomes = resample.different([*rates, resample.shifted(cpu, missed)], rule)
        for metric, outcome in zip(one.metrics, outcomes):
            found[metric] += outcome == WORSE
    return found


def curve(one, times, rule):
    """[Point], until the slowdown is nearly always found."""
    points, most = [], MOST_TIMES * len(one.logs(one.cpu))
    for rounds in GRID:
        if rounds > most or points and min(points[-1].shares.values()) >= PLENTY:
            break
        found = hits(one, rounds, times, rule)
        points.append(Point(rounds, rounds * one.round_s(),
                            {metric: count / times for metric, count in found.items()}))
    return points


def needed(points, metric):
    """Rounds that find it in SHARE of the sessions, between two points in proportion; None: more
    than the curve has."""
    before = None
    for point in points:
        share = point.shares[metric]
        if share >= SHARE:
            if before is None:
                return point.rounds
            part = (SHARE - before.shares[metric]) / (share - before.shares[metric])
            return math.ceil(before.rounds + part * (point.rounds - before.rounds))
        before = point
    return None


def promise_of(one):
    """Seconds; None: nothing is promised of this."""
    if one.how != DUET:
        return None
    part = one.cell.split("-")[0]
    return next((some.within_s for some in PROMISES[part] if some.percent == one.percent), None)


def as_recorded(one, rounds, rule):
    """(how often found by CPU, of how many) sessions of neighbouring recorded rounds, unmoved."""
    size = len(one.blocks[0].logs)
    step = -(-rounds // size) if rounds else 0
    starts = range(0, len(one.blocks) - step + 1, step) if step else ()
    found = sum(resample.different(one.tests(one.blocks[i:i + step], rounds), rule)[-1] == WORSE
                for i in starts)
    return found, len(starts)


def kept(one, times, rule):
    """[Count] of each metric within what is promised: only CPU time is held to it."""
    within_s = promise_of(one)
    if within_s is None:
        return []
    rounds = int(within_s / one.round_s())
    found = hits(one, rounds, times, rule)
    what = f"{one.title}: found within {within_s:g} s ({rounds} duets) by "
    counts = [Count(what + metric, found[metric], times, SHARE, False, metric == one.cpu)
              for metric in one.metrics]
    real, sessions = as_recorded(one, rounds, rule)
    if sessions:
        counts.append(Count(what + f"{one.cpu}, as recorded", real, sessions, SHARE, False, False))
    return counts


def report(one, points):
    """For the file, and for the table."""
    found = {metric: needed(points, metric) for metric in one.metrics}
    return {
        "cell": one.cell, "percent": one.percent, "how": one.how, "round_s": one.round_s(),
        "rounds_recorded": len(one.logs(one.cpu)),
        "metrics": {metric: {
            "ratio": list(one.ratio(metric)), "deviation": one.deviation(metric),
            "rounds_needed": found[metric],
            "seconds_needed": found[metric] and found[metric] * one.round_s()}
            for metric in one.metrics},
        "curve": [point._asdict() for point in points]}
