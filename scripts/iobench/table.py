"""A table once, written as text for people or as Markdown."""

import re
import textwrap
from itertools import groupby
from typing import NamedTuple

BLANK = "-"
WIDTH = 100
GAP = "  "
BOLD, DIM, PLAIN = "\033[1m", "\033[2m", "\033[0m"
SPECIAL = re.compile(r"([\\`*\[\]<>|~$#])")  # in Markdown


class Table(NamedTuple):
    title: str
    lines: list  # what was measured, and where
    columns: list  # (what stands above neighbours that share it, name)
    groups: dict  # heading -> rows of texts
    notes: list


def align(texts, widths):
    """The first to the left, the rest to the right."""
    return GAP.join(text.rjust(width) if i else text.ljust(width)
                    for i, (text, width) in enumerate(zip(texts, widths)))


def top_line(spans, widths):
    parts = []
    for span, members in groupby(zip(spans, widths), key=lambda member: member[0]):
        inner = [width for _, width in members]
        width = sum(inner) + len(GAP) * (len(inner) - 1)
        line = "─" if span and inner[1:] else " "
        parts.append(f" {span} ".center(width, line) if inner[1:] else span.rjust(width))
    return GAP.join(parts)


def column_widths(table):
    rows = [row for group in table.groups.values() for row in group]
    spans, names = zip(*table.columns)
    alone = [span if spans.count(span) == 1 else "" for span in spans]
    return [max(map(len, texts)) for texts in zip(alone, names, *rows)]


def as_text(table, colour=False):
    bold, dim, plain = (BOLD, DIM, PLAIN) if colour else ("", "", "")
    spans, names = zip(*table.columns)
    widths = column_widths(table)

    def wrap(text):
        return textwrap.wrap(text, WIDTH, subsequent_indent="  ")

    out = [bold + table.title + plain, *(part for line in table.lines for part in wrap(line)), "",
           top_line(spans, widths), bold + align(names, widths) + plain]
    for heading, rows in table.groups.items():
        *above, heading = wrap(heading) or [""]
        rule = "─" * (len(align(names, widths)) - len(heading) - 1)
        out += ["", *above, f"{heading} {dim}{rule}{plain}"] if heading else []
        out += [align(row, widths) for row in rows]
    out += ["", *(dim + part + plain for note in table.notes for part in wrap(note))]
    return "\n".join(out) + "\n"


# ---- Markdown


def escaped(text):
    """A text of others: in one line, without a meaning in Markdown or HTML, calling nobody."""
    text = SPECIAL.sub(r"\\\1", " ".join(str(text).split()).replace("&", "&amp;"))
    return re.sub(r"@(?=\w)", "@\N{ZERO WIDTH NON-JOINER}", text)


def markdown_line(*cells):
    """A row of texts of our own."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def as_markdown(table):
    return "\n".join([
        f"# {table.title}", "", *(f"- {text}" for text in table.lines), "",
        markdown_line("", *(f"{span} {name}".strip() for span, name in table.columns)),
        markdown_line(":---", ":---", *["---:"] * (len(table.columns) - 1)),
        *(markdown_line(heading, *row) for heading, rows in table.groups.items() for row in rows),
        "", *(f"- {note}" for note in table.notes), ""])
