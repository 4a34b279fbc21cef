"""The rules of measurement, each of them for every workload (workloads.py) in the same words.

"Once failed" says what was wrong while each program had a window, a summary and phases of its own.
"""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import SANITIZED, Gate
from workloads import WORKLOADS, ready_to_run

MS = 1_000_000  # nanoseconds
RATE = 2000

each_workload = pytest.mark.parametrize("workload", WORKLOADS)
WITH_PEER = [name for name, workload in WORKLOADS.items() if workload.has_peer]
each_process = pytest.mark.parametrize(
    ("workload", "who"),
    [*((name, "client") for name in WORKLOADS), *((name, "server") for name in WITH_PEER)],
)
each_backend = pytest.mark.parametrize(
    ("workload", "backend"),
    [(name, backend) for name, workload in WORKLOADS.items() for backend in workload.backends],
)


@pytest.fixture
def ready(json_files, tmp_path):
    """Makes workloads ready to run, in a directory that is empty again at the end."""
    folder = tmp_path / "data"
    folder.mkdir()
    with contextlib.ExitStack() as stack:

        def make(workload, peer_args=()):
            return stack.enter_context(ready_to_run(workload, json_files, folder, peer_args))

        yield make


# ---- a process that is stopped for a while

STALL_S = 0.4
STALL_SEEN_NS = 0.8 * STALL_S * 1e9


@dataclass(frozen=True)
class When:
    """A moment to stop a process: so long after a text, in a run with such a window."""

    name: str
    text: str
    later_s: float
    warmup_ms: int
    duration_ms: int


INTO_WINDOW = When("from the warm-up into the window", "\n\n", 0.15, 300, 400)
IN_WINDOW = When("within the window", "[0.1s]", 0, 0, 600)
OVER_END = When("beyond the window's end", "[0.1s]", 0, 0, 400)


def run_with_stall(bench, who, when, *args, **asked):
    """The report of a run in which one of the processes stood still once."""
    asked |= {"warmup": f"{when.warmup_ms}ms", "duration": f"{when.duration_ms}ms"}
    run = bench.start(*args, interval="100ms", **asked)
    if not run.read_until(when.text):
        assert run.wait().status == 77, run.wait()
        pytest.skip(run.wait().stderr.strip())
    time.sleep(when.later_s)
    pid = bench.pid(run, who)
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(STALL_S)
    finally:
        os.kill(pid, signal.SIGCONT)
    outcome = run.wait()
    assert (outcome.status, outcome.stderr) == (0, ""), outcome.stderr
    return outcome.report


# ---- open loop: what is due in the window is followed to its end, or counted


def assert_schedule(report, scheduled):
    """So many requests were due, and each of them is accounted for."""
    loop, latency = report["open_loop"], report["latency"]
    assert loop["scheduled"] == scheduled
    answered = latency["response_ns"]["count"]
    assert answered + loop["never_sent"] + loop["never_answered"] == scheduled
    assert latency["service_ns"]["count"] == answered
    assert loop["rate"] == report["config"]["rate"]
    assert loop["arrivals"] == report["config"]["arrivals"]
    assert loop["queue_peak"] >= 0
    assert loop["lateness_ns"]["count"] <= scheduled
    if scheduled > 1:
        assert loop["sent_rate"] > 0
    return loop


