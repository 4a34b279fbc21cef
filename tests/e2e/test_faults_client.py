"""Servers that do not behave: the client counts what went wrong, exits 1 and still reports."""

import signal
import socket
import time

import pytest
from harness import (
    LOOPBACK,
    SHAPES,
    FakeServer,
    each_backend,
    each_method,
    never_answer,
    one_byte,
    receive,
    reset,
    tuned,
)

SIZE = 1000


@one_byte
@each_method
def test_one_byte_at_a_time(backend, items, shape, start_server, run_client):
    server = start_server("epoll")
    args = ["-c", 4, "-n", 100, "-s", 200, "--verify", "full", *SHAPES[shape]]
    report = run_client(server.target, tuned(backend, items), *args).report
    assert report["errors"] == {}
    assert report["totals"]["requests"] == 100
    assert report["totals"]["rx_bytes"] == report["totals"]["tx_bytes"] == 100 * 200
    operations = {"recv": report["totals"]["reads"], "send": report["totals"]["writes"]}
    for item in items.split(","):
        assert operations[item.split("=")[0]] == 100 * 200


# ---- replies that are wrong


FAULTY = 3  # the first connections, which are all that a client without churn has


def replies(change, good=0):
    """
    A server that echoes `good` messages as they are and the next one as change(it) says, on its
    first three connections. On later ones it does no wrong.
    """

    def behave(s, number):
        while number >= FAULTY:
            echo_one(s)
        for _ in range(good):
            echo_one(s)
        change(s, receive(s, SIZE))

    return behave


def echo_one(s):
    message = receive(s, SIZE)
    if not message:
        raise ConnectionResetError("the client is done")
    s.sendall(message)


def corrupt(s, message):
    s.sendall(message[:500] + bytes([message[500] ^ 1]) + message[501:])


def send_too_much(s, message):
    s.sendall(message + b"excess")


def close_in_mid_reply(s, message):
    s.sendall(message[:500])
    s.close()


def close_without_reply(s, _message):
    s.close()


def half_close_in_mid_reply(s, message):
    s.sendall(message[:500])
    s.shutdown(socket.SHUT_WR)


def reset_in_mid_reply(s, message):
    s.sendall(message[:500])
    reset(s)


FAULTS = {
    corrupt: "corrupt",
    send_too_much: "excess",
    close_in_mid_reply: "closed_early",
    close_without_reply: "closed_early",
    half_close_in_mid_reply: "closed_early",
    reset_in_mid_reply: "reset",
}

# With more requests under way: what follows a reply is part of the next one, and closing with
# requests unread is a reset.
PIPELINED_FAULTS = FAULTS | {
    send_too_much: "corrupt",
    close_in_mid_reply: "reset",
    close_without_reply: "reset",
}


@pytest.mark.parametrize(
    ("shape", "good"), [("closed", 0), *((shape, 5) for shape in SHAPES)]
)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@each_backend
def test_wrong_reply(backend, shape, fault, good, run_client):
    """Three connections are lost with what they had in flight; new ones do the rest, if any."""
    args = ["-c", FAULTY, "-s", SIZE, "-n", 300, "--verify", "full", *SHAPES[shape]]
    with FakeServer(replies(fault, good)) as server:
        outcome = run_client(server.target, backend, *args, status=1)
    report = outcome.report
    pipelined, churns = report["config"]["pipeline"] > 1, report["config"]["churn"]
    kinds = {(PIPELINED_FAULTS if pipelined else FAULTS)[fault]}
    if pipelined and report["config"]["rate"]:
        kinds.add(FAULTS[fault])  # there may have been one request alone
    assert set(outcome.errors) <= kinds
    assert sum(outcome.errors.values()) == FAULTY
    assert report["connections"]["lost"] == FAULTY
    assert "Errors:         3" in outcome.text
    requests = report["totals"]["requests"]
    if not pipelined:
        assert requests == (300 - FAULTY if churns else FAULTY * good)
    elif churns:
        assert 300 - FAULTY * 7 <= requests <= 300 - FAULTY * (fault != send_too_much)
    else:  # a reset may overtake replies
        assert requests <= FAULTY * (good + (fault == send_too_much))


@each_backend
def test_length_alone(backend, run_client):
    """--verify length does what it says, and no more."""

    def behave(s, _number):
        while message := receive(s, SIZE):
            corrupt(s, message)

    with FakeServer(behave) as server:
        outcome = run_client(server.target, backend, "-c", 2, "-s", SIZE, "-n", 50)
    assert outcome.errors == {}
    assert outcome.report["totals"]["requests"] == 50


@each_backend
def test_one_of_several_lost(backend, run_client):
    """The others go on, and the run ends: the lost request is the only one missing."""

    def behave(s, number):
        while message := receive(s, SIZE):
            if number == 0:
                return s.close()
            s.sendall(message)

    with FakeServer(behave) as server:
        args = ["-c", 4, "-s", SIZE, "-n", 200, "--verify", "full"]
        report = run_client(server.target, backend, *args, status=1).report
    assert report["errors"] == {"closed_early": 1}
    assert report["totals"]["requests"] == 199
    assert report["connections"]["lost"] == report["fairness"]["starved"] == 1


