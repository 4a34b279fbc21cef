"""What several rounds say together: median, spread, and whether a ratio is shown by them."""

from statistics import median

# Rounds of one and the same program pass for a difference in 2 to 3 % of the cases, by simulation
# with normal noise; when all on one side of 1 is enough: 2 / 2^6 = 3 %.
RATIO_RULE = (
    "~: no difference shown. A ratio is the median of the rounds' own ratios, and shown when all "
    "of them lie on one side of 1 and, with fewer than 6 rounds, it is further from 1 than they "
    "are apart (with 3 rounds: twice as far; with fewer: never)."
)


def spread(values):
    middle, low, high = median(values), min(values), max(values)
    half_percent = 50 * (high - low) / middle if middle else 0
    return {"median": middle, "min": low, "max": high, "spread_percent": half_percent}


def is_shown(ratios):
    """Whether the ratios of the rounds show a difference from 1: the rule above."""
    low, high, rounds = min(ratios), max(ratios), len(ratios)
    if rounds < 3 or low <= 1 <= high:
        return False
    times = 2 if rounds == 3 else 1
    return rounds >= 6 or abs(median(ratios) - 1) > times * (high - low)
