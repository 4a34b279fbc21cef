"""What went wrong on one side of a comparison, and whether more of it did on the other.

Counts alone say nothing: a side that did twice the work may have twice the errors. So each is set
against the work that could have had it.
"""

from typing import NamedTuple

from scipy import stats

from iobench import figures
from iobench.inference import ALPHA

FAILED, ERRORS, STARVED = "failed runs", "errors", "starved connections"
TIMES = 2  # what errors per request must exceed the base's by: they come in bursts


class Fault(NamedTuple):
    count: int
    work: int  # runs; requests of errors

    def share(self):
        return self.count / self.work if self.work else float(self.count > 0)


def of(end):
    """{kind: Fault} of a cell of one side."""
    samples, failed = end.every(), len(end.failures())
    return {FAILED: Fault(failed, failed + len(samples)),
            ERRORS: Fault(figures.errors(samples), figures.requests(samples)),
            STARVED: Fault(figures.starved(samples), len(samples))}


def text(found):
    return ", ".join(f"{fault.count:,} {kind}" for kind, fault in found.items()
                     if fault.count) or "no faults"


def by_chance(base, new):
    """How likely the new has so many of all, or more, if both have them at one rate: the exact
    test of two Poisson counts (Przyborowski and Wilenski 1940)."""
    every, work = base.count + new.count, base.work + new.work
    return float(stats.binom.sf(new.count - 1, every, new.work / work if work else 0.5))


def is_more(kind, base, new, tests):
    """Whether the new side is worse: any fault where the base has none. Where it has some: more per
    run; and of errors more than TIMES as many per request, beyond chance in so many tests."""
    if not base.count or kind != ERRORS:
        return new.share() > base.share()
    return (new.share() > TIMES * base.share()
            and by_chance(base, new) <= ALPHA / max(1, tests))


def fresh(base, new, tests):
    """Texts: what the new end has more of."""
    before, now = of(base), of(new)
    return [f"{now[kind].count:,} {kind}, and {before[kind].count or 'none'} in the base"
            for kind in now if is_more(kind, before[kind], now[kind], tests)]
