"""scripts/reproduce: its figures follow from the reports and the published file, none from code."""

import contextlib
import copy
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest
from harness import BIN, ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from iobench import run  # noqa: E402 (path first)
from iobench.reproduce import network, published  # noqa: E402 (path first)
from iobench.reproduce.rows import (  # noqa: E402
    CLAIM, LEAST, MOST, QUOTA_ROUNDS, Row, Value, value, verdict)
from iobench.reproduce.formats import value_text  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the rows that run are Linux's")

REPRODUCE = str(ROOT / "scripts" / "reproduce")
PUBLISHED = json.loads((ROOT / "results" / "published.json").read_text(encoding="utf-8"))
PATIENCE_S = 120
QUICK = ["--rounds", "1", "--duration", "200ms", "--warmup", "0"]
ROWS = ["tcp_echo", "udp_echo", "file_io.0", "io_uring_dispatcher.0", "zero_copy", "event_loop"]


def reproduce(*args, **options):
    return subprocess.run([REPRODUCE, *map(str, args)], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False, **options)


def write(path, published):
    path.write_text(json.dumps(published), encoding="utf-8")
    return path


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def rows_of(directory):
    return {row["id"]: row for row in load(directory / "reproduce.json")["rows"]}


# ---- a published file with figures, loads and a caveat of its own


@pytest.fixture(scope="module")
def changed():
    found = copy.deepcopy(PUBLISHED)
    found["tcp_echo"][3].update(qps=123456, connections=7)
    found["tcp_echo"][4].update(connections=7)
    found["tcp_echo_caveat"] = "Somebody counted on their fingers."
    found["udp_echo"][0].update(pkt_s=34567, messages_per_client=20)
    found["file_io"][0].update(read_iops=2345, ops_per_worker=50)
    found["io_uring_dispatcher"]["claims"][0].update(load="under 6 connections", speedup="40-50x")
    found["zero_copy"][2].update(source="a text, 3 MiB file, epoll", mb_s=300)
    found["zero_copy"][3].update(source="a text, 3 MiB file, io_uring")
    found["event_loop"]["targets"]["batch_io_ops_s"] = 11
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory, changed):
    """The process that has ended, its directory and its rows."""
    folder = tmp_path_factory.mktemp("reproduce")
    file = write(folder / "other.json", changed)
    done = reproduce(*QUICK, "--rows", ",".join(ROWS), "--published", file,
                     "--output", folder / "out")
    assert (done.returncode, done.stderr) == (0, "")
    return done, folder / "out", rows_of(folder / "out")


def reports(directory, row, run_index=0, end="client"):
    files = (directory / "raw").glob(f"{row['runs'][run_index]}-[0-9]*.{end}.json")
    return {path.name.split(".")[-3].rsplit("-", 1)[1]: load(path) for path in files}


def test_published_figures_come_from_the_file(made):
    done, directory, rows = made
    markdown = (directory / "reproduce.md").read_text(encoding="utf-8")
    assert rows["tcp_echo.3"]["published"] == 123456
    assert rows["tcp_echo.ratio-7x256"]["published"] == round(302893 / 123456, 2) == 2.45
    assert rows["udp_echo.0"]["published"] == 34567
    assert rows["io_uring_dispatcher.0"]["published"] == [40, 50]
    assert rows["zero_copy.2-ratio"]["published"] == round(300 / 101.83, 2)
    for text in ("123,456", "34,567", "2,345", "40-50", "Somebody counted on their fingers."):
        assert text in done.stdout and text in markdown


def test_loads_come_from_the_file(made):
    _, directory, rows = made
    assert {report["config"]["connections"] for report in
            reports(directory, rows["tcp_echo.3"]).values()} == {7}
    assert {report["packets"]["sent"] for report in
            reports(directory, rows["udp_echo.0"]).values()} == {2000}
    assert {report["read"]["operations"] for report in
            reports(directory, rows["file_io.0"]).values()} == {200}
    assert {report["config"]["connections"] for report in
            reports(directory, rows["io_uring_dispatcher.0"]).values()} == {3}


ECHO = (lambda r: r["totals"]["requests"] / r["window"]["duration_s"],
        lambda r: r["totals"]["reads"] / r["window"]["duration_s"])
