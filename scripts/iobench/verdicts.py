"""The rule of all verdicts, compare's, bench's and report's: what the rounds of two cells say.

A verdict is one of three. Different (better or worse): chance alone would do that in ALPHA of the
runs at most, in all tests together, and the ratio is far enough from 1 to be of interest. Equal
within the margin: by two one-sided tests at the same level. Too noisy to tell: neither, with the
smallest change that so many rounds would have shown. docs/method.md, "Verdicts".
"""

import math
from typing import NamedTuple

import numpy as np

from iobench import inference, pairing
from iobench.cells import HIGHER
from iobench.outcomes import BETTER, EQUAL, TOO_FEW, TOO_NOISY, UNCLEAR, WORSE, equal_text

ALPHA_PERCENT = f"{100 * inference.ALPHA:.2g} %"


class Rule(NamedTuple):
    """Both as a ratio - 1."""

    min_effect: float = 0.005  # a smaller difference is of no interest
    margin: float = 0.03  # what is nearer to 1 is equal


class Test(NamedTuple):
    """The rounds of a metric of two cells, in logarithms."""

    how: str  # of pairing.py
    base: dict  # {round: logarithm}
    new: dict
    better: str  # HIGHER or LOWER

    @property
    def is_paired(self):
        return self.how != pairing.SEPARATE

    def differences(self):
        return {number: self.new[number] - self.base[number]
                for number in sorted(self.base.keys() & self.new.keys())}

    def samples(self):
        """Of what the ratio is the location: pairs, or the new and the base."""
        sides = [self.differences()] if self.is_paired else [self.new, self.base]
        return [list(side.values()) for side in sides]

    def rounds(self):
        """Of the base and of the new."""
        if self.is_paired:
            return (len(self.differences()),) * 2
        return len(self.base), len(self.new)

    def log_ratio(self):
        return float(inference.middle(*map(np.array, self.samples())))

    def ratio(self):
        """With its interval, which is that of this test alone."""
        return inference.ratio_of(*self.samples())

    def variance(self):
        """Of the difference of one round of each side."""
        return sum(map(inference.variance, self.samples()))


class Verdict(NamedTuple):
    outcome: str  # BETTER, WORSE, EQUAL or UNCLEAR
    p: float  # that the two differ, adjusted for all tests
    equal_p: float  # that they are equal within the margin, likewise
    visible: float | None  # the smallest ratio - 1 that would have been seen; None: nothing would
    least: int  # rounds below which nothing can be said
    margin: float  # a ratio - 1
    noise: float | None  # variance of a round
    tests: int  # that are corrected together

    def rounds_needed(self):
        """On each side, to tell that equal things are equal, about; None: not known."""
        if self.noise is None or not self.margin:
            return None
        return inference.rounds_for(self.margin, self.noise, self.tests, self.least)

    def text(self, better):
        """In words, of a metric of which more or less is better."""
        if self.outcome == EQUAL:
            return equal_text(self.margin)
        if self.outcome == UNCLEAR:
            return TOO_FEW if self.visible is None else TOO_NOISY
        if better == HIGHER:
            return "faster" if self.outcome == BETTER else "slower"
        return "lower (better)" if self.outcome == BETTER else "higher (worse)"


def test_of(base, new, metric):
    """base, new: found and cell. Rounds without a logarithm are left out."""
    how, *sides = pairing.rounds_for(base, new, metric.name)
    return Test(how, *({number: math.log(value) for number, value in side.items() if value > 0}
                       for side in sides), metric.better)


# ---- one family: tests that are corrected together by the same means


class Family(NamedTuple):
    tests: list
    families: int  # that share the level

    @property
    def is_paired(self):
        return self.tests[0].is_paired

    def least(self):
        if self.is_paired:
            return inference.least_paired_rounds(self.families)
        return inference.least_unpaired_rounds(self.families * len(self.tests))

    def p_values(self, margin):
        """([that they differ], [that they are equal]), adjusted."""
        if self.is_paired:
            # A round of one kind has a coin of its own.
            logs = [{(test.how, number): log for number, log in test.differences().items()}
                    for test in self.tests]
            found = inference.sign_flip_p(logs), inference.sign_flip_equal_p(logs, margin)
        else:
            sides = [(list(test.base.values()), list(test.new.values())) for test in self.tests]
            found = ([inference.mann_whitney_p(*some) for some in sides],
                     [inference.mann_whitney_equal_p(*some, margin) for some in sides])
            found = map(inference.holm, found)
        return [[min(1.0, self.families * p) for p in some] for some in found]


def decide(test, p, equal_p, rule):
    """The outcome alone."""
    log = test.log_ratio()
    if p <= inference.ALPHA and log and abs(math.expm1(log)) >= rule.min_effect:
        return BETTER if (log > 0) == (test.better == HIGHER) else WORSE
    return EQUAL if equal_p <= inference.ALPHA else UNCLEAR


def judge_family(family, rule):
    """Verdicts in the tests' order. What has too few rounds is no test, and costs the others
    nothing."""
    least = family.least()
    able = [i for i, test in enumerate(family.tests) if min(test.rounds()) >= least]
    made = [Verdict(UNCLEAR, 1.0, 1.0, None, least, rule.margin, None, 0)] * len(family.tests)
    if not able:
        return made
    some = family._replace(tests=[family.tests[i] for i in able])
    count = len(able) * family.families
    for i, p, equal_p in zip(able, *some.p_values(math.log1p(rule.margin))):
        test = family.tests[i]
        noise = test.variance()
        visible = max(rule.min_effect, inference.visible(min(test.rounds()), noise, count))
        made[i] = Verdict(decide(test, p, equal_p, rule), p, equal_p, visible, least, rule.margin,
                          noise, count)
    return made


def judge(tests, rule=Rule()):
    """A Verdict of each test, corrected for all of them together. Pairs and separate samples are
    two families, which share the level."""
    split = [[i for i, test in enumerate(tests) if test.is_paired == paired]
             for paired in (True, False)]
    split = [some for some in split if some]
    found = {}
    for some in split:
        family = Family([tests[i] for i in some], len(split))
        found |= zip(some, judge_family(family, rule))
    return [found[i] for i in range(len(tests))]


# ---- what stands below a table


def guarantee(tests, what="comparison"):
    """tests: how many are corrected together."""
    together = f"all {tests} {what}s together" if tests > 1 else f"one {what}"
    return (f"In {together} at most {ALPHA_PERCENT} of runs call something different that is not, "
            "and as many call something equal that is not.")


INTERVAL_NOTE = (
    f"An interval is of one ratio alone, at {100 * inference.LEVEL:g} %, and a verdict is "
    "corrected for all of them: an interval may leave out 1 where nothing is called different.")
