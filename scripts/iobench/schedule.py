"""What is run, and in which order: turns, each of one run or, in a duet, of several at once.

The turns of each kind are spread evenly over the session, so that a table's figures and its ratios
are of the same stretch of time, and the groups of cells follow in random order, as seeded. Solo
rounds of a group follow one another: what is compared is measured within seconds.
"""

import random
from pathlib import Path
from typing import NamedTuple

from iobench import cells, peers, resultset
from iobench.parts import PARTS


class Variant(NamedTuple):
    """A result set and the programs that it is of: sets with other programs are interleaved."""

    store: resultset.Store
    programs: Path


class Turn(NamedTuple):
    number: int  # of the round, or of the duet
    duet: bool
    members: list  # (Variant, Planned); one unless it is a duet

    def has_ended(self):
        return all(variant.store.has(one.cell.name, self.number, self.duet)
                   for variant, one in self.members)


def groups_of(planned):
    """Lists of those that are compared with one another."""
    groups = {}
    for one in planned:
        part = PARTS[one.cell.part]
        groups.setdefault((part.NAME, cells.group_of(part, one.cell)), []).append(one)
    return list(groups.values())


def why_no_duet(cell, cpus):
    """Why a cell is not measured at the same time as others; None if it may be. What holds for every
    part is said here, the rest by the part."""
    if peers.of(cell):
        return "a peer cannot be told when to begin"
    if cpus is None:
        return "this system cannot bind programs to CPUs"
    if cpus[0] == cpus[1] and cell.part != "file":
        return "there is one CPU only"
    if cell.settings.get("mode") == "latency":
        return "threads that spin take each other's CPU"
    if cell["rate"]:
        return "an open loop below its limit has the rate of its schedule"
    return PARTS[cell.part].why_no_duet(cell)


def with_duets(some, plan):
    """Those of a group that have duets. A plan may ask for them everywhere, to find out where they mislead."""
    return [one for one in some if one.timing.duets
            and (plan.get("duets_everywhere") or not why_no_duet(one.cell, plan["cpus"]))]


def timed(planned, cpus):
    """The cells with their rounds as they can be: what has no duets here gets as many solo rounds as
    are planned for that, and so does what it is compared with, since ratios take rounds of both."""
    made = []
    for group in groups_of(planned):
        solo = {one.cell for one in group if one.timing.duets and why_no_duet(one.cell, cpus)}
        for one in group:
            part, timing = PARTS[one.cell.part], one.timing
            if one.cell in solo or solo and part.is_baseline(one.cell):
                timing = timing._replace(rounds=max(timing.rounds, timing.solo))
            made.append(one._replace(timing=timing._replace(
                duets=0 if one.cell in solo else timing.duets)))
    return made


def spread(draw, rounds, make):
    """[(when, what)] of rounds that are spread evenly over the time from 0 to 1."""
    return [((number - 0.5) / rounds, draw.random(), make(number))
            for number in range(1, rounds + 1)]


def solo_round(draw, group, variants, number):
    """The variants in turn go first."""
    some = [one for one in group if number <= one.timing.rounds]
    first = number % len(variants)
    return [Turn(number, False, [(variant, one)]) for one in draw.sample(some, len(some))
            for variant in variants[first:] + variants[:first]]


def duet(draw, group, variants, number):
    """All at once. Who is started first is drawn."""
    members = [(variant, one) for one in group for variant in variants
               if number <= one.timing.duets]
    return [Turn(number, True, draw.sample(members, len(members)))] if len(members) > 1 else []


def duet_groups(group, variants, plan):
    """With several sets a cell is compared with itself, else the cells of a group with each other."""
    some = with_duets(group, plan)
    return [[one] for one in some] if len(variants) > 1 else [some] * (len(some) > 1)


def turns(variants):
    """All Turns of result sets, in their order."""
    plan = variants[0].store
    draw, found = random.Random(plan.plan["seed"]), []
    for group in groups_of(list(plan.planned.values())):
        found += spread(draw, max(one.timing.rounds for one in group),
                        lambda number, group=group: solo_round(draw, group, variants, number))
        for some in duet_groups(group, variants, plan.plan):
            found += spread(draw, max(one.timing.duets for one in some),
                            lambda number, some=some: duet(draw, some, variants, number))
    return [turn for _, _, some in sorted(found, key=lambda one: one[:2]) for turn in some]
