"""What the UDP tests share: the datagram header, runs of bench_udp, and a path with faults.

The proxy stands between clients and a server. What happens to a message is decided by a seed, its
client and its number alone, so it does not depend on timing; and what was done is logged.
"""

import contextlib
import heapq
import json
import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

PROGRAM = Path(os.environ["IOBENCH_BIN"]) / "bench_udp"
TIMEOUT_S = 60
HEADER = struct.Struct("<IIIIQQ")  # magic, check, run, client, number, send time in ns
MAGIC = 0x45504455  # of a request: its first byte is 0x55
MAGIC_REPLY = 0x455044AA
MASK = 0xFFFFFFFF
WORD = (1 << 64) - 1


def check_of(run, client, number, sent_ns):
    """The header's check word, written a second time: udp/seq.c has the first."""
    total = ((run << 32 | client) + MAGIC) & WORD
    total = ((total ^ total >> 31) * 0x9E3779B97F4A7C15 + number) & WORD
    total = ((total ^ total >> 30) * 0xBF58476D1CE4E5B9 + sent_ns) & WORD
    total = ((total ^ total >> 27) * 0x94D049BB133111EB) & WORD
    return (total ^ total >> 32) & MASK


def request(*fields):
    return HEADER.pack(MAGIC, check_of(*fields), *fields)


def reply(*fields):
    return HEADER.pack(MAGIC_REPLY, check_of(*fields) ^ MASK, *fields)


def fields(datagram, write=request):
    """(run, client, number, send time) of a request (or a reply) with an intact header."""
    _, _, *rest = HEADER.unpack_from(datagram)
    assert datagram[: HEADER.size] == write(*rest)
    return tuple(rest)


