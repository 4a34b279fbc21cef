"""scripts/selfcheck: what it counts is so, and the slowdown that verdicts must find is really there."""

import copy
import json
import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import made_up
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from iobench import cells, resultset, run, runner, schedule, tcp, verdicts  # noqa: E402 (path first)
from iobench.cells import Timing  # noqa: E402
from iobench.matrix import Planned  # noqa: E402
from iobench.outcomes import EQUAL, UNCLEAR, WORSE  # noqa: E402
from iobench.pairing import DUET, INTERLEAVED  # noqa: E402
from iobench.selfcheck import both_ways, load, power, record, recorded, resample  # noqa: E402
from iobench.selfcheck import slower  # noqa: E402

BACKEND = "epoll" if sys.platform == "linux" else "libev"
WORK_NS = 2_000_000
TCP, FILE = "tcp-epoll-c16-s256", "file-sync"
CELLS = {TCP: ["rate", "server_cpu_us"], FILE: ["rate", "cpu_us"]}
PROMISED = [(TCP, 10), (TCP, 3), (FILE, 1)]
ROUND_S = 0.4


# ---- a recording that nobody measured


def block(draw, cell, percent, how, number, noise, bias=0.0):
    """The new side takes so many per cent more CPU time, and bias (a logarithm) more."""
    rate, cpu = CELLS[cell]

    def made_round():
        log = math.log1p(percent / 100) + bias + draw.gauss(0, noise)
        return {"seconds": ROUND_S, "base": {rate: 1000.0, cpu: 5.0},
                "new": {rate: 1000 * math.exp(-log + draw.gauss(0, noise)),
                        cpu: 5 * math.exp(log)}}

    return {"cell": cell, "percent": percent, "how": how, "number": number,
            "load": {"others_cpus": 0.5, "stolen_cpus": 0.0},
            "rounds": [made_round() for _ in range(8)]}


def recording(noise=0.01, bias=0.0, sessions=40):
    draw = random.Random(1)
    blocks = [block(draw, cell, 0, DUET, number, noise, bias)
              for number in range(sessions) for cell in CELLS]
    blocks += [block(draw, cell, percent, how, number, noise * times)
               for cell, percent in PROMISED for number in range(8)
               for how, times in ((DUET, 1), (INTERLEAVED, 4))]
    return {"schema_version": recorded.VERSION, "kind": recorded.KIND, "cells": copy.deepcopy(CELLS),
            "work_ns": {}, "skipped": ["tcp-other: not slowed: why"], "rounds_per_session": 8,
            "helpers": 0, "load": {"others_cpus": 0.5, "stolen_cpus": 0.1}, "blocks": blocks}


def selfcheck(*args):
    return subprocess.run([ROOT / "scripts" / "selfcheck", *map(str, args)], check=False,
                          capture_output=True, text=True)


def judge(tmp_path, document, *args):
    file = tmp_path / "recorded.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return selfcheck("--from", file, "--output", tmp_path / "out.json", "--resamples", 100, *args)


def test_promises_that_are_kept(tmp_path):
    done = judge(tmp_path, recording())
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert "all promises are kept" in done.stdout
    assert "other load: 0.50 of" in done.stdout
    assert "not checked: tcp-other: not slowed: why" in done.stdout
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert found["passed"] and found["blocks"]
    assert len(found["power"]) == 2 * len(PROMISED)  # by duets and by solo rounds
    for one in found["power"]:
        assert one["curve"][0]["seconds"] == pytest.approx(one["curve"][0]["rounds"] * ROUND_S)


def test_duets_that_favour_a_side_are_found_out(tmp_path):
    done = judge(tmp_path, recording(bias=0.02))
    assert (done.returncode, done.stderr) == (1, "")
    assert "a promise is breached" in done.stdout
    real, = [line for line in done.stdout.splitlines() if "'different' in any cell, real" in line]
    assert real.endswith("BREACHED")


def test_noise_that_hides_a_slowdown_is_a_breach(tmp_path):
    done = judge(tmp_path, recording(noise=0.1))
    assert (done.returncode, done.stderr) == (1, "")
    breached = [line for line in done.stdout.splitlines() if line.endswith("BREACHED")]
    assert breached and all("_cpu_us" in line or "by cpu_us" in line for line in breached)


def without(document, *path):
    *above, last = path
    for name in above:
        document = document[name]
    del document[last]


@pytest.mark.parametrize("path", [
    *[(member,) for member in recorded.MEMBERS], ("kind",), ("schema_version",),
    *[("blocks", 0, name) for name in ("cell", "percent", "how", "number", "rounds")],
    *[("blocks", 0, "rounds", 0, name) for name in ("seconds", "base", "new")],
    ("blocks", 0, "rounds", 0, "new", "rate"), ("cells", TCP)])
def test_a_member_that_is_missing_is_one_line(tmp_path, path):
    document = recording(sessions=2)
    without(document, *path)
    done = judge(tmp_path, document)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("selfcheck: ") and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("change", [
    {"blocks": []}, {"blocks": 7}, {"blocks": [None]}, {"cells": []}, {"cells": {TCP: None}},
    {"rounds_per_session": "x"}, {"kind": "iobench plan"}, {"schema_version": 1},
    {"skipped": None}])
