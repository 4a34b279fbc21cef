"""The table of what finds a slowdown, after how long."""

from iobench.pairing import DUET
from iobench.selfcheck.both_ways import WORDS
from iobench.selfcheck.power import SHARE
from iobench.table import BLANK, Table

COLUMNS = [("", "way"), ("", "rounds"), ("", "seconds"), ("found by", "CPU"), ("found by", "rate")]
NOTES = [
    "Seconds: machine time for the cell, starting and ending of the programs included. Found by: of "
    "so many sessions, drawn from the recorded blocks of rounds, the share whose verdict was "
    "'different', and worse. One cell with both its metrics is corrected for together.",
    "Of a solo round both sides were run, one after the other.",
]


def way_text(how):
    return "duets" if how == DUET else "solo"


def reached(metrics, name):
    """When SHARE is."""
    found = metrics[name]
    if found["rounds_needed"] is None:
        return f"{WORDS[name]}: not within what was recorded"
    return f"{WORDS[name]}: {found['rounds_needed']} rounds, {found['seconds_needed']:.1f} s"


def line(one):
    """What is found in SHARE of the sessions, in words."""
    *_, cpu = one["metrics"]
    metrics = [cpu, "rate"]
    texts = [f"{reached(one['metrics'], name)} (ratio {ratio_text_of(one, name)}, "
             f"sd {100 * one['metrics'][name]['deviation']:.1f} %)" for name in metrics]
    return (f"{one['cell']} slowed by {one['percent']:g} %, {way_text(one['how'])}: found in "
            f"{SHARE:.0%} after: " + "; ".join(texts))


def ratio_text_of(one, name):
    value, low, high = one["metrics"][name]["ratio"]
    return f"{value:.3f}, {low:.3f}-{high:.3f}"


def rows(one):
    *_, cpu = one["metrics"]
    return [[way_text(one["how"]), f"{point['rounds']}", f"{point['seconds']:.1f}",
             *(f"{point['shares'][name]:.0%}" for name in (cpu, "rate"))]
            for point in one["curve"]]


def table(reports):
    groups = {}
    for one in reports:
        head = f"{one['cell']} slowed by {one['percent']:g} %"
        groups.setdefault(head, []).extend(rows(one) or [[way_text(one["how"]), *[BLANK] * 4]])
    return Table("Power", [], COLUMNS, groups, NOTES)
