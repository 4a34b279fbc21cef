"""The rule of verdicts on drawn rounds: how often it is wrong, how often it finds what is there."""

import sys

import pytest
from harness import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
np = pytest.importorskip("numpy")
pytest.importorskip("scipy")

from iobench import inference, outcomes, pairing, verdicts  # noqa: E402
from iobench.cells import HIGHER  # noqa: E402

RULE = verdicts.Rule()


def judged(rows, rule=RULE):
    """Verdicts on logarithms of ratios, a row for each test."""
    return verdicts.judge([verdicts.Test(pairing.INTERLEAVED, dict.fromkeys(range(len(row)), 0.0),
                                         dict(enumerate(row)), HIGHER) for row in rows], rule)


# ---- what is there is found


def share_of(outcome, ratio, rounds, noise, times=100):
    """How often one test of noisy rounds has this outcome."""
    draw, hits = np.random.default_rng(5), 0
    for _ in range(times):
        logs = np.log(ratio) + draw.normal(0, noise, rounds)
        hits += judged([logs])[0].outcome == outcome
    return hits / times


def test_the_advised_rounds_are_enough():
    noise = 0.1
    needed = inference.rounds_for(RULE.margin, noise ** 2, 1, 6)
    assert 0.68 <= share_of(outcomes.EQUAL, 1, needed, noise) <= 0.95  # 0.80 is meant


def test_a_change_that_is_visible_is_seen():
    noise, rounds = 0.1, 20
    change = inference.visible(rounds, noise ** 2, 1)
    assert 0.68 <= share_of(outcomes.BETTER, 1 + change, rounds, noise) <= 0.92  # 0.80 is meant


# ---- false verdicts


def false_share(cells, rounds, times, noise):
    draw, wrong = np.random.default_rng(7), 0
    for _ in range(times):
        logs = noise(draw, (cells, rounds))
        p = inference.sign_flip_p([dict(enumerate(row)) for row in logs])
        wrong += min(p) <= inference.ALPHA
    return wrong / times


@pytest.mark.parametrize(("cells", "rounds"), [(1, 6), (9, 6), (9, 12), (20, 20)])
def test_false_verdicts_are_rare(cells, rounds):
    """Of 300 comparisons 3.1 % are meant, in all cells together: 6 % are 3 deviations more."""
    normal = false_share(cells, rounds, 300, lambda draw, size: draw.normal(0, 1, size))
    assert normal <= 0.0625
    heavy = false_share(cells, rounds, 300, lambda draw, size: draw.standard_t(2, size))
    assert heavy <= 0.0625


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("cells", "rounds"), [(1, 6), (5, 12)])
def test_what_is_at_the_margin_is_rarely_called_equal(cells, rounds, side):
    """In 3.1 % of 300 comparisons at most, in all cells together; half of the others are equal."""
    draw, wrong, margin = np.random.default_rng(4), 0, np.log1p(RULE.margin)
    for _ in range(300):
        logs = draw.normal(0, 0.01, (cells, rounds))
        logs[::2] += side * margin
        found = judged(logs)
        wrong += any(one.outcome == outcomes.EQUAL for one in found[::2])
    assert wrong / 300 <= 0.0625


def test_pairs_and_separate_samples_share_the_level():
    """Seven rounds can show a difference where six cannot any more."""
    def outcome(rounds, *others):
        logs = dict(enumerate([0.1] * rounds))
        paired = verdicts.Test(pairing.INTERLEAVED, dict.fromkeys(logs, 0.0), logs, HIGHER)
        return verdicts.judge([paired, *others])[0].outcome

    other = verdicts.Test(pairing.SEPARATE, {1: 0.0}, {1: 0.0}, HIGHER)
    assert [outcome(6), outcome(6, other), outcome(7, other)] == [
        outcomes.BETTER, outcomes.UNCLEAR, outcomes.BETTER]


def test_mann_whitney_is_exact_where_it_can_be():
    """Of the C(20, 10) ways to rank ten above ten, two are as extreme; equal values have none."""
    low, high = np.arange(10.0), np.arange(10.0) + 10
    assert inference.mann_whitney_p(low, high) == pytest.approx(2 / 184756)
    assert inference.mann_whitney_p(low, low) > 0.9
    many = np.arange(100.0)
    assert inference.mann_whitney_p(many, many + 0.5) > 0.5


def test_step_down_leaves_the_changed_cells_out():
    """A cell that has changed does not hide that another has."""
    draw = np.random.default_rng(3)
    tests = [dict(enumerate(shift + draw.normal(0, 1, 10))) for shift in (50, 5, 0, 0, 0)]
    p = inference.sign_flip_p(tests)
    assert p[0] <= p[1] <= inference.ALPHA < min(p[2:])


def test_holm():
    """By hand: 3 x 0.01, 2 x 0.02 and, no less than that, 0.03."""
    assert inference.holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


def test_p_of_few_rounds_is_exact():
    """Of the 2^6 ways to flip six rounds of one sign, two are as extreme."""
    assert inference.sign_flip_p([dict(enumerate([1, 2, 3, 4, 5, 6]))]) == [2 / 64]


def test_the_interval_covers():
    draw, hits = np.random.default_rng(2), 0
    for _ in range(100):
        ratio = inference.ratio_of(draw.normal(0.1, 0.05, 8))
        hits += ratio.low <= np.exp(0.1) <= ratio.high
    assert hits >= 88  # 95 are meant
