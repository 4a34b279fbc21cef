"""The made-up result sets that other tests read are such as the programs could have left."""

import made_up
import pytest
from harness import VALIDATOR
from iobench import hdr
from made_up import Round

CELLS = {
    "tcp": made_up.cell("tcp", backend="io_uring", connections=3),
    "udp": made_up.cell("udp", backend="libev", clients=3),
    "file": made_up.cell("file", engine="libaio", direct="on"),
}
ROUNDS = {
    "plain": Round(1000.5),
    "nothing": Round(0),
    "much": Round(2e6, client_cpu_us=0.3, server_cpu_us=0.2, intervals=[1e6, 3e6],
                  warnings=["it rained"], host={"name": "elsewhere"}),
    "latencies": Round(1000, latencies_ns={100: 0.5, 300: 0.49, 10**9: 0.01}),
}
FAULTS = {
    "tcp": Round(1000, errors={"timeout": 3}, starved=1, limited="busy", unsteady="a trend",
                 response_ns={1000: 1}),
    "udp": Round(1000, starved=1, limited="busy"),
    "file": Round(1000, errors={"eio": 1}),
}


def assert_valid(one, it):
    for report in made_up.reports(one, it, made_up.TIMING).values():
        assert [f"{error.json_path}: {error.message}"
                for error in VALIDATOR.iter_errors(report)] == []


@pytest.mark.parametrize("part", CELLS)
@pytest.mark.parametrize("name", ROUNDS)
def test_reports_are_valid(part, name):
    assert_valid(CELLS[part], ROUNDS[name])


@pytest.mark.parametrize("part", CELLS)
def test_reports_with_faults_are_valid(part):
    assert_valid(CELLS[part], FAULTS[part])


def test_histograms_can_be_read():
    counts = {1: 5, 255: 1, 256: 2, 257: 1, 1000: 3, 10**9: 1, 3_600_000_000_000: 1}
    found = hdr.Histogram()
    found.add(hdr.encoded(counts))
    assert found.count == sum(counts.values())
    values = sorted(value for value, count in counts.items() for _ in range(count))
    for rank, value in enumerate(values, 1):
        assert value <= found.percentile(100 * rank / len(values)) <= value * (1 + 1 / hdr.HALF)


def test_a_set_says_what_it_was_made_of(tmp_path):
    tcp, udp, file = CELLS.values()
    other = made_up.cell("file", engine="io_uring")
    found = made_up.result_set(tmp_path / "set", {
        tcp: [1000, Round(1200, client_cpu_us=7, server_cpu_us=3), None],
        udp: [5000, "it broke", 6000],
        file: [Round(2000, latencies_ns={50_000: 1})],
    }, label="mine", session="s", left_out={other: "not here"}, host={"name": "box"})
    assert (found.label, found.plan["session"], found.problems) == ("mine", "s", [])
    assert found.by_round(tcp.name, "rate") == {1: 1000, 2: 1200}
    assert found.by_round(tcp.name, "client_cpu_us") == {1: pytest.approx(5), 2: pytest.approx(7)}
    assert found.by_round(tcp.name, "server_cpu_us") == {1: pytest.approx(4), 2: pytest.approx(3)}
    assert found.by_round(udp.name, "rate") == {1: 5000, 3: 6000}
    assert found.failures == {udp.name: ["it broke"]}
    assert found.left_out == {other.name: "not here"}
    assert found.merged(file.name, "p99_ns") == 50_000
    assert {report["host"]["name"] for report in found.reports()} == {"box"}


def test_noise_is_the_same_each_time():
    assert made_up.noisy(100, 5) == made_up.noisy(100, 5) != made_up.noisy(100, 5, seed=2)
