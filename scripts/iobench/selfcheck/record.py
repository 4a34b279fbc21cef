"""Records rounds of a build beside itself and beside slower ones.

Each comparison is a pair of result sets of its own, as `compare --rev` would measure them, of which
a few rounds at a time are taken: so all comparisons are spread over the whole recording.
"""

import itertools
import shutil
import time
from typing import NamedTuple

from iobench import resultset, run, runner, schedule
from iobench.matrix import Planned
from iobench.pairing import DUET, INTERLEAVED
from iobench.selfcheck import load, slower
from iobench.selfcheck.plan import BLOCK, PROMISES, metrics

SIDES = ("base", "new")


class Round(NamedTuple):
    """What one duet, or one solo run of each side, found."""

    seconds: float  # of machine time, with all starting and ending
    base: dict  # {metric: value}; empty if the run failed
    new: dict

    def is_whole(self):
        return bool(self.base and self.new)


class Comparison:
    """Two builds, in one cell, in one way."""

    def __init__(self, cell, timing, programs, folder, seed=1):
        self.cell = cell
        text = {"seed": seed, "session": "selfcheck", "cpus": run.choose_cpus()}
        stores = [resultset.Store.create(folder / side, resultset.plan_for(
            [Planned(cell, timing)], label=side, **text)) for side in SIDES]
        self.variants = [schedule.Variant(*some) for some in zip(stores, programs)]
        self.stage = runner.stage_of(self.variants)
        self.rounds = self.in_order()

    def in_order(self):
        """Gives the turns of one round after the other."""
        found = {}
        for turn in schedule.turns(self.variants):
            found.setdefault(turn.number, []).append(turn)
        return iter(found.values())

    def value(self, store, turn):
        """{metric: value} of the run, whose report is not kept."""
        sample = store.rounds(self.cell.name, turn.duet).pop(turn.number, None)
        for file in (store.path / "raw").iterdir():
            file.unlink()
        values = {name: sample and store.metric(self.cell.name, name).of([sample])
                  for name in metrics(self.cell)}
        return values if all(values.values()) else {}

    def take_round(self, turns):
        begin_s = time.monotonic()
        for turn in turns:
            runner.take(turn, self.stage)
        seconds = time.monotonic() - begin_s
        return Round(seconds, *(self.value(variant.store, turns[0]) for variant in self.variants))

    def take(self, count):
        """The next rounds. Failed if there is none of both sides."""
        rounds = [self.take_round(turns) for turns in itertools.islice(self.rounds, count)]
        if not any(one.is_whole() for one in rounds):
            stores = [variant.store for variant in self.variants]
            texts = [text for store in stores for text in
                     [*store.left_out.values(), *sum(store.failures.values(), [])]]
            raise run.Failed(texts[0] if texts else f"{self.cell.name}: nothing was measured")
        return rounds


class Item(NamedTuple):
    """A comparison as it stands in the recording."""

    cell: str
    percent: float  # by which the new side is slowed; 0: the same build
    how: str
    comparison: Comparison

    def block(self, number, count):
        """A line of the recording."""
        before = load.look()
        rounds = self.comparison.take(count)
        return {"cell": self.cell, "percent": self.percent, "how": self.how, "number": number,
                "load": load.between(before, load.look()),
                "rounds": [one._asdict() for one in rounds]}


def why_no_duets(cells):
    cpus = run.choose_cpus()
    return next(filter(None, (schedule.why_no_duet(cell, cpus) for cell in cells)), None)


def calibrated(cell, programs, folder):
    """{percent: ns of work} of what is promised."""

    def probe(work_ns):
        place = folder / f"probe-{cell.name}-{work_ns}"
        slowed = slower.slower(programs, place / "bin", cell.part, work_ns)
        some = Comparison(cell, slower.PROBING, (programs, slowed), place)
        try:
            return some.take(slower.PROBING.duets)
        finally:
            shutil.rmtree(place)  # with the files that were read

    by_ns = slower.growth_by_ns(cell, probe)
    return {one.percent: slower.work_for(one.percent / 100, by_ns) for one in PROMISES[cell.part]}


class Recording:
    """All comparisons of a plan."""

    def __init__(self, plan, programs, folder):
        self.plan, self.programs, self.folder = plan, programs, folder
        self.cells = plan.cells()
        self.work_ns, self.skipped = {}, []
        if why_no_duets(self.cells):
            raise run.Failed(f"no duets here: {why_no_duets(self.cells)}", run.CANNOT_RUN_HERE)

    def calibrate(self):
        for cell in self.cells:
            missing = slower.why_not(self.programs, cell.part)
            if missing:
                self.skipped.append(f"{cell.name}: not slowed: {missing}")
            else:
                self.work_ns[cell.name] = calibrated(cell, self.programs, self.folder)

    def item(self, cell, percent, how, timing, new):
        place = self.folder / f"{cell.name}-{percent}-{how}"
        return Item(cell.name, percent, how, Comparison(cell, timing, (self.programs, new), place))

    def same(self):
        """Lists: the cells of a session, in each way."""
        return [[self.item(cell, 0, how, self.plan.same(how), self.programs)
                 for cell in self.cells] for how in self.plan.ways]

    def slowed(self):
        some = []
        for cell in self.cells:
            for percent, work_ns in self.work_ns.get(cell.name, {}).items():
                new = slower.slower(self.programs, self.folder / f"slow-{cell.name}-{percent}",
                                    cell.part, work_ns)
                some += [self.item(cell, percent, how, self.plan.slowed(how), new)
                         for how in (DUET, INTERLEAVED)]
        return some

    def order(self):
        """[(Item, number, rounds)]: evenly over the recording, sessions in one piece."""
        every = [(some, self.plan.sessions, self.plan.rounds) for some in self.same()]
        every += [([one], self.plan.blocks, BLOCK) for one in self.slowed()]
        found = [((number + 0.5) / count, i, [(one, number, rounds) for one in some])
                 for i, (some, count, rounds) in enumerate(every) for number in range(count)]
        return [one for *_, some in sorted(found, key=lambda one: one[:2]) for one in some]

    def blocks(self):
        """Gives (how far it is, block) as they are measured."""
        order = self.order()
        for done, (item, number, rounds) in enumerate(order, 1):
            yield done / len(order), item.block(number, rounds)
