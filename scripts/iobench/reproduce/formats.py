"""The table of a reproduction, for people and as Markdown."""

import textwrap

from iobench.figures import machine_text
from iobench.reproduce.rows import (
    CLAIM, LEAST, MEASURED, MOST, QUOTA_ROUNDS, TIMES, digits_text, exact_text, number_text)
from iobench.table import (
    BLANK, BOLD, DIM, GAP, PLAIN, WIDTH, Table, align, column_widths, markdown_line, top_line)

TITLE = "Published figures, reproduced"
COLUMNS = [("", ""), ("", "published"), ("published", "way here"), ("", "true here"),
           ("true here /", "published way")]
NAMES = ("published", "published way here", "true here", "true / published way",
         "what the published method measured")
NOTES = (
    "published way here: a run of this suite, counted as the published text counted. true here: "
    "the same run, counted as docs/method.md says. In brackets: 95 % interval of the median of the "
    "rounds ({} of them; {} of runs that end with their work), by resampling rounds. None of the "
    "published figures was made on this machine.",
    "Below a row: what the published method measured. artefact: its figure is more than 5 % off "
    "the truth of the same run; sound here: it is not; unclear: the rounds do not tell.",
)


def value_text(found):
    """195 k (190-201); exact where all rounds agree."""
    if found is None:
        return BLANK
    if found.high - found.low < 0.002 * found.median:
        return exact_text(round(found.median, 2))
    middle, low, high = map(number_text, (found.median, found.low, found.high))
    if middle[-1].isalpha() and {low[-2:], high[-2:]} == {middle[-2:]}:
        low, high = low[:-2], high[:-2]
    return f"{middle} ({low}-{high})"


def published_text(row):
    published = row["published"]
    if published is None:
        return BLANK
    text = ("-".join(f"{end:g}" for end in published) if isinstance(published, (list, tuple))
            else exact_text(published))
    return {LEAST: "≥ ", MOST: "≤ "}.get(row["published_is"], "") + text


def values(row):
    """The figures of a row as texts."""
    return [published_text(row), *(value_text(row[name]) for name in (
        "published_way", "true", "true_to_published_way"))]


def remark(row):
    """What is to be said of it: (a word or two that judge, the rest)."""
    if row["status"] != MEASURED:
        return row["status"], f": {row['why']}"
    failed, word = row["failures"], row["verdict"]
    if row["published_is"] == CLAIM and row["unit"] == TIMES:
        low, high = (digits_text(getattr(row["true"], end)) for end in ("low", "high"))
        word += f": claimed {published_text(row)}x, measured {low}-{high}x"
    said = [row["measured"], f"{len(failed)} of its runs failed: {failed[-1]}" if failed else ""]
    rest = ". ".join(filter(None, said))
    return word, f". {rest}" if word and rest else rest


def sections(found):
    """(heading, caveat, rows, unit of most of them)"""
    for name, section in found["sections"].items():
        rows = [row for row in found["rows"] if row["section"] == name]
        units = [row["unit"] for row in rows if row["unit"] not in ("", TIMES)]
        unit = max(units, key=units.count, default="")
        yield section["title"] + f", {unit}" * bool(unit), section["caveat"], rows, unit


def title(row, unit):
    return row["title"] + (f" ({row['unit']})" if row["unit"] not in ("", TIMES, unit) else "")


def host_text(found):
    host, cpus = found["host"], found["cpus"]
    if not host:
        return "no program of the suite was run"
    where = f", server on CPU {cpus[0]}, TCP client on CPU {cpus[1]}" if cpus else ""
    return (f"{machine_text(host)}, virtualisation: {host['virtualisation'] or 'unknown'}, "
            f"load before: {host['load_1m'] or 0:.2f}{where}")


def notes(found):
    rounds = found["rounds"]
    told = [NOTES[0].format(rounds, QUOTA_ROUNDS * rounds), NOTES[1]]
    told += ["interrupted: not all rounds were run (--resume goes on)"] * found["interrupted"]
    return told + [f"in {one['runs']} run{'s' * (one['runs'] > 1)}: {one['text']}"
                   for one in found["warnings"]]


def as_text(found, colour=False):
    bold, dim, plain = (BOLD, DIM, PLAIN) if colour else ("", "", "")
    every = Table("", [], COLUMNS, {"": [["", *values(row)] for row in found["rows"]]}, [])
    _, *widths = column_widths(every)
    name_width = max(24, WIDTH - sum(widths) - len(GAP) * len(widths))
    widths = [name_width, *widths]
    spans, names = zip(*COLUMNS)

    def wrapped(text, indent="", style=dim):
        lines = textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
        return [style + line + plain for line in lines]

    def lines(row, unit):
        first, *rest = textwrap.wrap(title(row, unit), name_width, subsequent_indent=GAP)
        return [align([first, *values(row)], widths), *rest,
                *wrapped("".join(remark(row)), GAP * 2)]

    out = [bold + TITLE + plain, *wrapped(host_text(found)), ""]
    for heading, caveat, rows, unit in sections(found):
        out += [f"{bold}{heading}{plain} {dim}{'─' * (WIDTH - len(heading) - 1)}{plain}",
                *wrapped(caveat), "", bold + top_line(spans, widths).rstrip(),
                align(names, widths) + plain,
                *(one for row in rows for one in lines(row, unit)), ""]
    return "\n".join(out + [line for note in notes(found) for line in wrapped(note)]) + "\n"


def as_markdown(found):
    out = [f"# {TITLE}", "", host_text(found), ""]
    for heading, caveat, rows, unit in sections(found):
        out += [f"## {heading}", "", *[caveat, ""] * bool(caveat), markdown_line("", *NAMES),
                markdown_line(":---", *["---:"] * (len(NAMES) - 1), ":---")]
        for row in rows:
            word, rest = remark(row)
            said = f"**{word}**{rest}" if word else rest
            out.append(markdown_line(title(row, unit), *values(row), said))
        out.append("")
    return "\n".join(out + [f"- {note}" for note in notes(found)]) + "\n"
