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


def has_duets(end):
    return bool(getattr(end.found, "duets", {}).get(end.cell.name))


def rounds_for(base, new, metric_name):
    """(how, {round: value} of the base, that of the new). base, new: found and cell"""

    def values(**which):
        return [end.found.by_round(end.cell.name, metric_name, **which) for end in (base, new)]

    one_session = is_one_session(base.found, new.found)
    if one_session and metric_name in DUET_METRICS and has_duets(base) and has_duets(new):
        return DUET, *values(duets=True)
    return INTERLEAVED if one_session else SEPARATE, *values()
