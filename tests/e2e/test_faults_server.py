"""Forced faults on the server's side, and peers that do not behave."""

import contextlib
import hashlib
import select
import socket

import pytest
from harness import (
    BACKENDS,
    SANITIZED,
    SHAPES,
    each_backend,
    each_method,
    each_shape,
    echo,
    eventually,
    one_byte,
    pattern,
    receive,
    reset,
    send_until_blocked,
    sending,
    tuned,
)

KIB = 1 << 10
MIB = 1 << 20


@pytest.fixture
def assert_serves(run_client):
    """The server still serves a well-behaved client, and every one of its connections."""

    def check(server, *args, connections=20, requests=2000):
        args = ["-c", connections, "-n", requests, "--verify", "full", *args]
        report = run_client(server.target, "epoll", *args).report
        assert report["errors"] == {}
        assert report["totals"]["requests"] == requests
        assert report["fairness"]["starved"] == 0 or "--churn" in args

    return check


@one_byte
@each_method
def test_one_byte_at_a_time(backend, shape, items, start_server, assert_serves):
    server = start_server(tuned(backend, items))
    assert_serves(server, "-s", 50, *SHAPES[shape], connections=4, requests=60)
    totals = server.stop().report["totals"]
    assert totals["rx_bytes"] == totals["tx_bytes"] == 60 * 50
    assert totals["writes"] == totals["tx_bytes"]
    if "recv" in items:
        assert totals["reads"] == totals["rx_bytes"]


@pytest.mark.parametrize("backlog", ["replies read in part", "replies not read"])
@each_backend
def test_reset_in_mid_message(backend, backlog, start_server, assert_serves):
    server = start_server(backend)
    for _ in range(10):
        s = server.connect()
        if backlog == "replies not read":
            send_until_blocked(s, pattern(64 * MIB), quiet_s=0.02)
        else:
            s.sendall(pattern(1000))
            assert receive(s, 400) == pattern(400)
        reset(s)
    for shape in SHAPES.values():
        assert_serves(server, *shape)
    report = server.stop().report
    assert report["errors"] == {"reset": 10}
    assert report["connections"]["closed"] == report["connections"]["accepted"] >= 10 + 5 * 20


@pytest.mark.parametrize("length", [0, 1, 64 * KIB, 5 * MIB])
@each_method
def test_half_close(backend, length, start_server):
    """Everything sent before the FIN comes back, then the server's own FIN."""
    server = start_server(backend)
    data = pattern(length)
    with server.connect() as s, sending(s, data, then=lambda: s.shutdown(socket.SHUT_WR)):
        back = receive(s, length + 1)
    assert len(back) == length
    assert back == data
    report = server.stop().report
    assert report["totals"]["tx_bytes"] == report["totals"]["rx_bytes"] == length
    assert report["errors"] == {}
    assert report["connections"]["closed"] == 1


@each_backend
def test_half_close_before_reading(backend, start_server):
    """As above, with replies that were held up by a peer that read nothing until then."""
    server = start_server(backend)
    data = pattern(64 * MIB)
    with server.connect() as s:
        sent = send_until_blocked(s, data)
        assert MIB // 4 < sent < len(data)
        s.shutdown(socket.SHUT_WR)
        assert digest(receive(s, sent + 1)) == digest(data[:sent])


def digest(data):
    """Length and hash: a mismatch of megabytes is not worth printing."""
    return len(data), hashlib.sha256(data).hexdigest()


@each_method
def test_peer_that_never_reads(backend, start_server, assert_serves):
    """It is stopped by its own unread replies, not by the server's memory."""
    peers = 6
    server = start_server(backend)
    assert_serves(server, "-s", "16k")  # so that its buffers have been used
    before = server.memory_bytes()
    data = pattern(64 * MIB)
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(server.connect()) for _ in range(peers)]
        sent = [send_until_blocked(s, data) for s in sockets]
        assert max(sent) < len(data)
        grown = server.memory_bytes() - before
        assert SANITIZED or grown < peers * MIB < sum(sent)
        assert_serves(server)
        for s, count in zip(sockets, sent, strict=True):
            assert digest(receive(s, count)) == digest(data[:count])
            assert echo(s, b"and on") == b"and on"
    assert server.stop().report["errors"] == {}


