"""Bad input: one line on stderr that names the option, the value and what is allowed; exit 2."""

import re
import socket
import subprocess
import sys

import pytest
from harness import BIN, LOOPBACK, PATIENCE_S, limit_descriptors

LONG_PATH = "/tmp/" + "x" * 120
LONGEST_PATH = "103" if sys.platform == "darwin" else "107"

# Arguments, and the words that the line must have.
BOTH = [
    (["--port", "70000"], ["--port", "'70000'", "65,535"]),
    (["--port", "many"], ["--port", "'many'", "65,535"]),
    (["--port", "-1"], ["--port", "'-1'", "65,535"]),
    (["--threads", "0"], ["--threads", "'0'", "1 to 1,024"]),
    (["--threads", "1025"], ["--threads", "'1025'", "1 to 1,024"]),
    (["--backend", "kqueues"], ["--backend", "'kqueues'", "epoll", "io_uring", "libev"]),
    (["--backend", ""], ["--backend", "''", "epoll", "io_uring", "libev"]),
    (["-b", "io_uring:-magic"], ["--backend", "'io_uring:-magic'", "'magic'", "--help"]),
    (["-b", "epoll:-sqpoll"], ["--backend", "'epoll:-sqpoll'", "no feature of epoll", "--help"]),
    (["-b", "epoll:recv=0"], ["--backend", "'epoll:recv=0'", "1..1M"]),
    (["-b", "epoll:depth=1"], ["--backend", "'epoll:depth=1'", "recv"]),
    (["-b", "libev:uring"], ["--backend", "'libev:uring'", "method", "--help"]),
    (["--json", "/nonexistent/x.json"], ["--json", "'/nonexistent/x.json'", "No such file"]),
    (["--json", "/"], ["--json", "'/'", "directory"]),
    (["--unix", LONG_PATH], ["--unix", LONG_PATH, LONGEST_PATH]),
    (["--host", "no.such.name.invalid"], ["--host", "'no.such.name.invalid'", "known name"]),
    (["--cpus", "9999"], ["--cpus", "'9999'", "below 1024"]),
    (["--cpus", "3-1"], ["--cpus", "'3-1'", "0,2-3"]),
    (["--cpus", "0,1023", "-t", "2"], ["--cpus", "'1023'", "bound"]),
    (["--sndbuf", "2G"], ["--sndbuf", "'2G'", "1 GiB"]),
    (["--colour"], ["--colour", "--help"]),
    (["--port"], ["--port", "65,535"]),
]
SERVER = [
    (["--backlog", "0"], ["--backlog", "'0'", "1 to 65,535"]),
    (["80000"], ["port", "'80000'", "65,535"]),
    (["8080", "8081"], ["'8081'", "port"]),
    (["-p", "0", "-H", "203.0.113.7"], ["--host", "'203.0.113.7'", "assign"]),
]
CLIENT = [
    (["--connections", "0"], ["--connections", "'0'", "1 to 1,000,000"]),
    (["--connections", "1e3"], ["--connections", "'1e3'", "1 to 1,000,000"]),
    (["--size", "17M"], ["--size", "'17M'", "1 B to 16 MiB"]),
    (["--size", "0"], ["--size", "'0'", "1 B to 16 MiB"]),
    (["--size", "1.5x"], ["--size", "'1.5x'", "1 B to 16 MiB"]),
    (["--duration", "0"], ["--duration", "'0'", "1 ms to 168 h"]),
    (["--duration", "10 apples"], ["--duration", "'10 apples'", "1 ms to 168 h"]),
    (["--duration", "99999999999999999999"], ["--duration", "1 ms to 168 h"]),
    (["--requests", "0"], ["--requests", "'0'", "from 1"]),
    (["--interval", "1us"], ["--interval", "'1us'", "1 ms to 1 h"]),
    (["--timeout", "2h"], ["--timeout", "'2h'", "1 ms to 1 h"]),
    (["--warmup", "-1s"], ["--warmup", "'-1s'", "1 h"]),
    (["--verify", "most"], ["--verify", "'most'", "length", "full"]),
    (["--until-steady", "9s"], ["--until-steady", "'9.00 s'", "--duration"]),
    (["-t", "5", "-c", "4"], ["--threads", "'5'", "4 connections"]),
    (["surplus"], ["'surplus'"]),
    (["--arrivals", "poisson"], ["--arrivals", "'poisson'", "--rate"]),
    (["--think", "1ms", "-R", "10"], ["--think", "--rate"]),
    (["--think", "1ms", "-P", "2"], ["--think", "--pipeline"]),
    (["--think", "1ms", "--connect-only"], ["--connect-only", "--think"]),
    (["--connect-only", "--churn", "1"], ["--connect-only", "--churn"]),
    (["--connect-only", "--sizes", "1:1"], ["--connect-only", "--sizes"]),
    (["--find-rate", "p99<1ms", "-n", "5"], ["--find-rate", "--requests"]),
    (["--until-steady", "20s", "-n", "5"], ["--until-steady", "--requests"]),
    (["-u", "/tmp/x", "--close", "rst"], ["--close", "--unix"]),
]
CASES = [
    *(("bench_server", *case) for case in BOTH + SERVER),
    *(("bench_client", *case) for case in BOTH + CLIENT),
]


def run(program, *args, descriptors=None):
    return subprocess.run(
        [BIN / program, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        preexec_fn=descriptors and (lambda: limit_descriptors(descriptors)),
    )


def assert_refused(done, program, words, status=2):
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{program}: ")
    assert done.stderr.endswith("\n")
    assert [word for word in words if word not in done.stderr] == [], done.stderr


def case_id(value):
    return " ".join(value)[:40] if isinstance(value, list) else value


@pytest.mark.parametrize(("program", "args", "words"), CASES, ids=case_id)
def test_refused(program, args, words):
    assert_refused(run(program, *args), program, words)


@pytest.mark.parametrize("threads", [1, 2])
def test_port_in_use(threads):
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        done = run("bench_server", "-H", LOOPBACK, "-p", port, "-t", threads)
    assert_refused(done, "bench_server", ["--port", f"'{port}'", "in use"])


def test_more_connections_than_descriptors():
    done = run("bench_client", "-c", 1000, descriptors=100)
    assert_refused(done, "bench_client", ["--connections", "'1000'", "100", "ulimit"])


@pytest.mark.parametrize("program", ["bench_server", "bench_client"])
def test_kqueue_is_not_here(program):
    """A backend that cannot run here is neither a usage error nor replaced by another."""
    done = run(program, "-b", "libev:kqueue")
    assert_refused(done, program, ["--backend", "'libev:kqueue'", "kqueue here"], status=77)


@pytest.mark.parametrize("program", ["bench_server", "bench_client"])
def test_help_names_every_option(program):
    done = run(program, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    options = set(re.findall(r"^ *(?:-\w, )?(--[a-z]+)", done.stdout, re.M))
    assert {"--backend", "--threads", "--cpus", "--json", "--help", "--version"} <= options
    assert max(map(len, done.stdout.splitlines())) <= 80
    for name in ("epoll", "io_uring", "libev:kqueue", "multishot_recv"):
        assert name in done.stdout


@pytest.mark.parametrize("program", ["bench_server", "bench_client"])
def test_version(program):
    done = run(program, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\S*\n", done.stdout)
