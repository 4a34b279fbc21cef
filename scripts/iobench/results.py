"""What the runs of all parts gave so far, and the files it is kept in."""

import json
import re
import shlex
import sys
from collections import Counter
from datetime import datetime, timezone
from typing import NamedTuple

from iobench import run, stats
from iobench.table import as_markdown


def where(cpus):
    if cpus is None:
        return "not pinned, since this system cannot"
    if cpus[0] == cpus[1]:
        return f"server and client share CPU {cpus[0]}, the only one"
    return f"server on CPU {cpus[0]}, client on CPU {cpus[1]}"


class Plan(NamedTuple):
    """How a part is measured. The part is a module: cells, measure, summary, lines and table."""

    part: object
    cells: list
    rounds: int
    duration_s: float
    warmup_s: float

    def text(self):
        return (f"{self.rounds} round{'s' * (self.rounds > 1)} of {self.duration_s:g} s after "
                f"{self.warmup_s:g} s of warm-up")


class Results:
    def __init__(self, args, plans, remarks):
        self.args, self.plans, self.remarks = args, plans, remarks
        self.cpus = run.choose_cpus()
        self.samples, self.failures = {}, {}  # cell -> {round: reports}, cell -> texts
        self.left_out = {}  # cell -> why it cannot run here
        self.interrupted = False
        self.started_at = datetime.now(timezone.utc)
        self.path = args.output or run.ROOT / "results" / f"{self.started_at:%Y-%m-%dT%H-%M-%SZ}"
        self.path.mkdir(parents=True, exist_ok=True)

    def measure(self, plan, number, cell):
        """One run; returns its outcome in words."""
        if cell in self.left_out:
            return "left out"
        try:
            sample = plan.part.measure(cell, plan, self.cpus, self.path / f"{cell.name}-{number}")
        except run.Failed as failed:
            if failed.status == run.CANNOT_RUN_HERE and cell not in self.samples:
                self.left_out[cell] = str(failed)
                return f"left out: {failed}"
            self.failures.setdefault(cell, []).append(str(failed))
            return f"failed: {failed}"
        self.samples.setdefault(cell, {})[number] = sample
        return f"{sample['client']['rate']['qps']:,.0f} {plan.part.UNIT}"

    def clients(self):
        return [sample["client"] for rounds in self.samples.values() for sample in rounds.values()]

    def warnings(self):
        """Each once, with how often it was said; figures in them differ from run to run."""
        texts = [f"a run failed: {text}" for some in self.failures.values() for text in some]
        runs = len(texts) + len(self.clients())
        for client in self.clients():
            texts += client["warnings"] + [client.get("client_limited_reason")]
        texts = [text for text in texts if text]
        kinds = [re.sub(r"\d[\d.,]*", "#", text) for text in texts]
        return [f"in {count} of {runs} runs: {texts[kinds.index(kind)]}"
                for kind, count in Counter(kinds).items()]

    def all_remarks(self):
        return [*["interrupted: not all rounds were run"] * self.interrupted, *self.remarks,
                *(f"left out: {cell.name}: {why}" for cell, why in self.left_out.items()),
                *self.warnings()]

    def host_lines(self):
        """The machine as the programs saw it."""
        hosts = [client["host"] for client in self.clients()]
        if not hosts:
            return []
        host, stolen = hosts[0], max(host["steal_percent"] or 0 for host in hosts)
        return [f"{host['os']}, {host['cpu_model'] or 'unknown CPU'}, "
                f"{host['cpus_online']} CPUs, virtualisation: "
                f"{host['virtualisation'] or 'unknown'}, load before: "
                f"{host['load_1m'] or 0:.2f}, steal: at most {stolen:.1f} %"]

    def summaries(self):
        """What is known of the cells of each plan, without those that cannot run here."""
        return [plan.part.summary([cell for cell in plan.cells if cell not in self.left_out],
                                  self.samples, self.failures) for plan in self.plans]

    def tables(self, summaries, remarks):
        """One of each part that has run; what is true of all of them stands around them."""
        tables = []
        for plan, found in zip(self.plans, summaries):
            if any(cell["rounds"] or cell["errors"] for cell in found) or not tables:
                first, *others = plan.part.lines(self.args, where(self.cpus))
                tables.append(plan.part.table(found, [f"{plan.text()}, {first}", *others]))
        tables[0].lines[:0] = self.host_lines()
        tables[-1].notes[:] = [*tables[-1].notes, stats.RATIO_RULE, *remarks]
        return tables

    def write(self):
        """Writes tables and summary; returns the tables and the number of errors."""
        summaries, remarks = self.summaries(), self.all_remarks()
        tables, first = self.tables(summaries, remarks), self.plans[0]
        found = [cell for cells in summaries for cell in cells]
        summary = {
            "schema_version": 1, "started_at": f"{self.started_at:%Y-%m-%dT%H:%M:%SZ}",
            "command": shlex.join(sys.argv), "interrupted": self.interrupted,
            "rounds": first.rounds, "duration_s": first.duration_s, "warmup_s": first.warmup_s,
            "parts": {plan.part.NAME: {"rounds": plan.rounds, "duration_s": plan.duration_s,
                                       "warmup_s": plan.warmup_s} for plan in self.plans},
            "cpus": self.cpus, "remarks": remarks, "ratio_rule": stats.RATIO_RULE,
            "host": next((client["host"] for client in self.clients()), None), "cells": found,
        }
        for name, text in (("table.md", "\n".join(map(as_markdown, tables))),
                           ("summary.json", json.dumps(summary, indent=2) + "\n")):
            (self.path / name).write_text(text, encoding="utf-8")
        return tables, sum(cell["errors"] for cell in found)
