"""Servers of bench_udp do not answer answers: a forged source starts no echo without end.

A datagram whose source is another server of the same kind would go to and fro between the two for
as long as they live. What it did is read from the reports of both.
"""

import os
import signal
import socket
import struct
import time

import jsonschema
import pytest
from test_schema import SCHEMA
from udp_path import request, server, server_process

LOOPBACK = "127.0.0.1"
UDP_SEGMENT = 103
WHILE_S = 0.3  # two servers that answer each other echo thousands of times in this

LONG = request(1, 2, 3, 4) + bytes(32)
each_backend = pytest.mark.parametrize("backend", ["epoll", "io_uring", "libev"])


def check(first, second, datagrams=1):
    """The first answered what it took for requests of the second, which did not answer back."""
    assert first["packets"]["received"] == first["packets"]["sent"] == datagrams
    assert first["packets"]["replies_dropped"] == 0
    assert second["packets"]["received"] == second["packets"]["replies_dropped"] == datagrams
    assert second["packets"]["sent"] == 0
    for report in (first, second):
        assert report["packets"]["corrupted"] == 0
        jsonschema.validate(report, SCHEMA)


@pytest.fixture
def raw():
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
            yield s
    except PermissionError:
        pytest.skip("raw sockets need CAP_NET_RAW")


def forge(raw, source, target, message):
    """Sends from a port that somebody else has; the kernel fills in the IP header's checksum."""
    length = 20 + 8 + len(message)
    address = socket.inet_aton(LOOPBACK)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP, 0, address,
                     address)  # fmt: skip
    udp = struct.pack("!HHHH", source, target, 8 + len(message), 0)
    raw.sendto(ip + udp + message, (LOOPBACK, 0))


@each_backend
@pytest.mark.parametrize("length", [64, 32, 31, 1])
def test_a_forged_source_is_answered_once(raw, backend, length):
    message = LONG[:length]
    how = ["-b", backend, "-w", 1, "-s", len(message)]
    with server(*how) as (first, of_first), server(*how) as (second, of_second):
        forge(raw, second, first, message)
        time.sleep(WHILE_S)
    check(of_first[0], of_second[0])


def test_a_server_does_not_answer_itself(raw):
    with server("-w", 1) as (port, reports):
        forge(raw, port, port, LONG)
        time.sleep(WHILE_S)
    packets = reports[0]["packets"]
    assert packets["received"] == 2
    assert packets["sent"] == packets["replies_dropped"] == 1


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((LOOPBACK, 0))
        return s.getsockname()[1]


def send_train(source, target, message, datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((LOOPBACK, source))
        try:
            s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(message))
        except OSError:
            pytest.skip("no UDP_SEGMENT here")
        s.sendto(message * datagrams, (LOOPBACK, target))


@each_backend
@pytest.mark.parametrize("length", [64, 1])
@pytest.mark.parametrize(
    "how", [[], ["--gso", "off"], ["--gro", "off"], ["--zerocopy", "on"]], ids=" ".join
)
def test_each_datagram_of_a_train_is_marked(backend, length, how):
    """A raw socket can not send trains: they are sent before the second server has its port."""
    message, datagrams = LONG[:length], 40
    how = ["-b", backend, "-w", 1, "-s", length, *how]
    port = free_port()
    with server_process(*how) as (process, first, of_first):
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        try:
            send_train(port, first, message, datagrams)
            with server("-p", port, *how) as (_, of_second):
                process.send_signal(signal.SIGCONT)
                time.sleep(WHILE_S)
        finally:
            process.send_signal(signal.SIGCONT)
    check(of_first[0], of_second[0], datagrams)


@pytest.mark.parametrize("sizes", [(64, 16), (16, 64)], ids=str)
def test_servers_of_different_sizes(raw, sizes):
    """Without a header the server that has the short ones takes a long one for a request too."""
    with (
        server("-w", 1, "-s", sizes[0]) as (first, of_first),
        server("-w", 1, "-s", sizes[1]) as (second, of_second),
    ):
        forge(raw, second, first, LONG)
        time.sleep(WHILE_S)
    check(of_first[0], of_second[0])


@pytest.mark.parametrize("size", [1, 31, 64])
def test_what_is_no_request_is_not_answered(size):
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s,
        server("-w", 1, "-s", size) as (port, reports),
    ):
        s.connect((LOOPBACK, port))
        s.settimeout(0.2)
        for datagram in (b"", b"\0", b"\xab", b"\x54" + bytes(30), LONG[:-1][1:], bytes(64)):
            s.send(datagram)
        with pytest.raises(TimeoutError):
            s.recv(100)
    packets = reports[0]["packets"]
    assert packets["received"] == packets["corrupted"] == 6
    assert packets["sent"] == packets["replies_dropped"] == 0