def test_a_member_of_another_kind_is_one_line(tmp_path, change):
    done = judge(tmp_path, recording(sessions=2) | change)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("selfcheck: ") and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("value", [0, -1.0, "x", None, float("nan")])
def test_a_figure_that_is_none_is_one_line(tmp_path, value):
    document = recording(sessions=2)
    document["blocks"][0]["rounds"][0]["new"]["rate"] = value
    done = judge(tmp_path, document)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr


def test_rounds_that_failed_are_left_out():
    document = recording(sessions=2)
    document["blocks"][0]["rounds"][3]["new"] = {}
    session = recorded.parsed(document, "x").sessions(DUET)[0]
    test = resample.test_of(DUET, session[TCP].logs, "rate")
    assert test.rounds() == (7, 7)


# ---- resampling


def test_outcomes_are_those_of_compare():
    draw, rule = random.Random(3), verdicts.Rule()
    seen = set()
    for _ in range(50):
        middle, rounds = draw.choice((0, 0.02, 0.05)), draw.choice((6, 9, 20))
        logs = [{"rate": draw.gauss(-middle, 0.03), "cpu_us": draw.gauss(middle, 0.02)}
                for _ in range(rounds)]
        tests = [resample.test_of(DUET, logs, metric) for metric in ("rate", "cpu_us")]
        judged = [one.outcome for one in verdicts.judge(tests, rule)]
        equal = resample.equal(tests, rule)
        ours = [EQUAL if one == UNCLEAR and same else one
                for one, same in zip(resample.different(tests, rule), equal)]
        assert ours == judged
        seen |= set(judged)
    assert seen >= {EQUAL, UNCLEAR, WORSE}


def test_rounds_needed_lie_between_the_points():
    points = [power.Point(6, 3, {"rate": 0.2, "cpu_us": 0.98}),
              power.Point(12, 6, {"rate": 0.8, "cpu_us": 1.0}),
              power.Point(24, 12, {"rate": 1.0, "cpu_us": 1.0})]
    assert power.needed(points, "cpu_us") == 6
    assert power.needed(points, "rate") == 21
    assert power.needed(points[:2], "rate") is None


# ---- what is measured


def test_slower_programs_are_slower(tmp_path):
    """2 ms of work on each message leave fewer than 500 requests per second of one connection."""
    cell = cells.make(tcp, {"backend": BACKEND, "connections": 1})
    planned = [Planned(cell, Timing(1, 0.1, 0))]
    programs = slower.slower(run.programs(), tmp_path / "slower", "tcp", WORK_NS)
    store = resultset.Store.create(tmp_path / "set", resultset.plan_for(planned, seed=1))
    runner.measure([schedule.Variant(store, programs)])
    sample = store.samples[cell.name][1]
    assert sample["server"]["config"]["work_ns"] == WORK_NS
    assert 0 < sample["client"]["rate"]["qps"] <= 500


def test_work_is_that_share_of_the_cpu_time():
    """Beside 4 us of each request."""
    cell = cells.make(tcp, {})

    def probe(work_ns):
        return [record.Round(1.0, {"server_cpu_us": 4.0}, {"server_cpu_us": 4 + work_ns / 1e3})]

    by_ns = slower.growth_by_ns(cell, probe)
    assert slower.work_for(0.1, by_ns) == 400
    assert slower.work_for(0.03, by_ns) == 120
    assert slower.work_for(0.0001, by_ns) == 1
    with pytest.raises(run.Failed, match="too busy"):
        slower.growth_by_ns(cell, lambda _: probe(-1))


@pytest.mark.parametrize("how, timing", [
    (DUET, Timing(0, 0.1, 0.03, 4, 0.1)), (INTERLEAVED, Timing(4, 0.1, 0.03))])
def test_rounds_are_taken_some_at_a_time(tmp_path, how, timing):
    cell = cells.make(tcp, {"backend": BACKEND, "connections": 10})
    if how == DUET and record.why_no_duets([cell]):
        pytest.skip(record.why_no_duets([cell]))
    if how == DUET and not run.knows(run.program("bench_client"), "--gate"):
        pytest.skip("programs without --gate")
    programs = (run.programs(), slower.slower(run.programs(), tmp_path / "bin", "tcp", 100_000))
    item = record.Item(cell.name, 10, how, record.Comparison(cell, timing, programs, tmp_path))
    some = [item.block(number, 2) for number in range(2)]
    assert [len(one["rounds"]) for one in some] == [2, 2]
    for only in some[0]["rounds"] + some[1]["rounds"]:
        assert only["seconds"] > 0.02
        assert only["new"]["server_cpu_us"] > 2 * only["base"]["server_cpu_us"] > 0
    assert not list((tmp_path / "base" / "raw").iterdir())


