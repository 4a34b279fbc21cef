"""Whether a change may pass: what is worse, and what the rounds leave open."""

from iobench.compare import faults
from iobench.outcomes import TOO_NOISY, UNCLEAR, WORSE, listed, visible_text


def regressions(subject, found):
    """Texts: why a gate should not open."""
    texts = [f"{one.pair.new.cell.name}: {one.metric.title}: {one.text()}, "
             f"{one.ratio.value:.3f} times the base" for one in found if one.outcome == WORSE]
    for pair in subject.pairs:
        texts += [f"{pair.new.cell.name}: {text}"
                  for text in faults.fresh(pair.base, pair.new, len(subject.pairs))]
    texts += [f"not measured: {text}" for text in subject.missing]
    return texts + ["nothing could be compared"] * (not found)


def inconclusive(found):
    """What could not be told, in one line; None if all could."""
    open_ones = [one for one in found if one.outcome == UNCLEAR]
    if not open_ones:
        return None
    several = len({one.metric.name for one in found}) > 1
    names = [one.pair.new.cell.name + f" {one.metric.name}" * several for one in open_ones]
    seen = [one.visible for one in open_ones]
    what = ("these are too few rounds to see any change" if None in seen else
            f"would not see changes below {visible_text(max(seen))}")
    return (f"{TOO_NOISY} in {len(open_ones)} of {len(found)} "
            f"{'comparisons' if several else 'cells'}: {listed(names)}; {what}")
