"""scripts/bench: its files, and its tables. Ratios: test_ratios.py."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from iobench import fileio, hdr, stats, summary, tcp, udp  # noqa: E402 (path first)
from iobench.table import Table, as_markdown, as_text  # noqa: E402

BENCH = str(ROOT / "scripts" / "bench")
PATIENCE_S = 120
BACKENDS = ["epoll", "libev"] if sys.platform == "linux" else ["libev"]
ROUNDS = 2
CONNECTIONS = [1, 10]
SHORT = ["--parts", "tcp", "--backends", ",".join(BACKENDS), "--rounds", str(ROUNDS),
         "--connections", "1,10", "--duration", "200ms", "--warmup", "20ms",
         "--client", BACKENDS[0], "--duets", "0"]


FILES = {"plan.json", "runs.jsonl", "raw", "table.md", "summary.json", "report.md"}
IF_IT_CAN = {"report.html"}  # where D3 is


def bench(*args, **options):
    return subprocess.run([BENCH, *map(str, args)], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False, **options)


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


# ---- one small matrix


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The process that has ended, its directory and its summary."""
    directory = tmp_path_factory.mktemp("small") / "new" / "results"
    done = bench(*SHORT, "--output", directory)
    assert (done.returncode, done.stderr) == (0, "")
    return done, directory, load(directory / "summary.json")


def reports(directory, cell, end):
    return [load(directory / "raw" / f"{cell['name']}-{number}.{end}.json")
            for number in range(1, ROUNDS + 1)]


def test_files(small):
    _, directory, summary = small
    names = {f"tcp-{backend}-c{connections}-s256-{number}.{end}.json" for backend in BACKENDS
             for connections in CONNECTIONS for number in range(1, ROUNDS + 1)
             for end in ("client", "server")}
    assert {path.name for path in directory.iterdir()} - IF_IT_CAN == FILES
    assert {path.name for path in (directory / "raw").iterdir()} == names
    assert sorted(cell["settings"]["backend"] for cell in summary["cells"]) == sorted(
        BACKENDS * len(CONNECTIONS))
    assert not summary["interrupted"]


def test_progress_is_a_line_per_run(small):
    done, _, _ = small
    total = len(BACKENDS) * len(CONNECTIONS) * ROUNDS
    assert re.findall(r"^\[(\d+)/\d+\] round \d, .* s left$", done.stdout, re.M) == [
        str(number) for number in range(1, total + 1)]


def test_rounds_are_interleaved(small):
    """Every cell of a round is run before any of the next, and a group's follow one another."""
    done, _, _ = small
    runs = re.findall(r"round (\d), tcp-(\S+)-c(\d+)-s256:", done.stdout)
    numbers = [int(number) for number, *_ in runs]
    assert numbers == sorted(numbers)
    for i in range(0, len(runs), len(BACKENDS)):
        group = runs[i:i + len(BACKENDS)]
        assert len({(number, count) for number, _, count in group}) == 1
        assert {backend for _, backend, _ in group} == set(BACKENDS)


