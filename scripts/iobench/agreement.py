"""Whether two programs that measure the same thing find the same, and how sure that is.

The rounds' ratios, ours to theirs, give an interval (inference.paired_ratio). It decides alone:
agreement is only said when the whole interval lies within the margin, a difference only when it
leaves out 1. An interval that does neither shows nothing, and is not called agreement; nor does one
of so few rounds that chance alone could have put all of them on one side.
"""

import math
from typing import NamedTuple

from iobench.compare import inference

AGREE, DIFFER, UNDECIDED = "agree", "differ", "undecided"
LEAST_ROUNDS = inference.least_paired_rounds()


class Agreement(NamedTuple):
    kind: str
    ratio: float
    low: float | None  # None: of one round
    high: float | None
    text: str


def percent(ratio):
    found = abs(100 * (ratio - 1))
    return f"{found:.1f} %" if found < 10 else f"{found:.0f} %"


def verdict(low, high, margin):
    """(kind, text)"""
    off = max(high, 1 / low) - 1
    if off <= margin:
        return AGREE, f"agree within {max(1, math.ceil(round(100 * off, 6)))} %"
    if low > 1:
        return DIFFER, f"differ: ours {percent(low)} to {percent(high)} higher"
    if high < 1:
        return DIFFER, f"differ: ours {percent(high)} to {percent(low)} lower"
    return UNDECIDED, f"nothing shown: ours {percent(low)} lower to {percent(high)} higher"


def of(ours, theirs, margin):
    """ours, theirs: the rounds' values, neighbours in time at the same place."""
    value, low, high = inference.paired_ratio([math.log(a / b) for a, b in zip(ours, theirs)])
    if len(ours) < 2:
        low = high = None
    if len(ours) < LEAST_ROUNDS:
        text = f"nothing shown: {len(ours)} of at least {LEAST_ROUNDS} rounds"
        return Agreement(UNDECIDED, value, low, high, text)
    kind, text = verdict(low, high, margin)
    return Agreement(kind, value, low, high, text)
