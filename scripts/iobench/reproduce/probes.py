"""Measurements that no part of the suite makes: copies in the kernel, a server that has no work.

What a probe finds in a round is kept as a line of probes.jsonl, as runs.jsonl keeps the others.
"""

import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

from iobench import resultset, run

PROGRAM = Path(__file__).with_name("copy_probe.py")
WITHIN_S = 120  # far more than copies of a few GiB take
SETTLE_S = 0.05  # a server that has said where it listens has no more to set up


class Copies(NamedTuple):
    """Files to connections and pipes into pipes, every way."""

    size: int
    small: int
    name = "copies"

    def measure(self, place, number):
        command = [sys.executable, str(PROGRAM), place.scratch, self.size, self.small, number]
        return json.loads(run.client([str(word) for word in command], WITHIN_S))


class Idle(NamedTuple):
    """A server's memory before any client comes."""

    name = "idle"

    def measure(self, place, _):
        command = [place.program("bench_server"), "-H", "127.0.0.1", "-p", "0", "-b", "epoll"]
        with run.started(command) as process:
            if "listening on" not in process.stdout.readline():
                raise run.complaint(process)
            time.sleep(SETTLE_S)
            return memory(process.pid)


IDLE = Idle()


def memory(pid):
    """What is resident of a process, and what of it is its own alone."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    kib = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}
    return {"rss_bytes": 1024 * kib["Rss"],
            "private_bytes": 1024 * (kib["Private_Clean"] + kib["Private_Dirty"])}


class Kept:
    """The probes of one reproduction. samples: {probe name: {round: sample}}; failures: texts."""

    def __init__(self, path):
        self.path = path / "probes.jsonl"
        self.samples, self.failures, self.ended = {}, {}, set()
        lines = [line for line in resultset.read_lines(self.path) if isinstance(line, dict)]
        for line in lines:
            self.take(line)
        if self.path.exists():  # without a torn line that the next would be glued to
            resultset.write_whole(self.path, "".join(json.dumps(line) + "\n" for line in lines))

    def take(self, line):
        self.ended.add((line["probe"], line["round"]))
        if "why" in line:
            self.failures.setdefault(line["probe"], []).append(line["why"])
        else:
            self.samples.setdefault(line["probe"], {})[line["round"]] = line["sample"]

    def has(self, probe, number):
        """Whether this run has ended, in whatever way."""
        return (probe.name, number) in self.ended

    def measure(self, probe, place, number):
        """One run; what came of it in words."""
        line = {"probe": probe.name, "round": number}
        try:
            line["sample"] = probe.measure(place, number)
            text = "measured"
        except (run.Failed, OSError, ValueError) as failed:
            line["why"] = str(failed)
            text = f"failed: {failed}"
        self.take(line)
        with self.path.open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")  # one write: whole, or not there
        return text
