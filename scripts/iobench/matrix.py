"""What is to be measured, as a small TOML file says it.

    rounds = 6                # of all tables that do not say otherwise; so are
    duration = "700ms"        # the measuring window of a run and
    warmup = "300ms"          # what comes before it
    duets = 20                # rounds in which the cells that are compared run at the same time,
    duet = "150ms"            # for a window of this length times their number
    solo = 10                 # rounds where there are no duets; as "rounds" says unless it is given

    [[tcp]]                   # or [[udp]], [[file]]: as many as you like
    backend = ["epoll", "io_uring"]    # a list is multiplied out with the other lists
    connections = [1, 100]

A cell that two tables name is measured once, as the first says.
"""

import argparse
import itertools
import tomllib
from typing import NamedTuple

from iobench import cells, options, peers
from iobench.cells import Timing
from iobench.parts import PARTS
from iobench.run import ROOT, USAGE, Failed

FOLDER = ROOT / "scripts" / "matrices"
TIMES = {
    "rounds": ("rounds", options.count(1000)),
    "duration": ("duration_s", options.duration_s(0.001)),
    "warmup": ("warmup_s", options.duration_s(0)),
    "duets": ("duets", options.count(10000, 0)),
    "duet": ("duet_s", options.duration_s(0.001)),
    "solo": ("solo", options.count(1000, 0)),
}


class Planned(NamedTuple):
    cell: cells.Cell
    timing: Timing


def part_of(planned):
    return PARTS[planned.cell.part]


class Reader:
    """Reads one matrix; complaints name the file and the place."""

    def __init__(self, name, given):
        self.name, self.given = name, given

    def fail(self, text):
        raise Failed(f"{self.name}: {text}", USAGE)

    def value(self, where, name, parse, value):
        """Texts and whole numbers alike go through the parser of the command line."""
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            self.fail(f"{where}{name}: '{value}' is neither a text nor a whole number")
        try:
            return parse(str(value))
        except argparse.ArgumentTypeError as error:
            return self.fail(f"{where}{name}: {error}")

    def timing(self, where, table, base):
        found = {field: self.value(where, name, parse, table[name])
                 for name, (field, parse) in TIMES.items() if name in table}
        if "rounds" in table:  # no more than it says
            found = {"solo": 0} | found
        return base._replace(**found)

    def table(self, part, table, top):
        where = f"[[{part.NAME}]] "
        if not isinstance(table, dict):
            self.fail(f"'{part.NAME}' is not a table: write [[{part.NAME}]]")
        for name in table:
            if name not in part.KEYS and name not in TIMES:
                self.fail(f"{where}{name}: not one of {', '.join([*part.KEYS, *TIMES])}")
        table = part.fit(table, self.given.get(part.NAME, {}))
        if table is None:
            return
        timing = self.timing(where, table, self.timing("", top, part.TIMING))
        timing = timing._replace(**self.given.get(None, {}))
        settings = {}
        for name, key in part.KEYS.items():
            if name in table:
                values = table[name] if isinstance(table[name], list) else [table[name]]
                if not values:
                    self.fail(f"{where}{name}: an empty list")
                settings[name] = [self.value(where, name, key.parse, value) for value in values]
        for values in itertools.product(*settings.values()):
            cell = cells.make(part, dict(zip(settings, values)))
            if peers.fault(cell):
                self.fail(where + peers.fault(cell))
            yield Planned(cell, timing)

    def read(self, text):
        try:
            top = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self.fail(str(error))
        for name in top:
            if name not in PARTS and name not in TIMES:
                self.fail(f"{name}: not one of {', '.join([*PARTS, *TIMES])}")
        found = {}
        for name, part in PARTS.items():
            tables = top.get(name, [])
            for table in tables if isinstance(tables, list) else [tables]:
                for planned in self.table(part, table, top):
                    first = found.setdefault(planned.cell.name, planned)
                    if first.cell != planned.cell:
                        self.fail(f"[[{name}]] two cells would both be called {first.cell.name}")
        if not found:
            self.fail("nothing to measure")
        return list(found.values())


def load(path, given=None):
    """The cells of a file, in its order; a name without more is of one in scripts/matrices.

    given, which goes before what the file says: {part name: {key: values}}, and at None the
    members of Timing.
    """
    known = FOLDER / f"{path}.toml"
    path = known if known.is_file() and not path.is_file() else path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{path}: {getattr(error, 'strerror', None) or error}", USAGE) from error
    return Reader(path.name, given or {}).read(text)