TRUE_AND_WAY = {
    "tcp_echo.3": ECHO,
    "tcp_echo.large-7x256": ECHO,
    "udp_echo.0": (lambda r: 2 * r["totals"]["requests"] / r["window"]["duration_s"],
                   lambda r: r["published_method"]["packets_s"]),
    "file_io.0": (lambda r: r["read"]["operations"] / r["window"]["duration_s"],
                  lambda r: r["file"]["published"]["read_iops"]),
    "event_loop.batch_io_ops_s-null": (lambda r: r["rate"]["qps"], None),
}


@pytest.mark.parametrize("name", TRUE_AND_WAY)
def test_measured_figures_are_those_of_the_reports(made, name):
    _, directory, rows = made
    true, way = TRUE_AND_WAY[name]
    row, found = rows[name], reports(directory, rows[name])
    assert row["status"] == "measured"
    assert row["true"]["by_round"] == pytest.approx({n: true(r) for n, r in found.items()})
    assert row["true"]["median"] == pytest.approx(median(map(true, found.values())))
    if way:
        assert row["published_way"]["by_round"] == pytest.approx(
            {n: way(r) for n, r in found.items()})
        assert row["true_to_published_way"]["by_round"] == pytest.approx(
            {n: true(r) / way(r) for n, r in found.items()})
    else:
        assert row["published_way"] is None


def test_a_ratio_is_of_the_rounds_own(made):
    _, directory, rows = made
    row = rows["tcp_echo.ratio-7x256"]
    over, under = (reports(directory, row, index) for index in (0, 1))
    assert row["true"]["by_round"] == pytest.approx(
        {n: over[n]["rate"]["qps"] / under[n]["rate"]["qps"] for n in over})


def test_the_fixed_wall_is_called_an_artefact(made):
    """Whatever the speed, 5.7 s: 4,000 packets are 702 per second."""
    _, _, rows = made
    row = rows["udp_echo.0"]
    assert row["published_way"]["median"] == pytest.approx(2 * 100 * 20 / 5.7)
    assert row["verdict"] == "artefact"


def test_every_row_of_the_file_is_listed(made):
    done, _, rows = made
    for section in ("tcp_echo", "udp_echo", "zero_copy"):
        for i in range(len(PUBLISHED[section])):
            assert f"{section}.{i}" in rows
    mac = [row for row in rows.values() if "macOS" in row["platform"]]
    assert len(mac) == 3
    assert {(row["status"], row["why"]) for row in mac} == {
        ("needs another platform", "macOS arm64, Darwin 24.6.0")}
    assert done.stdout.count("needs another platform") == 3
    before = rows["udp_echo.2"]
    assert before["status"] == "not measured" and "1,027 B per packet" in before["why"]
    assert rows["event_loop.task_switch_us"]["status"] == "not measured"


def test_each_row_stands_in_both_tables(made):
    done, directory, _ = made
    found = load(directory / "reproduce.json")
    markdown = (directory / "reproduce.md").read_text(encoding="utf-8")
    lines = [line for line in markdown.splitlines() if re.match(r"\| (?!:|  )", line)]
    assert len(lines) == len(found["rows"]) + len(found["sections"])  # a head each
    assert all(line.count(" | ") == 5 for line in lines)
    assert all(len(line) <= 100 for line in done.stdout[done.stdout.index("Published"):]
               .splitlines() if not line.startswith("Raw"))


def test_a_target_is_judged(made):
    _, _, rows = made
    row = rows["event_loop.batch_io_ops_s-cached"]
    assert (row["published"], row["published_is"]) == (11, "least")
    assert row["true"]["median"] > 11


# ---- what is wrong with the file, and with the options


