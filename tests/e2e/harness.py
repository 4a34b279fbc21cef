"""What every end-to-end test of bench_server and bench_client needs.

The programs under test are those in IOBENCH_BIN. Every report that a test receives is validated
here, and so is what must be true of any report: no test has to remember it.
"""

import contextlib
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("IOBENCH_BIN", ROOT / "bin"))
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

LOOPBACK = "127.0.0.1"
BACKENDS = ["epoll", "io_uring", "libev"]
METHODS = ["libev:poll", "libev:select"]

each_backend = pytest.mark.parametrize("backend", BACKENDS)
each_method = pytest.mark.parametrize("backend", [*BACKENDS, *METHODS])

# Ways to load a server, for tests that should hold under each of them.
SHAPES = {
    "closed": [],
    "pipeline": ["-P", 8],
    "churn": ["--churn", 7],
    "open": ["-R", "100k"],
    "everything": ["-P", 8, "--churn", 7, "-R", "100k"],
}
each_shape = pytest.mark.parametrize("shape", SHAPES)

# Items after a backend's name that cut everything into single bytes, and under which load.
one_byte = pytest.mark.parametrize(
    ("items", "shape"),
    [("recv=1", "closed"), ("send=1", "closed"), *(("recv=1,send=1", shape) for shape in SHAPES)],
)

# Ends what hangs; no test expects anything to be quicker than this.
PATIENCE_S = 60

# A sanitizer's own memory and threads spoil what is said about the program's.
SANITIZED = any(
    name in (BIN / "bench_server").read_bytes() for name in (b"__asan_init", b"__tsan_init")
)


def tuned(backend, *items):
    """A backend with items after the colon: tuned("libev:poll", "recv=1") is libev:poll,recv=1."""
    return ("," if ":" in backend else ":").join([backend, ",".join(items)])


# ---- reports


def refuse_constant(word):
    raise ValueError(f"{word} is not JSON")


def parse_report(text):
    """The report in a JSON text, after all that must hold for any report was checked."""
    report = json.loads(text, parse_constant=refuse_constant)
    errors = [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(report)]
    assert errors == [], errors
    assert sum(report["errors"].values()) == report["totals"]["errors"]
    assert sum(report["syscalls"]["by_kind"].values()) == report["syscalls"]["total"]
    if report["tool"] == "bench_client":
        check_client(report)
    check_window(report)
    return report


def check_window(report):
    """Its edges, in a report that has one, on the clock of the machine."""
    if "window" not in report:
        return
    window = report["window"]
    edges = [window["start_monotonic_ns"], window["end_monotonic_ns"]]
    if None in edges:
        assert edges == [None, None] and window["duration_s"] == 0
    elif report["config"].get("requests"):
        assert edges[1] - edges[0] >= int(window["duration_s"] * 1e9)
    else:
        assert (edges[1] - edges[0]) / 1e9 == pytest.approx(window["duration_s"], abs=1e-8)


def interval_requests(report):
    """Requests of each interval, by its rate and its length."""
    start_s = 0
    for interval in report["intervals"]:
        yield interval["qps"] * (interval["t_s"] - start_s)
        start_s = interval["t_s"]


def longest_message(config):
    """In bytes, as --sizes or --size says."""
    if not config["sizes"]:
        return config["size_bytes"]
    units = {"k": 1 << 10, "M": 1 << 20}
    sizes = [pair.split(":")[0] for pair in config["sizes"].split(",")]
    return max(int(size.rstrip("kM")) * units.get(size[-1], 1) for size in sizes)


def check_client(report):
    config = report["config"]
    requests = report["totals"]["requests"]
    connections = report["connections"]
    assert sum(interval_requests(report)) == pytest.approx(requests, abs=0.01)
    assert connections["opened"] + connections["failed"] <= connections["asked"]
    # Sent before the window, received in it.
    in_flight = connections["asked"] * config["pipeline"] * longest_message(config)
    assert report["totals"]["rx_bytes"] <= report["totals"]["tx_bytes"] + in_flight
    if not report["interrupted"]:
        assert connections["opened"] + connections["failed"] == connections["asked"]
    if requests == 0:
        assert report["syscalls"]["per_request"] is report["cpu"]["us_per_request"] is None
    latency = report["latency"]["service_ns"]
    if latency["count"] == 0:
        percentiles = [value for name, value in latency.items() if name.startswith("p")]
        assert set([*percentiles, latency["min"], latency["max"], latency["mean"]]) == {None}
    if config["rate"]:
        check_open_loop(report)
    else:
        assert latency["count"] == requests
        assert "open_loop" not in report and "response_ns" not in report["latency"]


