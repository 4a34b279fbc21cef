"""What is measured: a cell, which is a part of the suite with its settings, and its metrics.

A part (tcp, udp, fileio) is a module that says what can be set, how a cell is run and what its
reports mean; parts.py lists them. A part defines:

    NAME, TITLE, UNIT   "tcp", the heading of its table, what its rate counts
    KEYS                {setting: Key}: what a matrix can set, in the order of a cell's name
    COMPARED            the settings by which the cells of a group differ
    BASELINE            their values in the cell that a group's ratios are formed to
    is_baseline(cell)   whether it is that one
    fit(table, given)   a matrix's table with what the command line says; None: nothing is left of it
    TIMING              Timing: rounds and durations unless the matrix says otherwise
    METRICS             [Metric], the first of them the rate
    under_way(cell, timing, place, stem) a context: its programs run, and gives the client's process
    result(cell, stem)                   the sample that it left under stem; Failed if it is none
    STALLED_S                            how long beyond warm-up and window a client may take
    why_no_duet(cell)                    why it cannot be measured beside others, or None; what holds
                                         for all parts is in schedule.py
    model(cell)                          what it is, among those it is compared with, in words
    heading(cell), row(...), table(...)  its table
"""

import re
from typing import Callable, NamedTuple

HIGHER, LOWER = "higher", "lower"


class Key(NamedTuple):
    parse: Callable  # text -> value; raises argparse.ArgumentTypeError
    default: object
    short: str | None = None  # before the value in a cell's name; None: said only if no default


class Metric(NamedTuple):
    name: str
    title: str
    unit: str  # "per s", "ns", "us" or "" for a plain number
    better: str  # HIGHER or LOWER
    of: Callable  # samples -> value or None; of one sample, or of all rounds' together


class Timing(NamedTuple):
    """Solo rounds, in which a cell has its CPUs to itself, and duets, in which those that are
    compared run at the same time on the same CPUs."""

    rounds: int
    duration_s: float
    warmup_s: float
    duets: int = 0
    duet_s: float = 0.15  # of the window, for each of those that share it
    solo: int = 0  # solo rounds of a cell that has no duets, if that is more

    def of_duet(self, members):
        """So long that each member has as much of the CPUs as it would have alone."""
        return self._replace(duration_s=self.duet_s * members, warmup_s=self.warmup_s * members)

    def text(self):
        solo = (f"{self.rounds} round{'s' * (self.rounds > 1)} of {self.duration_s:g} s after "
                f"{self.warmup_s:g} s of warm-up")
        return solo + (f", {self.duets} duets of {self.duet_s:g} s each" * bool(self.duets))


class Cell(NamedTuple):
    part: str
    name: str  # for people and for file names, of all systems
    settings: dict  # every key of the part

    def __getitem__(self, key):
        return self.settings[key]

    def __hash__(self):
        return hash(self.name)


def make(part, settings):
    """A cell with the part's defaults where settings say nothing; ValueError for one of another
    form than its default."""
    full = {name: settings.get(name, key.default) for name, key in part.KEYS.items()}
    for name, key in part.KEYS.items():
        kind = (int, float) if isinstance(key.default, int) else str
        if not isinstance(full[name], kind):
            raise ValueError(f"its {name} is {full[name]!r}")
    words = [part.NAME]
    for name, key in part.KEYS.items():
        if key.short is not None:
            words.append(f"{key.short}{full[name]}")
        elif full[name] != key.default:
            words.append(f"{name}-{full[name]}")
    return Cell(part.NAME, re.sub(r"[^\w.+-]+", "_", "-".join(words)), full)


def group_of(part, cell):
    """What the cells that are compared with one another have in common."""
    return tuple((name, value) for name, value in cell.settings.items()
                 if name not in part.COMPARED)


def others(part_keys, settings, *but):
    """The settings that are not the default, in words, without some."""
    return [f"{name.replace('_', ' ')} {settings[name]}" for name, key in part_keys.items()
            if name not in but and settings[name] != key.default]
