"""What the rows of a reproduction share: what a row is, and how rounds become a figure.

A row belongs to a published figure, or stands beside one to compare it with. Its runs are cells of
the suite or probes; of their samples it makes, for each round, the figure by the published method
and the true one.
"""

import platform
from dataclasses import dataclass, field
from typing import Callable, NamedTuple

from iobench import cells
from iobench.matrix import Planned
from iobench.stats import median, resampled

FEWEST = 3  # rounds that an interval says something with
DIFFERS = 0.05  # a method's figure is an artefact if it is off by more than that, beyond its noise

TIMES = "x"  # the unit of a ratio
QUOTA_ROUNDS = 3  # so many times the rounds for runs that end with their work: short, so noisy

# The published figure was measured; is a ratio; is a target that is to be reached, or not passed.
FIGURE, CLAIM, LEAST, MOST = "figure", "claim", "least", "most"
MEASURED, FAILED = "measured", "failed"
CANNOT, ELSEWHERE, NOT_MEASURED = "cannot run here", "needs another platform", "not measured"


class Figures(NamedTuple):
    true: dict  # {round: value}
    way: dict = {}  # the same by the published method
    text: str = ""  # what the published method measured here
    beside: dict = {}  # figures that were not published


@dataclass
class Row:
    id: str  # section.name
    title: str
    unit: str = ""
    published: float | tuple | None = None  # a figure, or a claim's range
    platform: str = ""
    kind: str = FIGURE  # what the published figure is
    obstacle: tuple | None = None  # (status, why) of a row that is not run
    runs: list = field(default_factory=list)  # Planned, or names of probes
    figures: Callable | None = None  # ({round: sample} of each run) -> Figures

    @property
    def section(self):
        return self.id.split(".")[0]


class Context(NamedTuple):
    """What the sections make their rows with."""

    published: object  # the file as an Entry
    timing: Callable  # (published seconds or None) -> Timing

    def planned(self, part, published_s=None, **settings):
        return Planned(cells.make(part, settings), self.timing(published_s))

    def quota(self, part, **settings):
        """A run that ends with its work; the time only bounds it."""
        timing = self.timing()
        timing = timing._replace(rounds=QUOTA_ROUNDS * timing.rounds, duration_s=20, warmup_s=0)
        return Planned(cells.make(part, settings), timing)


def system():
    return {"Darwin": "macOS"}.get(platform.system(), platform.system())


def foreign(name):
    """The obstacle of a row of that platform; None when it is this one's."""
    return None if name.startswith(system()) else (ELSEWHERE, name)


# ---- figures


class Value(NamedTuple):
    median: float
    low: float
    high: float
    by_round: dict


def value(by_round):
    """The median of the rounds with its 95 % interval; None without a round."""
    rounds = list(by_round.values())
    return Value(median(rounds), *resampled(rounds, median), by_round) if rounds else None


def each(function, samples):
    return {number: function(sample) for number, sample in samples.items()}


def ratios(over, under):
    """Of the rounds that both have: what was measured in one round met the same machine."""
    return {number: over[number] / under[number] for number in over if under.get(number)}


def verdict(row, way, true):
    """In a word or two; "" where nothing is judged."""
    judged = row.kind != FIGURE or way and row.unit != TIMES
    if judged and len(true.by_round) < FEWEST:
        return "too few rounds to tell"
    if row.kind in (LEAST, MOST):
        if true.low <= row.published <= true.high and true.low < true.high:
            return "unclear"
        reached = true.median >= row.published if row.kind == LEAST else (
            true.median <= row.published)
        return "target reached" if reached else "target missed"
    if row.kind == CLAIM:
        low, high = row.published if isinstance(row.published, tuple) else [row.published] * 2
        if true.high < low:
            return "below the claim"
        return "above the claim" if true.low > high else "in agreement"
    if judged:
        off = value(ratios(true.by_round, way.by_round))
        if off.low > 1 + DIFFERS or off.high < 1 - DIFFERS:
            return "artefact"
        return "sound here" if 1 - DIFFERS < off.low <= off.high < 1 + DIFFERS else "unclear"
    return ""


# ---- texts


def number_text(number):
    """Three digits that count; thousands and millions as such, which a unit may follow."""
    for scale, letter in ((1e6, " M"), (1e3, " k")):
        if abs(number) >= 10 * scale or scale == 1e6 <= abs(number):
            return digits_text(number / scale) + letter
    return digits_text(number)


def digits_text(number):
    return f"{number:,.{2 if abs(number) < 10 else 1 if abs(number) < 100 else 0}f}"


def exact_text(number):
    return f"{number:,.0f}" if number == int(number) else digits_text(number)
