"""bench_udp from the command line: exact counts, every option, and one line for bad input."""

import json
import signal
import socket
import subprocess
import time

import jsonschema
import pytest
from test_schema import SCHEMA
from udp_path import PROGRAM, TIMEOUT_S, bench_udp, server

BACKENDS = ["epoll", "io_uring", "libev"]
SMALL = ["-c", 10, "-n", 50, "-w", 2]


def run(*args):
    return subprocess.run(
        [PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=TIMEOUT_S
    )


def check_balance(report):
    packets = report["packets"]
    assert packets["sent"] == packets["received"] + packets["lost"] + packets["in_flight"]
    assert report["latency"]["service_ns"]["count"] == packets["received"]
    jsonschema.validate(report, SCHEMA)


def check_schedule(report):
    """How many messages were due in the window, each of which is accounted for."""
    packets, loop = report["packets"], report["open_loop"]
    assert packets["sent"] + packets["unsent"] == loop["scheduled"]
    assert packets["unsent"] == loop["never_sent"]
    assert packets["lost"] + packets["in_flight"] == loop["never_answered"]
    assert packets["received"] == report["latency"]["response_ns"]["count"]
    return loop["scheduled"]


def check_exact(report, clients, messages):
    """Everything that was asked for came back, once."""
    check_balance(report)
    packets = report["packets"]
    assert packets["sent"] == packets["received"] == clients * messages
    assert report["totals"]["requests"] == clients * messages
    for kind in ("lost", "corrupted", "foreign", "stale", "in_flight", "unsent", "kernel_drops"):
        assert packets[kind] == 0, kind


@pytest.mark.parametrize("backend", BACKENDS)
def test_published_configuration(backend):
    done = run("-b", backend, "--published-method", "--interval", "20ms")
    assert done.returncode == 0, done.stderr
    rows = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    value = {name: text.split()[0] for name, text in rows.items()}
    assert value["Clients"] == "100"
    assert value["Messages/client"] == "1,000"
    assert value["Packets"] == "200,000"
    assert value["Loss"] == "0.0000"
    assert rows["Published method"].split("=")[1].split()[0] == "35,088"
    assert rows["Sent"].strip() == "100,000 = 100,000 received + 0 lost + 0 in flight"
    # The true rate is the work through its true time, not through a fixed one.
    echoes_s = float(value["Echoes/s"].replace(",", ""))
    assert echoes_s == pytest.approx(100_000 / float(value["Time"]), rel=0.02)
    assert "] Echoes/s: " in done.stdout


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "how",
    [
        ["--batch", 1],
        ["--batch", 1, "--connected"],
        ["--batch", 5, "--gso", "off", "--gro", "off"],
        ["--gso", "off"],
        ["--gro", "off", "--connected"],
        ["--batch", 1, "--gso", "on", "--gro", "on"],
        ["--zerocopy", "on"],
        ["--zerocopy", "on", "--batch", 1, "-h", "::1"],
        ["-t", 2, "--mode", "balanced"],
        ["--mode", "latency", "-w", 1, "-c", 1, "-n", 500],
        ["--mode", "latency", "-w", 1, "-c", 2, "-n", 500, "-P", 100, "--gro", "off"],
        ["-h", "::1", "-s", 1400],
        ["-s", 32], ["-s", 1], ["-s", 60000, "-P", 1, "-c", 2],
        ["--warmup", "100ms", "-P", 3],
    ],
    ids=lambda how: " ".join(map(str, how)),
)  # fmt: skip
def test_ways_to_move_datagrams(backend, how):
    report = bench_udp(*SMALL, "-b", backend, *how)
    config = report["config"]
    check_exact_but_warmup(report, config["clients"], config["messages"])
    assert report["backend"]["name"].split(":")[0] == backend
    features = report["backend"]["features"]
    if "--gso" not in how and "--batch" not in how and "-s" not in how:
        assert "gso" in features or any("gso" in text for text in report["backend"]["left_out"])
    if how == ["--batch", 1]:
        assert "sendto" in features and "sendmmsg" not in features


def check_exact_but_warmup(report, clients, messages):
    """Answers to messages of the warm-up may fall into the window and count for its rate."""
    if report["window"]["warmup_s"]:
        check_balance(report)
        assert report["packets"]["received"] == clients * messages
        assert report["totals"]["requests"] >= clients * messages
    else:
        check_exact(report, clients, messages)


def test_batches_need_fewer_system_calls():
    calls = [
        bench_udp(*SMALL, "-b", "epoll", "-n", 500, *how)["syscalls"]["per_request"]
        for how in (["--batch", 1], ["--gso", "off", "--gro", "off"], [])
    ]
    assert calls[0] > 1.5 * calls[1]
    assert calls[0] > 1.5 * calls[2]


