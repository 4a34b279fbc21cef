"""scripts/compare: verdicts on made-up sets, its gate, revisions and bad input.

How often verdicts are false is in test_verdicts.py.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import made_up
import pytest
from harness import ROOT, eventually
from made_up import Round, noisy

np = pytest.importorskip("numpy")
pytest.importorskip("scipy")

from iobench import compare, inference, outcomes, verdicts  # noqa: E402
from iobench.compare import cautions, faults, formats, gate, revisions  # noqa: E402
from iobench.run import Failed  # noqa: E402

COMPARE = str(ROOT / "scripts" / "compare")
PATIENCE_S = 120
EPOLL = made_up.cell("tcp", backend="epoll", connections=1)
URING = made_up.cell("tcp", backend="io_uring", connections=1)
FILE = made_up.cell("file", engine="sync")
UDP = made_up.cell("udp", backend="epoll")
RULE = verdicts.Rule()


def script(*args, **options):
    return subprocess.run([COMPARE, *map(str, args)], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False, **options)


@pytest.fixture
def sets(tmp_path):
    """Makes a base and a new set of one session."""

    def make(base, new, *, session="one", **members):
        return [made_up.result_set(tmp_path / name, rounds, label=name, session=which, **some)
                for name, rounds, which, some in (
                    ("base", base, "one", {}), ("new", new, session, members))]

    return make


def found_in(base, new, metrics=("rate",), rule=RULE):
    subject = compare.of_sets(base, new)
    return subject, compare.findings(subject, metrics, rule)


def outcomes_of(base, new, **options):
    _, found = found_in(base, new, **options)
    return {(one.pair.new.cell.name, one.metric.name): one.outcome for one in found}


def drifting(rounds, seed):
    """What the machine does to both sides of a round: far more than any difference looked for."""
    return np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.2, rounds)))


# ---- verdicts


@pytest.mark.parametrize("same_session", [True, False])
def test_a_known_difference(sets, same_session):
    base, new = sets({EPOLL: noisy(1e5, 12, 0.02), FILE: noisy(2e5, 12, 0.02, 2)},
                     {EPOLL: noisy(0.9e5, 12, 0.02, 3), FILE: noisy(2.2e5, 12, 0.02, 4)},
                     session="one" if same_session else "two")
    subject, found = found_in(base, new)
    assert subject.paired == same_session
    assert [one.text() for one in found] == ["slower", "faster"]
    for one, truth in zip(found, (0.9, 1.1)):
        assert one.ratio.low < truth < one.ratio.high
        assert 0 <= one.verdict.p <= inference.ALPHA
        assert 0 <= one.mann_whitney_p <= inference.ALPHA
    assert one.ratio.value == pytest.approx(truth, abs=0.03)


def test_pairs_see_through_a_drift(sets):
    """The samples overlap from end to end, and each round still says the same."""
    drift = drifting(12, 1)
    base, new = sets({EPOLL: list(1e5 * drift)}, {EPOLL: list(0.9e5 * drift * noisy(1, 12, 0.01))})
    _, (one,) = found_in(base, new)
    assert (one.outcome, one.mann_whitney_p > 0.1) == (outcomes.WORSE, True)


def test_equal_within_the_margin(sets):
    base, new = sets({EPOLL: noisy(1e5, 12, 0.01)}, {EPOLL: noisy(1e5, 12, 0.01, 2)})
    _, (one,) = found_in(base, new)
    assert (one.outcome, one.text()) == (outcomes.EQUAL, "equal within 3 %")
    assert one.verdict.equal_p <= inference.ALPHA < one.verdict.p
    assert one.ratio.low < 1 < one.ratio.high and 0.005 < one.visible < 0.03


def test_too_noisy_to_tell(sets):
    base, new = sets({EPOLL: noisy(1e5, 12, 0.1)}, {EPOLL: noisy(1e5, 12, 0.1, 2)})
    _, (one,) = found_in(base, new)
    assert (one.outcome, one.text()) == (outcomes.UNCLEAR, "too noisy to tell")
    assert min(one.verdict.p, one.verdict.equal_p) > inference.ALPHA
    assert 0.05 < one.visible < 0.3


def test_equal_values(sets):
    base, new = sets({EPOLL: [1e5] * 6}, {EPOLL: [1e5] * 6})
    _, (one,) = found_in(base, new)
    assert (one.outcome, one.ratio.value, one.verdict.p) == (outcomes.EQUAL, 1, 1)
    assert one.visible == RULE.min_effect


def test_less_is_better(sets):
    """Latency and CPU cost: the words say which way is good."""
    base, new = sets({EPOLL: [Round(rate, latencies_ns=1e4, client_cpu_us=5)
                              for rate in noisy(1e5, 8)]},
                     {EPOLL: [Round(rate, latencies_ns=2e4, client_cpu_us=4, server_cpu_us=4)
                              for rate in noisy(1e5, 8, seed=2)]})
    _, found = found_in(base, new, ["rate", "p50", "p99", "cpu"])
    assert {one.metric.name: one.text() for one in found} == {
        "rate": "too noisy to tell", "p50_ns": "higher (worse)", "p99_ns": "higher (worse)",
        "client_cpu_us": "lower (better)", "server_cpu_us": "equal within 3 %"}


@pytest.mark.parametrize(("effect", "margin", "outcome"), [
    (0.01, 0.03, outcomes.WORSE), (0.1, 0.1, outcomes.EQUAL), (0.06, 0.06, outcomes.EQUAL),
    (0.01, 0.1, outcomes.WORSE)])
def test_min_effect(sets, effect, margin, outcome):
    """What is of no interest is not different; a difference comes before being equal."""
    rates = noisy(1e5, 12, 0.1)
    base, new = sets({EPOLL: rates}, {EPOLL: [rate * 0.95 for rate in rates]})
    rule = verdicts.Rule(effect, margin)
    assert set(outcomes_of(base, new, rule=rule).values()) == {outcome}


@pytest.mark.parametrize(("paired", "few", "enough"), [(True, 5, 6), (False, 3, 4)])
def test_too_few_rounds(sets, paired, few, enough):
    """However large the difference is; and the number that is said to be enough can be."""
    for rounds, shown in ((few, False), (enough, True)):
        base, new = sets({EPOLL: noisy(1e5, rounds, 0.001)}, {EPOLL: noisy(5e4, rounds, 0.001, 2)},
                         session="one" if paired else "two")
        subject, found = found_in(base, new)
        assert found[0].outcome == (outcomes.WORSE if shown else outcomes.UNCLEAR)
        assert shown or (found[0].text(), found[0].visible) == ("too few rounds to tell", None)
        texts = list(cautions.too_few_rounds(subject, found))
        assert bool(texts) != shown
        assert shown or f"{few} rounds can show nothing" in texts[0]
        assert shown or f"at least {enough}" in texts[0]


def test_of_too_few_rounds_nothing_is_equal(sets):
    """Five alike could be called so by chance in one of 32, and could not be called different."""
    base, new = sets({EPOLL: [1e5] * 5}, {EPOLL: [1e5] * 5})
    _, (one,) = found_in(base, new)
    assert (one.outcome, one.visible) == (outcomes.UNCLEAR, None)


def test_more_rounds_are_advised_as_the_noise_asks(sets):
    def advised(spread):
        base, new = sets({EPOLL: noisy(1e5, 12, spread)}, {EPOLL: noisy(1e5, 12, spread, 2)})
        return found_in(base, new)[1][0].more_rounds()

    quiet, loud = advised(0.005), advised(0.2)
    assert (quiet, loud > 100) == (0, True)


def test_equality_of_separate_samples(sets):
    for spread, outcome in ((0.01, outcomes.EQUAL), (0.1, outcomes.UNCLEAR)):
        base, new = sets({EPOLL: noisy(1e5, 12, spread)}, {EPOLL: noisy(1e5, 12, spread, 2)},
                         session="two")
        assert set(outcomes_of(base, new).values()) == {outcome}


# ---- what is not as it should be


def warnings_of(base, new):
    subject, found = found_in(base, new)
    return cautions.all_of(subject, found), gate.regressions(subject, found)


def test_cells_of_one_side(sets):
    base, new = sets({EPOLL: [1e5] * 6, FILE: [1e5] * 6}, {EPOLL: [1e5] * 6, URING: [1e5] * 6})
    warnings, failed = warnings_of(base, new)
    assert f"only in base: {FILE.name} (not in the matrix of new)" in warnings
    assert f"only in new: {URING.name} (not in the matrix of base)" in warnings
    assert failed == []


def test_a_cell_that_fails_is_a_regression(sets):
    base, new = sets({EPOLL: [1e5] * 6, FILE: [1e5] * 6}, {EPOLL: [1e5] * 6, FILE: ["dead"] * 6})
    warnings, failed = warnings_of(base, new)
    assert any(FILE.name in text and "dead" in text for text in warnings)
    assert failed == [f"not measured: {FILE.name}: failed in new: dead"]


def test_texts_of_others_mean_nothing_in_a_comment(sets):
    bad = "<img src=x> [zzz](http://x) @everyone"
    base, new = sets({EPOLL: [1e5] * 6, FILE: [1e5] * 6}, {EPOLL: [1e5] * 6, FILE: [bad] * 6})
    subject, found = found_in(base, new)
    text = formats.markdown(subject, found, RULE, [bad], gate.regressions(subject, found))
    assert text.count("zzz") == text.count("\\[zzz\\](") >= 2
    assert text.count("<img") == text.count("\\<img") and "@everyone" not in text


def test_a_cell_that_cannot_run_any_more_is_a_regression(sets):
    base, new = sets({EPOLL: [1e5] * 6, URING: [1e5] * 6}, {EPOLL: [1e5] * 6},
                     left_out={URING: "gone"})
    _, failed = warnings_of(base, new)
    assert failed == [f"not measured: {URING.name}: left out of new: gone"]


@pytest.mark.parametrize("fault", [{"errors": {"timeout": 2}}, {"starved": 1}])
@pytest.mark.parametrize("side", ["base", "new"])
def test_no_verdict_in_favour_of_faults(sets, fault, side):
    good, bad = noisy(1e5, 8, 0.01), [Round(rate, **fault) for rate in noisy(2e5, 8, 0.01, 2)]
    base, new = sets({EPOLL: bad if side == "base" else good},
                     {EPOLL: good if side == "base" else bad})
    _, (one,) = found_in(base, new)
    assert (one.outcome, one.text()) == (outcomes.VOID, f"void: faults of the {side}")
    warnings, failed = warnings_of(base, new)
    assert any(EPOLL.name in text and "no faults" in text for text in warnings)
    assert len(failed) == (side == "new")


def test_a_fault_of_the_base_does_not_hide_others_of_the_new(sets):
    base, new = sets({EPOLL: [Round(1e5, errors={"timeout": 1})] * 8},
                     {EPOLL: [Round(1e5, errors={"timeout": 1}, starved=1)] * 8})
    _, failed = warnings_of(base, new)
    assert failed == [f"{EPOLL.name}: 8 starved connections, and none in the base"]


@pytest.mark.parametrize(("base", "new", "text"), [
    # Once failed: a single error of the base let any number of the new side's pass.
    (Round(1e5, errors={"timeout": 1}), Round(1e5, errors={"timeout": 50}),
     "400 errors, and 8 in the base"),
    (Round(1e5, starved=1), Round(1e5, starved=2), "16 starved connections, and 8 in the base"),
    (Round(1e5, errors={"timeout": 4}), Round(2e5, errors={"timeout": 8}), None),  # twice the work
    (Round(1e5, errors={"timeout": 2}), Round(1e5, errors={"timeout": 1}), None),
    (Round(1e5, starved=2), Round(1e5, starved=1), None),
])
def test_more_faults_than_the_base_has(sets, base, new, text):
    _, failed = warnings_of(*sets({EPOLL: [base] * 8}, {EPOLL: [new] * 8}))
    assert [one for one in failed if "in the base" in one] == (
        [f"{EPOLL.name}: {text}"] if text else [])


def test_more_failed_runs_than_the_base_has(sets):
    _, failed = warnings_of(*sets({EPOLL: [*[1e5] * 8, "dead"]},
                                  {EPOLL: [*[1e5] * 7, "dead", "dead"]}))
    assert failed == [f"{EPOLL.name}: 2 failed runs, and 1 in the base"]


def test_errors_must_be_beyond_chance():
    """1 and 7 of equal work: a coin has 7 heads of 8 or more in 9 of 256 cases; 8 of 9 in 10 of
    512."""
    one = faults.Fault(1, 1000)
    assert faults.by_chance(one, faults.Fault(7, 1000)) == pytest.approx(9 / 256)
    assert not faults.is_more(faults.ERRORS, one, faults.Fault(7, 1000), 1)
    assert faults.is_more(faults.ERRORS, one, faults.Fault(8, 1000), 1)
    assert not faults.is_more(faults.ERRORS, one, faults.Fault(8, 1000), 2)
    assert faults.is_more(faults.ERRORS, faults.Fault(0, 1000), faults.Fault(1, 1000), 9)
    many = faults.Fault(1000, 10000), faults.Fault(1900, 10000)  # not twice as many
    assert not faults.is_more(faults.ERRORS, *many, 1)


@pytest.mark.parametrize("factor", [2, 0.5])
def test_with_faults_on_both_sides_nobody_is_faster(sets, factor):
    bad = [Round(rate, errors={"timeout": 1}) for rate in noisy(1e5, 8, 0.01)]
    base, new = sets({EPOLL: bad}, {EPOLL: [Round(one.rate * factor, errors=one.errors)
                                            for one in bad]})
    _, (one,) = found_in(base, new)
    assert (one.outcome, one.text()) == (outcomes.VOID, "void: faults of both")


def test_faults_of_the_loser_change_nothing(sets):
    base, new = sets({EPOLL: noisy(1e5, 8, 0.01)},
                     {EPOLL: [Round(5e4, starved=1)] * 8})
    assert set(outcomes_of(base, new).values()) == {outcomes.WORSE}


def test_what_has_faults_is_not_called_equal(sets):
    base, new = sets({EPOLL: [1e5] * 8}, {EPOLL: [*[1e5] * 7, Round(1e5, starved=1)]})
    _, (one,) = found_in(base, new)
    assert (one.outcome, one.text()) == (outcomes.VOID, "void: faults of the new")


def test_other_machine_and_other_time(sets):
    base, new = sets({EPOLL: [1e5] * 6}, {EPOLL: [1e5] * 6}, session="two",
                     host={"cpu_model": "Abacus"})
    warnings, _ = warnings_of(base, new)
    assert "not a controlled comparison" in warnings[0] and "Abacus" in warnings[0]
    assert any("measured at different times" in text for text in warnings)


def test_other_settings(sets):
    config = made_up.TEMPLATES["client"]["config"] | {"nodelay": "off"}
    base, new = sets({EPOLL: [1e5] * 6}, {EPOLL: [Round(1e5, report={"config": config})] * 6},
                     timing=made_up.TIMING._replace(duration_s=2.0))
    warnings, _ = warnings_of(base, new)
    assert any("nodelay on and off" in text for text in warnings)
    assert any("windows of 0.5 s and 2.0 s" in text for text in warnings)


def test_limited_and_unsteady(sets):
    base, new = sets({EPOLL: [1e5] * 6}, {EPOLL: [Round(1e5, limited="busy", unsteady="a trend")]
                                          * 6})
    warnings, _ = warnings_of(base, new)
    assert any("client_limited" in text for text in warnings)
    assert any("100 % of the base's rounds were steady, 0 % of the new's" in text
               for text in warnings)


def test_sound_sets_get_no_warning(sets):
    base, new = sets({EPOLL: noisy(1e5, 8)}, {EPOLL: noisy(1e5, 8, seed=2)})
    assert warnings_of(base, new) == ([], [])


# ---- the script


def test_table_markdown_and_json(sets, tmp_path):
    base, new = sets({EPOLL: noisy(1e5, 9, 0.01), FILE: noisy(1e5, 9), UDP: [1e5] * 9},
                     {EPOLL: noisy(9e4, 9, 0.01, 2), FILE: noisy(1e5, 9, seed=3),
                      UDP: [1e5] * 9})
    done = script(base.path, new.path, "--markdown", tmp_path / "x.md", "--json",
                  tmp_path / "x.json", "--metric", "rate,p99", "--gate")
    assert done.returncode == 1
    assert re.fullmatch(r"compare: too noisy to tell in \d of 6 comparisons: "
                        rf".*{FILE.name} rate.*; "
                        r"would not see changes below [\d.]+ %\n", done.stderr)
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert (found["kind"], found["paired"]) == ("iobench comparison", True)
    assert {one["outcome"] for one in found["findings"]} >= {"worse", "equal", "unclear"}
    assert all(one["visible"] >= found["min_effect"] for one in found["findings"])
    first = found["findings"][0]
    assert (first["cell"], first["metric"], first["verdict"]) == (EPOLL.name, "rate", "slower")
    assert first["interval"][0] < first["ratio"] < first["interval"][1] < 1
    assert len(found["findings"]) == 6
    assert re.search(r"^epoll +requests/s .* slower +[\d.]+ %$", done.stdout, re.M)
    assert re.search(r"^1 slower, .*\d too noisy to tell, \d equal within 3 %$", done.stdout, re.M)
    assert "at most 3.1 % of runs call something different" in " ".join(done.stdout.split())
    markdown = (tmp_path / "x.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{EPOLL.name}` \| requests/s \|.*\*\*slower\*\* \| [\d.]+ % \|$",
                     markdown, re.M)
    assert markdown.count("<details>") == markdown.count("</details>") == 3
    assert re.search(r"Smallest change seen: [\d.]+ % to [\d.]+ %, depending", markdown)
    assert re.search(r"^- .* CPUs, .*load before: .*steal: at most", markdown, re.M)


@pytest.mark.parametrize(("factor", "status"), [(0.8, 1), (1.0, 0), (1.25, 0)])
def test_gate(sets, factor, status):
    base, new = sets({EPOLL: noisy(1e5, 9, 0.01)}, {EPOLL: noisy(1e5 * factor, 9, 0.01, 2)})
    assert script(base.path, new.path, "--gate").returncode == status
    assert script(base.path, new.path).returncode == 0


@pytest.mark.parametrize(("words", "status", "is_said"), [
    ([], 0, True), (["--inconclusive", "warn"], 0, True), (["--inconclusive", "fail"], 1, True),
    (["--inconclusive", "pass"], 0, False)])
def test_a_gate_when_it_is_too_noisy_to_tell(sets, words, status, is_said):
    base, new = sets({EPOLL: noisy(1e5, 9, 0.1), FILE: [1e5] * 9},
                     {EPOLL: noisy(1e5, 9, 0.1, 2), FILE: [1e5] * 9})
    done = script(base.path, new.path, "--gate", *words)
    assert done.returncode == status
    text = rf"compare: too noisy to tell in 1 of 2 cells: {EPOLL.name}; would not see changes"
    assert bool(re.fullmatch(text + r" below \d+ %\n", done.stderr)) == is_said == bool(done.stderr)
    assert script(base.path, new.path).stderr == ""


def test_a_gate_of_too_few_rounds(sets):
    base, new = sets({EPOLL: [1e5] * 3}, {EPOLL: [1e5] * 3})
    done = script(base.path, new.path, "--gate", "--inconclusive", "fail")
    assert done.returncode == 1
    assert "these are too few rounds to see any change" in done.stderr


def test_a_gate_that_compares_nothing_stays_shut(sets):
    base, new = sets({EPOLL: [1e5] * 6}, {FILE: [1e5] * 6})
    done = script(base.path, new.path, "--gate")
    assert (done.returncode, done.stderr) == (1, "")
    assert "nothing could be compared" in done.stdout


def test_two_backends_of_one_set(sets):
    drift = drifting(12, 2)
    base, _ = sets({EPOLL: list(1e5 * drift), URING: list(1.2e5 * drift * noisy(1, 12, 0.01)),
                    FILE: [1e5] * 12}, {EPOLL: [1]})
    done = script("--backends", "epoll,io_uring", base.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 faster" in done.stdout
    done = script("--backends", "epoll,kqueue", base.path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'kqueue' was not measured in" in done.stderr and "epoll, io_uring, sync" in done.stderr


def test_files_that_cannot_be_read(sets):
    """The rest is compared, and the line says which."""
    base, new = sets({EPOLL: [1e5] * 6, FILE: [1e5] * 6}, {EPOLL: [1e5] * 6, FILE: [1e5] * 6})
    torn = next((new.path / "raw").glob(f"{FILE.name}-1.*"))
    torn.write_bytes(torn.read_bytes()[:99])
    done = script(base.path, new.path)
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    assert torn.name in "".join(done.stdout.split()) or torn.name in text


def test_a_report_that_lacks_something(sets):
    base, new = sets({EPOLL: [1e5] * 6, FILE: [1e5] * 6}, {EPOLL: [1e5] * 6, FILE: [1e5] * 6})
    for number, member in enumerate(("rate", "config", "host", "totals"), 1):
        file = new.path / "raw" / f"{FILE.name}-{number}.client.json"
        report = json.loads(file.read_text(encoding="utf-8"))
        del report[member]
        file.write_text(json.dumps(report), encoding="utf-8")
    done = script(base.path, new.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert " ".join(done.stdout.split()).count("not a whole report: lacks") == 4
    assert re.search(r"^epoll +100,000 ", done.stdout, re.M)


def test_a_plan_with_a_cell_of_another_form(sets):
    base, new = sets({EPOLL: [1e5] * 6}, {EPOLL: [1e5] * 6})
    plan = json.loads((new.path / "plan.json").read_text(encoding="utf-8"))
    plan["cells"][0]["settings"]["backend"] = 5
    (new.path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    done = script(base.path, new.path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"compare: {new.path}/plan.json: not a whole plan: its backend is 5\n"


@pytest.mark.parametrize("member", ["session", "cells", "created_at", "cpus"])
def test_a_plan_that_lacks_something(sets, member):
    base, new = sets({EPOLL: [1e5] * 6}, {EPOLL: [1e5] * 6})
    plan = json.loads((new.path / "plan.json").read_text(encoding="utf-8"))
    del plan[member]
    (new.path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    done = script(base.path, new.path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"compare: {new.path}/plan.json: lacks '{member}'\n"


@pytest.mark.parametrize(("args", "words"), [
    ([], "0 given: give BASE and NEW"),
    (["a"], "1 given"),
    (["a", "b"], "a/plan.json: No such file"),
    (["--rev", "HEAD"], "'HEAD' and 0 more: give it twice"),
    (["--rev", "HEAD", "--rev", "nonsense"], "'nonsense' is not a revision"),
    (["--rev", "HEAD", "--rev", "HEAD", "a"], "no DIR"),
    (["--rev", "HEAD", "--rev", "HEAD", "--rounds", "0"], "'0' is not a count"),
    (["a", "b", "--rounds", "3"], "--rounds: goes with --rev only"),
    (["a", "b", "--min-effect", "much"], "'much' is not a percentage"),
    (["a", "b", "--min-effect", "5%", "--equal-within", "3%"],
     "5 % is more than the 3 % of --equal-within"),
    (["a", "b", "--inconclusive", "fail"], "--inconclusive: goes with --gate only"),
    (["a", "b", "--gate", "--inconclusive", "x"], "'x' is not one of pass, warn, fail"),
    (["a", "b", "--metric", "speed"], "'speed' is not one of rate, p50"),
    (["--backends", "epoll", "a"], "give two backends and one DIR"),
    (["a", "b", "--json", "no/where.json"], "its directory is not there"),
])
def test_bad_input_is_one_line(args, words, tmp_path):
    done = script(*args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("compare: ") and done.stderr.count("\n") == 1
    assert words in done.stderr


# ---- revisions


@pytest.fixture
def repository(tmp_path):
    """A tiny one: make copies the built programs, in the second revision it fails."""
    path = tmp_path / "repository"
    path.mkdir()
    built = Path(os.environ["IOBENCH_BIN"])

    def commit(makefile):
        (path / "Makefile").write_text(makefile, encoding="utf-8")
        git = ["git", "-C", str(path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
        if not (path / ".git").exists():
            subprocess.run([*git, "init", "-q"], check=True)
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)

    commit(f"all:\n\tcp -r {built} bin\n")
    commit("all:\n\tfalse\n")
    commit("all:\n\techo $$$$ >$(CURDIR)/../../build.pid; sleep 60\n")
    return path


def work_trees(path):
    done = subprocess.run(["git", "-C", str(path), "worktree", "list"], capture_output=True,
                          text=True, check=True)
    return done.stdout.splitlines()


def test_a_revision_is_built_and_its_tree_removed(repository, tmp_path):
    revision = revisions.resolve("HEAD~2", repository)
    assert revision.label == f"HEAD~2 ({revision.commit[:10]})"
    with revisions.programs_of([revision], tmp_path, repository) as (programs,):
        assert os.access(programs / "bench_server", os.X_OK)
        assert len(work_trees(repository)) == 1
    assert not programs.exists()


def test_a_failed_build_is_one_line(repository, tmp_path):
    revision = revisions.resolve("HEAD~1", repository)
    with pytest.raises(Failed, match=r"^--rev: HEAD~1 \(\w+\) does not build: see \S+\.log$"):
        with revisions.programs_of([revision], tmp_path, repository):
            pass
    assert len(work_trees(repository)) == 1


INTERRUPTED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from iobench import run
from iobench.compare import revisions
run.interrupts.catch()
repository, output = map(Path, sys.argv[2:])
with revisions.programs_of([revisions.resolve("HEAD", repository)], output, repository):
    pass
"""


