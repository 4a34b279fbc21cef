"""fio and sockperf as backends of a matrix: what they are told, what is made of what they say, and
what the cross-check says of agreement."""

import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import BIN, PATIENCE_S, ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from iobench import cells, fileio, matrix, peers, resultset, run, tcp, udp  # noqa: E402
from iobench.cells import Timing  # noqa: E402
from iobench.parts import PARTS  # noqa: E402

agreement = pytest.importorskip("iobench.agreement")  # needs scipy
TIMING = Timing(1, 0.05, 0.02)

FIO_TEXT = """note: both iodepth >= 1 and synchronous I/O engine are selected
{"fio version": "fio-3.33", "jobs": [{"error": 0, "usr_cpu": 20.0, "sys_cpu": 70.0, "read": {
 "total_ios": 10000, "iops": 20000.5, "io_bytes": 40960000,
 "lat_ns": {"N": 10000, "bins": {"30000": 4000, "41234": 5000, "90000": 1000}}}}]}
"""
SOCKPERF_TEXT = """sockperf: Test ended
sockperf: [Total Run] RunTime=1.000 sec; Warm up time=400 msec; ReceivedMessages=100
sockperf: [Valid Duration] RunTime=0.500 sec; SentMessages=5001; ReceivedMessages=5000
sockperf: \x1b[2;35m====> avg-rtt=104.367 (std-dev=536.416)\x1b[0m
sockperf: ---> percentile 99.999 = 16860.477
sockperf: ---> percentile 50.000 =   41.562
"""
SOCKPERF_LOG = """------------------------------
sockperf: [Total Run] RunTime=1.000 sec; Warm up time=400 msec; ReceivedMessages=100
packet, txTime(sec), rxTime(sec), rtt(usec)
0, 2.470296220, 2.470326220, 30.000
1, 2.486231438, 2.486273000, 41.562
2, 2.496231438, 2.496331438, 100.000
------------------------------
"""
ONE_WAY_TEXT = "sockperf: Total of 6001 messages sent in 1.500 sec\n"
FAKE = """#!/usr/bin/python3
import pathlib, signal, sys, time
here = pathlib.Path(__file__).parent
name = pathlib.Path(__file__).name
def end(*_):
    print("sockperf: Total 6000 messages received and handled")
    sys.exit()
with (here / "told").open("a") as file:
    file.write(" ".join(sys.argv) + "\\n")
text = (here / (name + ".txt")).read_text()
if "--version" in sys.argv:
    print("fake 1.0")
elif "server" in sys.argv:
    signal.signal(signal.SIGINT, end)
    print("sockperf: using recvfrom() to block on socket(s)", flush=True)
    time.sleep(60)
elif name == "fio":
    out, = [word for word in sys.argv if word.startswith("--output=")]
    pathlib.Path(out.partition("=")[2]).write_text(text)
else:
    if "--full-log" in sys.argv:
        log = sys.argv[sys.argv.index("--full-log") + 1]
        pathlib.Path(log).write_text((here / "log.txt").read_text())
    print(text)
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


def fio_cell(engine="fio:sync", **settings):
    return cell("file", engine=engine, existing="on", size=1 << 20, **settings)


def sockperf_cell(part, mode="throughput", **settings):
    load = ({"connections": 1} if part == "tcp" else
            {"clients": 1, "pipeline": 1, "processes": 2, "how": "one-by-one"})
    return cell(part, backend="sockperf", mode=mode, **load | settings)


def place(tmp_path):
    return run.Place(BIN, run.choose_cpus(), tmp_path)


def test_fio_is_told_the_same(tmp_path):
    io_uring = fio_cell("fio:io_uring,userspace_reap", direct="on", depth=32)
    words = peers.fio_command(io_uring, Timing(1, 0.5, 0.2), place(tmp_path))
    for word in ("--rw=randread", "--bs=4096", f"--size={1 << 20}", "--ioengine=io_uring",
                 "--direct=1", "--iodepth=32", "--iodepth_batch=4", "--runtime=500ms",
                 "--ramp_time=200ms", "--registerfiles", "--randrepeat=0", "--lat_percentiles=1"):
        assert word in words
    assert words[-1] == "--userspace_reap"
    words = peers.fio_command(fio_cell(depth=1, batch="1"), TIMING, place(tmp_path))
    assert "--ioengine=psync" in words and "--direct=0" in words
    assert not any(word.startswith("--iodepth") for word in words)


@pytest.mark.parametrize("direct", ["off", "on"])
def test_both_read_the_same_file_and_new_blocks(tmp_path, direct):
    """Written once, by whoever comes first; dropped from the page cache by both or by neither."""
    theirs = peers.fio_command(fio_cell(direct=direct), TIMING, place(tmp_path))
    file, = tmp_path.iterdir()
    written = file.read_bytes()
    assert f"--filename={file}" in theirs and len(written) == 1 << 20
    ours = cell("file", engine="sync", existing="on", size=1 << 20, direct=direct)
    words = [fileio.command(ours, TIMING, place(tmp_path), f"x-{number}", "x")
             for number in (1, 2)]
    assert list(tmp_path.iterdir()) == [file] and file.read_bytes() == written
    for some in words:
        assert some[some.index("--existing") + 1] == str(file)
        assert ("--invalidate" in some) == ("--invalidate=1" in theirs) == (direct == "on")
    seeds = {some[some.index("--seed") + 1] for some in words}
    assert len(seeds) == 2 and "--randrepeat=0" in theirs


@pytest.mark.parametrize(("text", "said"), [
    ('[[file]]\nengine = "fio"\n', "'fio' is not one of its peers: fio:sync, fio:libaio, fio:io_uring"),
    ('[[file]]\nengine = "fio:magic"\n', "'fio:magic' is not one of its peers: fio:sync"),
    ('[[file]]\nengine = "sockperf"\n', "'sockperf' is not one of its peers: fio:sync"),
    ('[[tcp]]\nbackend = "fio:sync"\n', "'fio:sync' is not one of its peers: sockperf"),
    ('[[tcp]]\nbackend = "sockperf:throughput"\n', "is not one of its peers: sockperf"),
    ('[[file]]\nengine = "fio:sync"\n', "fio:sync cannot do existing = 'off': on"),
    ('[[file]]\nengine = "fio:sync"\nexisting = "on"\nrw = "randwrite"\n', "rw = 'randwrite'"),
    ('[[file]]\nengine = "fio:sync"\nexisting = "on"\nrate = 5\n', "cannot do rate = '5': 0"),
    ('[[file]]\nengine = "fio:libaio"\nexisting = "on"\nbatch = "auto"\n',
     "fio:libaio cannot do batch = 'auto': a number"),
    ('[[tcp]]\nbackend = "sockperf"\n', "sockperf cannot do connections = '100': 1"),
    ('[[tcp]]\nbackend = "sockperf"\nconnections = 1\n',
     "mode = 'balanced': throughput or latency"),
    ('[[udp]]\nhow = "two-by-two"\n', "how: 'two-by-two' is not one of one-by-one"),
    ('[[udp]]\nhow = "gso+magic"\n', "how: 'gso+magic' is not one of one-by-one"),
])
def test_what_a_peer_cannot_do_is_one_line(text, said):
    with pytest.raises(run.Failed) as caught:
        matrix.Reader("m.toml", {}).read(text)
    assert caught.value.status == 2
    assert str(caught.value).startswith("m.toml: [[") and said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("how", "words"), [
    ("one-by-one", "--batch 1"), ("batched", ""), ("gso", "--gso on --gro off"),
    ("gso-gro+connected", "--gso on --gro on --connected"),
    ("batch-64+zerocopy", "--batch 64 --gso off --gro off --zerocopy on")])
def test_ways_of_udp(how, words):
    assert udp.how_words(udp.how(how)) == words.split()


# ---- what is made of what they say


def make_fakes(folder, monkeypatch):
    folder = folder / "fakes"
    folder.mkdir()
    for name, text in (("fio", FIO_TEXT), ("sockperf", SOCKPERF_TEXT)):
        (folder / name).write_text(FAKE, encoding="utf-8")
        (folder / name).chmod(0o755)
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    (folder / "log.txt").write_text(SOCKPERF_LOG, encoding="utf-8")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """fio and sockperf that print what is in FOLDER/NAME.txt and note what they were told."""
    peers.version.cache_clear()
    yield make_fakes(tmp_path, monkeypatch)
    peers.version.cache_clear()


def told(fakes):
    return [line for line in (fakes / "told").read_text(encoding="utf-8").splitlines()
            if "--version" not in line]


def metrics(part, report):
    return {metric.name: metric.of([{"client": report}]) for metric in part.METRICS}


def test_fio_is_understood(fakes, tmp_path):
    """All its rounds' operations can be added up, and what it does not tell is unknown."""
    found = peers.measure(fio_cell(), TIMING, place(tmp_path))
    assert (found["version"], found["tool"]) == ("fake 1.0", peers.TOOL)
    figures = metrics(fileio, found)
    assert figures["rate"] == pytest.approx(20000.5)
    assert figures["p50_ns"] == pytest.approx(41234, rel=0.01)
    assert figures["p99_ns"] == pytest.approx(90000, rel=0.01)
    assert figures["cpu_us"] == pytest.approx(0.9 * 1e6 / 20000.5)
    assert figures["syscalls"] is None and found["client_limited"] is None
    read, = told(fakes)
    assert "--rw=randread" in read and "--direct=0" in read


