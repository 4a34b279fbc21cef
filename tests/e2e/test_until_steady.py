"""--until-steady: one window that goes on, with its connections, while the rate is not steady."""

import signal
import time

import pytest
from harness import FakeServer, each_backend

# A rate that an open loop keeps is steady, whatever the machine does meanwhile; 50 ms make ticks.
STEADY = ["-R", 1000, "-i", "50ms"]


def slower_and_slower(s, _number):
    """Behaviour of a fake server: each second adds 5 ms to what an answer takes."""
    start = time.monotonic()
    while message := s.recv(65536):
        time.sleep(0.0005 + (time.monotonic() - start) * 0.005)
        s.sendall(message)


def skip_if_too_late(report):
    """The main thread came when the window was over: that is said, and right."""
    if any("too late" in warning for warning in report["warnings"]):
        pytest.skip("the machine was too busy to look at the window in time")


@each_backend
def test_steady_at_once(backend, start_server, run_client):
    server = start_server(backend)
    args = [*STEADY, "-c", 4, "-t", 2, "-d", "1s", "--until-steady", "8s"]
    report = run_client(server.target, backend, *args).report
    assert report["steady"]["steady"], report["steady"]["reason"]
    assert report["extension"] == {"asked_s": 1, "bound_s": 8, "times": 0}
    assert report["window"]["duration_s"] == 1
    assert report["open_loop"]["scheduled"] == 1000


@each_backend
def test_extended_until_steady(backend, start_server, run_client):
    """The first look sees six intervals, too few, the second one fourteen."""
    server = start_server(backend)
    args = [*STEADY, "-c", 4, "-t", 2, "-d", "400ms", "--until-steady", "20s"]
    outcome = run_client(server.target, backend, *args)
    report = outcome.report
    skip_if_too_late(report)
    assert report["steady"]["steady"], report["steady"]["reason"]
    assert report["extension"]["times"] == 1
    assert report["window"]["duration_s"] == 0.8
    # Every thread ended at the same moment, and nobody waited at the end that was moved.
    assert report["open_loop"]["scheduled"] == 800
    assert [round(i["t_s"], 2) for i in report["intervals"]][-1] == 0.8
    assert "[until-steady] not yet: too few intervals" in outcome.text
    assert server.stop().report["connections"]["accepted"] == 4


@each_backend
def test_end_that_is_moved_is_seen_in_time(backend, start_server, run_client):
    """
    An end at no multiple of the main thread's 100 ms. Once the client slept there until that woke
    it, and what was due meanwhile, 100 requests of 1,820, was up to 50 ms late.
    """
    server = start_server(backend)
    args = ["-c", 10, "-R", 2000, "-d", "450ms", "--until-steady", "910ms"]
    for _ in range(3):  # the machine may be late, too
        report = run_client(server.target, backend, *args).report
        skip_if_too_late(report)
        assert report["extension"]["times"] > 0
        assert report["open_loop"]["scheduled"] == 1820
        if report["latency"]["response_ns"]["p99"] < 20e6:
            return
    pytest.fail(f"response time at P99: {report['latency']['response_ns']['p99']} ns")


@pytest.mark.parametrize("threads", [1, 2])
@each_backend
def test_never_steady(backend, threads, run_client):
    """It goes on to the bound, which is no power of two of the duration, on its connections."""
    with FakeServer(slower_and_slower) as server:
        args = ["-c", 2, "-t", threads, "-i", "25ms", "-d", "400ms", "--until-steady", "1s"]
        outcome = run_client(server.target, backend, *args, "--verify", "full")
        assert len(server.open) == 2
    report = outcome.report
    skip_if_too_late(report)
    assert report["errors"] == {}
    assert report["extension"] == {"asked_s": 0.4, "bound_s": 1, "times": 2}
    assert report["window"]["duration_s"] == 1
    assert report["steady"]["enough"] and not report["steady"]["steady"]
    assert report["steady"]["trend_percent"] < 0
    assert outcome.text.count("[until-steady] not yet: ") == 2
    assert "Extended:       from 400.00 ms" in outcome.text


def test_interrupted_while_extended(start_client):
    with FakeServer(slower_and_slower) as server:
        args = ["-c", 2, "-i", "25ms", "-d", "400ms", "--until-steady", "1h"]
        client = start_client(server.target, "epoll", *args)
        client.read_until("going on to")
        client.signal(signal.SIGINT)
        report = client.wait().report
    skip_if_too_late(report)
    assert report["interrupted"]
    assert report["extension"]["times"] >= 1
    assert report["window"]["duration_s"] < 3600


@pytest.mark.parametrize("stopped_s", [0.35, 0.5, 1])
def test_client_stopped_over_its_end(stopped_s, start_server, start_client):
    """Whoever comes first afterwards, all threads agree on the end, and the report says which."""
    server = start_server("epoll")
    args = [*STEADY, "-c", 4, "-t", 4, "-d", "400ms", "--until-steady", "800ms"]
    client = start_client(server.target, "epoll", *args)
    client.read_until("Duration")
    client.signal(signal.SIGSTOP)
    time.sleep(stopped_s)
    client.signal(signal.SIGCONT)
    report = client.wait().report
    extended = report["extension"]["times"]
    assert report["window"]["duration_s"] == (0.8 if extended else 0.4)
    assert report["open_loop"]["scheduled"] == (800 if extended else 400)
    assert any("too late" in warning for warning in report["warnings"]) == (not extended)
