"""What several rounds say together: median, spread, and whether a ratio is shown by them."""

import random
from statistics import median

RESAMPLES = 1000

# Rounds of one and the same program pass for a difference in 3 % of the cases at most: with normal
# noise 3 and 4 rounds in 2.3 % and 5 in 0.6 % (simulated), and 6 in 2 / 2^6 = 3.1 %.
RATIO_RULE = (
    "~: no difference shown. A ratio is the median of the rounds' own ratios, and shown when all "
    "of them lie on one side of 1 and, with fewer than 6 rounds, it is further from 1 than they "
    "are apart (with 3 rounds: twice as far; with fewer: never). void: there were errors, or "
    "connections that were never served."
)


def spread(values):
    middle, low, high = median(values), min(values), max(values)
    half_percent = 50 * (high - low) / middle if middle else 0
    return {"median": middle, "min": low, "max": high, "spread_percent": half_percent}


def resampled(rounds, statistic):
    """The 95 % interval of a statistic, by resampling whole rounds (percentile bootstrap: Efron
    1979). It holds what differs between rounds, and of few rounds it is too narrow."""
    draw = random.Random(1)  # the same data, the same interval
    found = sorted(statistic(draw.choices(rounds, k=len(rounds))) for _ in range(RESAMPLES))
    outside = round(RESAMPLES * 0.025)
    return found[outside], found[-1 - outside]


def is_shown(ratios):
    """Whether the ratios of the rounds show a difference from 1: the rule above."""
    low, high, rounds = min(ratios), max(ratios), len(ratios)
    if rounds < 3 or low <= 1 <= high:
        return False
    times = 2 if rounds == 3 else 1
    return rounds >= 6 or abs(median(ratios) - 1) > times * (high - low)