def test_sockperf_is_understood(fakes, tmp_path):
    """The figures of what it calls valid, not of the whole run."""
    found = peers.measure(sockperf_cell("tcp", "latency"), TIMING, place(tmp_path))
    figures = metrics(tcp, found)
    assert figures["rate"] == 10000 and found["window"] == {"warmup_s": 0.4, "duration_s": 0.5}
    assert figures["p50_ns"] == pytest.approx(41562, rel=0.01)
    assert figures["client_cpu_us"] is figures["server_cpu_us"] is None
    server, client = told(fakes)
    for words in (server, client):
        assert "--tcp" in words and "--nonblocked" in words
    assert "ping-pong" in client and "-m 256" in client and "--full-rtt" in client
    found = peers.measure(sockperf_cell("udp"), TIMING, place(tmp_path))
    assert metrics(udp, found)["rate"] == 10000 and metrics(udp, found)["lost"] == 1
    assert not any("--tcp" in words or "--nonblocked" in words for words in told(fakes)[2:])


def test_sockperf_one_way_is_understood(fakes, tmp_path):
    """Two datagrams that arrived are an echo; both ends' CPU time is known, and no latency."""
    (fakes / "sockperf.txt").write_text(ONE_WAY_TEXT, encoding="utf-8")
    one = cell("udp", backend="sockperf:throughput", how="one-by-one", mode="throughput",
               processes=2)
    found = metrics(udp, peers.measure(one, TIMING, place(tmp_path)))
    assert (found["rate"], found["lost"], found["p50_ns"]) == (2000, 1, None)
    assert 0 < found["client_cpu_us"] < 1e5 and 0 < found["server_cpu_us"] < 1e5


