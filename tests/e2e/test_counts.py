"""What the programs count is what happened: by the other side, by arithmetic, and by strace."""

import base64
import os
import re
import shutil
import subprocess
import zlib

import pytest
from harness import SANITIZED, eventually, each_backend, each_method, interval_requests

REQUESTS = 5000
SIZE = 100


@pytest.mark.parametrize("threads", [1, 2])
@each_method
def test_exact_count(backend, threads, start_server, run_client):
    server = start_server(backend)
    args = ["-c", 7, "-s", SIZE, "-n", REQUESTS, "-t", threads, "-i", "5ms"]
    report = run_client(server.target, backend, *args).report
    assert report["totals"]["requests"] == REQUESTS
    assert report["latency"]["service_ns"]["count"] == REQUESTS
    assert sum(interval_requests(report)) == pytest.approx(REQUESTS, abs=0.01)
    assert report["totals"]["tx_bytes"] == report["totals"]["rx_bytes"] == REQUESTS * SIZE
    totals = server.stop().report["totals"]
    assert totals["tx_bytes"] == totals["rx_bytes"] == REQUESTS * SIZE


def payload_count(text):
    """Values in an HdrHistogram V2 payload: its counts are ZigZag LEB128, negative for a gap."""
    data = base64.b64decode(text)
    plain = zlib.decompress(data[8:])
    data, at, total = plain[40:], 0, 0
    while at < len(data):
        number = shift = 0
        while True:
            byte = data[at]
            at += 1
            # The ninth byte has eight bits of its own.
            number |= (byte if shift == 56 else byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift == 63:
                break
        value = number >> 1 ^ -(number & 1)
        total += max(value, 0)
    return total


@each_backend
def test_timed_window(backend, start_server, run_client):
    server = start_server(backend)
    args = ["-c", 10, "-d", "300ms", "-i", "70ms", "--warmup", "50ms", "-s", SIZE]
    report = run_client(server.target, backend, *args).report
    requests, seconds = report["totals"]["requests"], report["window"]["duration_s"]
    assert requests > 0
    assert seconds == pytest.approx(0.3)
    assert report["window"]["warmup_s"] == pytest.approx(0.05)
    assert [i["t_s"] for i in report["intervals"]] == pytest.approx([0.07, 0.14, 0.21, 0.28, 0.3])
    assert report["rate"]["qps"] == pytest.approx(requests / seconds)
    assert payload_count(report["latency"]["service_ns"]["hdr"]) == requests
    per_second = SIZE * requests / seconds / 2**20
    throughput = report["throughput"]
    # A request that straddles an edge of the window may have its bytes outside.
    slack = 2 * 10 * SIZE / seconds / 2**20
    assert throughput["tx_mib_s"] == pytest.approx(per_second, abs=slack)
    assert throughput["rx_mib_s"] == pytest.approx(per_second, abs=slack)
    both = throughput["tx_mib_s"] + throughput["rx_mib_s"]
    assert throughput["both_mib_s"] == pytest.approx(both)
    calls, cpu = report["syscalls"], report["cpu"]
    assert calls["per_request"] == pytest.approx(calls["total"] / requests)
    cpu_us = 1e6 * (cpu["user_s"] + cpu["system_s"])
    assert cpu["us_per_request"] == pytest.approx(cpu_us / requests)
    latency = report["latency"]["service_ns"]
    ladder = [latency[name] for name in ("min", "p50", "p90", "p95", "p99", "p999", "max")]
    assert ladder == sorted(ladder)
    fairness = report["fairness"]
    assert fairness["min_requests"] * 10 <= requests <= fairness["max_requests"] * 10


INTERVAL = re.compile(
    r"^\[[\d.]+s\] QPS: [\d,]+ \| Throughput: \d+\.\d\d MB/s \| Total: ([\d,]+) \| Errors: 0$", re.M
)


@each_method
def test_text(backend, start_server, run_client):
    """The text says what the report says, and names the backend that ran."""
    server = start_server(backend)
    outcome = run_client(server.target, backend, "-c", 4, "-n", 3000, "-i", "5ms")
    name = outcome.report["backend"]["name"]
    assert name.startswith(backend)
    assert f"Backend:     {name}" in outcome.text
    totals = INTERVAL.findall(outcome.text)
    assert len(totals) == len(outcome.report["intervals"])
    assert totals[-1] == "3,000"
    final = outcome.text.split("=== Final Results ===")[1]
    assert "Total requests: 3,000 in " in final
    for word in ("Average QPS:", "Throughput:", "P50", "P90", "P95", "P99", "P99.9", "max", "Jain"):
        assert word in final
    quiet = run_client(server.target, backend, "-c", 4, "-n", 3000, "-q")
    assert quiet.text.startswith("\n=== Final Results ===")
    assert f"backend {name}" in server.ready
    summary = server.stop().text
    assert "8 accepted, at most 4 open at once" in summary
    assert re.search(r"^System calls: .*\| (recv|io_uring_enter) ", summary, re.M)


@each_backend
def test_json_on_stdout(backend, start_server, start_client):
    """With --json - the report alone is on stdout, and the text on stderr."""
    server = start_server(backend)
    outcome = start_client(server.target, backend, "-n", 200, json_file="-").wait()
    assert outcome.report["totals"]["requests"] == 200
    assert "=== Final Results ===" in outcome.stderr


@each_backend
def test_yields_of_a_client_that_spins(backend, start_server, run_client):
    """They belong to the window: nothing but spinning happens in most of it."""
    server = start_server(backend)
    args = ["-c", 1, "-d", "200ms", "--think", "2ms", "--mode", "latency"]
    report = run_client(server.target, backend, *args).report
    assert report["syscalls"]["by_kind"]["sched_yield"] > report["totals"]["requests"]


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's own memory is far more")
def test_peak_memory_is_the_programs_own(start_server):
    """Not that of the process that started it, which Linux's ru_maxrss would tell."""
    ballast = bytearray(b"x") * (256 << 20)
    peak = start_server("epoll").stop().report["memory"]["peak_rss_bytes"]
    assert 1 << 20 < peak < 32 << 20, len(ballast)


# ---- strace

# The programs' names for calls, and what strace prints for them.
TRACED = {
    "recv": ["recvfrom"],
    "send": ["sendto"],
    "accept4": ["accept4"],
    "epoll_wait": ["epoll_wait", "epoll_pwait", "epoll_pwait2"],
    "io_uring_enter": ["io_uring_enter"],
}
CONNECTING = {name: [name] for name in ("socket", "setsockopt", "connect", "getsockopt")}


def strace_works():
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], check=False).returncode == 0


