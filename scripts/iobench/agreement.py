"""Whether two programs that measure the same thing find the same, and how sure that is.

The rounds' ratios, ours to theirs, give an interval (inference.ratio_of). It decides alone:
agreement is only said when the whole interval lies within the margin, a difference only when it
leaves out 1. An interval that does neither shows nothing, and is not called agreement; nor does one
of so few rounds that chance alone could have put all of them on one side.
"""

import math
from statistics import median
from typing import NamedTuple

from iobench import cells, figures, inference, peers
from iobench.parts import PARTS
from iobench.table import BLANK, Table

AGREE, DIFFER, UNDECIDED = "agree", "differ", "undecided"
MARGIN = 0.10  # what is called agreement: about the noise of a shared machine
ENDS = ("cpu_us", "client_cpu_us", "server_cpu_us")
NAMES = {"rate": "per second", "p50_ns": "P50", "cpu_us": "CPU"}
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
    value, low, high = inference.ratio_of([math.log(a / b) for a, b in zip(ours, theirs)])
    if len(ours) < 2:
        low = high = None
    if len(ours) < LEAST_ROUNDS:
        text = f"nothing shown: {len(ours)} of at least {LEAST_ROUNDS} rounds"
        return Agreement(UNDECIDED, value, low, high, text)
    kind, text = verdict(low, high, margin)
    return Agreement(kind, value, low, high, text)


# ---- of a result set


def value(part, name, sample):
    """CPU time is that of all who took part; None if that of one is not known."""
    found = [metric.of([sample]) for metric in part.METRICS
             if metric.name in (ENDS if name == "cpu_us" else (name,))]
    return None if None in found else sum(found)


def judged(found, own, other):
    """A pair as summary.json has it: each figure's values, and what they say together."""
    rounds = [[found.samples[cell.name][number] for cell in (own, other)] for number in sorted(
        found.samples[own.name].keys() & found.samples[other.name].keys())]
    part, made = PARTS[own.part], []
    for name in ["cpu_us"] if peers.is_one_way(other) else NAMES:
        pairs = [[value(part, name, sample) for sample in samples] for samples in rounds]
        pairs = [pair for pair in pairs if all(pair)]
        if pairs:
            ours, theirs = map(list, zip(*pairs))
            made.append({"name": name, "ours": ours, "theirs": theirs,
                         **of(ours, theirs, MARGIN)._asdict()})
    heading = part.heading(own.settings) + ", direct I/O" * (own.settings.get("direct") == "on")
    names = " ".join(str(own[key]) for key in part.COMPARED), peers.asked(other)
    return {"ours": own.name, "theirs": other.name, "margin": MARGIN,
            "heading": f"{' beside '.join(names)}: {heading}",
            "version": rounds[0][1]["client"]["version"] if rounds else None, "figures": made}


def of_set(found):
    """Each cell of ours beside each of a peer that does the same work."""
    every = [judged(found, own, other) for part in found.parts() for other in found.cells(part.NAME)
             for own in found.cells(part.NAME) if peers.of(other) and peers.is_beside(own, other)
             and cells.group_of(part, own) == cells.group_of(part, other)]
    return [one for one in every if one["figures"]]


def value_text(name, value):
    if name == "cpu_us":
        return f"{value:,.2f} us"
    return f"{value:,.0f}" if name == "rate" else f"{figures.us_text(value)} us"


def row(figure):
    interval = BLANK if figure["low"] is None else f"{figure['low']:.2f} to {figure['high']:.2f}"
    return [NAMES[figure["name"]], *(value_text(figure["name"], median(figure[side]))
                                     for side in ("ours", "theirs")),
            f"{figure['ratio']:.2f}", interval, figure["text"]]


def table(pairs):
    columns = [("", "figure"), ("median", "ours"), ("median", "theirs"),
               ("ours to theirs", "ratio"), ("ours to theirs", "95 %"), ("", "verdict")]
    groups = {one["heading"]: list(map(row, one["figures"])) for one in pairs}
    versions = ", ".join(dict.fromkeys(one["version"] for one in pairs))
    return Table("Cross-check", [f"the same work by our programs and by others ({versions}), in the "
                                 "same rounds"], columns, groups, [
        f"agree: the whole 95 % interval of the ratio is within {100 * MARGIN:.0f} % of 1; it is "
        "said how far. differ: it leaves out 1. nothing shown: neither; more rounds would narrow "
        "it.",
        "The interval is of the rounds' ratios (bootstrap): this machine's noise, not that the "
        "programs take a latency for something a little different (docs/method.md). Each stands "
        "alone: of 20 intervals about one misses its truth.",
        "CPU: per request or operation, user and system, of all that took part: a server's in the "
        "window if it is ours, else of its whole life."])