def test_cpus_are_those_of_our_programs(fakes, tmp_path, monkeypatch):
    """The server on the first CPU and the client on the second."""
    (fakes / "taskset").write_text('#!/bin/sh\necho "$*" >> "${0%/*}/pinned"\nshift 2\nexec "$@"\n',
                                   encoding="utf-8")
    (fakes / "taskset").chmod(0o755)
    peers.measure(sockperf_cell("tcp"), TIMING, run.Place(BIN, (4, 6), tmp_path))
    server, client = (fakes / "pinned").read_text(encoding="utf-8").splitlines()
    assert server.startswith("-c 4 sockperf server") and client.startswith("-c 6 sockperf ping")


@pytest.mark.parametrize("text", ["", "{}", '{"jobs": [{"error": 22, "read": {}}]}', "{", "[]"])
def test_fio_that_failed(fakes, tmp_path, text):
    (fakes / "fio.txt").write_text(text, encoding="utf-8")
    with pytest.raises(run.Failed, match="^fio: "):
        peers.measure(fio_cell(), TIMING, place(tmp_path))


def test_fio_that_refuses_is_said_in_its_words(fakes, tmp_path):
    (fakes / "fio").write_text("#!/bin/sh\necho 'fio: no such option' >&2\nexit 1\n",
                               encoding="utf-8")
    with pytest.raises(run.Failed, match="^fio: no such option$"):
        peers.measure(fio_cell(), TIMING, place(tmp_path))


@pytest.mark.parametrize("text", ["sockperf: ERROR: no", SOCKPERF_TEXT.replace("=5000", "=0")])
def test_sockperf_that_failed(fakes, tmp_path, text):
    (fakes / "sockperf.txt").write_text(text, encoding="utf-8")
    with pytest.raises(run.Failed, match="^sockperf: "):
        peers.measure(sockperf_cell("tcp"), TIMING, place(tmp_path))


def test_sockperf_whose_server_does_not_start(fakes, tmp_path):
    (fakes / "sockperf").write_text("#!/bin/sh\necho 'no such device' >&2\n", encoding="utf-8")
    with pytest.raises(run.Failed, match="^sockperf: its server did not start: no such device$"):
        peers.measure(sockperf_cell("tcp"), TIMING, place(tmp_path))