@pytest.mark.parametrize("backend", BACKENDS)
def test_zerocopy_counts_each_send_and_what_was_copied(backend):
    report = bench_udp(*SMALL, "-b", backend, "--zerocopy", "on", "--gso", "off")
    for side in (report, report["server"]):
        assert side["zerocopy"]["sends"] == 500
        assert side["zerocopy"]["copied"] == 500  # loopback has nothing else to offer
    assert "zerocopy" not in bench_udp(*SMALL, "-b", backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_answers_leave_as_trains_although_messages_came_one_by_one(backend):
    """GSO halves the sends of a server that receives without GRO, and more."""
    sends = [
        bench_udp(
            *SMALL, "-b", backend, "-w", 1, "--gro", "off", "--gso", gso, "--zerocopy", "on"
        )["server"]["zerocopy"]["sends"]
        for gso in ("on", "off")
    ]
    assert sends[1] == 500
    assert 2 * sends[0] < sends[1]


def test_messages_beyond_the_mtu_are_echoed_in_fragments(tmp_path):
    """They cannot leave as trains: the kernel refuses those, and the server must not insist."""
    space = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*space, "ip", "link", "set", "lo", "up"], capture_output=True).returncode:
        pytest.skip("no network namespace here")
    script = f"""ip link set lo mtu 1500 up
        {PROGRAM} --role server -p 9000 -w 1 --gro off --json {tmp_path}/server & server=$!
        until grep -q :2328 /proc/net/udp; do sleep 0.01; done
        {PROGRAM} --role client -p 9000 -s 4000 -c 2 -n 50 -P 8 --json {tmp_path}/client
        kill -INT $server; wait $server"""
    subprocess.run([*space, "sh", "-c", script], timeout=TIMEOUT_S, check=True)
    client, served = (
        json.loads((tmp_path / name).read_text(encoding="utf-8")) for name in ("client", "server")
    )
    check_exact(client, 2, 50)
    assert "gso" in served["backend"]["features"]
    assert not any(served["packets"]["send_errors"].values())


