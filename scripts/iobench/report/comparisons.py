"""What a report compares: all ratios of all its parts together, and a load's cells for ranks."""

import itertools
from typing import NamedTuple

from iobench import cells, pairing, ratios
from iobench.outcomes import DIFFERENT, WORSE
from iobench.parts import PARTS

LATENCIES = ("p99_ns", "response_p99_ns")


class Asked(NamedTuple):
    """A ratio that is wanted, and where it goes."""

    into: dict  # {metric: ratio}
    base: pairing.End
    new: pairing.End
    metric: cells.Metric


def wanted(into, base, new):
    """The ratios of a cell to its baseline, in the metrics that both have."""
    own, its = ({metric.name: metric for metric in end.found.metrics(end.cell.name)}
                for end in (new, base))
    names = [*PARTS[new.cell.part].ratio_metrics(new.cell.settings), *LATENCIES]
    return [Asked(into, base, new, own[name]) for name in names if name in own and name in its]


def attach(asked):
    """Compares them, all together, and puts each ratio where it goes; returns their number."""
    made = ratios.compare([one[1:] for one in asked])
    for one, ratio in zip(asked, made):
        if ratio:
            del ratio["by_round"]  # nothing that a page shows
            ratio["text"] = ratios.text(ratio)
        one.into[one.metric.name] = ratio
    return sum(map(bool, made))


def places(ends):
    """[(best, worst)] rank by rate that the data allow to each: what they do not separate shares
    its ranks. The pairs of a load are judged together."""
    found = [[1, len(ends)] for _ in ends]
    pairs = list(itertools.combinations(range(len(ends)), 2))
    asked = [(ends[i], ends[j], ends[j].found.metric(ends[j].cell.name, "rate")) for i, j in pairs]
    for number, (_, verdict) in ratios.judge(asked).items():
        if verdict.outcome in DIFFERENT:
            ahead, behind = pairs[number] if verdict.outcome == WORSE else pairs[number][::-1]
            found[behind][0] += 1
            found[ahead][1] -= 1
    return found
