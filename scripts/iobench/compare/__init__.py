"""What two sides say together, cell by cell and metric by metric, and the verdict on each.

A side is a result set, or one backend of a set. Rounds of one session are pairs: those of the same
number were measured at the same time, or one after the other. Otherwise all that is left is that
there are two samples.
"""

from typing import NamedTuple

from iobench import cells, figures, inference, pairing, summary, verdicts
from iobench.compare import faults
from iobench.outcomes import DIFFERENT, EQUAL, VOID, WORSE
from iobench.parts import PARTS
from iobench.run import USAGE, Failed

CPU = "cpu"  # all metrics of CPU time
SECONDARY = ("ns", "us")  # units that the name of a metric ends with and people leave out


class End(pairing.End):
    """A cell of one side."""

    def samples(self):
        """Of the rounds in which it had its CPUs to itself."""
        return list(self.found.samples[self.cell.name].values())

    def every(self):
        return self.found.every(self.cell.name)

    def failures(self):
        return self.found.failures.get(self.cell.name, [])

    def is_sound(self):
        return not any(fault.count for fault in faults.of(self).values())


class Pair(NamedTuple):
    """A cell of both sides."""

    heading: str  # what it has in common with its neighbours
    name: str  # what it differs in
    base: End
    new: End

    @property
    def part(self):
        return PARTS[self.new.cell.part]


class Subject(NamedTuple):
    """What is compared with what."""

    base: str
    new: str
    pairs: list
    one_sided: list  # texts
    missing: list  # texts: cells that NEW should have and has not
    paired: bool
    sets: tuple  # of the base and the new; the same for two backends of one

    def cells_text(self):
        return f"{len(self.pairs)} cell{'s' * (len(self.pairs) != 1)}"


class Finding(NamedTuple):
    """One metric of one pair."""

    pair: Pair
    metric: cells.Metric
    base: float | None
    new: float | None
    how: str  # its rounds were paired: of pairing.py
    rounds: tuple  # of base and new
    ratio: inference.Ratio
    verdict: verdicts.Verdict
    mann_whitney_p: float  # adjusted
    outcome: str  # of the verdict, or VOID
    why: str | None  # of VOID

    @property
    def visible(self):
        return self.verdict.visible

    def text(self):
        if self.outcome == VOID:
            return f"void: {self.why}"
        return self.verdict.text(self.metric.better)

    def more_rounds(self):
        """0: what is equal would have been likely to be called so. None: not known."""
        needed = self.verdict.rounds_needed()
        return needed and max(0, needed - min(self.rounds))


# ---- which cells


def heading(part, cell):
    text = f"{part.TITLE}, {part.heading(cell.settings)}"
    return text + (", direct I/O" if cell.settings.get("direct") == "on" else "")


def of_sets(base, new):
    """Two result sets: the cells that both have."""
    ends = [{name: End(found, one.cell) for name, one in found.planned.items()}
            for found in (base, new)]
    measured = [{name for name in found.planned if found.samples[name]} for found in (base, new)]
    pairs, one_sided, missing = [], [], []
    same_session = base.plan["session"] == new.plan["session"]
    for name in dict.fromkeys([*base.planned, *new.planned]):
        there = [name in some for some in measured]
        if all(there):
            old, now = (some[name] for some in ends)
            part = PARTS[now.cell.part]
            short = part.model(now.cell)
            pairs.append(Pair(heading(part, now.cell), short, old, now))
        elif any(there):
            found = new if there[0] else base
            why = absence(found, name)
            one_sided.append(f"only in {base.label if there[0] else new.label}: {name} ({why})")
            if there[0] and (found.failures.get(name) or name in found.left_out and same_session):
                missing.append(f"{name}: {why}")
        elif ends[1].get(name) and ends[1][name].failures():
            one_sided.append(f"in neither: {name} ({absence(new, name)})")
            missing += [f"{name}: {absence(new, name)}"] * (
                name in base.planned and not base.failures.get(name))
    return Subject(base.label, new.label, pairs, one_sided, missing, same_session, (base, new))


def absence(found, name):
    """Why a set has no measurement of a cell."""
    if name not in found.planned:
        return f"not in the matrix of {found.label}"
    if name in found.left_out:
        return f"left out of {found.label}: {found.left_out[name]}"
    if found.failures.get(name):
        return f"failed in {found.label}: {found.failures[name][0]}"
    return f"not measured yet in {found.label}"


