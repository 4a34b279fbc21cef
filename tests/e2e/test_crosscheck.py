"""scripts/crosscheck: what it says of agreement, and what it makes of others' programs; and
compare-fio and udp-table, which start the same ones."""

import importlib.machinery
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys

import pytest
from harness import BIN, PATIENCE_S, ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from iobench import cells, peers, run  # noqa: E402 (the path comes first)
from iobench.cells import Timing  # noqa: E402
from iobench.parts import PARTS  # noqa: E402

agreement = pytest.importorskip("iobench.agreement")  # needs scipy
TIMING = Timing(1, 0.05, 0.02)

FIO_TEXT = """note: both iodepth >= 1 and synchronous I/O engine are selected
{"fio version": "fio-3.33", "jobs": [{"error": 0, "read": {"iops": 20000.5,
 "lat_ns": {"percentile": {"50.000000": 41234}}}}]}
"""
SOCKPERF_TEXT = """sockperf: Test ended
sockperf: [Total Run] RunTime=1.000 sec; Warm up time=400 msec; ReceivedMessages=100
sockperf: [Valid Duration] RunTime=0.500 sec; SentMessages=5001; ReceivedMessages=5000
sockperf: \x1b[2;35m====> avg-rtt=104.367 (std-dev=536.416)\x1b[0m
sockperf: ---> percentile 99.999 = 16860.477
sockperf: ---> percentile 50.000 =   41.562
"""
FAKE = """#!/usr/bin/python3
import pathlib, sys, time
here = pathlib.Path(__file__).parent
with (here / "told").open("a") as file:
    file.write(" ".join(sys.argv) + "\\n")
if "--version" in sys.argv:
    print("fake 1.0")
elif "server" in sys.argv:
    print("sockperf: using recvfrom() to block on socket(s)", flush=True)
    time.sleep(60)
else:
    print((here / (pathlib.Path(__file__).name + ".txt")).read_text())
"""


# ---- what is said


@pytest.mark.parametrize(("low", "high", "kind", "text"), [
    (0.96, 1.03, "agree", "agree within 5 %"),  # 1 / 0.96
    (0.99, 1.03, "agree", "agree within 3 %"),
    (1.02, 1.05, "agree", "agree within 5 %"),  # a small difference is agreement too
    (1.0, 1.0, "agree", "agree within 1 %"),
    (1.05, 1.3, "differ", "differ: ours 5.0 % to 30 % higher"),
    (0.4, 0.98, "differ", "differ: ours 2.0 % to 60 % lower"),
    (0.8, 1.05, "undecided", "nothing shown: ours 20 % lower to 5.0 % higher"),
])
def test_verdict(low, high, kind, text):
    assert agreement.verdict(low, high, 0.1) == (kind, text)


def test_agreement_of_rounds():
    """Noise that both share is no difference between them."""
    draw = random.Random(1)
    noise = [draw.lognormvariate(0, 0.5) for _ in range(9)]
    theirs = [100 * common * draw.lognormvariate(0, 0.01) for common in noise]
    ours = [100 * common * draw.lognormvariate(0, 0.01) for common in noise]
    same = agreement.of(ours, theirs, 0.1)
    assert same.kind == "agree" and same.low < same.ratio < same.high
    other = agreement.of([1.5 * value for value in ours], theirs, 0.1)
    assert other.kind == "differ" and 1.4 < other.low < 1.5 < other.high < 1.6


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_few_rounds_show_nothing(rounds):
    """However alike they are."""
    found = agreement.of([100] * rounds, [100] * rounds, 0.1)
    assert (found.kind, found.text) == (
        "undecided", f"nothing shown: {rounds} of at least 6 rounds")
    assert found.low == found.high == (1 if rounds > 1 else None)
    assert agreement.of([100] * 6, [100] * 6, 0.1).kind == "agree"


# ---- what is asked of the peers


def cell(part, **settings):
    return cells.make(PARTS[part], settings)


