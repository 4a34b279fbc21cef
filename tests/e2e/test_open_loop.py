"""--rate: requests are due by a schedule that stalls, overload and losses do not change."""

import os
import random
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest
from harness import FakeServer, each_backend, never_answer, tuned

MS = 1_000_000  # nanoseconds


def assert_whole_schedule(report, requests):
    """So many requests were due, all were answered, and none of it was an error."""
    assert report["errors"] == {}
    assert report["open_loop"]["scheduled"] == requests
    assert report["open_loop"]["never_sent"] == report["open_loop"]["never_answered"] == 0
    assert report["latency"]["response_ns"]["count"] == requests


# ---- a server that stops for a while

STALL_S = 0.5


def run_with_stall(server, start_client, backend, *args):
    """The report of a client whose server stood still once in the middle of the window."""
    client = start_client(server.target, backend, "-c", 20, "-d", "1.5s", "-i", "200ms", *args)
    assert client.read_until("[0.2s]")
    server.signal(signal.SIGSTOP)
    try:
        time.sleep(STALL_S)
    finally:
        server.signal(signal.SIGCONT)
    outcome = client.wait()
    assert (outcome.status, outcome.stderr) == (0, "")
    return outcome.report


@each_backend
def test_stall_shows(backend, start_server, start_client):
    """
    At a constant rate a stall of 500 ms in a window of 1.5 s is in the way of a third of the
    requests, whose response times go evenly from 500 ms down to 0: P99 is what all but 1 % of
    1.5 s, that is 15 ms of the stall, stay below: 485 ms. In a window of 10 s it is 400 ms.
    """
    server = start_server(backend)
    report = run_with_stall(server, start_client, backend, "-R", "20k")
    assert_whole_schedule(report, 30_000)
    response, service = report["latency"]["response_ns"], report["latency"]["service_ns"]
    assert response["p99"] >= 400 * MS
    assert 450 * MS <= response["max"] < 2000 * MS
    # Only the 20 requests that were under way show it in their service time.
    assert service["max"] >= 450 * MS
    assert service["p99"] < response["p99"] / 2
    assert service["mean"] < response["mean"] / 2
    queued = report["open_loop"]["queued_ns"]
    assert queued["max"] >= 450 * MS
    assert report["open_loop"]["queue_peak"] >= 20_000 * 0.45


@each_backend
def test_closed_loop_hides_the_stall(backend, start_server, start_client):
    """The client stopped asking, so there are 20 slow requests among those of a second."""
    server = start_server(backend)
    report = run_with_stall(server, start_client, backend)
    latency = report["latency"]["service_ns"]
    assert latency["max"] >= 450 * MS
    assert latency["count"] >= 20 * 100
    assert latency["p99"] < 450 * MS / 2


# ---- the schedule is kept


