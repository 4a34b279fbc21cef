"""Which rounds of two cells are set against each other."""

import made_up
import pytest

from iobench import pairing

EPOLL, LIBEV = (made_up.cell("tcp", backend=name) for name in ("epoll", "libev"))


def ends(*sets):
    return [pairing.End(found, cell) for found, cell in zip(sets, (EPOLL, LIBEV))]


@pytest.fixture
def found(tmp_path):
    return made_up.result_set(tmp_path / "a", {EPOLL: [1e5, 2e5], LIBEV: [3e5, 4e5]})


def test_rounds_of_one_session(found):
    how, base, new = pairing.rounds_for(*ends(found, found), "rate")
    assert (how, base, new) == ("interleaved", {1: 1e5, 2: 2e5}, {1: 3e5, 2: 4e5})


def test_rounds_of_two_sessions(found, tmp_path):
    other = made_up.result_set(tmp_path / "b", {LIBEV: [3e5]})
    how, base, new = pairing.rounds_for(*ends(found, other), "rate")
    assert (how, base, new) == ("separate", {1: 1e5, 2: 2e5}, {1: 3e5})


def test_nothing_says_that_single_reports_were_interleaved(found):
    found.plan["session"] = None
    assert pairing.rounds_for(*ends(found, found), "rate")[0] == "separate"


def duet(sample, began_ns):
    """The sample as if it were of a duet whose window began then."""
    client = sample["client"] | {"window": sample["client"]["window"]
                                 | {"start_monotonic_ns": began_ns}}
    return sample | {"client": client}


@pytest.mark.parametrize(("metric", "how"), [
    ("rate", "duet"), ("server_cpu_us", "duet"), ("p99_ns", "interleaved")])
def test_rounds_at_the_same_time_come_first(found, metric, how):
    """But for latencies, which would be those of a crowded machine."""
    for cell in (EPOLL, LIBEV):
        found.duets[cell.name] = {7: duet(found.samples[cell.name][2], 1234)}
    said, base, new = pairing.rounds_for(*ends(found, found), metric)
    assert said == how
    assert set(base) == set(new) == ({7} if how == "duet" else {1, 2})


@pytest.mark.parametrize(("epoll", "libev"), [
    ({7: 1234}, {}), ({7: 1234}, {8: 1234}),  # it takes two
    ({7: 1234}, {7: 1235}),  # each with its like of another set, at another time
    ({7: None}, {7: None}),  # nothing says when
])
def test_what_was_not_measured_at_the_same_time_is_no_duet(found, epoll, libev):
    for cell, some in ((EPOLL, epoll), (LIBEV, libev)):
        found.duets[cell.name] = {number: duet(found.samples[cell.name][1], began_ns)
                                  for number, began_ns in some.items()}
    assert pairing.rounds_for(*ends(found, found), "rate")[0] == "interleaved"
