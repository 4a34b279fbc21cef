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
from harness import SANITIZED
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
