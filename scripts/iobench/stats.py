"""What several rounds of one cell say together: median and spread."""

import random
from statistics import median

RESAMPLES = 1000


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