@pytest.mark.parametrize(("change", "complaint"), [
    (lambda found: found["tcp_echo"][3].pop("connections"), "tcp_echo[3] lacks 'connections'"),
    (lambda found: found["tcp_echo"][3].update(connections="many"),
     "tcp_echo[3] connections: 'many' is not a number"),
    (lambda found: found["tcp_echo"][3].update(qps=0), "qps: 0 is not a number above 0"),
    (lambda found: found["udp_echo"][1].update(clients=1.5), "clients: 1.5 is not a whole number"),
    (lambda found: found["file_io"][1].update(block_bytes=1000), "not a multiple of 512"),
    (lambda found: found["io_uring_dispatcher"]["claims"][2].update(speedup="a lot"),
     "io_uring_dispatcher.claims[2] speedup: 'a lot' is not a range"),
    (lambda found: found["io_uring_dispatcher"]["claims"][2].update(load="some"),
     "claims[2] load: 'some' names no number of connections"),
    (lambda found: found.update(zero_copy=7), "zero_copy: is not a list"),
    (lambda found: found["zero_copy"].append(7), "zero_copy[4] is not an object"),
    (lambda found: found.clear(), "has none of tcp_echo, "),
])
def test_broken_published_file(tmp_path, change, complaint):
    found = copy.deepcopy(PUBLISHED)
    change(found)
    done = reproduce("--published", write(tmp_path / "p.json", found), "--output", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("reproduce: p.json: ") and complaint in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "\0"])
def test_published_file_that_is_none(tmp_path, text):
    (tmp_path / "p.json").write_text(text, encoding="utf-8")
    done = reproduce("--published", tmp_path / "p.json")
    assert done.returncode == 2
    assert re.fullmatch(r"reproduce: \S+p\.json: .+\n", done.stderr)


@pytest.mark.parametrize(("args", "complaint"), [
    (["--rows", "tcp_echo.77"], "--rows: 'tcp_echo.77' is not one of tcp_echo, "),
    (["--rounds", "0"], "--rounds: '0' is not a count"),
    (["--published", "/nowhere"], "/nowhere: No such file"),
    (["--resume", "/tmp", "--full"], "--resume: '/tmp' has its own rows"),
    (["--output", "/"], "--output: '/' is not a new or empty directory"),
])
def test_usage(args, complaint):
    done = reproduce(*args)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and complaint in done.stderr


# ---- what fails, and what is interrupted


