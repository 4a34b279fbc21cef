"""Writes reports of result sets: report.md, report.html, report.svg and report.png."""

from pathlib import Path

from iobench import resultset
from iobench.report import markdown, page, parts, plots, words
from iobench.run import Failed

FORMATS = ("md", "html", "svg", "png")
DEFAULT = ("md", "html")


def platforms(sets):
    """What a platform is called; two sets of one platform by their labels too."""
    names = [words.platform(found) for found in sets]
    return [name if names.count(name) == 1 else f"{name} ({found.label})"
            for name, found in zip(names, sets)]


def make(sets, problems):
    """All that a report shows."""
    return {
        "sets": sets, "platforms": platforms(sets), "parts": parts.parts(sets),
        "warnings": words.warnings(
            sets, [*problems, *(text for found in sets for text in found.problems)]),
    }


def as_html(model, path):
    resultset.write_whole(path, page.text(model))


def as_plot(model, path):
    plots.write(model, path)


def as_markdown(model, path):
    resultset.write_whole(path, markdown.text(model))


WRITERS = {"md": as_markdown, "html": as_html, "svg": as_plot, "png": as_plot}


def write(sets, directory, formats=DEFAULT, problems=()):
    """Writes report.FORMAT of each format into the directory. problems: what else to say.

    Returns ([path], [why one was not made]): one that lacks its library does not keep the others
    from being made.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    model = make(sets, problems)
    written, missing = [], []
    for name in formats:
        path = directory / f"report.{name}"
        try:
            WRITERS[name](model, path)
            written.append(path)
        except Failed as why:
            missing.append(f"{path.name}: {why}")
    return written, missing