@pytest.mark.parametrize(("rate", "threads"), [(1000, 1), (50_000, 2), (100_000, 1)])
@each_backend
def test_constant(backend, rate, threads, start_server, run_client):
    server = start_server(backend)
    args = ["-c", 20, "-t", threads, "-R", rate, "-d", "200ms", "--verify", "full"]
    report = run_client(server.target, backend, *args).report
    assert_whole_schedule(report, rate // 5)
    assert report["open_loop"]["rate"] == rate
    assert report["open_loop"]["arrivals"] == "constant"
    assert report["totals"]["requests"] <= rate // 5  # the last ones are completed after the window
    server_bytes = server.stop().report["totals"]["rx_bytes"]
    assert server_bytes == rate // 5 * report["config"]["size_bytes"]


@each_backend
def test_after_warm_up(backend, start_server, run_client):
    """The window has its own requests alone, and all of them."""
    server = start_server(backend)
    args = ["-c", 20, "-R", "50k", "-d", "200ms", "--warmup", "150ms"]
    assert_whole_schedule(run_client(server.target, backend, *args).report, 10_000)


@pytest.mark.parametrize(("rate", "warmup"), [(20_000, "0"), (2_000_000, "50ms")])
@pytest.mark.parametrize("threads", [1, 2])
@each_backend
def test_count(backend, threads, rate, warmup, start_server, run_client):
    """--requests counts those of the window, however many the warm-up has left behind."""
    server = start_server(backend)
    args = ["-c", 7, "-n", 3001, "-R", rate, "-t", threads, "--warmup", warmup]
    report = run_client(server.target, backend, *args).report
    assert_whole_schedule(report, 3001)
    # The last one cannot be sent before it is due.
    assert report["window"]["duration_s"] >= 3000 / rate - 1e-9


@each_backend
def test_pipelined(backend, start_server, run_client):
    """One connection, up to 64 requests on it: each is timed, and none waits for a connection."""
    server = start_server(backend)
    args = ["-c", 1, "-P", 64, "-R", "50k", "-d", "200ms", "--verify", "full"]
    assert_whole_schedule(run_client(server.target, backend, *args).report, 10_000)


@pytest.mark.parametrize("threads", [1, 2])
@each_backend
def test_churned(backend, threads, start_server, run_client):
    """Also the last requests of the window get a connection, when all have to be made anew."""
    server = start_server(backend)
    args = ["-c", 4, "-R", "5k", "-d", "100ms", "--churn", 1, "-t", threads]
    for _ in range(3):
        report = run_client(server.target, backend, *args).report
        assert_whole_schedule(report, 500)
        assert report["connections"]["opened"] + report["connections"]["reopened"] >= 500


# ---- Poisson

SAMPLE = Path(os.environ["IOBENCH_BUILD"]) / "tests" / "pace_sample"
P_VALUE = 0.01


def schedule(arrivals, rate, seed, threads, requests):
    """When each thread's first requests are due, in nanoseconds."""
    command = [SAMPLE, *map(str, (arrivals, rate, seed, threads, requests))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [[int(word) for word in line.split()] for line in done.stdout.splitlines()]


def gaps(moments):
    return [after - before for before, after in pairwise([0, *moments])]


def exponential_p(values, rate):
    """Kolmogorov-Smirnov: how likely such values are, or worse ones, at this rate."""
    stats = pytest.importorskip("scipy.stats")
    return stats.kstest(values, "expon", args=(0, 1e9 / rate)).pvalue


@pytest.mark.parametrize(("rate", "seed"), [(10, 0), (1000, 1), (100_000, 2**64 - 1)])
def test_poisson_gaps(rate, seed):
    [moments] = schedule("poisson", rate, seed, 1, 20_000)
    assert exponential_p(gaps(moments), rate) > P_VALUE


def test_poisson_gaps_of_threads():
    """Each thread has its share of the rate, and all together have the whole."""
    threads = schedule("poisson", 3000, 1, 3, 20_000)
    for moments in threads:
        assert exponential_p(gaps(moments), 1000) > P_VALUE
    end = min(moments[-1] for moments in threads)
    together = sorted(moment for moments in threads for moment in moments if moment <= end)
    assert len(together) > 50_000
    assert exponential_p(gaps(together), 3000) > P_VALUE


COUNT = 20_000
DRAW = random.Random(1)

# Gaps that are not exponential with a mean of 1 ms.
WRONG_GAPS = {
    "constant": lambda: gaps(schedule("constant", 1000, 1, 1, COUNT)[0]),
    "uniform": lambda: [DRAW.uniform(0, 2 * MS) for _ in range(COUNT)],
    "normal": lambda: [abs(DRAW.gauss(MS, MS / 2)) for _ in range(COUNT)],
    "10 % too many": lambda: gaps(schedule("poisson", 1100, 1, 1, COUNT)[0]),
    "half of two threads": lambda: gaps(schedule("poisson", 1000, 1, 2, COUNT)[0]),
}


@pytest.mark.parametrize("name", WRONG_GAPS)
def test_wrong_gaps(name):
    """The check can fail."""
    assert exponential_p(WRONG_GAPS[name](), 1000) < P_VALUE


@pytest.mark.parametrize("threads", [1, 2])
@each_backend
def test_poisson(backend, threads, start_server, run_client):
    """The client follows that very schedule: as many requests are due as the seed says."""
    server = start_server(backend)
    due = {}
    for seed in (1, 2):
        moments = schedule("poisson", 20_000, seed, threads, 20_000)
        due[seed] = sum(moment < 200 * MS for thread in moments for moment in thread)
        args = ["-c", 20, "-t", threads, "-R", "20k", "-d", "200ms"]
        args += ["--arrivals", "poisson", "--seed", seed]
        report = run_client(server.target, backend, *args).report
        assert_whole_schedule(report, due[seed])
    assert due[1] != due[2]


# ---- more than can be done


@pytest.mark.parametrize(("arrivals", "threads"), [("constant", 1), ("poisson", 2)])
@each_backend
def test_overload(backend, arrivals, threads, start_server, run_client):
    """
    A server that takes 2,000 system calls for each request is asked for far more than it can do.
    The client stops after the drain, and says how many requests have no time to show.
    """
    server = start_server(tuned("epoll", "recv=1", "send=1"))
    args = ["-c", 4, "-s", 1000, "-R", "1M", "-d", "200ms", "--timeout", "300ms"]
    args += ["-t", threads, "--arrivals", arrivals, "--verify", "full"]
    outcome = run_client(server.target, backend, *args)
    report, loop = outcome.report, outcome.report["open_loop"]
    assert report["errors"] == {}
    if arrivals == "constant":
        assert loop["scheduled"] == 200_000
    assert 0 < report["latency"]["response_ns"]["count"] < loop["never_sent"] < loop["scheduled"]
    assert loop["never_answered"] <= 4
    assert loop["queue_peak"] > 0
    [warning] = [text for text in report["warnings"] if "got no reply" in text]
    assert f"of {loop['scheduled']} scheduled" in warning
    assert "NOT ANSWERED:" in outcome.text
    # The first request had to wait for nobody, the last ones for as long as the window.
    assert report["latency"]["response_ns"]["max"] > report["latency"]["service_ns"]["min"]


@each_backend
def test_nobody_answers(backend, run_client):
    """Every connection is lost, one request on each; the others were never sent."""
    with FakeServer(never_answer) as server:
        args = ["-c", 3, "-R", "1k", "-d", "20s", "--timeout", "200ms"]
        outcome = run_client(server.target, backend, *args, status=1)
    loop = outcome.report["open_loop"]
    assert outcome.errors == {"timeout": 3}
    assert loop["never_answered"] == 3
    assert loop["never_sent"] == loop["scheduled"] - 3
    assert outcome.report["latency"]["response_ns"]["count"] == 0
    assert loop["scheduled"] >= 200  # those of the first 200 ms
    assert loop["queue_peak"] == pytest.approx(loop["never_sent"], abs=1)  # when all was over


@each_backend
def test_interrupted(backend, start_server, start_client):
    """What was due until then is what was scheduled."""
    server = start_server(backend)
    client = start_client(server.target, backend, "-c", 5, "-R", "10k", "-d", "30s", "-i", "20ms")
    assert client.read_until("[0.06s]")
    client.signal(signal.SIGINT)
    report = client.wait().report
    assert report["interrupted"]
    assert_whole_schedule(report, report["open_loop"]["scheduled"])
    due = report["window"]["duration_s"] * 10_000
    assert report["open_loop"]["scheduled"] == pytest.approx(due, abs=1)
