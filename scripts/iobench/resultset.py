"""A result set: a directory that holds all that a run of the matrix left. Written and read here.

    plan.json     what was to be measured, in which order, where; written first
    runs.jsonl    a line for each run that has ended: what came of it
    raw/          the programs' reports: CELL-ROUND.client.json and, of a server in a process of its
                  own, CELL-ROUND.server.json; of a duet, CELL-duet-ROUND
    summary.json  the merged figures, and table.md: made from the above when a run ends

Every file but runs.jsonl is replaced whole, and of that one a torn last line is ignored: whenever a
run is killed, what it had measured can be read, and `bench --resume` knows what is left to do.
"""

import json
import os
import re
import uuid
from datetime import datetime, timezone
from pathlib import Path

from iobench import cells, peers
from iobench.cells import Timing
from iobench.matrix import Planned
from iobench.parts import PARTS
from iobench.run import USAGE, Failed

PLAN_VERSION = 3  # from 3 on a client's backend is epoll unless a cell says otherwise
REPORT_VERSION = 1
TOOLS = ("bench_server", "bench_client", "bench_udp", "bench_file_io", peers.TOOL)
MEASURED, FAILED, LEFT_OUT = "measured", "failed", "left out"
ABANDONED = "abandoned"  # of a duet in which another failed