def test_an_interrupted_build_leaves_nothing(repository, tmp_path):
    output, scratch = tmp_path / "output", tmp_path / "scratch"
    output.mkdir()
    scratch.mkdir()
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(ROOT / "scripts"),
                                str(repository), str(output)], stderr=subprocess.DEVNULL,
                               env={**os.environ, "TMPDIR": str(scratch)})
    eventually(lambda: list(scratch.glob("build.pid")), "the build began")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) != 0
    assert len(work_trees(repository)) == 1
    assert [path.name for path in scratch.iterdir()] == ["build.pid"]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a repository")
def test_revisions_are_measured_side_by_side(tmp_path):
    """HEAD twice: one build, two sets of one session. At the same time where that is valid."""
    matrix = tmp_path / "m.toml"
    matrix.write_text('[[tcp]]\nbackend = "libev"\nconnections = [2, 10]\n', encoding="utf-8")
    start_s = time.monotonic()
    done = script("--rev", "HEAD", "--rev", "HEAD", "--matrix", matrix, "--rounds", 2,
                  "--duration", "20ms", "--warmup", "5ms", "--output", tmp_path / "out", "--json",
                  tmp_path / "x.json")
    assert (done.returncode, done.stderr) == (0, ""), time.monotonic() - start_s
    assert done.stdout.count("building HEAD") == 1
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    ways = {(one["settings"]["connections"], one["how"], one["new_rounds"])
            for one in found["findings"]}
    cpus = getattr(os, "sched_getaffinity", lambda _: [0])(0)
    duet = "duet" if len(cpus) > 1 else "interleaved"
    assert (found["paired"], ways) == (True, {(2, "interleaved", 2), (10, duet, 2)})
    assert {one["metric"] for one in found["findings"]} == {
        "rate", "client_cpu_us", "server_cpu_us"}
    assert any("2 rounds can show nothing; at least 6" in text for text in found["warnings"])
    assert (tmp_path / "out" / "base" / "table.md").exists()
    assert len(work_trees(ROOT)) == len(set(work_trees(ROOT)))
