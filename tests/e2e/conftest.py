"""Fixtures that start programs, and see to it that none is left behind."""

import contextlib
import itertools
import signal

import pytest
from harness import Program, Server


# A shell that starts this in the background has SIGINT ignored, and so would have what is started
# here; a handler of our own is not inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def json_files(tmp_path):
    """Names of files for reports, a new one each time."""
    return (tmp_path / f"report-{number}.json" for number in itertools.count())


@pytest.fixture
def start_server(json_files):
    """Starts servers; those that a test leaves running are stopped and checked at its end."""
    servers = []

    def start(backend, *args, **options):
        servers.append(Server(backend, *args, json_file=next(json_files), **options))
        return servers[-1]

    with contextlib.ExitStack() as stack:
        yield lambda *args, **options: stack_up(stack, start(*args, **options))
        for server in servers:
            if not server.outcome:
                server.stop()


@pytest.fixture
def start_client(json_files):
    """Starts clients without waiting for them."""
    with contextlib.ExitStack() as stack:

        def start(target, backend, *args, **options):
            args = ["-b", backend, *target, "--warmup", 0, *args]
            client = Program("bench_client", *args, **{"json_file": next(json_files), **options})
            return stack_up(stack, client)

        yield start


def stack_up(stack, program):
    stack.callback(program.kill)
    return program


@pytest.fixture
def run_client(start_client):
    """Runs a client to its end, which must be the expected one; nothing may go to stderr."""

    def run(target, backend, *args, status=0, **options):
        outcome = start_client(target, backend, *args, **options).wait()
        assert (outcome.status, outcome.stderr) == (status, ""), outcome.stderr
        return outcome

    return run