def test_messages_without_a_header_are_said_to_be_unchecked():
    report = bench_udp(*SMALL, "-s", 31)
    for kind in ("late", "reordered", "duplicated"):
        assert report["packets"][kind] is None
    assert any("header" in text for text in report["warnings"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_processes(backend):
    with server("-b", backend, "-w", 2) as (port, reports):
        report = bench_udp("--role", "client", "-p", port, *SMALL, "-b", backend)
    check_exact(report, 10, 50)
    served = reports[0]
    jsonschema.validate(served, SCHEMA)
    assert served["packets"]["received"] == served["packets"]["sent"] == 500
    assert served["packets"]["lost"] is None
    assert "server" not in report and "latency" not in served


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_server_alone_ends_after_its_duration(backend):
    served = bench_udp("--role", "server", "-b", backend, "-w", 2, "-d", "100ms")
    assert served["uptime_s"] >= 0.1
    assert served["packets"]["received"] == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_duration_and_series(backend):
    report = bench_udp("-b", backend, "-d", "0.5", "--interval", "100ms", "-c", 4, "-w", 1)
    check_balance(report)
    assert report["window"]["duration_s"] == 0.5
    assert [round(point["t_s"], 3) for point in report["intervals"]] == [0.1, 0.2, 0.3, 0.4, 0.5]
    total = sum(point["qps"] * 0.1 for point in report["intervals"])
    assert total == pytest.approx(report["totals"]["requests"], rel=0.001)
    assert report["rate"]["qps"] == pytest.approx(report["totals"]["requests"] / 0.5)


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_open_loop(backend, arrivals):
    report = bench_udp(
        "-b", backend, "-R", 2000, "--arrivals", arrivals, "-d", "0.6", "-c", 7, "-w", 1, "-t", 2
    )
    check_balance(report)
    packets = report["packets"]
    due = check_schedule(report)
    assert due == 1200 if arrivals == "constant" else due == pytest.approx(1200, rel=0.15)
    assert report["latency"]["response_ns"]["count"] == packets["received"]
    assert report["latency"]["response_ns"]["mean"] >= report["latency"]["service_ns"]["mean"]


def test_a_backlog_of_the_warm_up_is_not_measured():
    """More is due in the warm-up than can be sent: the first measured message waits for all of it."""
    report = bench_udp("-R", "20M", "--warmup", "10ms", "-d", "1ms", "-c", 50, "-w", 1,
                       "--timeout", "10s")  # fmt: skip
    check_balance(report)
    assert check_schedule(report) == 20_000
    assert report["window"]["duration_s"] == 0.001
    assert report["latency"]["response_ns"]["min"] > 5e6


def test_open_loop_with_a_number_of_messages():
    report = bench_udp("-R", 5000, "-n", 100, "-c", 5, "-w", 1)
    check_exact(report, 5, 100)


def test_the_seed_decides_random_arrivals():
    sent = [
        bench_udp("-R", 3000, "--arrivals", "poisson", "--seed", seed, "-d", "0.3", "-w", 1)
        for seed in (1, 1, 2, 3, 4)
    ]
    due = [check_schedule(report) for report in sent]
    assert due[0] == due[1]
    assert len(set(due)) > 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_overload_ends_on_time_and_says_where_messages_went(backend):
    start = time.monotonic()
    report = bench_udp(
        "-b", backend, "-R", "50M", "-d", "0.5", "-c", 20, "-w", 1, "--rcvbuf", "32k",
        "--gso", "off", "--gro", "off", "--timeout", "300ms",
    )  # fmt: skip
    passed = time.monotonic() - start
    check_balance(report)
    packets = report["packets"]
    assert packets["unsent"] > 0 and check_schedule(report) == 25_000_000
    assert passed < 0.5 + 2 * 0.3 + 20  # not minutes: the backlog is not worked off
    # Sockets of one machine: what is lost was dropped at one end or the other, or came too late.
    drops = packets["kernel_drops"] + report["server"]["kernel_drops"]
    assert packets["lost"] - packets["late"] <= drops
    assert report["memory"]["peak_rss_bytes"] < 512 << 20
    if packets["lost"]:
        assert any("percentiles" in text for text in report["warnings"])


def test_nobody_answers():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        report = bench_udp(
            "--role", "client", "-p", silent.getsockname()[1], "-c", 2, "-n", 100,
            "--timeout", "50ms", status=1,
        )  # fmt: skip
    check_balance(report)
    packets = report["packets"]
    assert packets["received"] == 0 and packets["sent"] == packets["lost"]
    assert packets["unsent"] + packets["sent"] == 200
    assert report["latency"]["service_ns"]["p50"] is None


def test_a_closed_port_refuses():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    report = bench_udp(
        "--role", "client", "-p", port, "-c", 2, "-n", 20, "--timeout", "50ms", "--connected",
        status=1,
    )  # fmt: skip
    refused = report["packets"]["send_errors"]["refused"] + report["errors"]["connect_refused"]
    assert refused > 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_interrupt_keeps_what_was_measured(backend, tmp_path):
    path = tmp_path / "report.json"
    process = subprocess.Popen(
        [PROGRAM, "-b", backend, "-d", "60", "--json", path, "--interval", "50ms"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if line.startswith("["):
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0 and "Interrupted" in out
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["interrupted"] is True
    assert 0 < report["window"]["duration_s"] < 60
    check_balance(report)


def test_quiet_prints_the_results_alone():
    done = run(*SMALL, "-q")
    assert done.stdout.startswith("=== Final Results ===")


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (["-b", "select"], 2, ["--backend", "'select'", "io_uring"]),
        (["-s", "70000"], 2, ["--size", "'70000'", "65,507"]),
        (["-s", "0"], 2, ["--size"]),
        (["--batch", "0"], 2, ["--batch"]),
        (["--role", "client"], 2, ["--port", "'0'"]),
        (["--role", "both", "-h", "203.0.113.1"], 2, ["--host", "203.0.113.1"]),
        (["-h", "no.such.host.invalid"], 2, ["--host"]),
        (["-t", "9", "-c", "8"], 2, ["--threads", "'9'"]),
        (["--gso", "maybe"], 2, ["--gso", "'maybe'", "auto"]),
        (["--mode", "fast"], 2, ["--mode", "'fast'", "balanced"]),
        (["--cpus", "1023"], 2, ["--cpus", "1023"]),
        (["--json", "/no/such/folder/x"], 2, ["--json", "/no/such/folder/x"]),
        (["-n", "5", "--nonsense"], 2, ["--nonsense"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_line(args, status, words):
    done = run(*args)
    assert done.returncode == status
    assert done.stdout == "" and done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_a_port_in_use_is_not_shared():
    with server("-w", 2) as (port, _):
        done = run("-p", port, *SMALL)
    assert done.returncode == 2
    assert "--port" in done.stderr and str(port) in done.stderr


def test_help_names_every_option():
    text = run("--help").stdout
    for option in bench_udp(*SMALL)["config"]:
        name = option.removesuffix("_ns").removesuffix("_bytes").replace("_", "-")
        assert f"--{name}" in text
