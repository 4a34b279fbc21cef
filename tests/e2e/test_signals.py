"""Signals: the first ends a program in good order, the second at once."""

import contextlib
import signal
import socket
import time

import pytest
from harness import (
    LOOPBACK,
    FakeServer,
    each_backend,
    each_method,
    echo,
    never_answer,
    pattern,
    receive,
    sending,
)

MIB = 1 << 20
ENDS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)

# Between two signals, so that they are two.
APART_S = 0.1


# ---- the client


@ENDS
@each_method
def test_client_in_the_window(backend, number, start_server, start_client):
    server = start_server(backend)
    client = start_client(server.target, backend, "-c", 10, "-d", "60s", "-i", "20ms")
    assert client.read_until("[0.04s]")
    client.signal(number)
    outcome = client.wait()
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.report["interrupted"] is True
    assert outcome.report["totals"]["requests"] > 0
    assert 0.04 <= outcome.report["window"]["duration_s"] < 60
    assert outcome.errors == {}
    assert "Interrupted:" in outcome.text
    assert "Total requests:" in outcome.text


def assert_empty(outcome):
    """Interrupted before there was anything to measure."""
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.report["interrupted"] is True
    assert outcome.report["totals"]["requests"] == 0
    assert outcome.report["window"]["duration_s"] == 0
    assert outcome.report["intervals"] == []
    assert "=== Final Results ===" in outcome.text


@each_backend
def test_client_in_the_warm_up(backend, start_server, start_client):
    server = start_server(backend)
    client = start_client(server.target, backend, "--warmup", "60s")
    assert client.read_until("warm-up\n")
    time.sleep(APART_S)
    client.signal(signal.SIGINT)
    assert_empty(client.wait())


@each_backend
def test_client_while_connecting(backend, start_client):
    with socket.create_server((LOOPBACK, 0), backlog=0) as listener:
        target = ["-h", LOOPBACK, "-p", listener.getsockname()[1]]
        client = start_client(target, backend, "-c", 200, "--timeout", "1h")
        assert client.read_until("warm-up\n")
        time.sleep(APART_S)
        client.signal(signal.SIGINT)
        outcome = client.wait()
    assert_empty(outcome)
    assert outcome.report["connections"]["opened"] < 200


@each_backend
def test_client_twice(backend, start_client):
    """The first signal waits for replies that are due; the second does not."""
    with FakeServer(never_answer) as server:
        client = start_client(server.target, backend, "-c", 5, "-d", "60s", "-i", "20ms")
        assert client.read_until("[0.02s]")
        client.signal(signal.SIGINT)
        time.sleep(APART_S)
        client.signal(signal.SIGINT)
        outcome = client.wait()
    assert outcome.status == 128 + signal.SIGINT
    assert outcome.report is None
    assert "=== Final Results ===" not in outcome.text


# ---- the server


@each_backend
def test_server_that_ends_by_itself(backend, start_server):
    """As a signal would end it: the connection is closed, and the report is written."""
    server = start_server(backend, "-d", "1s")
    with server.connect() as s:
        assert echo(s, b"x") == b"x"
        assert s.recv(1) == b""
    outcome = server.wait()
    assert outcome.report["connections"]["accepted"] == 1
    assert outcome.report["config"]["duration_ns"] == 1_000_000_000


@ENDS
@each_method
def test_server_with_idle_connections(backend, number, start_server):
    server = start_server(backend, "-t", 2)
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(server.connect()) for _ in range(20)]
        assert [echo(s, b"x") for s in sockets] == [b"x"] * 20
        outcome = server.stop(number)
        assert [s.recv(1) for s in sockets] == [b""] * 20
    assert outcome.report["connections"]["accepted"] == 20
    assert "=== Server Summary ===" in outcome.text


@each_backend
def test_server_without_connections(backend, start_server):
    report = start_server(backend, "-t", 3).stop().report
    assert report["connections"] == {"accepted": 0, "open_peak": 0, "closed": 0}


@each_backend
def test_server_with_a_busy_client(backend, start_server, start_client):
    """It ends although its client would go on for ever; the client says what happened."""
    server = start_server(backend)
    client = start_client(server.target, backend, "-c", 10, "-d", "60s", "-i", "20ms")
    assert client.read_until("[0.04s]")
    report = server.stop().report
    assert report["totals"]["rx_bytes"] > 0
    outcome = client.wait()
    assert outcome.status == 1
    assert outcome.report["connections"]["lost"] == 10
    assert set(outcome.errors) <= {"reset", "closed_early"}
    assert outcome.report["totals"]["requests"] > 0


@each_backend
def test_server_drains(backend, start_server):
    """What a peer is about to send and to read when the signal comes still comes back."""
    server = start_server(backend)
    data = pattern(8 * MIB)
    with server.connect() as s, sending(s, data):
        back = receive(s, MIB)
        server.signal(signal.SIGTERM)
        back += receive(s, len(data) - len(back))
        assert len(back) == len(data)
        assert back == data
        assert s.recv(1) == b""
    assert server.finish().report["totals"]["tx_bytes"] == len(data)


@each_backend
def test_server_refuses_while_it_drains(backend, start_server, start_client):
    server = start_server(backend)
    client = start_client(server.target, backend, "-c", 2, "-d", "60s", "-i", "20ms")
    assert client.read_until("[0.04s]")
    server.signal(signal.SIGINT)
    time.sleep(APART_S)
    with pytest.raises(ConnectionRefusedError):
        server.connect()
    server.finish()


@each_backend
def test_server_twice(backend, start_server, start_client):
    server = start_server(backend)
    client = start_client(server.target, backend, "-c", 2, "-d", "60s", "-i", "20ms")
    assert client.read_until("[0.04s]")
    server.signal(signal.SIGINT)
    time.sleep(APART_S)
    server.signal(signal.SIGTERM)
    outcome = server.wait()
    # The first of the two, if they reached it together.
    assert outcome.status in (128 + signal.SIGTERM, 128 + signal.SIGINT)
    assert outcome.report is None
    assert "=== Server Summary ===" not in outcome.text


@pytest.mark.parametrize("threads", [1, 2])
@each_method
def test_server_frees_its_port(backend, threads, start_server):
    """Another one can have it, and its connections, as soon as the first has ended."""
    port = 0
    for _ in range(3):
        server = start_server(backend, "-t", threads, "-p", port)
        port = server.port
        for _ in range(8):
            with server.connect() as s:
                assert echo(s, b"x") == b"x"
        server.stop()