@pytest.mark.parametrize("shape", ["closed", "open"])
@each_backend
def test_reply_before_its_request_is_out(backend, shape, run_client):
    """The whole reply is there while most of the request is unsent; then the request goes out."""
    size = 8 << 20

    def behave(s, _number):
        while receive(s, 1):
            s.sendall(bytes(size))
            time.sleep(0.2)
            receive(s, size - 1)

    with FakeServer(behave) as server:
        args = ["-c", 1, "-s", size, "-n", 3, "-d", "20s", "--warmup", 0, *SHAPES[shape]]
        report = run_client(server.target, backend, *args).report
    assert report["errors"] == {}
    assert report["totals"]["requests"] == 3


# ---- servers that do nothing


@pytest.mark.parametrize("shape", ["closed", "pipeline", "open"])
@each_backend
def test_no_answer(backend, shape, run_client):
    with FakeServer(never_answer) as server:
        args = ["-c", 3, "--timeout", "300ms", "-d", "20s", *SHAPES[shape]]
        outcome = run_client(server.target, backend, *args, status=1)
    assert outcome.errors == {"timeout": 3}
    assert outcome.report["totals"]["requests"] == 0
    assert outcome.report["connections"]["lost"] == 3


@each_backend
def test_no_answer_in_the_window(backend, run_client):
    """What is in flight when the window ends is followed until it is answered or overdue."""
    with FakeServer(never_answer) as server:
        args = ["-c", 3, "-d", "200ms", "--timeout", "600ms"]
        outcome = run_client(server.target, backend, *args, status=1)
    assert outcome.errors == {"timeout": 3}
    assert outcome.report["totals"]["requests"] == 0
    assert outcome.report["totals"]["unfinished"] == 3
    assert outcome.report["fairness"]["starved"] == 3
    assert outcome.report["rate"]["qps"] == 0


@each_backend
def test_nobody_accepts(backend, run_client):
    """The backlog has room for one or two; the others do not even get through."""
    with socket.create_server((LOOPBACK, 0), backlog=0) as listener:
        target = ["-h", LOOPBACK, "-p", listener.getsockname()[1]]
        args = ["-c", 8, "--timeout", "500ms", "-d", "20s"]
        outcome = run_client(target, backend, *args, status=1)
    assert sum(outcome.errors.values()) == 8
    assert set(outcome.errors) == {"connect_timeout", "timeout"}
    assert outcome.report["connections"]["failed"] == outcome.errors["connect_timeout"]


@each_method
def test_refused(backend, run_client):
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))  # and nobody listens
        target = ["-h", LOOPBACK, "-p", taken.getsockname()[1]]
        outcome = run_client(target, backend, "-c", 200, "-d", "20s", status=1)
    assert outcome.errors == {"connect_refused": 200}
    assert outcome.report["connections"]["failed"] == 200
    assert outcome.report["connections"]["opened"] == outcome.report["totals"]["requests"] == 0
    assert outcome.report["fairness"]["jain"] is None


@each_backend
def test_no_such_unix_socket(backend, tmp_path, run_client):
    outcome = run_client(["-u", tmp_path / "none"], backend, "-c", 5, "-d", "20s", status=1)
    assert outcome.errors == {"connect_other": 5}
    assert outcome.report["connections"]["failed"] == 5


# ---- a server that stops for a while


@each_backend
def test_stopped_server_shows(backend, start_server, start_client):
    """
    Every connection has a request in flight while the server stands still: 500 slow ones. They are
    more than a thousandth of all requests up to 500,000 a second, so P99.9 is among them.
    """
    server = start_server(backend)
    args = ["-c", 500, "-d", "1s", "-i", "50ms"]
    client = start_client(server.target, backend, *args)
    assert client.read_until("[0.05s]")
    server.signal(signal.SIGSTOP)
    try:
        time.sleep(0.3)
    finally:
        server.signal(signal.SIGCONT)
    outcome = client.wait()
    assert (outcome.status, outcome.errors) == (0, {})
    assert outcome.report["totals"]["requests"] < 500_000
    latency = outcome.report["latency"]["service_ns"]
    assert latency["max"] >= 250_000_000
    assert latency["p999"] >= 250_000_000
    assert min(interval["qps"] for interval in outcome.report["intervals"]) == 0


@pytest.mark.parametrize("shape", ["closed", "pipeline", "open"])
@each_backend
def test_server_killed(backend, shape, start_server, start_client):
    """Every connection is lost at once; what was measured until then is kept."""
    server = start_server("epoll")
    args = ["-c", 20, "-d", "30s", "-i", "20ms", *SHAPES[shape]]
    client = start_client(server.target, backend, *args)
    assert client.read_until("[0.02s]")
    server.crash()
    outcome = client.wait()
    assert outcome.status == 1
    assert outcome.report["connections"]["lost"] == 20
    assert set(outcome.errors) <= {"reset", "closed_early"}
    assert outcome.report["totals"]["requests"] > 0
    assert outcome.report["window"]["duration_s"] < 30
    assert not outcome.report["interrupted"]


@each_backend
def test_server_killed_in_churn(backend, start_server, start_client):
    """Nobody is there any more: the client tries now and then until the window ends."""
    server = start_server("epoll")
    args = ["-c", 20, "-d", "300ms", "-i", "20ms", *SHAPES["churn"]]
    client = start_client(server.target, backend, *args)
    assert client.read_until("[0.02s]")
    server.crash()
    outcome = client.wait()
    assert outcome.status == 1
    assert outcome.errors["connect_refused"] > 0
    # Those that were waiting to be accepted are reset while connecting: connect_other.
    assert set(outcome.errors) <= {"reset", "closed_early", "connect_refused", "connect_other"}
    assert outcome.report["window"]["duration_s"] == pytest.approx(0.3)
