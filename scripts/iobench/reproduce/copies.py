"""The published zero-copy figures: no program of the suite does this, so a small probe does."""

import re
from dataclasses import replace

from iobench.reproduce.probes import Copies
from iobench.reproduce.rows import (
    CLAIM, LEAST, NOT_MEASURED, TIMES, Figures, Row, each, foreign, median, ratios)

KIB, MIB = 1 << 10, 1 << 20
OTHERWISE = 100 * MIB, 8 * KIB  # file and small buffers, where no row says
MOST_MIB = 4096
UNTOLD = "How it was measured is not told"


def quantity(entry, name, unit, most, otherwise):
    """A number before a unit in a text of the file."""
    found = re.search(rf"(\d+) {unit}", entry.text(name))
    if found and not 1 <= int(found[1]) <= most:
        entry.fail(f"{name}: '{entry.text(name)}' is not of 1 to {most:,} {unit}")
    return int(found[1]) if found else otherwise


def way_of(entry):
    """(way with zero copy, the way with copies) of the probe; None when it has none."""
    operation = entry.text("operation")
    if operation.startswith("sendfile"):
        return ("sendfile-small", "read-send-small") if "buffers" in operation else (
            "sendfile", "read-send")
    return ("splice", "read-write") if operation.startswith("splice") else None


def of_way(way, samples):
    return each(lambda sample: sample[way], samples)


def rates(way, plain):
    def of(samples):
        copying = median(list(of_way(plain, samples).values()))
        return Figures(of_way(way, samples), {}, f"{UNTOLD}. Copying instead ({plain}): "
                       f"{copying:,.0f} MiB/s. Calls made from Python: lower bounds")

    return of


def speedup(way, plain):
    return lambda samples: Figures(ratios(of_way(way, samples), of_way(plain, samples)), {},
                                   f"{UNTOLD}. Rounds paired")


def rows_of(entry, i, probe):
    """Of an entry: its rate, and its target or what it claims over copying."""
    row = Row(f"zero_copy.{i}", entry.text("operation"), "MiB/s", entry.number("mb_s"), "Linux",
              obstacle=foreign("Linux"), runs=[probe])
    ways = way_of(entry)
    if not ways:
        row.obstacle = row.obstacle or (NOT_MEASURED, "no probe for it")
        return [row]
    row.figures = rates(*ways)
    if entry.has("target_mb_s"):
        other = replace(row, id=f"{row.id}-target", title="the same: the target", kind=LEAST,
                        published=entry.number("target_mb_s"),
                        figures=lambda samples: Figures(of_way(ways[0], samples)))
    else:
        row.title += f", {entry.text('source').rsplit(', ', 1)[-1]}"
        claim = round(row.published / entry.number("versus_read_send_mb_s"), 2)
        other = replace(row, id=f"{row.id}-ratio", title="the same / read+send", unit=TIMES,
                        published=claim, kind=CLAIM, figures=speedup(*ways))
    return [row, other]


def zero_copy(context):
    entries = context.published.entries("zero_copy")
    size, small = OTHERWISE
    for entry in entries:
        size = MIB * quantity(entry, "source", "MiB", MOST_MIB, size // MIB)
        small = KIB * quantity(entry, "operation", "KiB", 1024, small // KIB)
    probe = Copies(size, small)
    return [row for i, entry in enumerate(entries) for row in rows_of(entry, i, probe)]