def test_fio_is_told_the_same(tmp_path):
    words = peers.fio_command(
        cell("file", engine="io_uring", direct="on", depth=32), Timing(1, 0.5, 0.2), tmp_path)
    for word in ("--rw=randread", "--bs=4096", f"--size={64 << 20}", "--ioengine=io_uring",
                 "--direct=1", "--iodepth=32", "--iodepth_batch=4", "--runtime=500ms",
                 "--ramp_time=200ms", f"--directory={tmp_path}", "--registerfiles"):
        assert word in words
    words = peers.fio_command(cell("file", depth=1, batch="1"), TIMING, tmp_path)
    assert "--ioengine=psync" in words and "--direct=0" in words
    assert not any(word.startswith("--iodepth") for word in words)


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """fio and sockperf that print what is in FOLDER/NAME.txt and note what they were told."""
    folder = tmp_path / "fakes"
    folder.mkdir()
    for name, text in (("fio", FIO_TEXT), ("sockperf", SOCKPERF_TEXT)):
        (folder / name).write_text(FAKE, encoding="utf-8")
        (folder / name).chmod(0o755)
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def place(tmp_path):
    return run.Place(BIN, run.choose_cpus(), tmp_path)


def told(fakes):
    return (fakes / "told").read_text(encoding="utf-8").splitlines()


def test_fio_is_understood(fakes, tmp_path):
    found = peers.fio(cell("file", engine="sync"), TIMING, place(tmp_path))
    assert found == peers.Found(20000.5, 41234)
    lay_out, read = told(fakes)
    assert "--rw=write" in lay_out and "--rw=randread" in read  # the file is written before


def test_sockperf_is_understood(fakes, tmp_path):
    """The figures of what it calls valid, not of the whole run."""
    spinning = cell("tcp", connections=1, mode="latency")
    assert peers.sockperf(spinning, TIMING, place(tmp_path)) == peers.Found(10000, 41562)
    server, client = told(fakes)
    for words in (server, client):
        assert "--tcp" in words and "--nonblocked" in words
    assert "ping-pong" in client and "-m 256" in client and "--full-rtt" in client
    sleeping = cell("udp", clients=1, pipeline=1, mode="throughput")
    assert peers.sockperf(sleeping, TIMING, place(tmp_path)).rate == 10000
    assert not any("--tcp" in words or "--nonblocked" in words for words in told(fakes)[2:])


@pytest.mark.parametrize("text", ["", "{}", '{"jobs": [{"error": 22, "read": {}}]}', "{"])
def test_fio_that_failed(fakes, tmp_path, text):
    (fakes / "fio.txt").write_text(text, encoding="utf-8")
    with pytest.raises(run.Failed, match="^fio: "):
        peers.fio(cell("file"), TIMING, place(tmp_path))


@pytest.mark.parametrize("text", ["sockperf: ERROR: no", SOCKPERF_TEXT.replace("=5000", "=0")])
def test_sockperf_that_failed(fakes, tmp_path, text):
    (fakes / "sockperf.txt").write_text(text, encoding="utf-8")
    with pytest.raises(run.Failed, match="^sockperf: "):
        peers.sockperf(cell("tcp", connections=1), TIMING, place(tmp_path))


def test_sockperf_whose_server_does_not_start(fakes, tmp_path):
    (fakes / "sockperf").write_text("#!/bin/sh\necho 'no such device' >&2\n", encoding="utf-8")
    with pytest.raises(run.Failed, match="^sockperf: its server did not start: no such device$"):
        peers.sockperf(cell("tcp", connections=1), TIMING, place(tmp_path))


# ---- the script


def crosscheck(tmp_path, *args, env=None):
    command = [ROOT / "scripts" / "crosscheck", "--dir", tmp_path, "--seed", "1", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=3 * PATIENCE_S,
                          env=os.environ | (env or {}), check=False)


@pytest.fixture
def main(tmp_path, monkeypatch, fakes):
    """The script's main() with a suite whose figures are known; what the fakes say is read."""
    loader = importlib.machinery.SourceFileLoader("crosscheck", str(ROOT / "scripts/crosscheck"))
    script = importlib.util.module_from_spec(importlib.util.spec_from_loader("crosscheck", loader))
    loader.exec_module(script)
    monkeypatch.setattr(script, "ours", lambda *_: peers.Found(20000, 41000))
    monkeypatch.setattr(script.run.interrupts, "catch", lambda: None)

    def run_main(*args):
        monkeypatch.setattr(sys, "argv", ["crosscheck", "--dir", str(tmp_path), *map(str, args)])
        return script.main()

    return run_main


