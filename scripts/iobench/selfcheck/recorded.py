"""What was recorded, read back: the rounds of each comparison as logarithms of their ratios."""

import math
from typing import NamedTuple

from iobench import resultset
from iobench.cells import HIGHER, LOWER
from iobench.pairing import DUET, INTERLEAVED

KIND = "iobench selfcheck"
VERSION = 2
MEMBERS = ("cells", "work_ns", "skipped", "rounds_per_session", "blocks")


class Block(NamedTuple):
    """Rounds that followed one another. A round that failed is empty."""

    cell: str
    percent: float
    how: str
    number: int
    seconds: list
    logs: list  # {metric: logarithm of the new to the base}
    load: dict | None


class Recorded(NamedTuple):
    cells: dict  # {name: [metric]}
    rounds_per_session: int
    skipped: list
    blocks: list

    def ways(self):
        """In which the build was compared with itself."""
        return [how for how in (DUET, INTERLEAVED)
                if any(one.how == how and not one.percent for one in self.blocks)]

    def sessions(self, how):
        """[{cell: Block}] of the build beside itself, of all cells each."""
        found = {}
        for one in self.blocks:
            if one.how == how and not one.percent:
                found.setdefault(one.number, {})[one.cell] = one
        return [some for some in found.values() if len(some) == len(self.cells)]

    def slowed(self):
        """{(cell, percent): {how: [Block]}}"""
        found = {}
        for one in self.blocks:
            if one.percent:
                found.setdefault((one.cell, one.percent), {}).setdefault(one.how, []).append(one)
        return found


def better(metric):
    return HIGHER if metric == "rate" else LOWER


def logs_of(one, metrics):
    """{} unless both sides have them."""
    base, new = one["base"], one["new"]
    found = {name: math.log(new[name] / base[name]) for name in metrics if base and new}
    if not all(map(math.isfinite, found.values())):
        raise ValueError("a figure is not a number")
    return found


def block_of(one, cells):
    rounds = one["rounds"]
    if one["how"] not in (DUET, INTERLEAVED):
        raise ValueError(f"'how' is {one['how']!r}")
    return Block(one["cell"], float(one["percent"]), one["how"], int(one["number"]),
                 [float(some["seconds"]) for some in rounds],
                 [logs_of(some, cells[one["cell"]]) for some in rounds], one.get("load"))


def parsed(document, name):
    """Recorded; Unreadable, in one line, if the document is not whole."""
    if document.get("kind") != KIND:
        raise resultset.Unreadable(f"{name}: not what this script wrote")
    if document.get("schema_version") != VERSION:
        raise resultset.Unreadable(f"{name}: schema version {document.get('schema_version')!r}, "
                                   f"which is not the {VERSION} that is read here")
    for member in MEMBERS:
        if member not in document:
            raise resultset.Unreadable(f"{name}: lacks '{member}'")
    try:
        cells = {cell: list(metrics) for cell, metrics in document["cells"].items()}
        blocks = [block_of(one, cells) for one in document["blocks"]]
        found = Recorded(cells, int(document["rounds_per_session"]), list(document["skipped"]),
                         blocks)
    except resultset.UNUSABLE as error:
        what = f"a block lacks {error}" if isinstance(error, KeyError) else str(error)
        raise resultset.Unreadable(f"{name}: not a whole recording: {what}") from error
    if not found.sessions(DUET):
        raise resultset.Unreadable(f"{name}: not a whole recording: no session of duets in it")
    return found