@pytest.mark.parametrize("backend", [*BACKENDS, "io_uring:buffers=64"])
def test_many_peers_that_never_read(backend, start_server, assert_serves):
    """They hold no receive buffers that others need, not even when they are more than those."""
    server = start_server(backend, "--sndbuf", "16k", "--rcvbuf", "16k")
    data = pattern(4 * MIB)
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(server.connect(buffer_bytes=16 * KIB)) for _ in range(200)]
        sent = [send_until_blocked(s, data, quiet_s=0.01) for s in sockets]
        sent = [n + send_until_blocked(s, data[n:], 0) for s, n in zip(sockets, sent, strict=True)]
        assert max(sent) < len(data)
        assert_serves(server)
        for s, count in zip(sockets, sent, strict=True):
            assert digest(receive(s, count)) == digest(data[:count])
    assert server.stop().report["errors"] == {}


@each_backend
def test_peers_that_send_nothing(backend, start_server, assert_serves):
    server = start_server(backend)
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(server.connect())
        assert_serves(server)
        report = server.stop().report
    assert report["connections"]["accepted"] == 70
    assert report["errors"] == {}


@pytest.mark.parametrize("threads", [1, 2])
@each_method
def test_out_of_descriptors(backend, threads, start_server):
    """It says so once, serves those it has, and takes others as some close."""
    server = start_server(backend, "-t", threads, descriptors=64)
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(server.connect()) for _ in range(100)]
        for s in sockets:
            s.sendall(b"x")
        served = answered(sockets, 20)
        waiting = [s for s in sockets if s not in served]
        assert 20 <= len(served) < 64
        assert [echo(s, b"still here") for s in served] == [b"still here"] * len(served)
        for s in served[:15]:
            s.close()
        answered(waiting, 15)
        assert [echo(s, b"still here") for s in served[15:]] == [b"still here"] * len(served[15:])
    server.signal(2)
    outcome = server.wait()
    lines = outcome.stderr.splitlines()
    assert outcome.status == 0
    assert 1 <= len(lines) <= threads
    assert all("out of file descriptors" in line for line in lines)
    assert outcome.errors["out_of_descriptors"] >= 1


def answered(sockets, at_least):
    """The sockets that have an answer, once there are so many and no more come; it is read."""
    found = []

    def look():
        ready = select.select([s for s in sockets if s not in found], [], [], 0.3)[0]
        assert [s.recv(1) for s in ready] == [b"x"] * len(ready)
        found.extend(ready)
        return not ready and len(found) >= at_least

    eventually(look, f"{at_least} answers")
    return found


# ---- io_uring's own


@each_shape
def test_full_submission_queue(shape, start_server, run_client):
    server = start_server("io_uring:sq=2")
    args = ["-c", 200, "-n", 20000, "--verify", "full", *SHAPES[shape]]
    client = run_client(server.target, "io_uring:sq=2", *args).report
    assert client["errors"] == {}
    assert client["totals"]["requests"] == 20000
    assert client["fairness"]["starved"] == 0 or client["config"]["churn"]
    assert client["loop"]["queue_full"] > 0
    assert server.stop().report["loop"]["queue_full"] > 0


@pytest.mark.parametrize("size", [256, "40k"])
@each_shape
def test_exhausted_buffer_ring(shape, size, start_server, run_client):
    server = start_server("io_uring:buffers=2")
    args = ["-c", 200, "-s", size, "-n", 4000, "--verify", "full", *SHAPES[shape]]
    for client_backend in ("epoll", "io_uring:buffers=2"):
        client = run_client(server.target, client_backend, *args).report
        assert client["errors"] == {}
        assert client["totals"]["requests"] == 4000
        assert client["fairness"]["starved"] == 0 or client["config"]["churn"]
    if not client["config"]["rate"]:  # a schedule may leave time enough for two buffers
        assert client["loop"]["buffers_dry"] > 0
        assert server.stop().report["loop"]["buffers_dry"] > 0


FEATURES = ["multishot_accept", "multishot_recv", "single_issuer", "defer_taskrun", "coop_taskrun"]


@pytest.mark.parametrize("features", [*([name] for name in FEATURES), FEATURES], ids="+".join)
def test_features_left_out(features, start_server, run_client):
    backend = tuned("io_uring", *(f"-{name}" for name in features))
    server = start_server(backend)
    client = run_client(server.target, backend, "-c", 50, "-n", 5000, "--verify", "full")
    assert client.errors == {}
    assert client.report["totals"]["requests"] == 5000
    for outcome in (client, server.stop()):
        used = outcome.report["backend"]
        assert not set(features) & set(used["features"])
        assert {f"{name} (asked not to)" for name in features} <= set(used["left_out"])
        named = {entry.split()[0] for entry in [*used["features"], *used["left_out"]]}
        assert set(FEATURES) <= named
