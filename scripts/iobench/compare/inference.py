"""The statistics of a comparison; docs/method.md, "Verdicts", says why these and not others.

Logarithms throughout: exp(mean difference of logarithms) is a ratio, and 2 is as far from 1 as 1/2.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

ALPHA = 1 / 32  # of false verdicts in all tests together: below 5 %, and just in reach of 6 rounds
POWER = 0.8  # with which a difference is to be found by the number of rounds that is advised
LEVEL = 0.95  # of the interval of a single ratio
RESAMPLES = 5000
FLIPS = 10000  # drawn at random when there are more ways than these to flip the rounds
ROUNDING = 1e-5  # of sums of signed weights
SEED = 1  # the same data, the same verdict
HUBER_STEPS = 6  # each leaves less than a quarter of the error
HUBER = 2.0  # times the median distance: 1.35 standard deviations of normal noise


class Ratio(NamedTuple):
    value: float
    low: float
    high: float


# ---- the size of a difference


def location(rounds, axis=-1):
    """Huber's estimate of their middle: a mean in which far rounds are pulled in."""
    middle = np.median(rounds, axis=axis, keepdims=True)
    bound = HUBER * np.median(np.abs(rounds - middle), axis=axis, keepdims=True)
    for _ in range(HUBER_STEPS):
        middle = middle + np.mean(np.clip(rounds - middle, -bound, bound), axis=axis, keepdims=True)
    return np.squeeze(middle, axis=axis)


def shift(new, base, axis=-1):
    return location(new, axis) - location(base, axis)


def expanded_level(rounds):
    """The level at which percentile intervals of few rounds cover what LEVEL promises."""
    if rounds < 2:
        return LEVEL
    t = stats.t.ppf((1 + LEVEL) / 2, rounds - 1) * math.sqrt(rounds / (rounds - 1))
    return 2 * stats.norm.cdf(t) - 1


def interval(samples, statistic, rounds):
    """Ratio with its bootstrap interval; without one if a single round is all there is."""
    value = float(np.exp(statistic(*samples)))
    if rounds < 2:
        return Ratio(value, 0, math.inf)
    found = stats.bootstrap(
        samples, statistic, n_resamples=RESAMPLES, confidence_level=expanded_level(rounds),
        method="percentile", vectorized=True, random_state=np.random.default_rng(SEED), batch=500)
    return Ratio(value, *map(float, np.exp(found.confidence_interval)))


def paired_ratio(logs):
    return interval((np.asarray(logs, float),), location, len(logs))


def unpaired_ratio(base, new):
    return interval((np.asarray(new, float), np.asarray(base, float)), shift,
                    min(len(base), len(new)))


# ---- whether there is one


@lru_cache(maxsize=16)
def drawn_flips(rounds):
    drawn = np.random.default_rng(SEED).integers(0, 2, (rounds, FLIPS), dtype=np.int8)
    drawn[:, 0] = 0  # as it was
    return 1 - 2 * drawn.astype(np.float32)


def flips(rounds):
    """Signs of the rounds, a column for each way to name the sides: all of them, or many. A way and
    its opposite are alike in what follows, so that the last round keeps its sign."""
    if 2 ** (rounds - 1) <= FLIPS:
        codes = np.arange(2 ** (rounds - 1))
        return 1 - 2.0 * (codes >> np.arange(rounds)[:, None] & 1)
    return drawn_flips(1 << (rounds - 1).bit_length())[:rounds]


def scores(logs):
    """The rounds' weights, which are bounded, so that no round decides; all tests on one scale."""
    size = np.abs(logs)
    # Signs play no part in the bound, or flipping them would not leave it alone.
    bound = HUBER * np.median(size) or np.max(size, initial=0)
    clipped = np.clip(logs, -bound, bound)
    norm = np.linalg.norm(clipped)
    return clipped / norm if norm else clipped


def sign_flip_p(tests):
    """Adjusted p values of paired tests, by Westfall and Young's step-down over sign flips.

    tests: [{round: log of the ratio}]; rounds of the same number are flipped together.
    """
    numbers = sorted(set().union(*tests))
    if not numbers:
        return [1.0] * len(tests)
    matrix = np.zeros((len(numbers), len(tests)), np.float32)
    for column, test in enumerate(tests):
        if test:
            rows = np.searchsorted(numbers, list(test))
            matrix[rows, column] = scores(np.array(list(test.values())))
    sums = np.abs(matrix.T @ flips(len(numbers)))
    found, largest, p = np.abs(matrix.sum(axis=0)), np.zeros(sums.shape[1]), np.ones(len(tests))
    order = np.argsort(found)  # the largest of the smaller ones first: each step adds one
    for column in order:
        largest = np.maximum(largest, sums[column])
        p[column] = np.mean(largest >= found[column] - ROUNDING)
    p[order[::-1]] = np.maximum.accumulate(p[order[::-1]])
    return [float(value) for value in p]


def mann_whitney_p(base, new):
    """Two-sided, exact unless values are equal."""
    if not len(base) or not len(new):
        return 1.0
    return float(stats.mannwhitneyu(new, base, alternative="two-sided").pvalue)


def holm(p_values):
    """Adjusted p values (Holm 1979)."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    stepped = np.minimum(1, p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(stepped)
    return [float(value) for value in adjusted]


def is_shown(ratio, p, least_effect):
    """Whether there is a verdict."""
    return p <= ALPHA and ratio != 1 and abs(ratio - 1) >= least_effect


# ---- how many rounds


def least_paired_rounds():
    """With fewer, no outcome whatever is below ALPHA."""
    return 1 + math.ceil(math.log2(1 / ALPHA))


def least_unpaired_rounds(tests):
    """On each side, for the smallest of so many p values."""
    rounds = 2
    while 2 / math.comb(2 * rounds, rounds) > ALPHA / max(1, tests):
        rounds += 1
    return rounds


def variance(rounds):
    """Of one round, as it goes into the error of their location: Huber's formula."""
    residuals = np.asarray(rounds, float) - location(np.asarray(rounds, float))
    size = np.abs(residuals)
    bound = HUBER * np.median(size)
    if len(size) < 2 or not bound:
        return float(np.var(residuals))
    within = np.mean(size < bound)
    clipped = np.clip(residuals, -bound, bound)
    return float(np.mean(clipped ** 2) / within ** 2 * len(size) / (len(size) - 1))


def rounds_for(effect, variance_per_round, tests, least):
    """How many show a ratio of 1 + effect with the chance POWER, about: the normal approximation,
    Bonferroni's bound for the tests."""
    z = stats.norm.isf(ALPHA / 2 / max(1, tests)) + stats.norm.ppf(POWER)
    return max(least, math.ceil(z ** 2 * variance_per_round / math.log1p(effect) ** 2))
