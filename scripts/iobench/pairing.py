"""Which rounds of two cells are set against each other.

Rounds in which both ran at the same time come first (duets), then those that were measured one
after the other (the same number, one session), and what is left are two samples of two times.
"""

from typing import NamedTuple

from iobench import cells
from iobench.resultset import ResultSet

DUET, INTERLEAVED, SEPARATE = "duet", "interleaved", "separate"
# What two that run at the same time share fairly. Their latencies are those of a crowded machine.
DUET_METRICS = ("rate", "server_cpu_us", "client_cpu_us", "cpu_us")


class End(NamedTuple):
    """A cell of a result set."""

    found: ResultSet
    cell: cells.Cell


def session(found):
    """What the runs of a set were measured in; None if nothing says that they were interleaved."""
    named = found.plan["session"]
    return named if isinstance(named, str) else None


def is_one_session(one, other):
    return session(one) is not None and session(one) == session(other)


def began_ns(end, number):
    """When the window of a duet began; None if its report does not say."""
    return end.found.duets[end.cell.name][number]["client"]["window"].get("start_monotonic_ns")


def duets_of(base, new):
    """Numbers of the duets that both were in. Cells of a group may have had duets of their own,
    each with its like of another set, which the same number does not make one."""
    numbers = base.found.duets[base.cell.name].keys() & new.found.duets[new.cell.name].keys()
    return [number for number in sorted(numbers)
            if began_ns(base, number) == began_ns(new, number) is not None]


def rounds_for(base, new, metric_name):
    """(how, {round: value} of the base, that of the new). base, new: found and cell"""

    def values(**which):
        return [end.found.by_round(end.cell.name, metric_name, **which) for end in (base, new)]

    one_session = is_one_session(base.found, new.found)
    together = duets_of(base, new) if one_session and metric_name in DUET_METRICS else ()
    if together:
        return DUET, *({number: side[number] for number in together if number in side}
                       for side in values(duets=True))
    return INTERLEAVED if one_session else SEPARATE, *values()