def test_percentiles_are_of_all_requests_together(small):
    """Against every request of every round, sorted."""
    _, directory, summary = small
    for cell in summary["cells"]:
        clients = reports(directory, cell, "client")
        values = sorted(hdr.slot_high(slot) for client in clients
                        for slot, count in hdr.slots(client["latency"]["service_ns"]["hdr"])
                        for _ in range(count))
        assert len(values) == sum(client["totals"]["requests"] for client in clients)
        for name, percent in (("p50", 50), ("p95", 95), ("p99", 99)):
            expected = values[-(-percent * len(values) // 100) - 1]
            most = max(client["latency"]["service_ns"]["max"] for client in clients)
            assert cell["metrics"][f"{name}_ns"] == min(expected, most)


def test_figures_are_those_of_the_reports(small):
    _, directory, summary = small
    for cell in summary["cells"]:
        clients, servers = (reports(directory, cell, end) for end in ("client", "server"))
        rates = [client["rate"]["qps"] for client in clients]
        assert list(cell["rate"]["by_round"].values()) == rates
        assert cell["rate"]["median"] == pytest.approx(sum(rates) / 2)
        server_us = sum(client["cpu"]["server_s"] for client in clients) * 1e6  # in the window
        requests = sum(client["totals"]["requests"] for client in clients)
        assert cell["metrics"]["server_cpu_us"] == pytest.approx(server_us / requests)
        settings = cell["settings"]
        assert [client["config"]["connections"] for client in clients] == [
            settings["connections"]] * 2
        assert {r["backend"]["requested"] for r in servers} == {settings["backend"]}
        assert {r["backend"]["requested"] for r in clients} == {BACKENDS[0]}


def test_both_tables_show_each_cell(small):
    done, directory, summary = small
    markdown = (directory / "table.md").read_text(encoding="utf-8")
    for cell in summary["cells"]:
        texts = tcp.row(cell, tcp.SERVERS)
        assert " | ".join(texts) in markdown
        assert re.search(r"^" + r" +".join(map(re.escape, texts)) + "$", done.stdout, re.M)
    table = done.stdout[done.stdout.index("TCP echo over loopback"):]
    assert [line for line in table.splitlines() if len(line) > 100 and str(directory.name) not in line] == []


# ---- the other parts


def test_udp_and_file_parts(tmp_path):
    """Each has a table of its own; nothing but reports stays; figures are those of the reports."""
    done = bench("--parts", "udp,file", "--backends", ",".join(BACKENDS), "--rounds", "1",
                 "--duration", "20ms", "--warmup", "0", "--duets", "0", "--output", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    summary = load(tmp_path / "summary.json")
    cells = {cell["name"]: cell for cell in summary["cells"]}
    assert {cell["part"] for cell in cells.values()} == {"udp", "file"}
    assert {f"udp-{backend}-{how}" for backend in BACKENDS
            for how in ("one-by-one", "batched")} < set(cells)
    assert "file-sync-direct-off-existing-on" in cells  # others where they can run
    assert {path.name for path in tmp_path.iterdir()} - IF_IT_CAN == FILES
    assert {path.name for path in (tmp_path / "raw").iterdir()} == {
        f"{name}-1.client.json" for name in cells}
    markdown = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert re.findall(r"^# (\w+)", markdown, re.M) == ["UDP", "File"]
    for name, cell in cells.items():
        report = load(tmp_path / "raw" / f"{name}-1.client.json")
        settings, part = cell["settings"], udp if cell["part"] == "udp" else fileio
        assert cell["rate"]["median"] == report["rate"]["qps"]
        assert " | ".join(part.row(cell)) in markdown
        if part is udp:
            assert (report["config"]["batch"] == 1) == (settings["how"] == udp.ONE_BY_ONE)
        else:
            assert report["backend"]["name"] == settings["engine"]
            in_force = report["file"]["storage"]["direct_in_force"]
            assert cell["storage"].startswith("direct I/O" if in_force else "page cache")


REFUSED = """
[[tcp]]
backend = "{backend}"
connections = [1, 2]
client_options = ["", "--no-such-option"]
"""


def test_what_was_measured_before_an_option_was_refused_is_shown(tmp_path):
    """Whichever of the cells came first."""
    matrix = tmp_path / "m.toml"
    matrix.write_text(REFUSED.format(backend=BACKENDS[0]), encoding="utf-8")
    for seed in range(1, 9):
        out = tmp_path / str(seed)
        done = bench(matrix, "--rounds", "1", "--duration", "20ms", "--warmup", "0", "--seed", seed,
                     "--output", out)
        assert done.returncode == 2
        assert "no-such-option" in done.stderr and done.stderr.count("\n") == 1
        measured = list((out / "raw").glob("*-1.client.json"))
        assert (out / "table.md").exists() == ("interrupted" in done.stdout) == bool(measured)
        if measured:
            break
    else:
        pytest.fail("no seed has a good cell first")


def test_what_cannot_run_here_is_left_out(tmp_path):
    program = tmp_path / "bench_file_io"
    program.write_text("#!/bin/sh\necho bench_file_io: not here >&2\nexit 77\n", encoding="utf-8")
    program.chmod(0o755)
    done = bench("--parts", "file", "--output", tmp_path / "out",
                 env=os.environ | {"IOBENCH_BIN": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    summary = load(tmp_path / "out" / "summary.json")
    assert summary["cells"] == []
    assert "left out: file-sync-direct-on-existing-on: bench_file_io: not here" in summary["remarks"]


# ---- what can go wrong


@pytest.mark.parametrize("args", [
    ["--rounds", "0"], ["--rounds", "x"], ["--connections", "1,,2"], ["--connections", "1000001"],
    ["--sizes", "17M"], ["--sizes", "0"], ["--sizes", "0.3"], ["--duration", "0"],
    ["--duration", "2 s"], ["--duration", "2x"], ["--warmup", "-1"], ["--backends", "nonsense"],
    ["--backends", ""], ["--client", "nonsense"], ["--no-such-option"], ["surplus"],
    ["--seed", "0"], ["--resume", "/nonexistent"], ["--resume", str(ROOT)],
    ["--parts", "tcp,nonsense"], ["--parts", ""], ["--connections", "5", "--parts", "udp,file"],
    ["--backends", "epoll", "--parts", "file"],
    ["--output", BENCH], ["--output", str(ROOT)],
])
def test_bad_input_is_one_line(args, tmp_path):
    output = [] if "--output" in args else ["--output", tmp_path / "none"]
    done = bench(*args, *output)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"bench: [^\n]+\n", done.stderr)
    assert args[0].removeprefix("--") in done.stderr or args[-1] in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_made_is_one_line():
    done = bench(*SHORT, "--output", "/proc/none")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"bench: /proc/none[^\n]*: No such file or directory\n", done.stderr)


def test_missing_programs_are_said(tmp_path):
    done = bench("--output", tmp_path / "none", env=os.environ | {"IOBENCH_BIN": str(tmp_path)})
    assert done.returncode == 1
    assert re.fullmatch(r"bench: \S*bench_server is not there: [^\n]+\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


def client_that(script, directory):
    """The programs, with a client that does what the Python script says ("real" is its path)."""
    real = Path(os.environ["IOBENCH_BIN"])
    (directory / "bench_server").symlink_to(real / "bench_server")
    client = directory / "bench_client"
    client.write_text(f"#!{sys.executable}\nimport json, subprocess, sys\n"
                      f"real = {str(real / 'bench_client')!r}\n{script}", encoding="utf-8")
    client.chmod(client.stat().st_mode | stat.S_IXUSR)
    return os.environ | {"IOBENCH_BIN": str(directory)}


ONE_RUN = ["--parts", "tcp", "--backends", BACKENDS[0], "--rounds", "1", "--connections", "1",
           "--duration", "20ms", "--warmup", "0", "--client", BACKENDS[0], "--duets", "0"]


def test_a_failed_run_is_an_error(tmp_path):
    env = client_that("print('bench_client: no luck', file=sys.stderr); sys.exit(3)", tmp_path)
    done = bench(*ONE_RUN, "--output", tmp_path / "out", env=env)
    assert done.returncode == 1
    cell, = load(tmp_path / "out" / "summary.json")["cells"]
    assert (cell["errors"], cell["rounds"]) == (1, 0)
    assert "in 1 of 1 runs: a run failed: bench_client: no luck" in done.stdout


COUNT_ERRORS = """
status = subprocess.call([real, *sys.argv[1:]])
path = sys.argv[sys.argv.index("--json") + 1]
report = json.load(open(path))
report["totals"]["errors"] += 7
report["warnings"] += ["load 1.5", "load 2.5"]
json.dump(report, open(path, "w"))
sys.exit(status)
"""


def test_errors_and_warnings_are_shown(tmp_path):
    done = bench(*ONE_RUN, "--output", tmp_path / "out", env=client_that(COUNT_ERRORS, tmp_path))
    assert done.returncode == 1
    cell, = load(tmp_path / "out" / "summary.json")["cells"]
    assert (cell["errors"], cell["rounds"]) == (7, 1)
    assert re.search(rf"^{BACKENDS[0]} .* 7 +\S+ +\S+$", done.stdout, re.M)
    assert done.stdout.count("load 1.5") == 1 and "load 2.5" not in done.stdout


def children(pid):
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text(encoding="ascii").split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(number, tmp_path):
    """The first run is kept and shown; the processes of the second are ended."""
    command = [BENCH, *ONE_RUN, "--rounds", "2", "--duration", "2s", "--output", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout.readline().startswith("[1/2]")
        end_s = time.monotonic() + PATIENCE_S
        while len(started := children(process.pid)) < 2 and time.monotonic() < end_s:
            pass
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stderr) == (130, "")
    assert "interrupted" in stdout and len(started) == 2
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
    summary = load(tmp_path / "summary.json")
    assert summary["interrupted"]
    assert [cell["rounds"] for cell in summary["cells"]] == [1]


def test_one_cpu_is_said():
    assert "share CPU 3" in summary.where((3, 3))
    assert summary.where((0, 2)) == "server on CPU 0, client on CPU 2"
    assert "not pinned" in summary.where(None)


# ---- figures and tables


def test_spread():
    assert stats.spread([90, 100, 130]) == {
        "median": 100, "min": 90, "max": 130, "spread_percent": 20}


def test_table_is_aligned():
    table = Table("T", ["line"], [("", "name"), ("wide span", "a"), ("wide span", "b"),
                                  ("alone", "c")], {"group": [["x", "1", "22,222", "3"]]}, ["note"])
    lines = as_text(table).splitlines()
    assert lines[3:8] == ["       wide span   alone",
                          "name  a       b      c",
                          "",
                          "group ────────────────",
                          "x     1  22,222      3"]
    assert "| group | x | 1 | 22,222 | 3 |" in as_markdown(table)
