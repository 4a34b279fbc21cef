"""A comparison as a table for people, as Markdown for a pull request, and as JSON."""

import math
from collections import Counter

from iobench import compare, figures, summary
from iobench.compare import cautions, inference
from iobench.compare import NONE, NO_DIFFERENCE, WORSE
from iobench.table import BLANK, Table, escaped, markdown_line

VERSION = 1
MOST_SHOWN = 40  # rows of a Markdown table: a comment has room for 64 KiB


def value_text(metric, value):
    if value is None:
        return BLANK
    if metric.unit == "ns":
        return f"{figures.us_text(value)} us"
    if metric.unit == "us":
        return f"{value:,.2f} us"
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.3g}"


def p_text(p):
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def interval_text(ratio):
    if math.isinf(ratio.high):
        return BLANK
    return f"{ratio.low:.3f} to {ratio.high:.3f}"


def more_text(finding):
    if finding.rounds_needed is None:
        return BLANK
    return f"{finding.more_rounds():,}" if finding.outcome == NONE else ""


def title_of(metric):
    return metric.title.replace(" us ", " ")  # the value says the unit


def percent_text(share):
    return f"{share * 100:g} %"


# ---- the table


def row(finding, several):
    return [finding.pair.name or finding.pair.new.cell.part,
            *([title_of(finding.metric)] if several else []),
            value_text(finding.metric, finding.base), value_text(finding.metric, finding.new),
            f"{finding.ratio.value:.3f}", interval_text(finding.ratio), p_text(finding.p),
            p_text(finding.mann_whitney_p), finding.verdict(), more_text(finding)]


def columns(least_effect, several):
    return [("", ""), *([("", "metric")] if several else []),
            ("", "base"), ("", "new"), ("new / base", "ratio"), ("new / base", "95 % interval"),
            ("p, corrected", "p"), ("p, corrected", "M-W"), ("", "verdict"),
            ("more rounds", f"for {percent_text(least_effect)}")]


def rounds_text(found):
    """Of how many rounds the sides are."""
    counts = dict.fromkeys(one.rounds for one in found)
    return "; ".join(f"{base}" if base == new else f"{base} and {new}" for base, new in counts)


def notes(subject, found, least_effect):
    how = "pairs of rounds" if subject.paired else "the rounds of both sides"
    return [
        cautions.level_text(subject, len(found)) + " M-W: Mann and Whitney's, in any case.",
        f"A verdict needs p of at most {inference.ALPHA:.5g} and a ratio at least "
        f"{percent_text(least_effect)} from 1.",
        f"Ratio: Huber's robust mean of {how}; its bootstrap interval is that of one cell alone.",
        f"More rounds: about as many as show a ratio {percent_text(least_effect)} from 1 in "
        f"{percent_text(inference.POWER)} of the cases; 0: it would have been likely to show.",
    ]


def host_lines(subject):
    """Of the base, and of the new when that is another machine or moment."""
    return list(dict.fromkeys(line for some in subject.sets for line in summary.host_lines(some)))


def table(subject, found, least_effect, warnings):
    several = len({one.metric.name for one in found}) > 1
    groups = {}
    for one in found:
        groups.setdefault(one.pair.heading, []).append(row(one, several))
    metrics = ", ".join(dict.fromkeys(title_of(one.metric) for one in found))
    lines = [f"base: {subject.base}", f"new:  {subject.new}", *host_lines(subject),
             f"{subject.cells_text()}, {rounds_text(found)} rounds of "
             f"{'one session, interleaved' if subject.paired else 'two sessions'}; {metrics}"]
    return Table("Comparison", lines, columns(least_effect, several), groups,
                 [*notes(subject, found, least_effect),
                  *(f"warning: {text}" for text in warnings)])


def headline(found):
    """How often each verdict was given, the worst first."""
    order = {WORSE: 0, compare.VOID: 1, compare.BETTER: 2, NONE: 3}
    counts = Counter(one.verdict() for one in sorted(found, key=lambda one: order[one.outcome]))
    return ", ".join(f"{count} {text}" for text, count in counts.items()) or "nothing compared"


# ---- Markdown


def markdown_row(finding):
    name = finding.pair.new.cell.name
    interval = interval_text(finding.ratio)
    values = (value_text(finding.metric, value) for value in (finding.base, finding.new))
    bold = "**" if finding.outcome != NONE else ""
    return markdown_line(f"`{name}`", title_of(finding.metric), *values,
                f"{finding.ratio.value:.3f} ({interval})", f"{bold}{finding.verdict()}{bold}")


def markdown_table(found):
    """The first of them."""
    left = len(found) - MOST_SHOWN
    return ["| cell | metric | base | new | new / base (95 %) | verdict |",
            "| :--- | :--- | ---: | ---: | ---: | :--- |", *map(markdown_row, found[:MOST_SHOWN]),
            *(["", f"and {left} more: see the full comparison."] if left > 0 else [])]


def details(title, lines):
    return ["", f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def markdown(subject, found, least_effect, warnings, failed):
    """What differs at once, the rest folded up."""
    shown = [one for one in found if one.outcome != NONE]
    rest = [one for one in found if one.outcome == NONE]
    lines = [f"### iobench: {headline(found)}", "",
             f"**{escaped(subject.base)}** to **{escaped(subject.new)}**, {subject.cells_text()}, "
             f"{rounds_text(found)} rounds{', interleaved' if subject.paired else ''}."]
    lines += ["", *(f"- **regression**: {escaped(text)}" for text in failed)] if failed else []
    lines += ["", *markdown_table(shown)] if shown else []
    if rest:
        lines += details(f"{len(rest)} with {NO_DIFFERENCE}", markdown_table(rest))
    if warnings:
        lines += details(f"{len(warnings)} warning{'s' * (len(warnings) > 1)}",
                         [f"- {escaped(text)}" for text in warnings])
    lines += details("How to read this", [f"- {escaped(text)}" for text in
                                          notes(subject, found, least_effect)])
    return "\n".join(lines) + "\n"


# ---- JSON


def finding_json(one):
    finite = math.isfinite(one.ratio.high)
    return {
        "cell": one.pair.new.cell.name, "base_cell": one.pair.base.cell.name,
        "part": one.pair.new.cell.part, "settings": one.pair.new.cell.settings,
        "metric": one.metric.name, "unit": one.metric.unit, "better": one.metric.better,
        "base": one.base, "new": one.new,
        "base_rounds": one.rounds[0], "new_rounds": one.rounds[1],
        "ratio": one.ratio.value, "interval": [one.ratio.low, one.ratio.high] if finite else None,
        "p": one.p, "mann_whitney_p": one.mann_whitney_p,
        "outcome": one.outcome, "verdict": one.verdict(),
        "more_rounds": one.more_rounds(),
    }


def as_json(subject, found, least_effect, warnings, failed):
    return {
        "schema_version": VERSION, "kind": "iobench comparison",
        "base": {"label": subject.base, "path": str(subject.sets[0].path),
                 "host": subject.sets[0].host()},
        "new": {"label": subject.new, "path": str(subject.sets[1].path),
                "host": subject.sets[1].host()},
        "paired": subject.paired, "alpha": inference.ALPHA, "min_effect": least_effect,
        "interval_level": inference.LEVEL, "power": inference.POWER,
        "warnings": warnings, "regressions": failed,
        "findings": [finding_json(one) for one in found],
    }