@pytest.mark.parametrize("threads", [1, 2])
@each_workload
def test_open_loop(workload, threads, ready):
    """
    Once failed for udp and file: the reports of bench_client alone had open_loop.
    """
    report = ready(workload).run(
        rate=RATE, duration="300ms", warmup="100ms", threads=threads, in_flight=16
    )
    loop = assert_schedule(report, RATE * 3 // 10)
    assert loop["never_sent"] == loop["never_answered"] == 0


def assert_stall_of_an_open_loop(bench, who, when, *args, threads):
    report = run_with_stall(bench, who, when, *args, rate=RATE, threads=threads, in_flight=16)
    loop = assert_schedule(report, RATE * when.duration_ms // 1000)
    # Nothing was given up: the stall is shorter than any timeout.
    assert loop["never_sent"] == loop["never_answered"] == 0
    longest_ns = report["latency"]["response_ns"]["max"]
    # What was over before the window began is in the way of nothing that was due in it.
    assert longest_ns >= STALL_SEEN_NS / (4 if when is INTO_WINDOW else 1)


@pytest.mark.parametrize("when", [INTO_WINDOW, IN_WINDOW, OVER_END], ids=lambda when: when.name)
@each_process
def test_stall_of_an_open_loop(workload, who, when, ready):
    """
    A stall is in the way of all that is due meanwhile, and the first of it waits for all of the
    stall. Once failed for file: a worker that found the window over forgot what was due in it.
    For udp, which then gave up what it had not sent. And for both into the window: they took what
    was due in the warm-up for the window's, 1,200 requests for 800.
    """
    threads = 1 if when is IN_WINDOW else 2
    assert_stall_of_an_open_loop(ready(workload), who, when, threads=threads)


@each_backend
def test_stall_of_each_backend(workload, backend, ready):
    """The rule is not a backend's. Once failed as above."""
    bench = ready(workload)
    choice = [bench.workload.backend, *backend.split()]
    assert_stall_of_an_open_loop(bench, "client", OVER_END, *choice, threads=2)


# ---- closed loop: what is in flight when the window ends is followed, too


def assert_closed_loop(bench, report, in_flight):
    """What the window has is what was timed, and what it left unfinished was timed apart."""
    latency, unfinished = report["latency"], report["totals"]["unfinished"]
    assert latency["service_ns"]["count"] == bench.workload.counted(report)
    assert latency["unfinished_ns"]["count"] <= unfinished <= in_flight
    assert "response_ns" not in latency and "open_loop" not in report
    return max(latency["service_ns"]["max"] or 0, latency["unfinished_ns"]["max"] or 0)


@each_process
def test_stall_over_the_end_of_a_closed_loop(workload, who, ready):
    """
    Once failed: bench_client and bench_file_io counted a request that ends after the window neither
    here nor there, so the slowest of all were missing; and none had totals.unfinished.
    """
    bench = ready(workload)
    long = bench.workload.long
    report = run_with_stall(bench, who, OVER_END, *long, threads=2, in_flight=8)
    assert assert_closed_loop(bench, report, 2 * 8) >= STALL_SEEN_NS
    # Nothing was given up.
    unfinished = report["totals"]["unfinished"]
    assert report["latency"]["unfinished_ns"]["count"] == unfinished
    if workload != "udp":
        assert unfinished > 0
    if workload == "tcp" and who == "server":
        assert unfinished == 2 * 8


@each_process
def test_stall_into_the_window_of_a_closed_loop(workload, who, ready):
    """
    A request that began in the warm-up and ends in the window counts, with all of its time; but a
    message of UDP counts when it is sent in the window. Once failed for file, whose window began
    with the first request that was begun in it.
    """
    bench = ready(workload)
    long = bench.workload.long
    report = run_with_stall(bench, who, INTO_WINDOW, *long, threads=2, in_flight=8)
    longest_ns = assert_closed_loop(bench, report, 2 * 8)
    if workload != "udp":
        assert longest_ns >= STALL_SEEN_NS


# ---- who set the limit

CPUS = sorted(os.sched_getaffinity(0))
WAITED_FOR_A_CPU = re.compile(r"\bwait\w*\b.*\bCPU\b", re.I)
# Other processes of the machine may keep the server from its CPU, or the client from its own.
TRIES = 4
# The share of a window that a thread may wait and yet have had its CPU to itself.
FREE = 0.03


@contextlib.contextmanager
def busy_loop(cpu):
    """A process that does nothing but keep a CPU busy."""
    script = f"import os\nos.sched_setaffinity(0, [{cpu}])\nprint(flush=True)\nwhile True: pass"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def assert_limit(report):
    """What every report says of its limit."""
    limit = report["limit"]
    assert set(limit) == {"busy", "waited", "stolen"}
    for share in limit.values():
        assert share is None or 0 <= share <= 1.05
    assert limit["busy"] is not None
    assert isinstance(report["client_limited"], bool)
    assert (report["client_limited_reason"] is None) != report["client_limited"]
    return limit


@pytest.mark.skipif(len(CPUS) < 2, reason="there is one CPU for both sides")
@each_workload
def test_limited_by_a_busy_neighbour(workload, ready):
    """
    Once failed: half of the time belongs to the neighbour, which neither CPU time nor wall time
    tells, so bench_client and bench_udp said false; bench_file_io said nothing.
    """
    peer_args = ["--cpus", CPUS[1]] if WORKLOADS[workload].has_peer else []
    bench = ready(workload, peer_args)
    busy = bench.workload.busy
    for _ in range(TRIES):
        with busy_loop(CPUS[0]):
            report = bench.run(*busy, cpus=CPUS[0], duration="500ms", in_flight=8)
        limit = assert_limit(report)
        if limit["waited"] is None:
            pytest.skip("this kernel does not say how long threads waited for a CPU")
        assert limit["waited"] >= 0.2
        if report["client_limited"]:
            break
    assert report["client_limited"], limit
    assert WAITED_FOR_A_CPU.search(report["client_limited_reason"])


@pytest.mark.skipif(len(CPUS) < 2, reason="there is one CPU for both sides")
@each_workload
def test_not_limited_while_it_spins(workload, ready):
    """Looking for news is not work. Once failed for udp, which took CPU time for work."""
    peer_args = ["--cpus", CPUS[1]] if WORKLOADS[workload].has_peer else []
    bench = ready(workload, peer_args)
    for _ in range(TRIES):
        report = bench.run(
            *bench.workload.spins, cpus=CPUS[0], rate=1000, duration="400ms", in_flight=1
        )
        limit = assert_limit(report)
        assert limit["busy"] < 0.5
        if (limit["waited"] or 0) + (limit["stolen"] or 0) < FREE:
            break
    else:
        pytest.skip("no CPU of this machine is free")
    assert not report["client_limited"], report["client_limited_reason"]


# ---- sleeps end on time

# What runs, beside the workloads themselves: programs with their options, while they wait.
SLEEPERS = {
    "tcp": ["bench_client", "--mode", "throughput"],
    "udp": ["bench_udp", "--mode", "throughput"],
    "file": ["bench_file_io"],
    "file, threads": ["bench_file_io", "-e", "threads"],
    "file, split": ["bench_file_io", "-e", "threads", "--threading", "split"],
}


def slacks(pid):
    """The timer slack of each thread but the main one and those of the kernel, by its id."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        if task.name == str(pid) or (task / "comm").read_text().startswith("iou-"):
            continue
        try:
            found[task.name] = int(Path(f"/proc/{task.name}/timerslack_ns").read_text())
        except PermissionError:
            pytest.skip("the timer slack of another process may not be read")
    return found


@pytest.mark.skipif(SANITIZED, reason="a sanitizer has threads of its own")
@pytest.mark.parametrize("name", SLEEPERS)
def test_timer_slack(name, ready):
    """
    Once failed for tcp and udp, both ends: a thread begins with a slack of 50 us, by which each of
    its sleeps may end late. And for the threads that a worker of bench_file_io starts.
    """
    bench = ready(name.split(",")[0], [])
    run = bench.start(*SLEEPERS[name][1:], rate=RATE, duration="20s", interval="20ms", threads=2)
    assert run.read_until("] ")  # of the first interval
    assert set(slacks(run.pid).values()) == {1}
    if bench.peer:
        assert set(slacks(bench.peer.pid).values()) == {1}
    run.signal(signal.SIGINT)
    assert run.wait().status == 0


@pytest.mark.skipif(SANITIZED, reason="a sanitizer has threads of its own")
def test_timer_slack_of_both_roles(json_files, ready):
    """Once failed, as above."""
    bench = ready("udp")
    run = bench.start("--role", "both", "-p", 0, rate=RATE, duration="20s", interval="20ms")
    assert run.read_until("] ")
    assert set(slacks(run.pid).values()) == {1}
    run.signal(signal.SIGINT)
    assert run.wait().status == 0


# ---- an interrupt at any moment

MOMENTS = 10
# When the handlers stand at the latest; the loader of a sanitizer takes its time.
EARLY_S = 2 if SANITIZED else 0.2
WINDOW = {"warmup": "60ms", "duration": "180ms"}
WARM_UP_S, DURATION_S = 0.06, 0.18
# Workload and options, and in which seconds of its life it is interrupted.
INTERRUPTED = {
    **{name: (name, [], 0.35) for name in WORKLOADS},
    "file, open loop": ("file", ["-R", RATE], 0.35),
    "udp, both roles": ("udp", ["--role", "both", "-p", 0], 0.35),
    "--until-steady": ("tcp", ["-R", RATE, "-i", "20ms", "--until-steady", "500ms"], 0.5),
    "--find-rate": ("tcp", ["--find-rate", "p99<1s"], 0.8),
}


def catches(pid, number):
    """Whether a process has a handler for a signal by now."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"^SigCgt:\s*(\w+)", status, re.M)[1], 16) >> (number - 1) & 1


def interrupt(bench, args, moment_s):
    """Interrupts a run so long after its start: its outcome, and when the signal was sent."""
    start = time.monotonic()
    run = bench.start(*args, **WINDOW, threads=2)
    time.sleep(max(0, start + moment_s - time.monotonic()))
    handled = run.process.poll() is None and catches(run.pid, signal.SIGINT)
    run.signal(signal.SIGINT)
    sent_s = time.monotonic() - start
    return run.wait(), handled, sent_s


@pytest.mark.parametrize("name", INTERRUPTED)
def test_interrupt(name, ready):
    """Once failed for --find-rate, which crashed: the search freed its connections twice."""
    workload, args, until_s = INTERRUPTED[name]
    bench = ready(workload)
    draw = random.Random(name)
    for moment_s in sorted(draw.uniform(0, until_s) for _ in range(MOMENTS)):
        outcome, handled, sent_s = interrupt(bench, args, moment_s)
        what = (moment_s, outcome)
        if outcome.status == -signal.SIGINT and not handled:
            assert sent_s < EARLY_S, what
            continue
        assert outcome.status in (0, 1), what
        assert outcome.stderr.count("\n") <= 1, what
        report = outcome.report
        assert report, what
        if sent_s < WARM_UP_S + DURATION_S:
            assert report["interrupted"], what
        if not report["interrupted"]:
            assert report["window"]["duration_s"] >= DURATION_S, what


@pytest.mark.parametrize("workload", WITH_PEER)
def test_interrupt_in_the_drain(workload, ready):
    """The window was whole, and is reported."""
    bench = ready(workload)
    run = bench.start(duration="200ms", interval="100ms")
    assert run.read_until("[0.1s]")
    os.kill(bench.peer.pid, signal.SIGSTOP)
    try:
        time.sleep(0.25)
        run.signal(signal.SIGINT)
        time.sleep(0.05)
    finally:
        os.kill(bench.peer.pid, signal.SIGCONT)
    outcome = run.wait()
    assert outcome.status in (0, 1) and outcome.stderr == ""
    assert outcome.report["window"]["duration_s"] == pytest.approx(0.2)
    assert bench.workload.counted(outcome.report) > 0


# ---- a number of requests


@pytest.mark.parametrize("count", [1, 7, 100, 1001])
@pytest.mark.parametrize("rate", [None, 50_000], ids=["closed", "open"])
@each_workload
def test_count(workload, rate, count, ready):
    """
    Once failed for tcp: -n 1 -t 2 -c 2 -P 16 --warmup 50ms counted 17, as the other thread had 16
    in flight when the window began. And for udp, in its totals and rates: with a warm-up they had
    the answers that this had left, 40,004 of them for -n 1 -t 4 -c 4 -P 10000.
    """
    bench = ready(workload)
    for threads, in_flight, warmup in [(1, 1, "0"), (2, 16, "50ms"), (2, 3, "20ms")]:
        asked = {"rate": rate} if rate else {}
        asked |= {"count": count, "threads": threads, "in_flight": in_flight, "warmup": warmup}
        report = bench.run(**asked)
        wanted = bench.workload.asked(count, threads)
        if rate:
            loop = assert_schedule(report, wanted)
            assert loop["never_sent"] == loop["never_answered"] == 0, asked
        else:
            assert bench.workload.counted(report) == wanted, asked
            assert report["totals"]["requests"] == wanted, asked
        assert report["latency"]["service_ns"]["count"] == wanted, asked


# ---- failures


def assert_failed(outcome, statuses=(1,), lines=(0, 1)):
    """In good order, that is with a report, unless it was known before anything ran."""
    assert outcome.status in statuses, outcome
    assert outcome.stderr.count("\n") in lines, outcome
    if outcome.status == 1:
        assert outcome.report
    else:
        assert outcome.report is None and outcome.stderr.count("\n") == 1


@each_workload
def test_nobody_there(workload, ready):
    assert_failed(ready(workload).start(nowhere=True, duration="200ms").wait(), statuses=(1, 2))


@pytest.mark.parametrize("rate", [None, RATE], ids=["closed", "open"])
@pytest.mark.parametrize("workload", WITH_PEER)
def test_server_that_dies(workload, rate, ready):
    """What it has not answered is counted, and the run ends."""
    bench = ready(workload)
    asked = {"rate": rate} if rate else {}
    args = ["--timeout", "200ms"]
    run = bench.start(*args, duration="400ms", interval="20ms", threads=2, **asked)
    assert run.read_until("[0.1s]")
    bench.peer.signal(signal.SIGKILL)
    outcome = run.wait()
    report = outcome.report
    assert outcome.stderr.count("\n") <= 1 and report
    if workload == "tcp":
        assert outcome.status == 1 and report["totals"]["errors"] > 0
    else:
        assert outcome.status in (0, 1) and report["packets"]["lost"] > 0
    if rate:
        loop = report["open_loop"]
        assert loop["never_sent"] + loop["never_answered"] > 0
        assert_schedule(report, loop["scheduled"])


def test_disk_that_is_full(ready):
    """A worker of bench_file_io that may not write on: the others do not suffer."""
    bench = ready("file")
    full = ["prlimit", "--fsize=200000:200000"]
    outcome = bench.start("--rw", "write", prefix=full, count=1000, threads=2).wait()
    assert_failed(outcome, lines=(1, 2))
    assert outcome.errors
    assert outcome.report["totals"]["requests"] > 0


NEVER_MET = ["--find-rate", "p99<1ns"]


def assert_search_failed(outcome):
    assert_failed(outcome, lines=(1,))
    assert "--find-rate" in outcome.stderr or outcome.report["errors"]
    assert outcome.report["search"]["rate"] == 0


def test_find_rate_never_met(ready):
    """Once failed: SIGSEGV or 'double free or corruption', as all that ends a search early does."""
    # The search goes down from there, to a thousandth.
    assert_search_failed(ready("tcp").start(*NEVER_MET, rate=10, duration="20ms").wait())


@pytest.mark.parametrize("rate", [None, 100], ids=["from its capacity", "from a rate"])
def test_find_rate_interrupted(rate, ready):
    """Once failed, as above."""
    asked = {"rate": rate} if rate else {}
    run = ready("tcp").start(*NEVER_MET, duration="200ms", **asked)
    assert run.read_until("too slow")
    run.signal(signal.SIGINT)
    outcome = run.wait()
    assert_search_failed(outcome)
    assert outcome.report["interrupted"]


@pytest.mark.parametrize("rate", [None, 100], ids=["from its capacity", "from a rate"])
def test_find_rate_without_a_server(rate, ready):
    """Once failed, as above."""
    asked = {"rate": rate} if rate else {}
    run = ready("tcp").start("--find-rate", "p99<1s", nowhere=True, duration="100ms", **asked)
    assert_search_failed(run.wait())


def test_find_rate_whose_server_dies(ready):
    """Once failed, as above."""
    bench = ready("tcp")
    run = bench.start(*NEVER_MET, "--timeout", "1s", rate=10, duration="50ms")
    assert run.read_until("too slow")
    bench.peer.signal(signal.SIGKILL)
    assert_search_failed(run.wait())


# ---- a gate that another process opens

GATED = {
    **{name: (name, []) for name in WORKLOADS},
    "tcp, spinning": ("tcp", ["--mode", "latency"]),
    "tcp, io_uring": ("tcp", ["-b", "io_uring"]),
    "udp, spinning": ("udp", ["--mode", "latency"]),
    "udp, both roles": ("udp", ["--role", "both", "-p", 0]),
    "file, split": ("file", ["-e", "threads", "--threading", "split"]),
}
each_gated = pytest.mark.parametrize("name", GATED)


@pytest.fixture
def gate(tmp_path):
    with contextlib.closing(Gate(tmp_path / "gate")) as listening:
        yield listening


def edges(report):
    window = report["window"]
    return window["start_monotonic_ns"], window["end_monotonic_ns"]


def cpu_ticks(pid):
    """CPU time of a process, in ticks of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize("ahead_s", [0.1, -0.05], ids=["ahead", "passed"])
@each_gated
def test_gate(name, ahead_s, ready, gate):
    """Two runs that are told one moment have the same edges, and no work is done before it."""
    workload, args = GATED[name]
    bench = ready(workload)
    timing = {"warmup": "100ms", "duration": "300ms", "threads": 2}
    runs = [bench.start("--gate", gate.path, *args, **timing) for _ in range(2)]
    begin_ns = gate.begin(gate.wait_ready(2), ahead_s)
    for run in runs:
        outcome = run.wait()
        assert (outcome.status, outcome.stderr) == (0, ""), outcome.stderr
        assert edges(outcome.report) == (begin_ns + 100 * MS, begin_ns + 400 * MS)
        assert bench.workload.counted(outcome.report) > 0
        assert outcome.report["config"]["gate"] == str(gate.path)


@each_workload
def test_gate_of_an_open_loop(workload, ready, gate):
    """What is due is due from the moment told, and not from when a thread has woken."""
    run = ready(workload).start(
        "--gate", gate.path, rate=RATE, warmup="50ms", duration="300ms", threads=2, in_flight=16
    )
    gate.begin(gate.wait_ready(), -0.2)
    outcome = run.wait()
    assert (outcome.status, outcome.stderr) == (0, ""), outcome.stderr
    assert_schedule(outcome.report, RATE * 3 // 10)
    assert outcome.report["latency"]["response_ns"]["max"] >= 0.1e9


@pytest.mark.skipif(SANITIZED, reason="a sanitizer has threads of its own")
@pytest.mark.parametrize("name", [name for name in GATED if "both" not in name])
def test_gate_is_waited_for_asleep(name, ready, gate):
    workload, args = GATED[name]
    run = ready(workload).start("--gate", gate.path, *args, duration="50ms", threads=2)
    connections = gate.wait_ready()
    before = cpu_ticks(run.pid)
    time.sleep(0.5)
    assert cpu_ticks(run.pid) - before <= 5
    gate.begin(connections)
    assert run.wait().status == 0


def test_gate_knows_the_ready(ready, gate):
    """A run that is not set up says nothing: here connections are made for a while."""
    start = time.monotonic()
    args = ["--gate", gate.path, "--ramp", "400ms", "-c", 8]
    run = ready("tcp").start(*args, duration="50ms")
    connections = gate.wait_ready()
    assert time.monotonic() - start >= 0.2
    gate.begin(connections)
    assert run.wait().status == 0


def assert_never_begun(outcome, lines):
    """It failed, has a report without a window, and said so in so many lines."""
    assert outcome.status == 1
    assert outcome.stderr.count("\n") == lines, outcome.stderr
    report = outcome.report
    assert report["totals"]["requests"] == report["totals"]["errors"] == 0
    assert edges(report) == (None, None)
    assert report["cpu"]["server_s"] is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("told", [False, True], ids=["waiting", "told"])
@each_gated
def test_gate_interrupted(name, told, number, ready, gate):
    workload, args = GATED[name]
    run = ready(workload).start("--gate", gate.path, *args, duration="20s", threads=2)
    connections = gate.wait_ready()
    if told:
        gate.begin(connections, 600)
        time.sleep(0.05)
    start = time.monotonic()
    run.signal(number)
    outcome = run.wait()
    assert time.monotonic() - start < 5
    assert_never_begun(outcome, 0)
    assert outcome.report["interrupted"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (None, "was closed without"),
        (b"begin 5", "was closed without"),
        (b"\n", "'begin NS'"),
        (b"begin\n", "'begin NS'"),
        (b"begin -5\n", "'begin NS'"),
        (b"begin 99999999999999999999\n", "'begin NS'"),
        (b"begin 18446744073709551615\n", "an hour"),
        (b"\0" * 100_000, "'begin NS'"),
    ],
    ids=["closed", "part", "nothing", "word", "negative", "overflow", "other clock", "long"],
)
@each_workload
def test_gate_that_fails(workload, said, words, ready, gate):
    run = ready(workload).start("--gate", gate.path, duration="20s", threads=2)
    (connection,) = gate.wait_ready()
    if said:
        connection.sendall(said)
    if "closed" in words:
        connection.close()
    outcome = run.wait()
    assert_never_begun(outcome, 1)
    assert f"--gate: '{gate.path}'" in outcome.stderr and words in outcome.stderr
    assert not outcome.report["interrupted"]


@each_workload
def test_gate_that_is_closed_early(workload, ready, gate):
    """Nobody is there any more when the run is set up."""
    run = ready(workload).start("--gate", gate.path, duration="20s")
    gate.accept().close()
    outcome = run.wait()
    assert_never_begun(outcome, 1)
    assert f"--gate: '{gate.path}'" in outcome.stderr


@each_workload
def test_gate_in_pieces(workload, ready, gate):
    run = ready(workload).start("--gate", gate.path, duration="50ms")
    (connection,) = gate.wait_ready()
    begin_ns = time.monotonic_ns() + 300 * MS
    for byte in b"begin %d\n" % begin_ns:
        connection.sendall(bytes([byte]))
        time.sleep(0.001)
    connection.close()
    outcome = run.wait()
    assert outcome.status == 0
    assert edges(outcome.report)[0] == begin_ns


@pytest.mark.parametrize(
    ("path", "why"),
    [("missing", "No such file"), ("file", "refused"), ("x" * 200, "1 to 1"), ("", "1 to 1")],
)
@each_workload
def test_gate_that_is_not_there(workload, path, why, ready, tmp_path):
    """Known before anything is set up."""
    (tmp_path / "file").touch()
    where = tmp_path / path if path else path
    outcome = ready(workload).start("--gate", where, duration="50ms").wait()
    assert (outcome.status, outcome.report) == (2, None)
    assert outcome.stderr.count("\n") == 1
    assert f"--gate: '{where}'" in outcome.stderr and why in outcome.stderr


@pytest.mark.parametrize(
    ("workload", "args", "word"),
    [("tcp", ["--find-rate", "p99<1ms"], "--find-rate"), ("udp", ["--role", "server"], "--role")],
)
def test_gate_is_refused(workload, args, word, ready, gate):
    outcome = ready(workload).start("--gate", gate.path, *args, duration="50ms").wait()
    assert (outcome.status, outcome.report) == (2, None)
    assert outcome.stderr.count("\n") == 1
    assert "--gate" in outcome.stderr and word in outcome.stderr


# ---- the server's CPU time in the client's window


def cpu_s(use):
    return use["user_s"] + use["system_s"]


def test_nobody_serves(ready):
    """The kernel does, whose time is the program's own."""
    report = ready("file").run(duration="50ms")
    assert report["cpu"]["server_s"] is None


@pytest.mark.parametrize("workload", WITH_PEER)
def test_server_that_is_not_known(workload, ready):
    assert ready(workload).run(duration="50ms")["cpu"]["server_s"] is None


@pytest.mark.parametrize("warmup", ["0", "300ms"])
@pytest.mark.parametrize("workload", WITH_PEER)
def test_server_cpu(workload, warmup, ready):
    """Of the window alone; the server's own figure is of its whole life."""
    bench = ready(workload)
    args = ["--server-pid", bench.peer.pid]
    outcome = bench.start(*args, duration="500ms", warmup=warmup, threads=2).wait()
    assert (outcome.status, outcome.stderr) == (0, ""), outcome.stderr
    bench.peer.signal(signal.SIGINT)
    whole_s = cpu_s(bench.peer.wait().report["cpu"])
    found_s = outcome.report["cpu"]["server_s"]
    assert 0.01 < found_s <= 0.5 + 0.05
    assert found_s <= whole_s + 0.02
    if warmup == "0":
        assert found_s >= 0.7 * whole_s - 0.03
    else:
        assert found_s <= 0.9 * whole_s + 0.02
    assert "the server's" in outcome.text


def test_server_cpu_of_its_work(start_server, start_client):
    """What a server does for each request is most of what it uses."""
    server = start_server("epoll", "--work", "100us")
    args = ["--server-pid", server.pid, "-c", 1, "-R", 1000, "-d", "500ms"]
    outcome = start_client(server.target, "epoll", *args).wait()
    report = outcome.report
    assert outcome.status == 0
    requests = report["totals"]["requests"]
    assert 0.9 * requests * 100e-6 <= report["cpu"]["server_s"] <= 0.55


def test_server_cpu_of_both_roles(json_files, ready):
    """The server's threads are its own; the client's are not in it."""
    report = ready("udp").run("--role", "both", "-p", 0, "-w", 2, duration="500ms")
    found_s, whole_s = report["cpu"]["server_s"], cpu_s(report["server"])
    assert 0.01 < found_s <= min(2 * 0.5 + 0.05, whole_s + 0.02)
    assert found_s >= 0.7 * whole_s - 0.03


@pytest.mark.parametrize("workload", WITH_PEER)
def test_server_pid_of_nobody(workload, ready):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    outcome = ready(workload).start("--server-pid", ended.pid, duration="50ms").wait()
    assert (outcome.status, outcome.report) == (2, None)
    assert outcome.stderr.count("\n") == 1
    assert f"--server-pid: '{ended.pid}'" in outcome.stderr
    assert "No such process" in outcome.stderr


def test_server_pid_is_for_a_client_alone(ready):
    outcome = ready("udp").start("--role", "both", "--server-pid", os.getpid(), count=1).wait()
    assert outcome.status == 2 and "--server-pid" in outcome.stderr


@pytest.mark.parametrize("workload", WITH_PEER)
def test_server_that_ends_in_the_window(workload, ready):
    """What it used until then is not what it used in the window."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        args = ["--server-pid", other.pid]
        run = ready(workload).start(*args, duration="600ms", interval="100ms")
        assert run.read_until("[0.1s]")
        other.kill()
        other.wait()
        outcome = run.wait()
    assert outcome.status == 0
    assert outcome.report["cpu"]["server_s"] is None
    assert "the server's" not in outcome.text
