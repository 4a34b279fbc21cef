"""The gate that opens for several clients at once: each has set up and waits until it may begin.

Each client is started with --gate and the path of a Unix socket. It connects, says "ready" when its
connections, files and threads are there, and is told the moment of the monotonic clock from which
its warm-up and window are planned. All are told the same one, so that their windows are the same
moments.
"""

import select
import shutil
import socket
import struct
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from iobench import run

PATIENCE_S = 60  # until all are ready: files are written first
LEAD_NS = 5_000_000  # from telling them to the beginning
MOST_PATH, NAME_LENGTH = 107, 30  # of a Unix socket; of what comes after the directory
LOOK_S = 0.05  # how often those that have not come yet are looked at


class Gate:
    """A context, in which clients are started; then begin() lets them go."""

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="iobench-gate-", dir=place()))
        self.path = str(self.folder / "gate")
        self.listener = socket.socket(socket.AF_UNIX)
        self.ready = []  # connections of those that said so
        try:
            self.listener.bind(self.path)
            self.listener.listen()
        except OSError as error:
            self.__exit__()
            raise run.Failed(f"no socket for a gate at {self.path}: {error}") from error
        return self

    def __exit__(self, *_):
        for one in [*self.ready, self.listener]:
            one.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def begin(self, processes):
        """Waits until all of them are ready, and opens. Failed if one ends before."""
        until = time.monotonic() + PATIENCE_S
        waiting = set()
        while len(self.ready) < len(processes):
            for one in select.select([self.listener, *waiting], [], [], LOOK_S)[0]:
                if one is self.listener:
                    waiting.add(one.accept()[0])
                else:
                    waiting.remove(one)
                    self.take(one)
            self.check(processes, until)
        moment = time.clock_gettime_ns(time.CLOCK_MONOTONIC) + LEAD_NS
        for one in self.ready:
            with suppress(OSError):  # it has just ended, and says why itself
                one.sendall(b"begin %d\n" % moment)

    def take(self, one):
        """A line, or the end, has come; a client that has ended is seen by itself."""
        if one.recv(64) == b"ready\n":
            self.ready.append(one)
        else:
            one.close()

    def check(self, processes, until):
        """Failed, with its member, of one that has ended, or that is not ready when time is over."""
        late = time.monotonic() > until
        for member, process in enumerate(processes):
            failed = None
            if process.poll() is not None:
                failed = run.complaint(process)
            elif late and process.pid not in map(peer_pid, self.ready):
                failed = run.Failed(f"it was not ready for its duet within {PATIENCE_S} s")
            if failed:
                failed.member = member
                raise failed


def place():
    """Where the socket is made: its path must be short."""
    return None if len(tempfile.gettempdir()) < MOST_PATH - NAME_LENGTH else "/tmp"


def peer_pid(connection):
    """Who is at the other end (Linux: struct ucred of unix(7))."""
    return struct.unpack("iii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
