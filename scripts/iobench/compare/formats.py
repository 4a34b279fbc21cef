"""A comparison as a table for people, as Markdown for a pull request, and as JSON."""

import math
from collections import Counter

from iobench import figures, inference, pairing, summary, verdicts
from iobench.compare import cautions
from iobench.outcomes import (BETTER, DIFFERENT, EQUAL, UNCLEAR, VOID, WORSE, percent_text,
                              visible_text)
from iobench.table import BLANK, Table, escaped, markdown_line

VERSION = 2
KINDS = {pairing.DUET: "duets", pairing.INTERLEAVED: "solo"}
ROUNDS_NOTE = ("Ratios are of duets, in which both sides run at the same time on the same CPUs, or "
               "of solo rounds in turn; base and new are of solo rounds.")
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


def seen_text(finding):
    return BLANK if finding.visible is None else visible_text(finding.visible)


def title_of(metric):
    return metric.title.replace(" us ", " ")  # the value says the unit


# ---- the table


def row(finding, several):
    return [finding.pair.name or finding.pair.new.cell.part,
            *([title_of(finding.metric)] if several else []),
            value_text(finding.metric, finding.base), value_text(finding.metric, finding.new),
            f"{finding.ratio.value:.3f}", interval_text(finding.ratio), kind_text(finding),
            p_text(finding.verdict.p), finding.text(), seen_text(finding)]


def columns(several):
    return [("", ""), *([("", "metric")] if several else []),
            ("", "base"), ("", "new"), ("new / base", "ratio"), ("new / base", "95 % interval"),
            ("", "rounds"), ("corrected", "p"), ("", "verdict"),
            ("smallest change", "seen")]


def kind_text(finding):
    """How many rounds a ratio rests on, and of which kind."""
    base, new = finding.rounds
    kind = KINDS.get(finding.how)
    return f"{base} {kind}" if kind else f"{base} and {new}"


def rounds_text(found):
    """Of all ratios, in words."""
    kinds = dict.fromkeys(map(kind_text, found))
    return ", ".join(kind if kind.endswith("duets") else f"{kind} rounds" for kind in kinds)


def notes(subject, found, rule):
    how = "pairs of rounds" if subject.paired else "the rounds of both sides"
    return [
        cautions.level_text(subject, len(found)),
        *([ROUNDS_NOTE] if subject.paired else []),
        f"Different: p of at most {inference.ALPHA:.5g} and a ratio at least "
        f"{percent_text(rule.min_effect)} from 1. Equal: shown to be within "
        f"{percent_text(rule.margin)} of 1 at the same level. Else it is too noisy to tell.",
        f"Smallest change seen: what these rounds would have shown in "
        f"{percent_text(inference.POWER)} of the cases, about.",
        f"Ratio: Huber's robust mean of {how}. {verdicts.INTERVAL_NOTE}",
    ]


def host_lines(subject):
    """Of the base, and of the new when that is another machine or moment."""
    return list(dict.fromkeys(line for some in subject.sets for line in summary.host_lines(some)))


def table(subject, found, rule, warnings):
    several = len({one.metric.name for one in found}) > 1
    groups = {}
    for one in found:
        groups.setdefault(one.pair.heading, []).append(row(one, several))
    metrics = ", ".join(dict.fromkeys(title_of(one.metric) for one in found))
    lines = [f"base: {subject.base}", f"new:  {subject.new}", *host_lines(subject),
             f"{subject.cells_text()}, {rounds_text(found)} of "
             f"{'one session' if subject.paired else 'two sessions'}; {metrics}"]
    return Table("Comparison", lines, columns(several), groups,
                 [*notes(subject, found, rule),
                  *(f"warning: {text}" for text in warnings)])


def headline(found):
    """How often each verdict was given, the worst first."""
    order = [WORSE, VOID, BETTER, UNCLEAR, EQUAL]
    counts = Counter(one.text() for one in sorted(found, key=lambda one: order.index(one.outcome)))
    return ", ".join(f"{count} {text}" for text, count in counts.items()) or "nothing compared"


# ---- Markdown


def markdown_row(finding):
    name = finding.pair.new.cell.name
    interval = interval_text(finding.ratio)
    values = (value_text(finding.metric, value) for value in (finding.base, finding.new))
    bold = "**" if finding.outcome in (*DIFFERENT, VOID) else ""
    return markdown_line(f"`{name}`", title_of(finding.metric), *values,
                f"{finding.ratio.value:.3f} ({interval})", f"{bold}{finding.text()}{bold}",
                         seen_text(finding))


def markdown_table(found):
    """The first of them."""
    left = len(found) - MOST_SHOWN
    return ["| cell | metric | base | new | new / base (95 %) | verdict | smallest change seen |",
            "| :--- | :--- | ---: | ---: | ---: | :--- | ---: |",
            *map(markdown_row, found[:MOST_SHOWN]),
            *(["", f"and {left} more: see the full comparison."] if left > 0 else [])]


def details(title, lines):
    return ["", f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def sight_text(found):
    """How small a change the rounds would have shown, of all comparisons together."""
    seen = [one.visible for one in found]
    if not seen or None in seen:
        return "Some of it has too few rounds to show any change." if seen else ""
    low, high = visible_text(min(seen)), visible_text(max(seen))
    several = f"{low} to {high}, depending on the cell"
    return f"Smallest change seen: {low if low == high else several}."


def markdown(subject, found, rule, warnings, failed):
    """What differs at once, the rest folded up."""
    shown = [one for one in found if one.outcome in (*DIFFERENT, VOID)]
    lines = [f"### iobench: {headline(found)}", "",
             f"**{escaped(subject.base)}** to **{escaped(subject.new)}**, {subject.cells_text()}, "
             f"{rounds_text(found)}. "
             f"{sight_text(found)}", "", *(f"- {escaped(line)}" for line in host_lines(subject))]
    lines += [f"- **regression**: {escaped(text)}" for text in failed]
    lines += ["", *markdown_table(shown)] if shown else []
    for outcome in (UNCLEAR, EQUAL):
        some = [one for one in found if one.outcome == outcome]
        if some:
            lines += details(headline(some), markdown_table(some))
    if warnings:
        lines += details(f"{len(warnings)} warning{'s' * (len(warnings) > 1)}",
                         [f"- {escaped(text)}" for text in warnings])
    lines += details("How to read this", [f"- {escaped(text)}" for text in
                                          notes(subject, found, rule)])
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
        "how": one.how, "ratio": one.ratio.value,
        "interval": [one.ratio.low, one.ratio.high] if finite else None,
        "p": one.verdict.p, "equal_p": one.verdict.equal_p, "mann_whitney_p": one.mann_whitney_p,
        "outcome": one.outcome, "verdict": one.text(), "visible": one.visible,
        "more_rounds": one.more_rounds(),
    }


def as_json(subject, found, rule, warnings, failed):
    return {
        "schema_version": VERSION, "kind": "iobench comparison",
        "base": {"label": subject.base, "path": str(subject.sets[0].path),
                 "host": subject.sets[0].host()},
        "new": {"label": subject.new, "path": str(subject.sets[1].path),
                "host": subject.sets[1].host()},
        "paired": subject.paired, "alpha": inference.ALPHA, "min_effect": rule.min_effect,
        "equal_within": rule.margin,
        "interval_level": inference.LEVEL, "power": inference.POWER,
        "warnings": warnings, "regressions": failed,
        "findings": [finding_json(one) for one in found],
    }
