"""The statistics of verdicts; docs/method.md, "Verdicts", says why these and not others.

verdicts.py makes the rule of them that compare, bench and report go by.

Logarithms throughout: exp(mean difference of logarithms) is a ratio, and 2 is as far from 1 as 1/2.
"""

import bisect
import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

ALPHA = 1 / 32  # of false verdicts in all tests together: below 5 %, and just in reach of 6 rounds
POWER = 0.8  # with which a difference that is called visible would be found
LEVEL = 0.95  # of the interval of a single ratio
RESAMPLES = 5000
FLIPS = 10000  # drawn at random when there are more ways than these to flip the rounds
ROUNDING = 1e-5  # of sums of signed weights
MOST_EXACT = 30  # values of a side: so many take 0.15 s once, 40 twice that, 100 take 17 s
MOST_ROUNDS = 1 << 30  # that are advised
MOST_LOG = 100.0  # what is seen only beyond that is e^100 times as large: nothing is
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


def middle(new, base=None, axis=-1):
    """Of pairs; or by how much the new lie above the base."""
    return location(new, axis) - (0 if base is None else location(base, axis))


def expanded_level(rounds):
    """The level at which percentile intervals of few rounds cover what LEVEL promises."""
    if rounds < 2:
        return LEVEL
    t = stats.t.ppf((1 + LEVEL) / 2, rounds - 1) * math.sqrt(rounds / (rounds - 1))
    return 2 * stats.norm.cdf(t) - 1


def ratio_of(*samples):
    """Of logarithms: of pairs, or of the new and of the base. With its bootstrap interval; without
    one if a single round is all there is."""
    samples = [np.asarray(sample, float) for sample in samples]
    rounds = min(map(len, samples))
    value = float(np.exp(middle(*samples)))
    if rounds < 2:
        return Ratio(value, 0, math.inf)
    found = stats.bootstrap(
        samples, middle, n_resamples=RESAMPLES, confidence_level=expanded_level(rounds),
        method="percentile", vectorized=True, random_state=np.random.default_rng(SEED), batch=500)
    return Ratio(value, *map(float, np.exp(found.confidence_interval)))


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


def matrix_of(tests):
    """Scores: a row for each round of any test, a column for each test."""
    rows = {key: row for row, key in enumerate(sorted(set().union(*tests)))}
    matrix = np.zeros((len(rows), len(tests)), np.float32)
    for column, test in enumerate(tests):
        if test:
            matrix[[rows[key] for key in test], column] = scores(np.array(list(test.values())))
    return matrix


def step_down(matrix, two_sided):
    """Adjusted p values of the columns: Westfall and Young's step-down over sign flips, which are
    those of a round in all columns together. One-sided: that a column lies above 0."""
    signs, found, p = flips(len(matrix)), matrix.sum(axis=0), np.ones(matrix.shape[1])
    found = np.abs(found) if two_sided else found
    order, largest = np.argsort(found), -np.inf
    for column in order:  # the largest of the smaller ones first: each step adds one
        sums = matrix[:, column] @ signs
        sums = np.abs(sums) if two_sided else np.concatenate([sums, -sums])
        largest = np.maximum(largest, sums)
        p[column] = np.mean(largest >= found[column] - ROUNDING)
    p[order[::-1]] = np.maximum.accumulate(p[order[::-1]])
    return p


def sign_flip_p(tests):
    """Adjusted p values that paired tests differ from 0.

    tests: [{round: log of the ratio}]; rounds of the same key are flipped together.
    """
    if not any(tests):
        return [1.0] * len(tests)
    return [float(value) for value in step_down(matrix_of(tests), True)]


def sign_flip_equal_p(tests, margin):
    """Adjusted p values that paired tests lie within +-margin (a logarithm): of each the larger of
    two one-sided tests (Schuirmann 1987), against either margin, all of them adjusted together."""
    if not any(tests):
        return [1.0] * len(tests)
    below = [{key: margin - log for key, log in test.items()} for test in tests]
    above = [{key: margin + log for key, log in test.items()} for test in tests]
    p = step_down(matrix_of(below + above), False)
    return [float(value) for value in np.maximum(p[:len(tests)], p[len(tests):])]


def mann_whitney_p(base, new, alternative="two-sided"):
    """Exact when no two values are equal and each side has at most MOST_EXACT of them; otherwise
    the normal approximation with its corrections for ties and continuity."""
    if not len(base) or not len(new):
        return 1.0
    is_exact = (len({*base, *new}) == len(base) + len(new)
                and max(len(base), len(new)) <= MOST_EXACT)
    return float(stats.mannwhitneyu(new, base, alternative=alternative,
                                    method="exact" if is_exact else "asymptotic").pvalue)


def mann_whitney_equal_p(base, new, margin):
    """That the samples lie within +-margin (a logarithm) of one another; the larger of two
    one-sided tests, of which one at most is of something true, so that it needs no correction."""
    base, new = np.asarray(base, float), np.asarray(new, float)
    return max(mann_whitney_p(base, new - margin, "less"),
               mann_whitney_p(base, new + margin, "greater"))


def holm(p_values):
    """Adjusted p values (Holm 1979)."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    stepped = np.minimum(1, p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(stepped)
    return [float(value) for value in adjusted]


# ---- how many rounds


def least_paired_rounds(families=1):
    """With fewer, no outcome whatever is below ALPHA / families."""
    return 1 + math.ceil(math.log2(families / ALPHA))


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


def error(rounds, variance_per_round, tests, power):
    """How far from 0 a location must be to be found with that chance, about: Student's
    approximation with Bonferroni's bound for the tests."""
    level = ALPHA / 2 / max(1, tests)
    deviations = stats.t.isf(level, rounds - 1) + stats.t.ppf(power, rounds - 1)
    return float(deviations) * math.sqrt(variance_per_round / rounds)


def visible(rounds, variance_per_round, tests):
    """The ratio - 1 that so many rounds would have shown with the chance POWER, about."""
    return math.expm1(min(MOST_LOG, error(rounds, variance_per_round, tests, POWER)))


def rounds_for(margin, variance_per_round, tests, least):
    """How many show with the chance POWER that equal things are equal within the margin (a ratio
    - 1), about. As many show a difference of that size."""

    def enough(rounds):
        return error(rounds, variance_per_round, tests, (1 + POWER) / 2) <= math.log1p(margin)

    return bisect.bisect_left(range(MOST_ROUNDS), True, least, key=enough)