def test_programs_that_cannot_be_slowed_are_known(tmp_path):
    program = tmp_path / "bench_file_io"
    program.write_text("#!/bin/sh\necho '  -w, --workers N    --worker TIME'\n", encoding="utf-8")
    program.chmod(0o755)
    assert slower.why_not(tmp_path, "file") == "bench_file_io has no option --work"


# ---- other load


def children():
    pid = os.getpid()
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


@pytest.mark.skipif(not load.STAT.exists(), reason="this system does not say")
def test_helpers_are_other_load_and_end():
    before = set(children())
    with load.helpers(1):
        first = load.look()
        assert len(set(children()) - before) == 1
        time.sleep(1)
        found = load.between(first, load.look())
    assert found["others_cpus"] > 0.3
    assert set(children()) <= before


def test_load_that_is_not_known():
    assert load.between(None, None) is None
    assert load.text(None) == "other load: not known"


# ---- both ways


def way(middle, deviation=0.01, rounds=40):
    """Rounds with just this middle."""
    half = [deviation * (i + 1) / rounds for i in range(rounds // 2)]
    return both_ways.way_of([middle + one for one in half] + [middle - one for one in half])


def row(duets, solo):
    apart = both_ways.apart(duets, solo)
    return both_ways.Row("", cells.make(tcp, {}), "rate", duets, solo, apart, [], None)


@pytest.mark.parametrize("duets, solo, verdict", [
    (way(0.1), way(0.1), both_ways.AGREE),
    (way(0.1), way(0.11), both_ways.AGREE),  # apart, but near
    (way(0.1), way(0.2), both_ways.DIFFER),
    (way(0.1), way(0.11, 0.5), both_ways.NOT_KNOWN),
    (way(0.1, rounds=4), way(0.2), both_ways.NOT_KNOWN)])
def test_verdict_of_a_row(duets, solo, verdict):
    assert row(duets, solo).verdict() == verdict


def test_the_cpu_of_the_end_that_is_compared():
    for settings, name in (({"backend": "libev"}, "server_cpu_us"),
                           ({"client": "libev"}, "client_cpu_us"),
                           ({"backend": "libev", "client": "libev"}, "server_cpu_us")):
        assert tcp.ratio_metrics(cells.make(tcp, settings)) == ("rate", name)


def as_duets(path, first):
    """Makes duets of the rounds from this one on."""
    lines = [json.loads(line) for line in (path / "runs.jsonl").read_text().splitlines()]
    for line in lines:
        number = line["round"]
        if number >= first:
            line |= {"round": number - first + 1, "duet": True}
            for file in (path / "raw").glob(f"{line['cell']}-{number}.*.json"):
                file.rename(file.with_name(file.name.replace(
                    f"-{number}.", f"-duet-{line['round']}.")))
    (path / "runs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def measured_set(tmp_path):
    """20 solo rounds and 20 duets, in which libev looks 10 % better than it is."""
    draw = random.Random(5)
    epoll, libev = (made_up.cell("tcp", backend=name, connections=1) for name in ("epoll", "libev"))
    noise = [draw.gauss(1, 0.01) for _ in range(80)]
    made_up.result_set(tmp_path / "set", {
        epoll: [made_up.Round(100e3 * some) for some in noise[:40]],
        libev: [made_up.Round(90e3 * some * (1 + 0.1 * (i >= 20)))
                for i, some in enumerate(noise[40:])]})
    as_duets(tmp_path / "set", 21)
    return tmp_path / "set"


def test_both_ways_of_a_measured_set(tmp_path, measured_set):
    done = selfcheck("--both-ways", measured_set, "--output", tmp_path / "out.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 rows: 1 agree, 1 differ, of 0 it is not known" in done.stdout
    rate, cpu = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["rows"]
    assert (rate["verdict"], cpu["verdict"]) == ("differ", "agree")
    assert rate["duets_to_solo"][0] == pytest.approx(1.1, abs=0.02)
    assert not rate["intervals_overlap"]
    assert np.isclose(rate["duets"]["deviation"], 0.014, atol=0.007)


def test_both_ways_as_markdown(tmp_path, measured_set):
    done = selfcheck("--both-ways", measured_set, "--output", tmp_path / "out.json", "--markdown")
    assert done.stdout.startswith("# Duets against solo rounds\n")
    assert "| libev / epoll | rate |" in done.stdout


def test_both_ways_of_too_few_rounds_is_one_line(tmp_path):
    made_up.result_set(tmp_path / "set", {made_up.cell("tcp"): [1e5] * 3})
    done = selfcheck("--both-ways", tmp_path / "set", "--output", tmp_path / "out.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "fewer than 6 duets" in done.stderr


@pytest.mark.parametrize("words", [
    ["--from", "x.json", "--quick"], ["--from", "x.json", "--load", "2"],
    ["--both-ways", "--sessions", "5"], ["--both-ways", "DIR", "--quick"],
    ["--both-ways", "--resamples=500"], ["--markdown"],
])
def test_options_of_no_use_are_refused(words):
    done = subprocess.run([ROOT / "scripts" / "selfcheck", *words], capture_output=True, text=True,
                          timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "of no use here" in done.stderr
