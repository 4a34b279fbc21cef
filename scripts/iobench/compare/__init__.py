"""What two sides say together, cell by cell and metric by metric, and the verdict on each.

A side is a result set, or one backend of a set. Rounds of one session are pairs: those of the same
number were measured one after the other. Otherwise all that is left is that there are two samples.
"""

import math
from typing import NamedTuple

from iobench import cells, figures, summary
from iobench.cells import HIGHER
from iobench.compare import inference
from iobench.parts import PARTS
from iobench.resultset import ResultSet
from iobench.run import USAGE, Failed

BETTER, WORSE, NONE, VOID = "better", "worse", "none", "void"  # of NEW
NO_DIFFERENCE = "no difference shown"
CPU = "cpu"  # all metrics of CPU time
SECONDARY = ("ns", "us")  # units that the name of a metric ends with and people leave out


class End(NamedTuple):
    """A cell of one side."""

    found: ResultSet
    cell: cells.Cell

    def samples(self):
        return list(self.found.samples[self.cell.name].values())

    def failures(self):
        return self.found.failures.get(self.cell.name, [])

    def errors(self):
        return figures.errors(self.samples())

    def starved(self):
        return figures.starved(self.samples())

    def is_sound(self):
        return not any(faults(self).values())


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
    rounds: tuple  # of base and new
    ratio: inference.Ratio
    p: float  # adjusted, decides
    mann_whitney_p: float  # adjusted
    outcome: str
    why: str | None  # of VOID
    rounds_needed: int | None  # on each side, for a difference as small as the least that counts

    def verdict(self):
        if self.outcome == NONE:
            return NO_DIFFERENCE
        if self.outcome == VOID:
            return f"void: {self.why}"
        if self.metric.better == HIGHER:
            return "faster" if self.outcome == BETTER else "slower"
        return "lower (better)" if self.outcome == BETTER else "higher (worse)"

    def more_rounds(self):
        """0: a difference that counts would have been likely to show."""
        return self.rounds_needed and max(0, self.rounds_needed - min(self.rounds))


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
            short = " ".join(now.cell[key] for key in part.COMPARED)
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
                                                   " ".join(cell[other] for other in others))
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


class Test(NamedTuple):
    """The rounds of a metric in logarithms."""

    pair: Pair
    metric: cells.Metric
    base: dict  # {round: logarithm}
    new: dict
    paired: bool

    def differences(self):
        return {number: self.new[number] - self.base[number]
                for number in sorted(self.base.keys() & self.new.keys())}

    def rounds(self):
        if self.paired:
            return (len(self.differences()),) * 2
        return len(self.base), len(self.new)

    def ratio(self):
        if self.paired:
            return inference.paired_ratio(list(self.differences().values()))
        return inference.unpaired_ratio(list(self.base.values()), list(self.new.values()))

    def variance(self):
        """Of the difference of one round of each side."""
        samples = ([list(self.differences().values())] if self.paired else
                   [list(self.base.values()), list(self.new.values())])
        return sum(map(inference.variance, samples))


def logs(end, metric):
    """Of the rounds that have a logarithm."""
    by_round = end.found.by_round(end.cell.name, metric.name)
    return {number: math.log(value) for number, value in by_round.items() if value > 0}


def p_values(tests, paired):
    """(those that decide, Mann and Whitney's), adjusted for the number of tests."""
    samples = [(list(test.base.values()), list(test.new.values())) for test in tests]
    mann_whitney = inference.holm([inference.mann_whitney_p(*some) for some in samples])
    if not paired:
        return mann_whitney, mann_whitney
    return inference.sign_flip_p([test.differences() for test in tests]), mann_whitney


def outcome_of(test, ratio, p, least_effect):
    """(outcome, why it is void)"""
    if not inference.is_shown(ratio.value, p, least_effect):
        return NONE, None
    outcome = BETTER if (ratio.value > 1) == (test.metric.better == HIGHER) else WORSE
    winner, loser = ((test.pair.new, test.pair.base) if outcome == BETTER else
                     (test.pair.base, test.pair.new))
    if loser.is_sound() and not winner.is_sound():
        return VOID, f"faults of the {'new' if outcome == BETTER else 'base'}"
    return outcome, None


def least_rounds(tests, paired):
    """With fewer nothing can be shown."""
    return (inference.least_paired_rounds() if paired else
            inference.least_unpaired_rounds(len(tests)))


def findings(subject, wanted, least_effect):
    """A Finding of each metric of each pair that has rounds on both sides."""
    tests = [Test(pair, metric, logs(pair.base, metric), logs(pair.new, metric), subject.paired)
             for pair in subject.pairs for metric in chosen(pair.part, wanted)]
    tests = [test for test in tests if min(test.rounds())]
    least, found = least_rounds(tests, subject.paired), []
    for test, p, mann_whitney in zip(tests, *p_values(tests, subject.paired)):
        ratio = test.ratio()
        outcome, why = outcome_of(test, ratio, p, least_effect)
        rounds = test.rounds()
        needed = None
        if min(rounds) >= 3 and least_effect:
            needed = inference.rounds_for(least_effect, test.variance(), len(tests), least)
        values = [end.found.merged(end.cell.name, test.metric.name)
                  for end in (test.pair.base, test.pair.new)]
        found.append(Finding(test.pair, test.metric, *values, rounds, ratio, p, mann_whitney,
                             outcome, why, needed))
    return found


def regressions(subject, found):
    """Texts: why a gate should not open."""
    texts = [f"{one.pair.new.cell.name}: {one.metric.title}: {one.verdict()}, "
             f"{one.ratio.value:.3f} times the base" for one in found if one.outcome == WORSE]
    for pair in subject.pairs:
        before = faults(pair.base)
        fresh = {name: count for name, count in faults(pair.new).items() if not before[name]}
        if any(fresh.values()):
            texts.append(f"{pair.new.cell.name}: {faults_text(fresh)}, and none in the base")
    texts += [f"not measured: {text}" for text in subject.missing]
    return texts + ["nothing could be compared"] * (not found)


def faults(end):
    return {"failed runs": len(end.failures()), "errors": end.errors(),
            "starved connections": end.starved()}


def faults_text(counts):
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "no faults"
