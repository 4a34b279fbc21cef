"""How often a build compared with itself is called different: at most ALPHA, all cells together.

It cannot be called equal by mistake, since it is. So the same rounds are looked at as if the new
side lay just beyond the margin, in every cell: then no cell is equal.
"""

import math

from iobench import inference
from iobench.outcomes import DIFFERENT
from iobench.pairing import DUET
from iobench.selfcheck import resample
from iobench.selfcheck.count import Count

LONG = 128  # rounds of a long session
WAYS = {DUET: "duets"}
BEYOND = 1.0001  # times the margin


def way(how):
    return WAYS.get(how, "solo rounds")


def tests_of(session, how, rounds, cells):
    """session: {cell: [Block]}"""
    return [resample.test_of(how, resample.joined(session[cell], rounds), metric)
            for cell, metrics in cells.items() for metric in metrics]


def is_any_different(tests, rule):
    return any(one in DIFFERENT for one in resample.different(tests, rule))


def real(recorded, how, rule):
    """Sessions as they were recorded."""
    sessions = [{cell: [block] for cell, block in one.items()} for one in recorded.sessions(how)]
    wrong = sum(is_any_different(tests_of(one, how, recorded.rounds_per_session, recorded.cells),
                                 rule) for one in sessions)
    return Count(f"false 'different' in any cell, real sessions of "
                 f"{recorded.rounds_per_session} {way(how)}", wrong, len(sessions),
                 inference.ALPHA, True)


def drawn_tests(draw, recorded, sessions, how, rounds):
    """Of a session whose sides have changed places by a coin for each round."""
    some = resample.drawn(draw, sessions, recorded.rounds_per_session, rounds)
    blocks = {cell: [one[cell] for one in some] for cell in recorded.cells}
    signs = draw.choice((-1, 1), rounds)
    return [resample.relabelled(test, signs)
            for test in tests_of(blocks, how, rounds, recorded.cells)]


def resampled(recorded, how, rounds, times, rule):
    """[Count]: false 'different', false 'equal'."""
    draw, beyond = resample.generator(1), BEYOND * math.log1p(rule.margin)
    sessions, different, equal = recorded.sessions(how), 0, 0
    for _ in range(times):
        tests = drawn_tests(draw, recorded, sessions, how, rounds)
        different += is_any_different(tests, rule)
        moved = [resample.shifted(test, beyond) for test in tests]
        equal += any(resample.equal(moved, rule))
    what = f"in any cell, resampled sessions of {rounds} {way(how)}"
    return [Count(f"false 'different' {what}", different, times, inference.ALPHA, True),
            Count(f"false 'equal' {what}, moved just beyond the margin", equal, times,
                  inference.ALPHA, True)]


def counts(recorded, times, rule):
    """times: resampled sessions; of the long ones a tenth."""
    found = []
    for how in recorded.ways():
        found.append(real(recorded, how, rule))
        for rounds, some in ((recorded.rounds_per_session, times), (LONG, max(100, times // 10))):
            found += resampled(recorded, how, rounds, some, rule)
    return found
