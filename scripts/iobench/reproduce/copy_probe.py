#!/usr/bin/python3
"""How fast a file goes to a TCP connection, and a pipe into a pipe, with and without copying.

    copy_probe.py FOLDER FILE_BYTES SMALL_BYTES SEED

Runs every way once, in an order of its own for each seed, and prints MiB/s of each as JSON. The
other end is a process that reads and forgets, and ends with its connection. Python makes the system
calls, about 1 us each, so that ways of many small calls are really faster than is said here.
"""

import json
import os
import random
import socket
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager

MIB = 1 << 20
LARGE = 65536  # bytes per call where none are published


@contextmanager
def forked(work, *mine):
    """A process that does work; mine: what only this one uses. It ends when its ends are closed."""
    pid = os.fork()
    if pid == 0:
        for one in mine:
            one.close()
        try:
            work()
        except OSError:
            pass  # the other end is gone
        finally:
            os._exit(0)
    try:
        yield
    finally:
        os.waitpid(pid, 0)


class Pipe:
    """Both ends of a pipe as objects that are closed once."""

    def __init__(self):
        self.out, self.into = (os.fdopen(fd, mode, buffering=0)
                               for fd, mode in zip(os.pipe(), ("rb", "wb")))

    def close(self):
        self.out.close()
        self.into.close()


def drain(readinto):
    """Reads to the end; the number of bytes."""
    block, total = bytearray(4 * LARGE), 0
    while found := readinto(block):
        total += found
    return total


# ---- a file to a connection


def sendfile(file, connection, size, block):
    done = 0
    while done < size:
        done += os.sendfile(connection.fileno(), file.fileno(), done, min(block, size - done))


def read_send(file, connection, size, block):
    buffer = memoryview(bytearray(block))
    done = 0
    while done < size:
        found = os.preadv(file.fileno(), [buffer], done)
        connection.sendall(buffer[:found])
        done += found


def to_connection(way, file, size, block):
    """Seconds until the other end has all."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        near = stack.enter_context(socket.create_connection(listener.getsockname()))
        far, _ = listener.accept()

        def receive():
            far.sendall(b"%d" % drain(far.recv_into))

        with forked(receive, near, listener):
            far.close()
            start = time.monotonic()
            try:
                way(file, near, size, block)
            finally:
                near.shutdown(socket.SHUT_WR)
            received = int(near.recv(32))
            took_s = time.monotonic() - start
    return took_s if received == size else None


# ---- a pipe into a pipe


def splice(source, target, block):
    while os.splice(source.fileno(), target.fileno(), block):
        pass


def read_write(source, target, block):
    while found := source.read(block):
        target.write(found)


def pipe_to_pipe(way, size, block):
    """Seconds from the first byte until the far end has all."""
    first, second, done = Pipe(), Pipe(), Pipe()

    def feed():
        blank = bytes(LARGE)
        for _ in range(size // LARGE):
            first.into.write(blank)

    def take():
        done.into.write(b"%d" % drain(second.out.readinto))

    start = time.monotonic()
    with forked(feed, first.out, second, done):
        first.into.close()
        with forked(take, first.out, second.into, done.out):
            second.out.close()
            done.into.close()
            try:
                way(first.out, second.into, block)
            finally:
                first.out.close()
                second.into.close()
            received = int(done.out.read(32))
            took_s = time.monotonic() - start
    done.close()
    return took_s if received == size // LARGE * LARGE else None


def measure(folder, size, small, seed):
    """{way: MiB/s}"""
    with tempfile.TemporaryFile(dir=folder) as file:  # has no name, so nothing can stay behind
        block = os.urandom(MIB)
        for _ in range(0, size, MIB):
            file.write(block)
        file.truncate(size)
        file.flush()
        ways = {
            "sendfile-small": lambda: to_connection(sendfile, file, size, small),
            "read-send-small": lambda: to_connection(read_send, file, size, small),
            "sendfile": lambda: to_connection(sendfile, file, size, LARGE),
            "read-send": lambda: to_connection(read_send, file, size, LARGE),
            "splice": lambda: pipe_to_pipe(splice, size, LARGE),
            "read-write": lambda: pipe_to_pipe(read_write, size, LARGE),
        }
        took_s = {name: ways[name]() for name in random.Random(seed).sample(list(ways), len(ways))}
    lost = [name for name, seconds in took_s.items() if seconds is None]
    if lost:
        sys.exit(f"copy_probe: not all bytes arrived: {', '.join(lost)}")
    return {name: size / MIB / seconds for name, seconds in took_s.items()}


def main():
    folder, *numbers = sys.argv[1:]
    print(json.dumps(measure(folder, *map(int, numbers))))


if __name__ == "__main__":
    main()
