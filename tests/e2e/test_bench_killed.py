"""scripts/bench killed at random moments: what it measured stays, nothing else does."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from harness import PATIENCE_S, ROOT, eventually

sys.path.insert(0, str(ROOT / "scripts"))

from iobench import resultset, run, schedule  # noqa: E402 (path first)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")

BENCH = str(ROOT / "scripts" / "bench")
ROUNDS, KILLS = 2, 20
DUETS = sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1  # of the backends of TCP
# Each run ends with its work, so that a machine that is busy only delays it.
MATRIX = f"""
rounds = {ROUNDS}
duration = "30s"
warmup = "0"
duets = {ROUNDS}
duet = "15s"
[[tcp]]
backend = ["epoll", "libev"]
connections = 10
client_options = "-n 3000"
[[udp]]
clients = 5
options = "-n 2000"
[[file]]
size = "1m"
rw = ["randread", "write-read"]
options = "-n 10000"
"""


def start(*args, mark):
    return subprocess.Popen([BENCH, *map(str, args)], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.PIPE, env=os.environ | {"IOBENCH_MARK": mark})


def finish(process):
    text, complaints = process.communicate(timeout=PATIENCE_S)
    return process.returncode, text, complaints


def marked(mark):
    """The processes that inherited the mark, however they were started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"IOBENCH_MARK={mark}".encode() in path.read_bytes():
                found.append((path.parent / "cmdline").read_bytes().replace(b"\0", b" "))
        except OSError:
            pass  # ended meanwhile, or another user's
    return found


def lines_of(directory):
    text = (directory / "runs.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    path = tmp_path_factory.mktemp("killed") / "small.toml"
    path.write_text(MATRIX, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole_s(matrix):
    """How long a run takes that nobody kills."""
    begin = time.monotonic()
    outcome = finish(start(matrix, "--output", matrix.parent / "whole", mark=uuid.uuid4().hex))
    assert (outcome[0], outcome[2]) == (0, "")
    assert_complete(matrix.parent / "whole")
    return time.monotonic() - begin


def assert_valid(directory):
    """All files can be read, and nothing is said to be measured that is not there."""
    for path in directory.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    assert [path for path in (directory / "files").glob("*")] == []
    if not (directory / "plan.json").exists():
        assert not (directory / "runs.jsonl").exists()
        return None
    found = resultset.load(directory)
    assert (found.problems, found.failures, found.left_out) == ([], {}, {})
    return found


def assert_complete(directory):
    found = assert_valid(directory)
    assert len(found.planned) == 5
    expected = sorted((one.cell.name, turn.number, turn.duet)
                      for turn in schedule.turns([schedule.Variant(found, None)])
                      for _, one in turn.members)
    assert len(expected) == (5 + 2 * DUETS) * ROUNDS
    assert sorted((name, number, duets) for name in found.planned for duets in (False, True)
                  for number in found.rounds(name, duets)) == expected
    ran = [(line["cell"], line["round"], "duet" in line) for line in lines_of(directory)]
    assert sorted(ran) == expected
    files = {f"{name}-{'duet-' * duet}{number}.{end}.json" for name, number, duet in expected
             for end in (("client", "server") if name.startswith("tcp") else ("client",))}
    assert {path.name for path in (directory / "raw").iterdir()} == files
    assert not any(report["interrupted"] for report in found.reports())
    assert not (directory / "files").exists()
    assert not json.loads((directory / "summary.json").read_text(encoding="utf-8"))["interrupted"]


MOMENTS = [(draw.random(), draw.choice((signal.SIGKILL, signal.SIGTERM)))
           for draw in map(random.Random, range(KILLS))]


@pytest.mark.parametrize(("moment", "number"), MOMENTS, ids=[
    f"{number.name} at {moment:.2f}" for moment, number in MOMENTS])
def test_killed_and_resumed(matrix, whole_s, tmp_path, moment, number):
    out, mark = tmp_path / "out", uuid.uuid4().hex
    process = start(matrix, "--output", out, mark=mark)
    time.sleep(moment * whole_s)
    process.send_signal(number)
    status, _, complaints = finish(process)
    assert status in (-number, 130, 0), complaints
    eventually(lambda: not marked(mark), f"the end of {marked(mark)}")
    if not assert_valid(out):
        return
    before = lines_of(out) if (out / "runs.jsonl").exists() else []
    (out / "raw" / "cell-1.client.json.A1b2C3").write_text("{", encoding="utf-8")  # half written
    outcome = finish(start("--resume", out, mark=mark))
    assert (outcome[0], outcome[2]) == (0, "")
    assert_complete(out)
    assert lines_of(out)[:len(before)] == before  # what was measured is not measured again
    assert marked(mark) == []


def test_nothing_is_started_for_a_script_that_is_gone(monkeypatch):
    """Killed between forking and the leash, which only works from then on."""
    assert subprocess.check_output(run.leashed(["echo", "on a leash"])) == b"on a leash\n"
    if run.leashed(["echo"]) == ["echo"]:
        pytest.skip("needs setpriv")
    monkeypatch.setattr(os, "getpid", lambda: 1 << 22)  # above all that Linux gives
    assert subprocess.run(run.leashed(["echo"]), stdout=subprocess.PIPE, check=False).stdout == b""