# A number in a text, as the programs write it: 1,234.5.
FIGURE = re.compile(r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?")

PLAN_MEMBERS = ("created_at", "command", "label", "session", "seed", "cpus", "remarks", "cells")
# What reading a member raises that is not there, or of another form.
UNUSABLE = (KeyError, TypeError, AttributeError, ValueError, IndexError, ArithmeticError)


class Unreadable(Failed):
    """A file that is not what it should be; the text is one line that names it."""

    def __init__(self, text):
        super().__init__(text, USAGE)


def write_whole(path, text):
    """Readers see the old file or the new one, also after a crash."""
    scratch = path.with_name(path.name + ".new")
    with scratch.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def write_json(path, value):
    write_whole(path, json.dumps(value, indent=2) + "\n")


def read_json(path):
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Unreadable(f"{path}: truncated, or no JSON ({error})") from error
    if not isinstance(value, dict):
        raise Unreadable(f"{path}: not of this suite")
    return value


def read_report(path):
    """The report of a program."""
    found = read_json(path)
    if found.get("tool") not in TOOLS:
        raise Unreadable(f"{path}: not of this suite: its 'tool' is {found.get('tool')!r}")
    if found.get("schema_version") != REPORT_VERSION:
        raise Unreadable(f"{path}: schema version {found.get('schema_version')!r}, "
                         f"which is not the {REPORT_VERSION} that is read here")
    return found


def read_lines(path):
    """The objects of a file of JSON lines; a torn last line is what a crash leaves."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


class ResultSet:
    """What a directory holds. Attributes:

    path, label   where it is and what people call it
    plan          plan.json as it is
    planned       {cell name: Planned}
    samples       {cell name: {round: sample}}; a sample is {"client": report, "server": report}
    duets         the same of rounds in which the cells of a group, or a cell of several sets, ran at
                  the same time on the same CPUs: only their ratios mean something
    failures      {cell name: texts}
    left_out      {cell name: why it cannot run there}
    problems      texts: files that could not be read
    """

    def __init__(self, path, plan):
        self.path, self.plan = Path(path), plan
        self.label = plan.get("label") or self.path.resolve().name
        self.planned = {one.cell.name: one for one in map(planned_from, plan["cells"])}
        self.samples = {name: {} for name in self.planned}
        self.duets = {name: {} for name in self.planned}
        self.failures, self.left_out, self.problems = {}, {}, []

    # ---- what it says

    def cells(self, part_name=None):
        """Those that can run there."""
        return [one.cell for name, one in self.planned.items() if name not in self.left_out
                and part_name in (None, one.cell.part)]

    def parts(self):
        """In the suite's order."""
        return [part for name, part in PARTS.items() if self.cells(name)]

    def metrics(self, name):
        return PARTS[self.planned[name].cell.part].METRICS

    def metric(self, name, metric_name):
        return next(one for one in self.metrics(name) if one.name == metric_name)

    def merged(self, name, metric_name):
        """Of all rounds together; None when there is none, or it has no such figure."""
        every = list(self.samples[name].values())
        return self.metric(name, metric_name).of(every) if every else None

    def rounds(self, name, duets=False):
        """{round: sample} of a cell."""
        return (self.duets if duets else self.samples)[name]

    def every(self, name):
        """All samples of a cell, of whichever kind."""
        return [*self.samples[name].values(), *self.duets[name].values()]

    def by_round(self, name, metric_name, duets=False):
        """{round: value}"""
        metric = self.metric(name, metric_name)
        found = {number: metric.of([sample])
                 for number, sample in self.rounds(name, duets).items()}
        return {number: value for number, value in found.items() if value is not None}

    def reports(self):
        """All clients' reports, first our programs', which know more of the machine."""
        every = [sample["client"] for rounds in self.samples.values() for sample in rounds.values()]
        return sorted(every, key=lambda report: report.get("tool") == peers.TOOL)

    def host(self):
        """The machine as the programs saw it; None without a report."""
        return next((report["host"] for report in self.reports()), None)

    def warnings(self):
        """(text, how many runs said so); a figure that differs from run to run is a range."""
        texts = [f"a run failed: {text}" for some in self.failures.values() for text in some]
        for report in self.reports():
            texts += [*report["warnings"], report.get("client_limited_reason")]
        return merge_texts(filter(None, texts))

    def runs(self):
        return len(self.reports()) + sum(map(len, self.failures.values()))

    def sift(self, check):
        """Takes out the runs that cannot be used: each is a line among the problems. check is given
        the set, the cell's name, the round and its sample, and raises if it lacks what is needed.
        """
        for duets in (False, True):
            for name in self.planned:
                rounds = self.rounds(name, duets)
                for number, sample in sorted(rounds.items()):
                    try:
                        check(self, name, number, sample)
                    except UNUSABLE as error:
                        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
                        self.problems.append(f"{self.stem(name, number, duets)}.*.json: not a "
                                             f"whole report: {what}")
                        del rounds[number]
        return self

    # ---- what came of a run

    def take_all(self, lines):
        """The lines of runs.jsonl; those that say something else are among the problems."""
        for line in lines:
            try:
                self.take(line)
            except (AttributeError, KeyError, TypeError):
                self.problems.append(f"{self.path / 'runs.jsonl'}: not a whole line: {line}")

    def take(self, line):
        name, outcome, duet = line.get("cell"), line.get("outcome"), bool(line.get("duet"))
        if name not in self.planned or outcome == ABANDONED:
            return
        if outcome == MEASURED:
            try:
                sample = self.read_sample(name, line["round"], duet)
                self.rounds(name, duet)[line["round"]] = sample
            except Unreadable as problem:
                self.problems.append(str(problem))
        elif outcome == LEFT_OUT:
            self.left_out[name] = line["why"]
        else:
            self.failures.setdefault(name, []).append(line["why"])

    def stem(self, name, number, duet=False):
        return self.path / "raw" / f"{name}-{'duet-' * duet}{number}"

    def read_sample(self, name, number, duet=False):
        return {end: read_report(Path(f"{self.stem(name, number, duet)}.{end}.json"))
                for end in peers.ends(self.planned[name].cell)}


def merge_texts(texts):
    """[(text, how often)]. Texts that differ in their figures alone are one, with a range of each."""
    kinds = {}
    for text in texts:
        kinds.setdefault(tuple(FIGURE.split(text)), []).append(FIGURE.findall(text))
    return [(with_ranges(words, rows), len(rows)) for words, rows in kinds.items()]


def with_ranges(words, rows):
    """The words between the figures, and the figures of each text."""
    ranges = [*map(range_of, zip(*rows)), ""]
    return "".join(word + figures for word, figures in zip(words, ranges))


def range_of(figures):
    """As they are written: "97 to 99"."""
    in_order = sorted(set(figures), key=lambda figure: float(figure.replace(",", "")))
    return in_order[0] if len(in_order) == 1 else f"{in_order[0]} to {in_order[-1]}"


def planned_from(saved):
    part = PARTS.get(saved["part"])
    if part is None:
        raise Unreadable(f"plan.json: no part '{saved['part']}'")
    cell = cells.make(part, saved["settings"])
    plain = Timing(saved["rounds"], saved["duration_s"], saved["warmup_s"])
    return Planned(cell, plain._replace(**{name: saved[name] for name in ("duets", "duet_s")
                                           if name in saved}))


def plan_for(planned, *, seed, session=None, label=None, cpus=None, remarks=(), command="",
             duets_everywhere=False):
    """The text of plan.json as an object. Sets of one session were measured interleaved.
    duets_everywhere: also where they are known to mislead."""
    return {
        "schema_version": PLAN_VERSION, "kind": "iobench plan",
        "created_at": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}", "command": command,
        "label": label, "session": session or uuid.uuid4().hex, "seed": seed, "cpus": cpus,
        "remarks": list(remarks), "duets_everywhere": duets_everywhere,
        "cells": [{"name": one.cell.name, "part": one.cell.part, "settings": one.cell.settings,
                   **one.timing._asdict()} for one in planned],
    }


