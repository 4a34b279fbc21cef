"""Servers and clients of every backend get on with each other and with plain sockets."""

import contextlib
import os
from pathlib import Path

import pytest
from harness import BACKENDS, LOOPBACK, each_backend, each_method, echo, pattern

MIB = 1 << 20


def assert_clean(outcome, connections, requests=None):
    """No errors, every connection made and served, and as many requests as were asked for."""
    report = outcome.report
    assert outcome.errors == {}
    assert report["connections"]["opened"] == connections
    assert report["connections"]["failed"] == report["connections"]["lost"] == 0
    assert report["fairness"]["starved"] == 0
    assert report["totals"]["requests"] == requests or requests is None


@pytest.mark.parametrize("client_backend", BACKENDS)
@pytest.mark.parametrize("server_backend", BACKENDS)
def test_every_pair(server_backend, client_backend, start_server, run_client):
    server = start_server(server_backend)
    args = ["-c", 8, "-n", 2000, "-s", 300, "--verify", "full"]
    client = run_client(server.target, client_backend, *args)
    assert_clean(client, 8, 2000)
    report = server.stop().report
    assert report["totals"]["rx_bytes"] == report["totals"]["tx_bytes"] == 2000 * 300
    assert report["connections"] == {"accepted": 8, "open_peak": 8, "closed": 8}
    assert report["errors"] == {}


@pytest.mark.parametrize("method", ["epoll", "poll", "select"])
def test_libev_methods(method, start_server, run_client):
    backend = f"libev:{method}"
    server = start_server(backend)
    client = run_client(server.target, backend, "-c", 20, "-n", 2000, "--verify", "full")
    assert_clean(client, 20, 2000)
    assert client.report["backend"]["name"] == server.stop().report["backend"]["name"] == backend


# What to ask for: how many bytes that is, and how many requests are enough.
SIZES = {
    "1": (1, 500),
    "1k": (1024, 500),
    "64k": (65536, 50),
    "1M": (MIB, 20),
    "16M": (16 * MIB, 4),
}


@pytest.mark.parametrize("size", SIZES)
@each_backend
def test_sizes(backend, size, start_server, run_client):
    size_bytes, requests = SIZES[size]
    server = start_server(backend)
    args = ["-c", 2, "-s", size, "-n", requests, "--verify", "full"]
    client = run_client(server.target, backend, *args)
    assert_clean(client, 2, requests)
    assert client.report["config"]["size_bytes"] == size_bytes
    assert client.report["totals"]["rx_bytes"] == size_bytes * requests
    assert server.stop().report["totals"]["tx_bytes"] == size_bytes * requests


@each_method
def test_plain_socket(backend, start_server):
    server = start_server(backend)
    with server.connect() as s:
        assert echo(s, b"x") == b"x"
        assert echo(s, b"hello\n") == b"hello\n"
        big = pattern(5 * MIB)
        assert echo(s, big) == big
        assert echo(s, b"bye") == b"bye"


# Host to listen on (None: all addresses) and host to connect to.
HOSTS = {
    "ipv6": ("::1", "::1"),
    "name": ("localhost", "localhost"),
    "any, by ipv4": (None, LOOPBACK),
    "any, by ipv6": (None, "::1"),
    "any, by name": (None, "localhost"),
}


@pytest.mark.parametrize("hosts", HOSTS)
@each_backend
def test_address(backend, hosts, start_server, run_client):
    listen_on, connect_to = HOSTS[hosts]
    server = start_server(backend, host=listen_on)
    server.host = connect_to
    assert_clean(run_client(server.target, backend, "-c", 3, "-n", 300, "--verify", "full"), 3, 300)


@each_method
def test_unix_socket(backend, tmp_path, start_server, run_client):
    path = tmp_path / "echo.sock"
    server = start_server(backend, unix=path)
    assert f"unix:{path}" in server.ready
    assert_clean(run_client(server.target, backend, "-c", 5, "-n", 500, "--verify", "full"), 5, 500)
    with server.connect() as s:
        big = pattern(MIB)
        assert echo(s, big) == big
    server.stop()
    assert not path.exists()
    path.touch()  # what is no socket is not taken away
    with pytest.raises(RuntimeError, match="in use"):
        start_server(backend, unix=path)


@each_backend
def test_two_threads(backend, start_server, run_client):
    server = start_server(backend, "-t", 2)
    client = run_client(server.target, backend, "-t", 2, "-c", 21, "-n", 4001, "--verify", "full")
    assert_clean(client, 21, 4001)
    assert client.report["threads"] == 2
    assert server.stop().report["connections"]["accepted"] == 21


def watched_by_loop(pid):
    """How many descriptors each event loop of a process waits for, by its descriptor."""
    count = {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        kind = os.readlink(link)
        marks = {"anon_inode:[eventpoll]": "tfd:", "anon_inode:[io_uring]": "op="}
        if kind in marks:
            info = Path(f"/proc/{pid}/fdinfo/{link.name}").read_text(encoding="utf-8")
            lines = [line.strip() for line in info.splitlines()]
            count[link.name] = sum(line.startswith(marks[kind]) for line in lines)
    return count


@each_backend
def test_connections_spread_evenly(backend, start_server):
    server = start_server(backend, "-t", 4)
    with contextlib.ExitStack() as stack:

        def open_connections(count):
            sockets = [stack.enter_context(server.connect()) for _ in range(count)]
            assert [echo(s, b"x") for s in sockets] == [b"x"] * count
            return watched_by_loop(server.pid)

        before = open_connections(8)  # now every loop runs and waits
        after = open_connections(64)
    if not any(after.values()):
        pytest.skip("the kernel does not tell what a loop waits for")
    assert [after[fd] - before[fd] for fd in before] == [16] * 4


@each_backend
def test_thousand_connections(backend, start_server, run_client):
    server = start_server(backend)
    client = run_client(server.target, backend, "-c", 1000, "-d", "800ms", "--warmup", "100ms")
    assert_clean(client, 1000)
    assert client.report["fairness"]["jain"] >= 0.95
    assert client.report["fairness"]["min_requests"] > 0
    assert server.stop().report["connections"]["open_peak"] == 1000