def bench_udp(*args, status=0, timeout=TIMEOUT_S):
    """Runs to the end; returns the report."""
    done = subprocess.run(
        [PROGRAM, "--json", "-", *map(str, args)], capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


@contextlib.contextmanager
def server(*args):
    """A server of its own: yields its port and a list, to which its report is appended."""
    with server_process(*args) as (_, port, reports):
        yield port, reports


@contextlib.contextmanager
def server_process(*args):
    """The same, with the process before them."""
    reports = []
    process = subprocess.Popen(
        [PROGRAM, "--role", "server", "--json", "-", *map(str, args)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        ready = process.stderr.readline()
        port = re.search(r"listening on \S+:(\d+),", ready)
        assert port, ready
        yield process, int(port[1]), reports
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, err
    reports.append(json.loads(out))


class Thread(threading.Thread):
    """A loop over sockets in the background, until the block is left."""

    def __init__(self):
        super().__init__(daemon=True)
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.sockets = [self.front]
        self.stopping = False
        self.error = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.join()
        for s in self.sockets:
            s.close()
        if self.error:
            raise self.error

    def run(self):
        try:
            while not self.stopping:
                ready, _, _ = select.select(self.sockets, [], [], self.wait_s())
                for s in ready:
                    self.readable(s)
        except Exception as error:  # shown by the test, not lost with the thread
            self.error = error

    def wait_s(self):
        return 0.01


PLAN = {
    "drop_request": 2, "drop_answer": 2, "duplicate": 3, "reorder": 3, "late": 2,
    "corrupt_payload": 1, "corrupt_header": 1, "corrupt_request": 1, "truncate": 1,
}  # fmt: skip


class Proxy(Thread):
    """Between clients and the server at a port; counts what it did in log[client][fault]."""

    def __init__(self, server_port, seed, last_number, late_s):
        super().__init__()
        self.server = ("127.0.0.1", server_port)
        self.seed, self.last_number, self.late_s = seed, last_number, late_s
        self.backs, self.clients = {}, {}  # by address; by our socket towards the server
        self.held, self.delayed = {}, []
        self.log = {}

    def fate(self, client, number):
        """The fault of a message; the last ones have none, so that all faults show in the run."""
        if number >= self.last_number:
            return None
        rng = random.Random(f"{self.seed}/{client}/{number}")
        place = rng.random() * 100
        for fault, percent in PLAN.items():
            if place < percent:
                return fault
            place -= percent
        return None

    def did(self, client, fault):
        self.log.setdefault(client, Counter())[fault] += 1

    def total(self):
        return sum(self.log.values(), Counter())

    def wait_s(self):
        now = time.monotonic()
        while self.delayed and self.delayed[0][0] <= now:
            _, _, datagram, address = heapq.heappop(self.delayed)
            self.front.sendto(datagram, address)
        return min(0.01, self.delayed[0][0] - now) if self.delayed else 0.01

    def readable(self, s):
        datagram, address = s.recvfrom(65536)
        _, client, number, _ = fields(datagram, request if s is self.front else reply)
        fault = self.fate(client, number)
        if s is self.front:
            self.request(datagram, address, client, fault)
        else:
            self.answer(datagram, self.clients[s], client, number, fault)

    def request(self, datagram, address, client, fault):
        if address not in self.backs:
            back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            back.connect(self.server)
            self.backs[address] = back
            self.clients[back] = address
            self.sockets.append(back)
        if fault == "drop_request":
            self.did(client, fault)
            return
        if fault == "corrupt_request":
            self.did(client, fault)
            datagram = self.flip(datagram, client, HEADER.size)
        self.backs[address].send(datagram)

    def flip(self, datagram, salt, end):
        at = random.Random(f"{self.seed}/{salt}/{len(datagram)}").randrange(end)
        return datagram[:at] + bytes([datagram[at] ^ 0x10]) + datagram[at + 1 :]

    def answer(self, datagram, address, client, number, fault):
        if fault == "drop_answer":
            self.did(client, fault)
        elif fault == "reorder":
            self.held.setdefault(client, []).append((number, datagram))
        elif fault == "late":
            self.did(client, fault)
            due = time.monotonic() + self.late_s
            heapq.heappush(self.delayed, (due, number, datagram, address))
        elif fault == "corrupt_payload":
            self.did(client, fault)
            self.front.sendto(datagram[:-1] + bytes([datagram[-1] ^ 1]), address)
        elif fault == "corrupt_header":
            self.did(client, fault)
            self.front.sendto(self.flip(datagram, number, HEADER.size), address)
        elif fault == "truncate":
            self.did(client, fault)
            self.front.sendto(datagram[: number % len(datagram)], address)
        else:
            self.forward(datagram, address, client, number, fault)

    def forward(self, datagram, address, client, number, fault):
        self.front.sendto(datagram, address)
        if fault == "duplicate":
            self.did(client, fault)
            self.front.sendto(datagram, address)
        held = self.held.get(client, [])
        for pair in [pair for pair in held if pair[0] < number]:
            held.remove(pair)
            self.did(client, "reorder")
            self.front.sendto(pair[1], address)


class Forger(Thread):
    """An echo server that puts something of its own behind every answer, and counts it."""

    def __init__(self):
        super().__init__()
        self.other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sockets = [self.front]
        self.answered = 0
        self.log = Counter()

    def readable(self, s):
        datagram, address = s.recvfrom(65536)
        run, client, number, sent_ns = fields(datagram)
        payload = datagram[HEADER.size :]
        answer = reply(run, client, number, sent_ns) + payload
        s.sendto(answer, address)
        self.answered += 1
        forged = [
            ("foreign", datagram),  # not marked as a reply
            ("foreign", reply(run ^ 1, client, number, sent_ns) + payload),
            ("foreign", reply(run, client + 1, number, sent_ns) + payload),
            ("foreign", reply(run, client, number + 1000000, sent_ns) + payload),
            ("foreign", reply(run, client, number, sent_ns + 1) + payload),
            ("duplicated", answer),
            ("corrupted", datagram[:1] + answer[1:]),  # the mark does not fit the check word
            ("corrupted", answer[:-1]),
            ("corrupted", answer + b"x"),
            ("corrupted", b""),
            ("corrupted", payload + answer[: HEADER.size]),
            ("corrupted", random.Random(number).randbytes(len(answer))),
        ]
        kind, bytes_ = forged[number % len(forged)]
        self.log[kind] += 1
        s.sendto(bytes_, address)
        self.other.sendto(answer, address)  # the right answer from the wrong place
        self.log["foreign"] += 1