class Store(ResultSet):
    """A result set that is being made: each run that ends is kept at once."""

    @classmethod
    def create(cls, path, plan):
        found = cls(path, plan)
        (found.path / "raw").mkdir(parents=True, exist_ok=True)
        write_json(found.path / "plan.json", plan)
        return found

    @classmethod
    def resume(cls, path):
        found = planned_set(cls, path)
        lines = [line for line in read_lines(found.path / "runs.jsonl") if isinstance(line, dict)]
        found.take_all(lines)
        found.problems.clear()  # what could not be read is measured again
        (found.path / "raw").mkdir(exist_ok=True)
        for scratch in (found.path / "raw").glob("*.json.*"):
            scratch.unlink()  # what a program was writing when it was killed
        # Without what is measured again, and without a torn line that the next would be glued to.
        keep = [line for line in lines if line.get("outcome") != MEASURED or found.holds(line)]
        write_whole(found.path / "runs.jsonl", "".join(json.dumps(line) + "\n" for line in keep))
        found.ended = {(line.get("cell"), line.get("round"), bool(line.get("duet")))
                       for line in keep}
        return found

    ended = frozenset()

    def holds(self, line):
        """Whether what a line of runs.jsonl says was measured could be read."""
        name = line.get("cell")
        return name in self.planned and line.get("round") in self.rounds(name, line.get("duet"))

    def has(self, name, number, duet=False):
        """Whether this run has ended, in whatever way."""
        return name in self.left_out or (name, number, duet) in self.ended

    def record(self, lines):
        """Of what ended together: all of them are kept, or none."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        with (self.path / "runs.jsonl").open("ab", buffering=0) as file:
            file.write(text.encode())  # one write: whole, or not there


def ended(name, number, outcome, why=None, duet=False):
    """A line of runs.jsonl: what came of a run."""
    line = {"cell": name, "round": number, "outcome": outcome,
            "ended_at": datetime.now(timezone.utc).isoformat(timespec="seconds")}
    return line | ({"duet": True} if duet else {}) | ({"why": why} if why else {})


def read_plan(path):
    plan = read_json(Path(path) / "plan.json")
    if plan.get("kind") != "iobench plan":
        raise Unreadable(f"{Path(path) / 'plan.json'}: not of this suite")
    if plan.get("schema_version") != PLAN_VERSION:
        raise Unreadable(f"{Path(path) / 'plan.json'}: schema version "
                         f"{plan.get('schema_version')!r}, which is not the {PLAN_VERSION} that is "
                         "read here")
    for name in PLAN_MEMBERS:
        if name not in plan:
            raise Unreadable(f"{Path(path) / 'plan.json'}: lacks '{name}'")
    return plan


def planned_set(kind, path):
    """A set of this class with nothing but its plan."""
    plan = read_plan(path)
    try:
        return kind(path, plan)
    except UNUSABLE as error:
        what = f"a cell lacks {error}" if isinstance(error, KeyError) else str(error)
        raise Unreadable(f"{Path(path) / 'plan.json'}: not a whole plan: {what}") from error


def load(path):
    """The result set in a directory; Unreadable when it is none. Faults in single files are
    among its problems, and the rest is there."""
    found = planned_set(ResultSet, path)
    found.take_all(read_lines(found.path / "runs.jsonl"))
    return found