# ---- a matrix with peers

MATRIX = """
rounds = 6
duration = "20ms"
warmup = 0
[[file]]
engine = ["sync", "fio:sync"]
existing = "on"
size = "1m"
depth = 1
batch = "1"
[[tcp]]
backend = ["epoll", "sockperf"]
connections = 1
mode = "throughput"
[[udp]]
backend = ["epoll", "sockperf"]
how = "one-by-one+connected"
clients = 1
pipeline = 1
processes = 2
mode = "throughput"
"""


def bench(tmp_path, *args, text=MATRIX, env=None):
    file = tmp_path / "m.toml"
    file.write_text(text, encoding="utf-8")
    return subprocess.run([ROOT / "scripts" / "bench", file, "--output", tmp_path / "out", *args],
                          capture_output=True, text=True, timeout=6 * PATIENCE_S,
                          env=os.environ | (env or {}), check=False)


def summary_of(tmp_path):
    return json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Six rounds of ours beside the fakes: the folder, the process and the summary."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("whole")
        make_fakes(folder, patch)
        done = bench(folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return folder, done, summary_of(folder)


def test_peers_are_cells_like_others(whole):
    folder, done, summary = whole
    names = {one["settings"].get("backend", one["settings"].get("engine")): one
             for one in summary["cells"]}
    assert set(names) == {"epoll", "sockperf", "sync", "fio:sync"}
    assert all(one["rounds"] == 6 and not one["errors"] for one in summary["cells"])
    assert names["sockperf"]["rate"]["median"] == 10000
    assert names["fio:sync"]["rate"]["by_round"] == {
        str(number): pytest.approx(20000.5) for number in range(1, 7)}
    assert summary["host"]["memory_bytes"]  # as our programs saw it
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("fio:sync ")]
    assert rows[0][1] == "20,000"
    assert not (folder / "out" / "files").exists()  # the file that both read is gone


def test_the_cross_check(whole):
    """Each figure that both have, with the rounds' values, in summary.json and in both tables."""
    folder, done, summary = whole
    found = {one["theirs"].split("-")[1] + "-" + one["theirs"][:3]: one
             for one in summary["crosscheck"]}
    assert set(found) == {"fio_sync-fil", "sockperf-tcp", "sockperf-udp"}
    markdown = (folder / "out" / "table.md").read_text(encoding="utf-8")
    for name, one in found.items():
        assert [figure["name"] for figure in one["figures"]] == [
            "rate", "p50_ns", *["cpu_us"] * name.startswith("fio")]
        rate, p50, *_ = one["figures"]
        assert one["version"] == "fake 1.0"
        assert rate["theirs"] == pytest.approx([20000.5 if name[0] == "f" else 10000] * 6)
        assert p50["theirs"] == pytest.approx([41234 if name[0] == "f" else 41562] * 6, rel=0.01)
        for figure in one["figures"]:
            again = agreement.of(figure["ours"], figure["theirs"], agreement.MARGIN)
            assert again._asdict() == {key: figure[key] for key in again._fields}
            assert figure["text"] in done.stdout and figure["text"] in markdown
        assert one["heading"] in markdown
    assert "sync beside fio:sync: randread of 4 KiB" in done.stdout


