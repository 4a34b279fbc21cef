"""Pipelining, mixed sizes, think time, ramp, churn and run modes: counts by arithmetic."""

import contextlib
import signal
import subprocess
import time
from pathlib import Path

import pytest
from harness import (
    PATIENCE_S,
    SANITIZED,
    FakeServer,
    each_backend,
    echo,
    eventually,
    never_answer,
)

MIB = 1 << 20


# ---- pipelining


@pytest.mark.parametrize("depth", [1, 2, 16, 128])
@each_backend
def test_pipeline(backend, depth, start_server, run_client):
    server = start_server(backend)
    args = ["-c", 3, "-P", depth, "-s", 300, "-n", 4001, "--verify", "full"]
    report = run_client(server.target, backend, *args).report
    assert report["errors"] == {}
    assert report["totals"]["requests"] == 4001
    assert report["totals"]["tx_bytes"] == report["totals"]["rx_bytes"] == 4001 * 300
    totals = server.stop().report["totals"]
    assert totals["rx_bytes"] == totals["tx_bytes"] == 4001 * 300
    # The first round of requests goes out at once, and what was sent at once is read at once.
    assert depth == 1 or report["totals"]["writes"] < 4001


@each_backend
def test_pipelined_beyond_all_buffers(backend, start_server, run_client):
    """Both sides have more to send than the other can take, and neither waits for the other."""
    server = start_server(backend, "--sndbuf", "16k", "--rcvbuf", "16k")
    args = ["-c", 2, "-P", 32, "-s", "40k", "-n", 400, "--sndbuf", "16k", "--rcvbuf", "16k"]
    report = run_client(server.target, backend, *args, "--verify", "full").report
    assert report["errors"] == {}
    assert report["totals"]["rx_bytes"] == 400 * 40 * 1024


@each_backend
def test_pipeline_shares_out_the_requests(backend, start_server, run_client):
    """Fewer requests than there is room for in flight."""
    server = start_server(backend)
    args = ["-c", 4, "-t", 2, "-P", 128, "-n", 10, "--verify", "full"]
    report = run_client(server.target, backend, *args).report
    assert (report["errors"], report["totals"]["requests"]) == ({}, 10)


# ---- mixed sizes

MIX = "1:0.2,300:0.6,20k:0.2"


@pytest.mark.parametrize("shape", [[], ["-P", 8], ["-P", 4, "-R", "100k"], ["--churn", 3]], ids=str)
@each_backend
def test_sizes(backend, shape, start_server, run_client):
    server = start_server(backend)
    args = ["-c", 1, "-n", 2000, "--sizes", MIX, "--verify", "full", *shape]
    sent = {}
    for seed in (1, 1, 2):
        report = run_client(server.target, backend, *args, "--seed", seed).report
        assert (report["errors"], report["totals"]["requests"]) == ({}, 2000)
        totals = report["totals"]
        assert totals["tx_bytes"] == totals["rx_bytes"] == sent.setdefault(seed, totals["rx_bytes"])
        # A size of this mix is 4276 +- 8104 bytes: within 5 standard errors of 2000 of them.
        assert totals["rx_bytes"] / 2000 == pytest.approx(4276.2, abs=5 * 8104 / 2000**0.5)
    assert sent[1] != sent[2]


# ---- think time and ramp


@each_backend
def test_think(backend, start_server, run_client):
    """A connection that thinks for 20 ms cannot make more than so many requests."""
    server = start_server(backend)
    args = ["-c", 5, "--think", "20ms", "-d", "300ms", "--verify", "full"]
    report = run_client(server.target, backend, *args).report
    assert report["errors"] == {}
    assert report["fairness"]["max_requests"] <= 300 / 20 + 1
    assert 5 <= report["totals"]["requests"] <= 5 * (300 / 20 + 1)