needs_strace = pytest.mark.skipif(not strace_works(), reason="strace is missing or forbidden")


def traced_calls(summary, names):
    """Calls by name in the table of strace -c."""
    calls = {}
    for line in summary.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit():
            calls[words[-1]] = int(words[3])
    return {name: sum(calls.get(word, 0) for word in words) for name, words in names.items()}


def tracer(summary):
    """The tracer is a grandchild, so signals reach the program. Leaks cannot be looked for."""
    options = os.environ.get("ASAN_OPTIONS", "")
    return {
        "prefix": ["strace", "-D", "-f", "-c", "-o", str(summary)],
        "env": {"ASAN_OPTIONS": f"{options}:detect_leaks=0"},
    }


def assert_traced(report, summary, slack, names=TRACED):
    eventually(lambda: "total" in summary.read_text(encoding="utf-8"), "the end of strace")
    traced = traced_calls(summary, names)
    assert sum(traced.values()) > 0
    said = {name: report["syscalls"]["by_kind"].get(name, 0) for name in names}
    assert said == {name: pytest.approx(count, abs=slack) for name, count in traced.items()}


@needs_strace
@each_backend
def test_server_calls(backend, tmp_path, start_server, run_client):
    summary = tmp_path / "strace"
    server = start_server(backend, **tracer(summary))
    run_client(server.target, backend, "-c", 5, "-n", 1000)
    assert_traced(server.stop().report, summary, slack=2)


@needs_strace
@each_backend
def test_client_calls(backend, tmp_path, start_server, run_client):
    """The client reports the window alone: its connecting and its drain are what may be missing."""
    summary = tmp_path / "strace"
    server = start_server(backend)
    report = run_client(server.target, backend, "-c", 5, "-n", 1000, **tracer(summary)).report
    assert_traced(report, summary, slack=25)


@needs_strace
@each_backend
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_calls_of_churn(backend, how, tmp_path, start_server, run_client):
    summary = tmp_path / "strace"
    server = start_server(backend)
    args = ["-c", 1, "-n", 300, "--churn", 1, "--close", how]
    report = run_client(server.target, backend, *args, **tracer(summary)).report
    assert_traced(report, summary, slack=25, names=CONNECTING)
    assert report["syscalls"]["by_kind"]["setsockopt"] > (250 if how == "fin" else 500)