def test_what_reads_sets_reads_those_with_peers(whole):
    out = whole[0] / "out"

    def script(name, *args):
        done = subprocess.run([ROOT / "scripts" / name, *args], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    verdict = script("compare", "--backends", "sync,fio:sync", out)
    assert "1 cell, 6 solo rounds of one session" in verdict and "warning: different" not in verdict
    rows = list(csv.DictReader(io.StringIO(script("export", "--to", "csv", out), newline="")))
    theirs = [row for row in rows if row["setting_engine"] == "fio:sync"]
    assert len(theirs) == 6 and theirs[0]["client_limited"] == theirs[0]["syscalls"] == ""
    assert "sockperf" in script("export", "--to", "openmetrics", out)
    assert "fio_sync" in script("export", "--to", "hlog", out)
    script("report", out, "--output", out.parent / "report", "--format", "md")
    text = (out.parent / "report" / "report.md").read_text(encoding="utf-8")
    assert "fio:sync" in text and "fake 1.0" in text
    bare = out.parent / "bare"  # without its plan, each report by itself
    shutil.copytree(out / "raw", bare, dirs_exist_ok=True)
    script("report", bare, "--output", bare, "--format", "md")
    assert "sockperf" in (bare / "report.md").read_text(encoding="utf-8")


def test_going_on_measures_what_is_missing(fakes, tmp_path):
    text = MATRIX.split("[[tcp]]")[0]
    assert bench(tmp_path, "--rounds", "2", text=text).returncode == 0
    lines = (tmp_path / "out" / "runs.jsonl").read_text(encoding="utf-8").splitlines(True)
    lost = json.loads(lines[-1])
    (tmp_path / "out" / "runs.jsonl").write_text("".join(lines[:-1]), encoding="utf-8")
    done = subprocess.run([ROOT / "scripts" / "bench", "--resume", tmp_path / "out"],
                          capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"[1/1] round 2, {lost['cell']}:" in done.stdout
    found = resultset.load(tmp_path / "out")
    assert [len(rounds) for rounds in found.samples.values()] == [2, 2]


def test_a_peer_that_is_not_there(fakes, tmp_path, monkeypatch):
    """It is said once, and left out with what stands beside it."""
    (fakes / "fio").unlink()
    for name in ("sh", "python3", "taskset", "setpriv"):
        (fakes / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(fakes))
    done = bench(tmp_path, "--rounds", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("left out: fio is not installed (the package fio)") == 1
    summary = summary_of(tmp_path)
    assert {cell["part"] for cell in summary["cells"]} == {"tcp", "udp"}
    assert len(summary["cells"]) == 4
    (fakes / "sockperf").unlink()
    shutil.rmtree(tmp_path / "out")
    done = bench(tmp_path, "--parts", "tcp,udp")
    assert (done.returncode, done.stdout) == (77, "")
    assert done.stderr == "bench: sockperf is not installed (the package sockperf)\n"
    assert not (tmp_path / "out").exists()


def test_a_peer_that_fails_in_mid_run(fakes, tmp_path):
    (fakes / "fio.txt").write_text("{}", encoding="utf-8")
    done = bench(tmp_path, "--rounds", "2", "--parts", "tcp,file")
    assert (done.returncode, done.stderr) == (1, "")
    assert "in 2 of 8 runs: a run failed: fio: no results" in " ".join(done.stdout.split())
    assert [one["theirs"].split("-")[1] for one in summary_of(tmp_path)["crosscheck"]] == [
        "sockperf"]


@pytest.mark.parametrize(("args", "word"), [
    (["--rounds", "0"], "--rounds"), (["--duration", "1h30"], "--duration"),
    (["--parts", "disk"], "--parts"), (["--output", str(ROOT)], str(ROOT)), (["x"], "x")])
@pytest.mark.parametrize("name", ["crosscheck", "fio", "udp"])
def test_usage(name, args, word):
    done = subprocess.run([ROOT / "scripts" / "bench", name, *args], capture_output=True,
                          text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert word in done.stderr


@pytest.mark.parametrize("file", sorted((ROOT / "scripts" / "matrices").glob("*.toml")),
                         ids=lambda file: file.stem)
def test_matrices_are_sound_and_go_by_their_names(file):
    """Every cell of a peer has one of ours beside it."""
    planned = matrix.load(Path(file.stem))
    assert planned == matrix.load(file)
    groups = {}
    for one in planned:
        group = one.cell.part, cells.group_of(matrix.part_of(one), one.cell)
        groups.setdefault(group, []).append(one.cell)
    for some in groups.values():
        for other in filter(peers.of, some):
            assert any(peers.is_beside(own, other) for own in some), other.name


@pytest.mark.skipif(not (shutil.which("fio") and shutil.which("sockperf")),
                    reason="fio and sockperf are not installed")
def test_the_real_programs(tmp_path):
    """Once: that they are understood as they are. How much they agree is for docs/method.md."""
    one_way = ('[[udp]]\nhow = "gso-gro+connected"\nmode = "throughput"\nprocesses = 2\n'
               '[[udp]]\nbackend = "sockperf:throughput"\nhow = "one-by-one"\n'
               'mode = "throughput"\nprocesses = 2\n')
    files = ('[[file]]\nengine = ["io_uring", "fio:io_uring"]\nexisting = "on"\nsize = "1m"\n'
             'direct = ["off", "on"]\n')
    done = bench(tmp_path, "--rounds", "1", text=MATRIX + one_way + files)
    assert done.returncode == 0, done.stdout + done.stderr
    found = summary_of(tmp_path)["crosscheck"]
    assert len(found) == 6
    for one in found:
        for figure in one["figures"]:
            assert min(figure["ours"] + figure["theirs"]) > 0
            assert figure["kind"] == "undecided"  # of one round