@pytest.mark.parametrize("threads", [1, 2])
@each_backend
def test_churn_goes_on_during_a_ramp(backend, threads, start_server, run_client):
    """What was closed is made anew before the last connection has come."""
    server = start_server(backend)
    args = ["-c", 4, "-t", threads, "--ramp", "400ms", "--churn", 1, "--think", "1ms", "-n", 4,
            "--warmup", 0]
    report = run_client(server.target, backend, *args).report
    assert (report["connections"]["opened"], report["connections"]["failed"]) == (4, 0)
    assert report["connections"]["reopened"] > 20


@pytest.mark.parametrize("threads", [1, 2])
@each_backend
def test_ramp(backend, threads, run_client):
    """The connections come one by one; the first ones work when the last one comes."""
    events = []

    def behave(s, number):
        events.append((time.monotonic(), "opened", number))
        while message := s.recv(65536):
            events.append((time.monotonic(), "message", number))
            s.sendall(message)
            time.sleep(0.001)  # or the threads of this fake starve its listener

    with FakeServer(behave) as server:
        start = time.monotonic()
        args = ["-c", 6, "-t", threads, "--ramp", "300ms", "-d", "50ms", "--verify", "full"]
        report = run_client(server.target, backend, *args).report
    opened = [when - start for when, what, _ in sorted(events) if what == "opened"]
    # Each thread makes its part of the connections in equal steps.
    steps = [i * 0.3 / (6 // threads) for i in range(6 // threads) for _ in range(threads)]
    assert len(opened) == 6
    assert all(when >= step for when, step in zip(opened, steps, strict=True))
    worked = [number for when, what, number in events if what == "message"]
    before_the_last = {
        number for when, what, number in events if what == "message" and when - start < opened[-1]
    }
    assert 0 in before_the_last and len(set(worked)) == 6
    assert report["errors"] == {}
    assert report["connections"]["opened"] == 6


@each_backend
def test_ramp_of_an_open_loop(backend, start_server, run_client):
    """Its schedule begins when all are there."""
    server = start_server(backend)
    args = ["-c", 6, "--ramp", "100ms", "-R", "10k", "-d", "100ms"]
    loop = run_client(server.target, backend, *args).report["open_loop"]
    assert (loop["scheduled"], loop["never_sent"], loop["never_answered"]) == (1000, 0, 0)


def test_long_interval(run_client):
    """The window ends and what is overdue is noticed, whatever length a line stands for."""
    with FakeServer(never_answer) as server:
        args = ["-c", 2, "-i", "1h", "-q"]
        run_client(server.target, "epoll", *args, "-d", "200ms", status=1)
        outcome = run_client(server.target, "epoll", *args, "--timeout", "200ms", status=1)
    assert outcome.errors == {"timeout": 2}


# ---- churn


def stop_when_caught_up(server):
    """The report, after all connections that were made have been accepted, and one of our own."""
    with server.connect() as s:
        assert echo(s, b"x") == b"x"
    return server.stop().report


def assert_churned(client, server, churn):
    """Both sides have seen the same connections, and each had its requests and no more."""
    made = client["connections"]["opened"] + client["connections"]["reopened"]
    accepted = server["connections"]["accepted"] - 1
    assert client["errors"] == server["errors"] == {}
    assert client["connections"]["lost"] == client["connections"]["failed"] == 0
    # One that was being made when the client ended may have come through.
    assert made <= accepted <= made + client["connections"]["asked"]
    assert server["connections"]["closed"] == accepted + 1
    assert client["connections"]["open_peak"] <= client["connections"]["asked"]
    requests = client["totals"]["requests"]
    assert client["connections"]["reopened"] * churn <= requests <= made * churn
    seconds = client["window"]["duration_s"]
    connects = client["latency"]["connect_ns"]["count"]
    assert connects <= client["connections"]["reopened"]
    assert client["rate"]["connects_per_s"] == pytest.approx(connects / seconds)


@pytest.mark.parametrize("shape", [[], ["-P", 4], ["-R", "100k"], ["-P", 4, "-R", "100k"]], ids=str)
@pytest.mark.parametrize("churn", [1, 7])
@each_backend
def test_churn(backend, churn, shape, start_server, run_client):
    server = start_server(backend)
    args = ["-c", 8, "-n", 1000, "--churn", churn, "--verify", "full", *shape]
    client = run_client(server.target, backend, *args).report
    assert client["totals"]["requests"] == 1000
    report = stop_when_caught_up(server)
    assert_churned(client, report, churn)
    assert client["connections"]["reopened"] >= 1000 // churn - 8
    assert report["totals"]["rx_bytes"] == 1000 * client["config"]["size_bytes"] + 1


@each_backend
def test_churn_of_threads(backend, start_server, run_client):
    server = start_server(backend, "-t", 2)
    args = ["-c", 9, "-t", 2, "-n", 1001, "--churn", 3, "--verify", "full"]
    client = run_client(server.target, backend, *args).report
    assert client["totals"]["requests"] == 1001
    assert_churned(client, stop_when_caught_up(server), 3)


def descriptors(pid):
    """Most descriptors that any thread has: threads may have a table of their own."""
    most = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            most = max(most, sum(1 for _ in (task / "fd").iterdir()))
    return most


@each_backend
def test_churn_leaks_nothing(backend, start_server, start_client, run_client):
    """2,000 connections come and go, 10 at a time; a leak of one in ten would show."""
    server = start_server(backend)
    args = ["-c", 10, "--churn", 1]
    run_client(server.target, backend, *args, "-n", 300)  # so that buffers have grown
    memory = server.memory_bytes()
    client = start_client(server.target, backend, *args, "-R", "4k", "-d", "500ms", "-i", "20ms")
    assert client.read_until("[0.02s]")
    seen = []
    while client.process.poll() is None:
        seen.append((descriptors(client.pid), descriptors(server.pid)))
        time.sleep(0.01)
    outcome = client.wait()
    assert (outcome.status, outcome.errors) == (0, {})
    assert outcome.report["connections"]["reopened"] >= 1990
    assert max(own for own, _ in seen) >= 10  # it was looked while there was something to see
    assert max(own for own, _ in seen) <= 10 + 30
    assert max(of_server for _, of_server in seen) <= 10 + 30 + 100  # it learns of an end later
    eventually(lambda: descriptors(server.pid) <= 30, "the server's last connection closed")
    assert SANITIZED or server.memory_bytes() - memory < MIB


@pytest.mark.parametrize("threads", [1, 2])
@each_backend
def test_connect_only(backend, threads, start_server, run_client):
    server = start_server(backend)
    args = ["-c", 4, "-t", threads, "--connect-only", "-d", "50ms"]
    outcome = run_client(server.target, backend, *args)
    client, report = outcome.report, stop_when_caught_up(server)
    assert_churned(client, report, 0)
    assert client["totals"]["requests"] == client["totals"]["tx_bytes"] == 0
    assert report["totals"]["rx_bytes"] == 1
    connects = client["latency"]["connect_ns"]["count"]
    assert 0 < connects <= client["connections"]["reopened"]
    assert f"Connects:       {connects:,} in the window" in outcome.text


# ---- no port left

PORTS = 50
FREE = PORTS - 1  # the server listens on one of them


@pytest.fixture
def few_ports():
    """The words before a command that run it where there are 50 ports, none of them used twice."""
    setup = (
        "ip link set lo up && cd /proc/sys/net/ipv4 && echo 0 >tcp_tw_reuse &&"
        f" echo 40000 {40000 + PORTS - 1} >ip_local_port_range && echo ready && exec cat"
    )
    holder = subprocess.Popen(
        ["unshare", "--map-root-user", "--net", "sh", "-c", setup],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = holder.stdout.readline()
        if said != "ready\n":
            pytest.skip(f"no network of our own here: {said.strip()}")
        target = ["--target", str(holder.pid), "--user", "--net", "--preserve-credentials"]
        yield ["nsenter", *target]
    finally:
        holder.stdin.close()  # ends it
        holder.stdout.close()
        holder.wait(PATIENCE_S)


@each_backend
def test_out_of_ports(backend, few_ports, start_server, run_client):
    """It says so, keeps what was measured, and ends when the window does."""
    server = start_server(backend, prefix=few_ports)
    args = ["-c", 5, "--churn", 1, "-d", "300ms"]
    outcome = run_client(server.target, backend, *args, prefix=few_ports, status=1)
    assert set(outcome.errors) == {"out_of_ports"}
    assert f"no free local port (EADDRNOTAVAIL): {outcome.errors['out_of_ports']}" in outcome.text
    assert outcome.report["totals"]["requests"] == FREE
    assert outcome.report["connections"]["failed"] == 0
    assert server.stop().report["connections"]["accepted"] == FREE


@each_backend
def test_out_of_ports_at_once(backend, few_ports, start_server, run_client):
    """Those that could be made are used, and the others are reported."""
    server = start_server(backend, prefix=few_ports)
    args = ["-c", FREE + 20, "-n", 500, "--verify", "full"]
    outcome = run_client(server.target, backend, *args, prefix=few_ports, status=1)
    assert outcome.errors == {"out_of_ports": 20}
    assert outcome.report["totals"]["requests"] == 500
    assert f"only {FREE} of {FREE + 20} could be made" in outcome.text


@each_backend
def test_out_of_ports_for_good(backend, few_ports, start_server, run_client):
    """A run that ends with a number of requests ends, too, when they cannot be had."""
    server = start_server(backend, prefix=few_ports)
    args = ["-c", 5, "--churn", 1, "-n", FREE + 100, "--warmup", 0, "--timeout", "300ms"]
    outcome = run_client(server.target, backend, *args, prefix=few_ports, status=1)
    assert set(outcome.errors) == {"out_of_ports"}
    assert outcome.report["totals"]["requests"] == FREE
    assert any("TIME_WAIT" in text for text in outcome.report["warnings"])
    assert "TIME_WAIT" in outcome.text


@each_backend
def test_resets_keep_no_port(backend, few_ports, start_server, run_client):
    server = start_server(backend, prefix=few_ports)
    args = ["-c", 5, "--churn", 2, "-n", 20 * FREE, "--warmup", 0, "--close", "rst"]
    outcome = run_client(server.target, backend, *args, prefix=few_ports)
    assert outcome.errors == {}
    assert outcome.report["totals"]["requests"] == 20 * FREE
    assert outcome.report["connections"]["reopened"] > 5 * FREE


# ---- run modes

MODES = ["throughput", "balanced", "latency"]


@pytest.mark.parametrize("client_mode", MODES)
@pytest.mark.parametrize("server_mode", MODES)
@each_backend
def test_modes(backend, server_mode, client_mode, start_server, run_client):
    server = start_server(backend, "--mode", server_mode)
    args = ["-c", 4, "-n", 1000, "--mode", client_mode, "--verify", "full"]
    outcome = run_client(server.target, backend, *args)
    assert outcome.errors == {}
    assert outcome.report["totals"]["requests"] == 1000
    assert outcome.report["config"]["mode"] == client_mode
    assert f"Mode:        {client_mode}\n" in outcome.text
    assert server.stop().report["config"]["mode"] == server_mode


def states(pid):
    """Of the threads of a program: R is running or about to, S is asleep."""
    texts = [task.read_text(encoding="utf-8") for task in Path(f"/proc/{pid}/task").glob("*/stat")]
    return [text.rsplit(")", 1)[1].split()[0] for text in texts]


@each_backend
def test_only_latency_never_sleeps(backend, start_server, run_client):
    for mode in MODES:
        server = start_server(backend, "--mode", mode)
        run_client(server.target, backend, "-c", 2, "-n", 100)
        if mode == "latency":
            for _ in range(20):
                assert "R" in states(server.pid)
                time.sleep(0.005)
        else:
            eventually(lambda pid=server.pid: "R" not in states(pid), "all threads asleep")
        server.stop(signal.SIGTERM)