def test_the_table_and_the_json(main, tmp_path, capfd):
    target, markdown = tmp_path / "out.json", tmp_path / "out.md"
    assert main("--rounds", 6, "--json", target, "--markdown", markdown) == 0
    found = json.loads(target.read_text(encoding="utf-8"))
    assert found["versions"] == {"fio": "fake 1.0", "sockperf": "fake 1.0"}
    assert [row["peer"] for row in found["rows"]] == ["fio"] * 4 + ["sockperf"] * 4
    texts = capfd.readouterr().out, markdown.read_text(encoding="utf-8")
    for row in found["rows"]:
        rate, p50 = row["figures"]
        fio = row["peer"] == "fio"
        assert (rate["ours"], p50["ours"]) == ([20000] * 6, [41000] * 6)
        assert rate["theirs"] == [20000.5 if fio else 10000] * 6
        assert p50["theirs"] == [41234 if fio else 41562] * 6
        assert rate["kind"] == ("agree" if fio else "differ")
        assert (rate["text"], p50["text"]) == (
            "agree within 1 %" if fio else "differ: ours 100 % to 100 % higher",
            "agree within 1 %" if fio else "agree within 2 %")
        for text in texts:
            assert row["name"] in text and rate["text"] in text
    assert not list(tmp_path.glob("crosscheck.*"))  # its files are gone


def test_a_peer_that_is_not_there(main, fakes, capfd, monkeypatch):
    """One line, and the other rows."""
    (fakes / "fio").unlink()
    for name in ("sh", "python3", "taskset", "setpriv"):
        (fakes / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(fakes))
    assert main("--rounds", 1) == 0
    out, err = capfd.readouterr()
    assert err.splitlines()[0] == (
        "crosscheck: fio is not installed (the package fio): its rows are left out")
    assert "UDP ping-pong" in out and "random reads" not in out
    (fakes / "sockperf").unlink()
    assert main("--parts", "tcp,udp") == 77
    assert capfd.readouterr() == ("", "crosscheck: sockperf is not installed (the package "
                                  "sockperf): its rows are left out\n")


def test_a_peer_that_fails_in_mid_run(main, fakes, capfd):
    (fakes / "fio.txt").write_text("{}", encoding="utf-8")
    assert main("--rounds", 2) == 1
    out, err = capfd.readouterr()
    assert sum("in 2 rounds: fio: no results" in line for line in err.splitlines()) == 4
    table = out.partition("\nCross-check\n")[2]  # after the progress
    assert "TCP ping-pong" in table and "random reads" not in table


@pytest.mark.parametrize(("args", "word"), [
    (["--rounds", "0"], "--rounds"), (["--duration", "1h30"], "--duration"),
    (["--parts", "disk"], "--parts"), (["--dir", "/proc/none"], "/proc/none"), (["x"], "x")])
def test_usage(tmp_path, args, word):
    done = crosscheck(tmp_path, *args)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert word in done.stderr


@pytest.mark.skipif(not (shutil.which("fio") and shutil.which("sockperf")),
                    reason="fio and sockperf are not installed")
def test_the_real_programs(tmp_path):
    """Once: that they are understood as they are. How much they agree is for docs/method.md."""
    target = tmp_path / "out.json"
    done = crosscheck(tmp_path, "--parts", "udp,file", "--rounds", "1", "--duration", "300ms",
                      "--json", target)
    assert done.returncode == 0, done.stderr
    found = json.loads(target.read_text(encoding="utf-8"))
    assert len(found["rows"]) == 6
    for row in found["rows"]:
        for figure in row["figures"]:
            assert min(figure["ours"] + figure["theirs"]) > 0
            assert figure["kind"] == "undecided"  # of one round


# ---- compare-fio and udp-table


@pytest.mark.parametrize(("script", "args", "word"), [
    ("compare-fio", ["--rounds", "0"], "--rounds"), ("compare-fio", ["--dir", "/no"], "'/no'"),
    ("compare-fio", ["--engine", "aio"], "'aio'"), ("compare-fio", ["--size", "0"], "--size"),
    ("udp-table", ["--seconds", "0"], "--seconds"), ("udp-table", ["--cpus", "0"], "two CPUs"),
    ("udp-table", ["chairs"], "'chairs'"),
])
def test_usage_of_the_others(script, args, word):
    done = subprocess.run([ROOT / "scripts" / script, *args], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert word in done.stderr


@pytest.mark.skipif(not shutil.which("fio"), reason="fio is not installed")
def test_compare_fio(tmp_path):
    done = subprocess.run(
        [ROOT / "scripts" / "compare-fio", "--dir", tmp_path, "--engine", "sync", "--engine",
         "libaio", "--depth", "4", "--size", "1m", "--rounds", "2", "--seconds", "50ms"],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{tmp_path}, cached, sync, depth 1\n" in done.stdout
    assert "bench_file_io largest batch" in done.stdout
    assert done.stdout.count("x fio") == 4  # IOPS and CPU of both engines
    assert list(tmp_path.iterdir()) == []