def of_backends(found, base, new):
    """Two backends or engines of one set."""
    by_rest = {base: {}, new: {}}
    for name, one in found.planned.items():
        part, cell = PARTS[one.cell.part], one.cell
        key, *others = part.COMPARED
        if cell[key] in by_rest and found.samples[name]:
            rest = tuple(value for setting, value in cell.settings.items() if setting != key)
            by_rest[cell[key]][part.NAME, rest] = (End(found, cell), heading(part, cell),
                                                   " ".join(str(cell[other]) for other in others))
    for backend, some in by_rest.items():
        if not some:
            known = {one.cell[PARTS[one.cell.part].COMPARED[0]]: None
                     for name, one in found.planned.items() if found.samples[name]}
            raise Failed(f"--backends: '{backend}' was not measured in {found.path}, which has "
                         f"{', '.join(known) or 'nothing'}", USAGE)
    pairs = [Pair(text, short, by_rest[base][rest][0], end)
             for rest, (end, text, short) in by_rest[new].items() if rest in by_rest[base]]
    one_sided = [f"only of {backend}: {end.cell.name}" for backend, other in
                 ((base, new), (new, base)) for rest, (end, *_) in by_rest[backend].items()
                 if rest not in by_rest[other]]
    return Subject(base, new, pairs, one_sided, [], True, (found, found))


# ---- which metrics


def names_of(metric):
    """A metric's name, and what people may call it."""
    bare, _, unit = metric.name.rpartition("_")
    names = {metric.name} | ({bare} if unit in SECONDARY else set())
    return names | {CPU} if bare.endswith(CPU) else names


def known_metrics():
    """Shortest names first come, of every part; plain counts have no ratio."""
    found = {}
    for part in PARTS.values():
        for metric in part.METRICS:
            if metric.name != "lost":
                found.setdefault(min(names_of(metric) - {CPU}, key=len, default=CPU), None)
    return [*found, CPU]


def chosen(part, wanted):
    """The part's metrics that have one of these names, in that order."""
    found = {metric.name: metric for name in wanted for metric in part.METRICS
             if name in names_of(metric)}
    return list(found.values())


def sift(found, wanted):
    """Leaves out the runs whose reports lack what a comparison takes from them."""

    def check(_, name, __, sample):
        figures.check(chosen(PARTS[found.planned[name].cell.part], wanted), sample)
        figures.errors([sample])
        figures.starved([sample])
        summary.host_text([sample["client"]["host"]])
        if not isinstance(sample["client"]["config"], dict):
            raise ValueError("its config is no object")

    return found.sift(check)


# ---- what they say


def void_because(pair, outcome, better_end, worse_end):
    """Faults that a verdict must not hide: of the side that it favours, of both when it says that
    they are equal. None if there are none."""
    ends = {"base": pair.base, "new": pair.new}
    favoured = {EQUAL: ends}.get(outcome, {better_end: ends[better_end]})
    faulty = [name for name, end in favoured.items() if not end.is_sound()]
    if not faulty:
        return None
    if outcome != EQUAL and not ends[worse_end].is_sound():
        faulty = list(ends)
    return "faults of both" if len(faulty) == 2 else f"faults of the {faulty[0]}"


def outcome_of(pair, verdict):
    """(outcome, why it is void)"""
    if verdict.outcome not in (*DIFFERENT, EQUAL):
        return verdict.outcome, None
    sides = ("base", "new") if verdict.outcome == WORSE else ("new", "base")
    why = void_because(pair, verdict.outcome, *sides)
    return (VOID, why) if why else (verdict.outcome, None)


def mann_whitney(tests):
    """Adjusted p values, of all tests alike."""
    return inference.holm([inference.mann_whitney_p(list(test.base.values()),
                                                    list(test.new.values())) for test in tests])


def findings(subject, wanted, rule=verdicts.Rule()):
    """A Finding of each metric of each pair that has rounds on both sides."""
    asked = [(pair, metric, verdicts.test_of(pair.base, pair.new, metric))
             for pair in subject.pairs for metric in chosen(pair.part, wanted)]
    asked = [(*one, test) for *one, test in asked if min(test.rounds())]
    tests = [test for *_, test in asked]
    found = []
    for (pair, metric, test), verdict, p in zip(asked, verdicts.judge(tests, rule),
                                                mann_whitney(tests)):
        values = [end.found.merged(end.cell.name, metric.name) for end in (pair.base, pair.new)]
        found.append(Finding(pair, metric, *values, test.how, test.rounds(), test.ratio(), verdict,
                             p, *outcome_of(pair, verdict)))
    return found