def check_open_loop(report):
    """Every request that was due is accounted for, and so is every nanosecond of its wait."""
    loop, latency = report["open_loop"], report["latency"]
    sent = loop["scheduled"] - loop["never_sent"]
    answered = sent - loop["never_answered"]
    assert latency["response_ns"]["count"] == latency["service_ns"]["count"] == answered
    assert loop["lateness_ns"]["count"] + loop["queued_ns"]["count"] == sent
    if answered == sent:
        waits = total_ns(loop["lateness_ns"]) + total_ns(loop["queued_ns"])
        times = total_ns(latency["response_ns"]) - total_ns(latency["service_ns"])
        assert times == pytest.approx(waits, abs=1 + total_ns(latency["response_ns"]) * 1e-12)
    warned = any("got no reply" in warning for warning in report["warnings"])
    assert warned == (answered < loop["scheduled"])


def total_ns(histogram):
    """The sum of all values, of the exact mean."""
    return histogram["count"] * (histogram["mean"] or 0)


@dataclass
class Outcome:
    """How a program ended."""

    status: int
    text: str  # stdout
    stderr: str
    report: dict | None

    @property
    def errors(self):
        return self.report["errors"]


class Program:
    """A running program of the suite, with its report going to a file ("-": to stdout)."""

    def __init__(self, name, *args, json_file, prefix=(), descriptors=None, env=None):
        self.json_file = json_file
        self.outcome = None
        self.process = subprocess.Popen(
            [*prefix, str(BIN / name), *map(str, args), "--json", str(json_file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            preexec_fn=descriptors and (lambda: limit_descriptors(descriptors)),
        )
        self.seen = b""

    @property
    def pid(self):
        return self.process.pid

    def read_until(self, text):
        """Reads stdout until it holds a text: all of stdout so far, or None if it ended before."""
        while text not in self.seen.decode():
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
            assert ready, f"no {text!r} within {PATIENCE_S} s, but {self.seen.decode()!r}"
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return None
            self.seen += more
        return self.seen.decode()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """Waits for the end of its own accord; the report is None when there was none."""
        if self.outcome:
            return self.outcome
        try:
            out, err = self.process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        status = self.process.returncode
        written = out if self.json_file == "-" else b""
        if isinstance(self.json_file, Path) and self.json_file.exists():
            written = self.json_file.read_bytes()
        report = parse_report(written) if written else None
        assert report is None or report["exit_status"] == status, err.decode()
        self.outcome = Outcome(status, (self.seen + out).decode(), err.decode(), report)
        return self.outcome

    def kill(self):
        """For the clean-up after a test that failed: whatever state it is in, it ends."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Server(Program):
    """A bench_server that has said it is ready."""

    def __init__(self, backend, *args, host=LOOPBACK, unix=None, **options):
        where = ["-u", unix] if unix else ["-p", 0, *(["-H", host] if host else [])]
        super().__init__("bench_server", "-b", backend, *where, *args, **options)
        try:
            self.ready = self.read_until("\n")
        except BaseException:
            self.kill()
            raise
        if self.ready is None:
            raise RuntimeError(f"the server did not start: {self.wait()}")
        self.unix = unix
        self.host = host or LOOPBACK
        self.port = None if unix else int(self.ready.split(", backend")[0].rsplit(":", 1)[1])

    @property
    def target(self):
        """The client's options that lead here."""
        return ["-u", self.unix] if self.unix else ["-h", self.host, "-p", self.port]

    def connect(self, **options):
        return connect(self.unix or (self.host, self.port), **options)

    def finish(self):
        """Waits for a good end: status 0, nothing on stderr."""
        outcome = self.wait()
        assert (outcome.status, outcome.stderr) == (0, ""), outcome.stderr
        return outcome

    def stop(self, number=signal.SIGINT):
        if not self.outcome:
            self.signal(number)
        return self.finish()

    def crash(self):
        self.signal(signal.SIGKILL)
        return self.wait()

    def memory_bytes(self):
        """Resident memory now."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")


def limit_descriptors(count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


# ---- peers made of plain sockets


def pattern(length, seed=0):
    """Bytes without a short period, different for each seed."""
    block = b"".join(struct.pack("<I", (i * 2654435761 + seed * 97) % 2**32) for i in range(4099))
    return (block * (length // len(block) + 1))[:length]


def connect(where, buffer_bytes=None):
    """A connected socket; buffer_bytes makes both of its buffers small."""
    family = socket.AF_UNIX if isinstance(where, str | Path) else None
    if family is None:
        family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(PATIENCE_S)
    if buffer_bytes:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
    s.connect(str(where) if family == socket.AF_UNIX else where)
    return s


def receive(s, length):
    """Exactly so many bytes, or fewer if the peer closes before."""
    parts = []
    while length:
        part = s.recv(min(length, 1 << 20))
        if not part:
            break
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def echo(s, data):
    """What comes back for data, which may be longer than all buffers on the way."""
    with sending(s, data):
        return receive(s, len(data))


@contextlib.contextmanager
def sending(s, data, then=None):
    """Sends data in the background, and then calls `then`."""

    def send():
        with contextlib.suppress(OSError):  # the receiving side tells what is missing
            s.sendall(data)
            if then:
                then()

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join(PATIENCE_S)


def send_until_blocked(s, data, quiet_s=0.2):
    """Sends until the peer has taken nothing for quiet_s: how many bytes went."""
    sent = 0
    s.setblocking(False)
    while sent < len(data):
        if not select.select([], [s], [], quiet_s)[1]:
            break
        with contextlib.suppress(BlockingIOError):
            sent += s.send(data[sent : sent + (1 << 18)])
    s.settimeout(PATIENCE_S)
    return sent


def reset(s):
    """Closes with a reset instead of a FIN."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


class FakeServer:
    """A server whose behaviour is a function of (socket, number of the connection)."""

    def __init__(self, behave):
        self.listener = socket.create_server((LOOPBACK, 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.behave = behave
        self.open = []
        self.threads = []
        self.acceptor = threading.Thread(target=self.accept)
        self.acceptor.start()

    @property
    def target(self):
        return ["-h", LOOPBACK, "-p", self.port]

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                s, _ = self.listener.accept()
                s.settimeout(PATIENCE_S)
                thread = threading.Thread(target=self.serve, args=(s, len(self.open)))
                self.open.append(s)
                self.threads.append(thread)
                thread.start()

    def serve(self, s, number):
        with contextlib.suppress(OSError):
            self.behave(s, number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join(PATIENCE_S)
        self.listener.close()
        for s in self.open:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(PATIENCE_S)
        for s in self.open:
            s.close()


class Gate:
    """What listens for runs with --gate, and says when they are to begin."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.settimeout(PATIENCE_S)
        self.listener.bind(str(path))
        self.listener.listen()
        self.runs = []

    def accept(self):
        """The connection of a run, which is not set up yet."""
        run, _ = self.listener.accept()
        run.settimeout(PATIENCE_S)
        self.runs.append(run)
        return run

    def wait_ready(self, count=1):
        """Connections of so many runs that are set up."""
        runs = [self.accept() for _ in range(count)]
        assert [receive(run, 6) for run in runs] == [b"ready\n"] * count
        return runs

    def begin(self, runs, ahead_s=0.1):
        """Lets runs begin at one moment so far ahead, and returns it in ns."""
        begin_ns = time.monotonic_ns() + int(ahead_s * 1e9)
        for run in runs:
            run.sendall(b"begin %d\n" % begin_ns)
        return begin_ns

    def close(self):
        for s in [self.listener, *self.runs]:
            s.close()


def never_answer(s, _number):
    """Behaviour of a fake server: reads on and on."""
    while s.recv(65536):
        pass


def eventually(condition, what):
    """Waits until a condition holds."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.01)
