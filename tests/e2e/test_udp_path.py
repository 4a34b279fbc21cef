"""bench_udp over a path with faults: every datagram is accounted for, exactly."""

import jsonschema
import pytest
from test_schema import SCHEMA
from udp_path import PLAN, Forger, Proxy, bench_udp, server

CLIENTS = 6
MESSAGES = 220


def lost_in(log):
    faults = ["drop_request", "drop_answer", "late"]
    return sum(log[fault] for fault in [*faults, *(f for f in PLAN if "corrupt" in f), "truncate"])


def check_counts(counts, log):
    """counts are a report's, of all clients or of one; log is what the path did to them."""
    at_client = ("corrupt_payload", "corrupt_header", "truncate")
    assert counts["lost"] == lost_in(log)
    assert counts["late"] == log["late"]
    assert counts["reordered"] == log["reorder"]
    assert counts["duplicated"] == log["duplicate"]
    assert counts["corrupted"] == sum(log[fault] for fault in at_client)
    assert counts["foreign"] == counts["stale"] == 0


@pytest.mark.parametrize("backend", ["epoll", "io_uring", "libev"])
def test_every_fault_is_counted(backend):
    size, workers = 200, 2
    with (
        server("-w", workers, "-s", size, "-b", backend) as (port, reports),
        Proxy(port, seed=backend, last_number=MESSAGES - 40, late_s=1.4) as proxy,
    ):
        report = bench_udp(
            "--role", "client", "-p", proxy.port, "-c", CLIENTS, "-n", MESSAGES, "-s", size,
            "-t", 2, "-b", backend, "--timeout", "1s",
        )  # fmt: skip
    packets, log = report["packets"], proxy.total()
    assert set(log) == set(PLAN)  # the plan has every fault in it
    assert packets["sent"] == CLIENTS * MESSAGES
    assert packets["sent"] == packets["received"] + packets["lost"] + packets["in_flight"]
    assert packets["in_flight"] == packets["unsent"] == 0
    check_counts(packets, log)
    for client in report["clients"]:
        check_counts(client, proxy.log[client["client"]])
        assert client["sent"] == MESSAGES == client["received"] + client["lost"]
    served = reports[0]["packets"]
    assert served["received"] == packets["sent"] - log["drop_request"]
    assert served["corrupted"] == log["corrupt_request"]
    assert served["sent"] == served["received"] - served["corrupted"]
    assert report["latency"]["service_ns"]["count"] == packets["received"]
    for document in (report, reports[0]):
        jsonschema.validate(document, SCHEMA)


@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize("backend", ["epoll", "io_uring"])
def test_forged_datagrams_are_no_echoes(backend, connected):
    messages, clients = 200, 3
    with Forger() as forger:
        report = bench_udp(
            "--role", "client", "-p", forger.port, "-c", clients, "-n", messages, "-s", 64,
            "-P", 4, "-b", backend, *(["--connected"] if connected else []),
        )  # fmt: skip
    packets = report["packets"]
    assert packets["received"] == packets["sent"] == clients * messages == forger.answered
    assert report["totals"]["requests"] == clients * messages
    assert packets["lost"] == packets["stale"] == 0
    # What came after the last answer was in may not have been looked at any more.
    near = clients * 4
    foreign = forger.log["foreign"] - (forger.answered if connected else 0)
    assert foreign - 2 * near <= packets["foreign"] <= foreign
    for kind in ("duplicated", "corrupted"):
        assert forger.log[kind] - near <= packets[kind] <= forger.log[kind]
        assert packets[kind] > 0
