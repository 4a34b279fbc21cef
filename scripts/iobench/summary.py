"""The tables of a result set, and summary.json: its figures for those who do not add histograms."""

from iobench import figures, peers, ratios, resultset
from iobench.table import Table, as_markdown

SUMMARY_VERSION = 3


def where(cpus):
    if cpus is None:
        return "not pinned, since this system cannot"
    if cpus[0] == cpus[1]:
        return f"server and client share CPU {cpus[0]}, the only one"
    return f"server on CPU {cpus[0]}, client on CPU {cpus[1]}"


def remarks(found, interrupted):
    """Left out, failed, warned about: each once."""
    return [*["interrupted: not all rounds were run (bench --resume goes on)"] * interrupted,
            *found.plan["remarks"],
            *(f"left out: {name}: {why}" for name, why in found.left_out.items()),
            *(f"in {count} of {found.runs()} runs: {text}" for text, count in found.warnings()),
            *(f"not read: {text}" for text in found.problems)]


def host_text(hosts):
    """The machine as the programs saw it."""
    host, stolen = hosts[0], max(host["steal_percent"] or 0 for host in hosts)
    return (f"{figures.machine_text(host)}, virtualisation: "
            f"{host['virtualisation'] or 'unknown'}, load before: "
            f"{host['load_1m'] or 0:.2f}, steal: at most {stolen:.1f} %")


def host_lines(found):
    hosts = [report["host"] for report in found.reports()]
    return [host_text(hosts)] if hosts else []


def summaries(found):
    """({part name: the merged figures of its cells}, the rule of their ratios)"""
    by_part = {part.NAME: [figures.summarise(part, found, cell) for cell in found.cells(part.NAME)]
               for part in found.parts()}
    return by_part, ratios.rule_text(ratios.attach(found, by_part))


def timings(found, part):
    """Of a part's cells, in words."""
    return "; ".join(dict.fromkeys(found.planned[cell.name].timing.text()
                                   for cell in found.cells(part.NAME)))


def tables(found, by_part, rule, texts):
    """One of each part that has run; what is true of all of them stands around them."""
    made = []
    for part in found.parts():
        some = by_part[part.NAME]
        if any(cell["rounds"] or cell["errors"] for cell in some):
            first, *others = part.lines(where(found.plan["cpus"]))
            made.append(part.table(some, [f"{timings(found, part)}, {first}", *others]))
    made = made or [Table("Nothing was measured", [], [("", "cell")], {}, [])]
    made[0].lines[:0] = host_lines(found)
    made[-1].notes[:] = [*made[-1].notes, rule, *texts]
    return made


def crosscheck(found):
    """(what our programs and their peers found of the same work, tables of it, remarks)"""
    if not any(peers.of(cell) for cell in found.cells()):
        return [], [], []
    try:
        from iobench import agreement
    except ImportError as error:
        return [], [], [f"no cross-check: {error}: scripts/install-deps bench"]
    pairs = agreement.of_set(found)
    return pairs, [agreement.table(pairs)] if pairs else [], []


def write(found, interrupted=False):
    """Writes table.md and summary.json; returns the tables and the number of errors."""
    pairs, more, why = crosscheck(found)
    by_part, rule = summaries(found)
    texts = [*remarks(found, interrupted), *filter(None, [ratios.MISSING]), *why]
    made = tables(found, by_part, rule, texts) + more
    every = [cell for some in by_part.values() for cell in some]
    summary = {
        "schema_version": SUMMARY_VERSION, "created_at": found.plan["created_at"],
        "command": found.plan["command"], "interrupted": interrupted, "cpus": found.plan["cpus"],
        "seed": found.plan["seed"], "remarks": texts, "ratio_rule": rule,
        "host": found.host(), "cells": every, "crosscheck": pairs,
    }
    resultset.write_whole(found.path / "table.md", "\n".join(map(as_markdown, made)))
    resultset.write_json(found.path / "summary.json", summary)
    return made, sum(cell["errors"] for cell in every)
