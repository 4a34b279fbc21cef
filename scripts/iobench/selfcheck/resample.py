"""Comparisons drawn from what was recorded, and what the rule of verdicts says of them.

Blocks are drawn with replacement, whole: what lies close together in time stays so.
"""

import math

import numpy as np

from iobench import inference, verdicts
from iobench.outcomes import UNCLEAR
from iobench.selfcheck.recorded import better


def joined(blocks, rounds):
    """The rounds of blocks one after the other, as if of one session."""
    return [log for block in blocks for log in block.logs][:rounds]


def drawn(draw, some, size, rounds):
    """Of blocks, or of sessions of them, so many that they have these rounds; size: of each."""
    return [some[i] for i in draw.integers(0, len(some), -(-rounds // size))]


def test_of(how, logs, metric):
    """logs: of each round {metric: logarithm}"""
    some = {number: log[metric] for number, log in enumerate(logs) if log}
    return verdicts.Test(how, dict.fromkeys(some, 0.0), some, better(metric))


def shifted(test, log):
    """As if the new side had that much more, as a logarithm."""
    return test._replace(new={number: value + log for number, value in test.new.items()})


def relabelled(test, signs):
    """As if a coin had said which run of a round was whose."""
    return test._replace(new={number: value * signs[number]
                              for number, value in test.new.items()})


def different(tests, rule):
    """The outcomes as compare gives them, but nothing of what is equal."""
    p = inference.sign_flip_p([test.differences() for test in tests])
    return [verdicts.decide(test, value, 1.0, rule) if value <= inference.ALPHA else UNCLEAR
            for test, value in zip(tests, p)]


def equal(tests, rule):
    """Whether each is equal, as compare says, or would say were it not different."""
    p = inference.sign_flip_equal_p([test.differences() for test in tests],
                                    math.log1p(rule.margin))
    return [value <= inference.ALPHA for value in p]


def generator(seed):
    return np.random.default_rng(seed)
