"""Ratios of cells with their verdicts, as plain objects for bench's table and for report.

All that are asked for at once are judged together. Without numpy and scipy the ratios are there, as
medians, and nothing is said of what they show.
"""

import math
from statistics import median

from iobench import cells, outcomes, pairing
from iobench.outcomes import EQUAL, UNCLEAR
from iobench.parts import PARTS

try:
    from iobench import verdicts
    MISSING = None
except ImportError as why:
    verdicts, MISSING = None, outcomes.NO_VERDICTS.format(why)

SOLO = "\N{DAGGER}"  # behind a ratio of solo rounds
WORDS = ("Ratio: the robust mean of the rounds' own ratios: of duets, in which a group's cells run at "
         f"the same time on the same CPUs, or ({SOLO}) of solo rounds. With an interval: different "
         "from 1. equal: shown to be within so many per cent of 1. unclear: too noisy to tell, a "
         "change below so many per cent would not have been seen; without a number the rounds are "
         "too few to show any. void: there were errors, or connections that were never served.")
UNJUDGED = "Ratio: the median of the rounds' own ratios; ?: nothing says what it shows."


# ---- comparisons


def plain(base, new, metric):
    """What is known without a verdict; None without values."""
    how, old, now = pairing.rounds_for(base, new, metric.name)
    if how == pairing.SEPARATE:
        by_round, counts = None, (len(old), len(now))
        ratio = median(now.values()) / median(old.values()) if (
            all(counts) and median(old.values())) else None
    else:
        by_round = {number: now[number] / old[number] for number in sorted(now)
                    if old.get(number)}
        ratio, counts = median(by_round.values()) if by_round else None, (len(by_round),) * 2
    return None if ratio is None else {
        "how": how, "rounds": min(counts), "by_round": by_round, "ratio": ratio,
        **dict.fromkeys(("low", "high", "p", "outcome", "visible", "margin", "verdict"))}


def judged(test, verdict):
    """What a verdict adds."""
    ratio = test.ratio()
    low, high = (ratio.low, ratio.high) if math.isfinite(ratio.high) else (None, None)
    return {"ratio": ratio.value, "low": low, "high": high, "p": verdict.p,
            "outcome": verdict.outcome, "visible": verdict.visible, "margin": verdict.margin,
            "verdict": verdict.text(test.better)}


def judge(asked):
    """{index: (test, verdict)} of those of [(base, new, metric)] that have rounds on both sides;
    base and new have found and cell. All are judged together; without numpy none is."""
    if not verdicts:
        return {}
    tests = {i: verdicts.test_of(*one) for i, one in enumerate(asked)}
    tests = {i: test for i, test in tests.items() if min(test.rounds())}
    return dict(zip(tests, zip(tests.values(), verdicts.judge(list(tests.values())))))


def compare(asked):
    """A plain object of each of [(base, new, metric)]; None where there are no values."""
    made, found = [plain(*one) for one in asked], judge(asked)
    return [one and one | (judged(*found[i]) if i in found else {}) for i, one in enumerate(made)]


# ---- of a run


def baselines(found):
    """{cell: that of its group that it is compared with}, of those that have rounds."""

    def group(cell):
        return cell.part, cells.group_of(PARTS[cell.part], cell)

    measured = [cell for cell in found.cells() if found.samples[cell.name]]
    chosen = {group(cell): cell for cell in measured
              if PARTS[cell.part].is_baseline(cell)}
    return {cell: chosen[group(cell)] for cell in measured
            if chosen.get(group(cell), cell) != cell}


def metrics_of(cell):
    part = PARTS[cell.part]
    known = {metric.name: metric for metric in part.METRICS}
    return [known[name] for name in part.ratio_metrics(cell)]


def attach(found, by_part):
    """Adds ["ratios"], {metric: ratio}, to the sound cells of {part: [what summary.json says of a
    cell]} that have a sound baseline, and returns how many there are."""
    known = {cell["name"]: cell for some in by_part.values() for cell in some}
    asked = [(cell, base, metric) for cell, base in baselines(found).items()
             if not known[cell.name]["void"] and not known[base.name]["void"]
             for metric in metrics_of(cell)]
    made = compare([(pairing.End(found, base), pairing.End(found, cell), metric)
                    for cell, base, metric in asked])
    for (cell, base, metric), one in zip(asked, made):
        if one:
            known[cell.name].setdefault("ratios", {})[metric.name] = {
                "to": base.name, **one, "text": text(one)}
    return sum(map(bool, made))


# ---- texts


def half_width(ratio):
    """Of the interval, which is as good as symmetric where a difference is shown."""
    return max(ratio["high"] - ratio["ratio"], ratio["ratio"] - ratio["low"])


def text(ratio):
    """Of a table's column."""
    return verdict_text(ratio) + SOLO * (ratio["how"] != pairing.DUET)


def verdict_text(ratio):
    if ratio["outcome"] is None:
        return f"{ratio['ratio']:.2f}?"
    if ratio["outcome"] == EQUAL:
        return f"equal ±{outcomes.percent_text(ratio['margin'])}"
    if ratio["outcome"] == UNCLEAR:
        seen = ratio["visible"]
        return "unclear" + (f" ±{outcomes.visible_text(seen)}" if seen is not None else "")
    return f"{ratio['ratio']:.3f} ±{half_width(ratio):.3f}"


RULE = f"{WORDS} {verdicts.INTERVAL_NOTE}" if verdicts else UNJUDGED


def guarantee(count):
    """How sure so many verdicts are; nothing where there are none."""
    return verdicts.guarantee(count) if verdicts and count else ""


def rule_text(count):
    """The note of a table with so many ratios."""
    return f"{RULE} {guarantee(count)}".rstrip()
