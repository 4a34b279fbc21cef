"""Duets: what is compared runs at the same time on the same CPUs, behind a gate for all."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from iobench import cells, loose, matrix, pairing, resultset, run, runner, schedule  # noqa: E402
from iobench import summary, tcp  # noqa: E402
from iobench import gate as gate_module  # noqa: E402
from iobench.gate import Gate  # noqa: E402
from iobench.parts import PARTS  # noqa: E402

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="this system cannot bind programs to CPUs")
ONE_CPU = len(os.sched_getaffinity(0)) < 2 if hasattr(os, "sched_getaffinity") else True
TIMES = 'rounds = 1\nduration = "20ms"\nwarmup = 0\nduets = 2\nduet = "20ms"\n'
TCP = '[[tcp]]\nbackend = ["epoll", "libev"]\nconnections = 10\n'
UDP = '[[udp]]\nbackend = ["epoll", "libev"]\nhow = "one-by-one"\nclients = 4\n'
FILE = '[[file]]\nengine = ["sync", "libaio"]\nsize = "1m"\nexisting = "on"\n'


def planned(text):
    return matrix.Reader("test.toml", {}).read(TIMES + text)


def store(path, text, **more):
    plan = resultset.plan_for(planned(text), seed=1, cpus=run.choose_cpus(), **more)
    return resultset.Store.create(path, plan)


def measured(path, text, **more):
    made = store(path, text, **more)
    runner.measure([schedule.Variant(made, run.programs())])
    return made


# ---- what is run when


def turns(path, text, variants=1):
    stores = [store(path / str(i), text) for i in range(variants)]
    return schedule.turns([schedule.Variant(one, None) for one in stores])


def test_all_of_a_group_are_members_of_its_duets(tmp_path):
    found = turns(tmp_path, FILE + '[[file]]\nengine = "sync"\nsize = "1m"\nexisting = "on"\nblock = 512\n')
    assert [(turn.number, len(turn.members)) for turn in found if turn.duet] == [(1, 2), (2, 2)]
    assert sum(not turn.duet for turn in found) == 3  # a cell without a partner is measured solo


def test_of_several_sets_a_cell_is_compared_with_itself(tmp_path):
    for turn in turns(tmp_path, FILE, variants=2):
        names = {one.cell.name for _, one in turn.members}
        assert len(names) == 1 and len(turn.members) == 1 + turn.duet


def test_what_has_no_duets_gets_more_solo_rounds(tmp_path):
    """And so does what it is compared with."""
    text = '[[file]]\nengine = ["sync", "libaio", "threads"]\nsize = "1m"\nexisting = "on"\nsolo = 7\n'
    timings = {one.cell["engine"]: one.timing for one in schedule.timed(planned(text), (0, 1))}
    assert {name: (one.rounds, one.duets) for name, one in timings.items()} == {
        "sync": (7, 2), "libaio": (1, 2), "threads": (7, 0)}
    assert schedule.timed(planned(FILE), (0, 1)) == planned(FILE)


@pytest.mark.parametrize(("text", "solo"), [
    ("", 10), ("rounds = 3\n", 0), ("rounds = 3\nsolo = 5\n", 5), ("solo = 5\n", 5)])
def test_a_matrix_that_says_how_many_rounds_gets_no_more(text, solo):
    one, = matrix.Reader("test.toml", {}).read(text + "[[tcp]]\n")
    assert one.timing.solo == solo
    one, = matrix.Reader("test.toml", {}).read("[[tcp]]\n" + text)
    assert one.timing.solo == solo


def test_solo_rounds_and_duets_are_spread_over_the_session(tmp_path):
    text = FILE.replace("[[file]]", "[[file]]\nrounds = 2\nduets = 8")
    kinds = [turn.duet for turn in turns(tmp_path, text)]
    assert kinds.count(True) == 8 and kinds.count(False) == 4
    assert kinds[:6].count(True) == 4  # half of them in the first half


@pytest.mark.parametrize(("part", "settings", "why"), [
    ("tcp", {"mode": "latency"}, "spin"), ("tcp", {"rate": 1000}, "open loop"),
    ("udp", {"mode": "latency"}, "spin"), ("udp", {"rate": 1000}, "open loop"),
    ("udp", {"how": "batched"}, "batches"), ("udp", {"how": "gso-gro+connected"}, "batches"),
    ("tcp", {"connections": 301}, "above 300"), ("tcp", {"connections": 9}, "below 10"), ("tcp", {"size": 65536}, "4,096 B"),
    ("file", {"direct": "on"}, "device"), ("file", {"rate": 1000}, "open loop"),
    ("file", {"engine": "threads"}, "threads"), ("file", {"workers": 2}, "workers"),
    ("file", {"engine": "fio:sync"}, "peer"), ("file", {"existing": "off"}, "several files"),
])
def test_where_a_duet_is_another_experiment(part, settings, why):
    settings = {"existing": "on"} | settings
    assert why in schedule.why_no_duet(cells.make(PARTS[part], settings), (0, 1))
    plain = cells.make(PARTS[part], {"how": "one-by-one", "existing": "on"})
    assert schedule.why_no_duet(plain, (0, 1)) is None
    assert "cannot bind" in schedule.why_no_duet(plain, None)
    assert bool(schedule.why_no_duet(plain, (0, 0))) == (part != "file")  # files share one anyway


# ---- measuring


@pytest.mark.parametrize("text", [
    pytest.param(text, marks=pytest.mark.skipif(ONE_CPU and text != FILE, reason="needs two CPUs"))
    for text in (TCP, UDP, UDP + "processes = 2\n", FILE)])
def test_windows_are_the_same_moments(text, tmp_path):
    found = resultset.load(measured(tmp_path / "set", text).path)
    assert (found.problems, found.failures) == ([], {})
    for number in (1, 2):
        windows = [rounds[number]["client"]["window"] for rounds in found.duets.values()]
        assert len({one["start_monotonic_ns"] for one in windows}) == 1
        assert all(one["end_monotonic_ns"] - one["start_monotonic_ns"] == 2 * 20_000_000
                   for one in windows)
    for rounds in found.duets.values():
        for sample in rounds.values():
            assert sample["client"]["calibration"]["clock_ns"] is None
            cpu_s = sample["client"]["cpu"]["server_s"]
            assert cpu_s is None if text == FILE else cpu_s > 0


def test_ratios_come_from_duets(tmp_path):
    """Rates and CPU time; latencies are those of a crowded machine."""
    found = measured(tmp_path / "set", FILE)
    ends = [pairing.End(found, one.cell) for one in found.planned.values()]
    assert pairing.rounds_for(*ends, "cpu_us")[0] == pairing.DUET
    assert set(pairing.rounds_for(*ends, "rate")[1]) == {1, 2}
    assert pairing.rounds_for(*ends, "p99_ns")[0] == pairing.INTERLEAVED


def programs_without(engine, folder):
    """The programs, with a bench_file_io that cannot do one engine."""
    broken = folder / "bin"
    broken.mkdir()
    for program in run.programs().iterdir():
        (broken / program.name).symlink_to(program)
    (broken / "bench_file_io").unlink()
    (broken / "bench_file_io").write_text(
        f'#!/bin/sh\n[ "$2" = {engine} ] && {{ echo broken >&2; exit 3; }}\n'
        f'exec "{run.programs()}/bench_file_io" "$@"\n', encoding="utf-8")
    (broken / "bench_file_io").chmod(0o755)
    return broken


def test_who_fails_is_named_and_the_others_are_not_blamed(tmp_path):
    text = FILE.replace('"libaio"', '"sync:nothing"')
    made = store(tmp_path / "set", text)
    with pytest.raises(run.Failed, match="nothing"):  # usage: so will the next one
        runner.measure([schedule.Variant(made, run.programs())])
    made = store(tmp_path / "other", FILE)
    runner.measure([schedule.Variant(made, programs_without("libaio", tmp_path))])
    names = {one.cell["engine"]: name for name, one in made.planned.items()}
    assert set(made.failures) == {names["libaio"]}
    assert set(made.failures[names["libaio"]]) == {"broken"}
    lines = list(resultset.read_lines(made.path / "runs.jsonl"))
    outcomes = {(line["cell"], line["outcome"]) for line in lines if line.get("duet")}
    assert outcomes == {(names["libaio"], "failed"), (names["sync"], "abandoned")}
    assert resultset.Store.resume(made.path).has(names["sync"], 1, True)


def test_who_spoils_duets_is_left_out_of_the_next(tmp_path):
    text = TIMES.replace("duets = 2", "duets = 4") + FILE.replace(
        '"sync", "libaio"', '"sync", "libaio", "io_uring"')
    made = resultset.Store.create(tmp_path / "set", resultset.plan_for(
        matrix.Reader("test.toml", {}).read(text), seed=1, cpus=run.choose_cpus()))
    runner.measure([schedule.Variant(made, programs_without("libaio", tmp_path))])
    names = {one.cell["engine"]: name for name, one in made.planned.items()}
    assert len(made.duets[names["sync"]]) == len(made.duets[names["io_uring"]]) == 4 - runner.SPOILT
    assert made.duets[names["libaio"]] == {}


def test_errors_in_a_duet_void_the_cell(tmp_path):
    made = measured(tmp_path / "set", FILE)
    name = next(iter(made.planned))
    made.duets[name][1]["client"]["totals"]["errors"] = 3
    by_part, _ = summary.summaries(made)
    by_name = {one["name"]: one for one in by_part["file"]}
    assert (by_name[name]["void"], by_name[name]["errors"]) == ("void: errors", 3)
    assert not any("ratios" in one for one in by_name.values())


def test_duets_are_no_rounds_of_single_reports(tmp_path):
    made = measured(tmp_path / "set", FILE)
    (found,), problems = loose.load([made.path / "raw"])
    assert {len(rounds) for rounds in found.samples.values()} == {1}
    assert problems == ["4 reports of duets: what ran beside others is no round of its own"]


def test_resume_makes_the_whole_duet_again(tmp_path):
    """If the report of one member is spoilt, the others' are of no use."""
    made = measured(tmp_path / "set", FILE)
    name = next(iter(made.planned))
    Path(f"{made.stem(name, 2, True)}.client.json").write_text("{", encoding="utf-8")
    done = subprocess.run([ROOT / "scripts" / "bench", "--resume", made.path],
                          capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "[1/1] duet 2" in done.stdout
    found = resultset.load(made.path)
    assert found.problems == [] and all(set(some) == {1, 2} for some in found.duets.values())


# ---- the gate


def test_a_client_that_ends_before_the_gate_is_no_wait():
    with Gate() as gate, run.started(["sh", "-c", "echo no luck >&2; exit 3"]) as process:
        begin = time.monotonic()
        with pytest.raises(run.Failed, match="no luck"):
            gate.begin([process])
        assert time.monotonic() - begin < 10


def test_who_is_late_is_named(monkeypatch):
    monkeypatch.setattr(gate_module, "PATIENCE_S", 0.3)
    with Gate() as gate, run.started(["sleep", "5"]) as first, run.started(["sleep", "5"]) as late:
        monkeypatch.setattr(gate_module, "peer_pid", lambda _: first.pid)
        with socket.socket(socket.AF_UNIX) as ready:
            ready.connect(gate.path)
            ready.sendall(b"ready\n")
            with pytest.raises(run.Failed, match="not ready") as caught:
                gate.begin([first, late])
    assert caught.value.member == 1


def test_a_long_directory_for_scratch_files_is_avoided(monkeypatch, tmp_path):
    long = tmp_path / ("d" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with Gate() as gate:
        assert gate.path.startswith("/tmp/")


def test_one_that_says_something_else_is_not_counted(tmp_path):
    with Gate() as gate, run.started(["sleep", "0.3"]) as process:
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(gate.path)
            stranger.sendall(b"hello\n")
            with pytest.raises(run.Failed):  # sleep ends without having been ready
                gate.begin([process])
    assert not Path(gate.path).exists()


# ---- what the table makes of it


def test_the_client_is_fixed_and_both_ends_are_named(tmp_path):
    text = TCP + '[[tcp]]\nclient = ["epoll", "libev"]\nconnections = 10\n'
    assert [one.cell["client"] for one in planned(text)] == ["epoll", "epoll", "libev"]
    assert [tcp.model(one.cell.settings) for one in planned(text)] == [
        "epoll", "libev", "libev client"]
    made = measured(tmp_path / "set", text)
    done = subprocess.run([ROOT / "scripts" / "bench", "--resume", made.path],
                          capture_output=True, text=True, timeout=120, check=False)
    assert "servers (client: epoll)" in done.stdout and "clients (server: epoll)" in done.stdout
    found = json.loads((made.path / "summary.json").read_text(encoding="utf-8"))["cells"]
    by_name = {one["name"]: one for one in found}
    assert set(by_name["tcp-libev-c10-s256"]["ratios"]) == {"rate", "server_cpu_us"}
    assert set(by_name["tcp-epoll-client-libev-c10-s256"]["ratios"]) == {"rate", "client_cpu_us"}
    assert all(ratio["how"] == ("interleaved" if ONE_CPU else "duet")
               for one in found for ratio in one.get("ratios", {}).values())


@pytest.mark.parametrize(("cpus", "settings", "threads", "server", "client"), [
    (1, {}, 1, "0", "0"), (2, {}, 1, "0", "1"), (4, {}, 2, "0", "1,2"), (8, {}, 3, "0", "1,2,3"),
    (8, {"connections": 2}, 2, "0", "1,2"), (8, {"connections": 1}, 1, "0", "1"),
    (8, {"threads": 2}, 5, "0,1", "2,3,4,5,6"), (4, {"threads": 2}, 2, "0,1", "2,3"),
    (2, {"threads": 2}, 2, None, None), (8, {"client_threads": 4}, 4, "0", "1,2,3,4"),
])
def test_a_client_gets_the_threads_it_needs(monkeypatch, cpus, settings, threads, server, client):
    """Where there are CPUs for them, one of which is left to the system."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cpus)))
    cell = cells.make(PARTS["tcp"], settings)
    place = run.Place(None, (0, min(1, cpus - 1)), None)
    assert tcp.client_threads(cell, place) == threads
    for end, expected in ((run.SERVER, server), (run.CLIENT, client)):
        words = tcp.both(cell, place, end)
        assert words[words.index("--threads") + 1] == str((cell["threads"], threads)[end])
        assert words[words.index("--cpus") + 1:] == [expected] if expected else (
            "--cpus" not in words)