def test_a_row_that_fails_says_why_and_the_others_run(tmp_path):
    for name in ("bench_server", "bench_client", "bench_file_io"):
        (tmp_path / name).symlink_to(BIN / name)
    broken = tmp_path / "bench_udp"
    broken.write_text("#!/bin/sh\necho 'bench_udp: out of luck' >&2\nexit 3\n", encoding="ascii")
    broken.chmod(0o755)
    done = reproduce(*QUICK, "--rows", "udp_echo.0,tcp_echo.3", "--output", tmp_path / "out",
                     env={"IOBENCH_BIN": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert (done.returncode, done.stderr) == (1, "")
    rows = rows_of(tmp_path / "out")
    assert (rows["udp_echo.0"]["status"], rows["udp_echo.0"]["why"]) == (
        "failed", "bench_udp: out of luck")
    assert "failed: bench_udp: out of luck" in done.stdout
    assert rows["tcp_echo.3"]["status"] == "measured"


def processes_of(marker):
    """Those with it in their command line; none where there is no /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            if marker.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_and_resumed(tmp_path, number):
    out = tmp_path / f"out-{number.name}"
    args = [REPRODUCE, "--rows", "tcp_echo,udp_echo.0,zero_copy", "--rounds", "2", "--duration",
            "200ms", "--warmup", "0", "--output", str(out)]
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as first:
        for _ in range(3):
            assert re.match(r"\[ *\d+/", first.stdout.readline())
        first.send_signal(number)
        text, complaints = first.communicate(timeout=PATIENCE_S)
    assert complaints == ""
    if number == signal.SIGKILL:
        assert first.returncode == -number
    else:
        assert first.returncode == 130 and "interrupted: not all rounds were run" in text
        assert load(out / "reproduce.json")["interrupted"]
    ended = len((out / "runs.jsonl").read_text(encoding="utf-8").splitlines())
    assert ended >= 3
    deadline = time.monotonic() + PATIENCE_S
    while processes_of(str(out)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(str(out)) == []
    done = reproduce("--resume", out)
    assert (done.returncode, done.stderr) == (0, "")
    rows = rows_of(out)
    assert {len(row["true"]["by_round"]) for name, row in rows.items()
            if row["status"] == "measured" and name != "udp_echo.0"} == {2}
    assert len(rows["udp_echo.0"]["true"]["by_round"]) == 2 * QUOTA_ROUNDS
    assert not (out / "files").exists()


# ---- intervals and verdicts


def rounds(*values):
    return dict(enumerate(values, 1))


def test_interval_holds_the_median_and_grows_with_the_noise():
    calm, wild = value(rounds(99, 100, 100, 101, 100)), value(rounds(50, 100, 100, 150, 100))
    assert calm.low <= calm.median == 100 <= calm.high
    assert wild.high - wild.low > calm.high - calm.low
    assert value({}) is None
    assert value(rounds(7))[:3] == (7, 7, 7)


@pytest.mark.parametrize(("row", "way", "true", "expected"), [
    (Row("a.b", ""), (100, 100, 100), (100, 101, 100), "sound here"),
    (Row("a.b", ""), (100, 100, 100), (200, 210, 190), "artefact"),
    (Row("a.b", ""), (100, 100, 100), (50, 51, 49), "artefact"),
    (Row("a.b", ""), (100, 100, 100), (80, 100, 140), "unclear"),
    (Row("a.b", ""), (100, 100), (200, 200), "too few rounds to tell"),
    (Row("a.b", "", unit="x"), (1, 1, 1), (3, 3, 3), ""),
    (Row("a.b", "", kind=CLAIM, published=(2, 5)), (), (1, 1.1, 1.2), "below the claim"),
    (Row("a.b", "", kind=CLAIM, published=(2, 5)), (), (3, 3.1, 3.2), "in agreement"),
    (Row("a.b", "", kind=CLAIM, published=1.7), (), (1.5, 1.6, 1.8), "in agreement"),
    (Row("a.b", "", kind=CLAIM, published=1.7), (), (2, 2, 2), "above the claim"),
    (Row("a.b", "", kind=LEAST, published=10), (), (11, 12, 13), "target reached"),
    (Row("a.b", "", kind=LEAST, published=10), (), (9, 9, 9), "target missed"),
    (Row("a.b", "", kind=LEAST, published=10), (), (8, 11, 12), "unclear"),
    (Row("a.b", "", kind=MOST, published=10), (), (9, 9, 9), "target reached"),
    (Row("a.b", "", kind=MOST, published=10), (), (11, 11, 11), "target missed"),
    (Row("a.b", ""), (), (1, 2, 3), ""),
])
def test_verdict(row, way, true, expected):
    assert verdict(row, value(rounds(*way)), value(rounds(*true))) == expected


@pytest.mark.parametrize(("load_text", "connections"), [
    ("under 10 connections", 5), ("10-100 connections", 50), ("over 1000 connections", 2000)])
def test_a_claims_load_is_measured_well_inside_it(load_text, connections):
    entry = published.Entry("f", "claims[0]", {"load": load_text})
    assert network.typical(entry) == connections


@pytest.mark.parametrize(("values", "text"), [
    ((35087.72, 35087.72, 35087.72), "35,088"), ((195e3, 190e3, 201.4e3), "195 k (190-201)"),
    ((1.0, 1.0, 1.0), "1"), ((0.936, 0.882, 0.989), "0.94 (0.88-0.99)"),
    ((1.08e6, 937e3, 1.23e6), "1.08 M (937 k-1.23 M)"),
    ((9.9e3, 9e3, 11e3), "9,900 (9,000-11.0 k)"),
])
def test_value_text(values, text):
    assert value_text(Value(*values, {})) == text


# ---- the probe for zero copy


def test_copies_of_every_way(tmp_path):
    probe = str(ROOT / "scripts" / "iobench" / "reproduce" / "copy_probe.py")
    found = json.loads(run.client([sys.executable, probe, str(tmp_path), "1000000", "8192", "1"],
                                  PATIENCE_S))
    assert set(found) == {"sendfile", "read-send", "sendfile-small", "read-send-small", "splice",
                          "read-write"}
    assert all(rate > 0 for rate in found.values())
    assert list(tmp_path.iterdir()) == []
