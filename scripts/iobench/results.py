"""What the runs of one matrix gave so far, and the files it is kept in."""

import json
import re
import shlex
import sys
from collections import Counter
from datetime import datetime, timezone

from iobench import run, stats, tcp
from iobench.table import as_markdown


def where(cpus):
    if cpus is None:
        return "not pinned, since this system cannot"
    if cpus[0] == cpus[1]:
        return f"server and client share CPU {cpus[0]}, the only one"
    return f"server on CPU {cpus[0]}, client on CPU {cpus[1]}"


class Results:
    def __init__(self, args, cells, remarks):
        self.args, self.cells, self.remarks = args, cells, remarks
        self.cpus = run.choose_cpus()
        self.samples, self.failures = {}, {}  # cell -> {round: reports}, cell -> texts
        self.interrupted = False
        self.started_at = datetime.now(timezone.utc)
        self.path = args.output or run.ROOT / "results" / f"{self.started_at:%Y-%m-%dT%H-%M-%SZ}"
        self.path.mkdir(parents=True, exist_ok=True)

    def measure(self, number, cell):
        """One run; returns its outcome in words."""
        stem = self.path / f"{cell.name}-{number}"
        try:
            sample = tcp.measure(cell, self.args.warmup, self.args.duration, self.cpus, stem)
        except run.Failed as failed:
            self.failures.setdefault(cell, []).append(str(failed))
            return f"failed: {failed}"
        self.samples.setdefault(cell, {})[number] = sample
        return f"{sample['client']['rate']['qps']:,.0f} requests/s"

    def clients(self):
        return [sample["client"] for rounds in self.samples.values() for sample in rounds.values()]

    def warnings(self):
        """Each once, with how often it was said; figures in them differ from run to run."""
        texts = [f"a run failed: {text}" for some in self.failures.values() for text in some]
        runs = len(texts) + len(self.clients())
        for client in self.clients():
            texts += client["warnings"] + [client["client_limited_reason"]]
        texts = [text for text in texts if text]
        kinds = [re.sub(r"\d[\d.,]*", "#", text) for text in texts]
        return [f"in {count} of {runs} runs: {texts[kinds.index(kind)]}"
                for kind, count in Counter(kinds).items()]

    def lines(self):
        """What was measured, and on what machine as the programs saw it."""
        args, hosts = self.args, [client["host"] for client in self.clients()]
        out = [f"{args.rounds} round{'s' * (args.rounds > 1)} of {args.duration:g} s after "
               f"{args.warmup:g} s of warm-up, one thread at each end, {where(self.cpus)}"]
        if args.client:
            out.append(f"client: {args.client} in all rows; backend is the server's")
        if hosts:
            host, stolen = hosts[0], max(host["steal_percent"] or 0 for host in hosts)
            out.insert(0, f"{host['os']}, {host['cpu_model'] or 'unknown CPU'}, "
                          f"{host['cpus_online']} CPUs, virtualisation: "
                          f"{host['virtualisation'] or 'unknown'}, load before: "
                          f"{host['load_1m'] or 0:.2f}, steal: at most {stolen:.1f} %")
        return out

    def write(self):
        """Writes table and summary; returns the table and the number of errors."""
        found = tcp.summary(self.cells, self.samples, self.failures)
        remarks = ["interrupted: not all rounds were run"] if self.interrupted else []
        remarks += self.remarks + self.warnings()
        table = tcp.table(found, self.lines(), remarks)
        summary = {
            "schema_version": 1, "started_at": f"{self.started_at:%Y-%m-%dT%H:%M:%SZ}",
            "command": shlex.join(sys.argv), "interrupted": self.interrupted,
            "rounds": self.args.rounds, "duration_s": self.args.duration,
            "warmup_s": self.args.warmup, "cpus": self.cpus, "remarks": remarks,
            "ratio_rule": stats.RATIO_RULE,
            "host": next((client["host"] for client in self.clients()), None), "cells": found,
        }
        for name, text in (("table.md", as_markdown(table)),
                           ("summary.json", json.dumps(summary, indent=2) + "\n")):
            (self.path / name).write_text(text, encoding="utf-8")
        return table, sum(cell["errors"] for cell in found)
