"""Which rounds of two cells are set against each other."""

import made_up
import pytest

from iobench import pairing

EPOLL, LIBEV = (made_up.cell("tcp", backend=name) for name in ("epoll", "libev"))


class WithDuets:
    """A set in which some cells were also measured at the same time as others."""

    def __init__(self, found, duets):
        self.found, self.plan, self.duets = found, found.plan, duets

    def by_round(self, name, metric, duets=False):
        return self.duets[name] if duets else self.found.by_round(name, metric)


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


@pytest.mark.parametrize(("metric", "how"), [
    ("rate", "duet"), ("server_cpu_us", "duet"), ("p99_ns", "interleaved")])
def test_rounds_at_the_same_time_come_first(found, metric, how):
    """But for latencies, which would be those of a crowded machine."""
    both = WithDuets(found, {EPOLL.name: {1: 7.0}, LIBEV.name: {1: 8.0}})
    said, base, new = pairing.rounds_for(*ends(both, both), metric)
    assert said == how
    assert ((base, new) == ({1: 7.0}, {1: 8.0})) == (how == "duet")


def test_a_duet_takes_two(found):
    both = WithDuets(found, {EPOLL.name: {1: 7.0}, LIBEV.name: {}})
    assert pairing.rounds_for(*ends(both, both), "rate")[0] == "interleaved"
