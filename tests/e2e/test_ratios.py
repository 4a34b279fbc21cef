"""Ratios of bench's table and of summary.json: what is compared, judged and said."""

import json
import os
import re
import subprocess
import sys

import made_up
import pytest
from harness import ROOT

pytest.importorskip("scipy")

from iobench import ratios, summary  # noqa: E402

PATIENCE_S = 120
EPOLL, LIBEV = (made_up.cell("tcp", backend=name) for name in ("epoll", "libev"))
SYNC, URING = (made_up.cell("file", engine=name) for name in ("sync", "io_uring"))
EIGHT = [100e3, 200e3, 50e3, 100e3, 150e3, 90e3, 120e3, 80e3]


def summed(path, rounds, **options):
    """({cell: what summary.json says of it}, table.md)"""
    found = made_up.result_set(path, rounds, **options)
    summary.write(found)
    saved = json.loads((path / "summary.json").read_text(encoding="utf-8"))
    by_name = {cell["name"]: cell for cell in saved["cells"]}
    return ({cell: by_name[cell.name] for cell in rounds},
            (path / "table.md").read_text(encoding="utf-8"))


def scaled(factor, spread=0.002):
    return [rate * factor * noise for rate, noise in zip(EIGHT, made_up.noisy(1, 8, spread))]


def test_ratio_is_of_the_rounds_own_pairs(tmp_path):
    """The rounds differ by far more than the backends, and yet each has the same ratio."""
    found, table = summed(tmp_path, {EPOLL: EIGHT, LIBEV: scaled(1.1)})
    ratio = found[LIBEV]["ratios"]["rate"]
    assert (ratio["to"], ratio["outcome"], ratio["verdict"]) == (EPOLL.name, "better", "faster")
    assert [*ratio["by_round"].values()] == pytest.approx([1.1] * 8, rel=0.01)
    assert ratio["low"] < ratio["ratio"] < ratio["high"] and ratio["p"] <= 1 / 32
    assert re.search(r"\| libev \|.* \| 1\.1\d\d ±0\.00\d† \| [^|]* \|$", table, re.M)
    assert re.search(r"\| epoll \|.* \| 1 \|$", table, re.M)
    assert "at most 3.1 % of runs call something different that is not" in table


@pytest.mark.parametrize(("rates", "outcome", "text"), [
    (scaled(1), "equal", "equal ±3 %"),
    (scaled(1, 0.3), "unclear", r"unclear ±\d+ %"),
    (scaled(2)[:5], "unclear", "unclear"),  # five rounds
])
def test_what_is_not_different(tmp_path, rates, outcome, text):
    found, table = summed(tmp_path, {EPOLL: EIGHT, LIBEV: rates})
    assert found[LIBEV]["ratios"]["rate"]["outcome"] == outcome
    assert re.search(rf"\| libev \|.* \| {text}† \| [^|]* \|$", table, re.M)


def test_ratios_of_all_parts_are_judged_together(tmp_path):
    """Six rounds just show one ratio; beside others of noise they do not."""
    noise = made_up.noisy(1e5, 6, 0.3, 5), made_up.noisy(1e5, 6, 0.3, 6)
    pair = {EPOLL: EIGHT[:6], LIBEV: [rate * factor for rate, factor in zip(
        EIGHT, (1.01, 1.2, 1.05, 1.1, 1.3, 1.02))]}
    alone, _ = summed(tmp_path / "alone", pair)
    both, _ = summed(tmp_path / "both", pair | dict(zip((SYNC, URING), noise)))
    assert alone[LIBEV]["ratios"]["rate"]["outcome"] == "better"
    assert both[LIBEV]["ratios"]["rate"]["outcome"] == "unclear"
    assert both[LIBEV]["ratios"]["rate"]["visible"] > alone[LIBEV]["ratios"]["rate"]["visible"]


@pytest.mark.parametrize("bad", [EPOLL, LIBEV])
def test_what_is_void_has_no_ratio(tmp_path, bad):
    rounds = {EPOLL: EIGHT, LIBEV: EIGHT}
    rounds[bad] = [made_up.Round(1e5, errors={"timeout": 1}), *EIGHT[1:]]
    found, table = summed(tmp_path, rounds)
    assert "ratios" not in found[LIBEV]
    assert re.search(rf"\| {bad['backend']} \|.* \| void \|$", table, re.M)


def test_without_scipy_there_are_ratios_and_no_verdicts(tmp_path, monkeypatch):
    monkeypatch.setattr(ratios, "verdicts", None)
    monkeypatch.setattr(ratios, "MISSING", "no verdicts on ratios: scripts/install-deps bench")
    found, table = summed(tmp_path, {EPOLL: EIGHT, LIBEV: scaled(1.1)})
    ratio = found[LIBEV]["ratios"]["rate"]
    assert (ratio["outcome"], ratio["p"], ratio["low"]) == (None, None, None)
    assert ratio["ratio"] == pytest.approx(1.1, rel=0.01)
    assert re.search(r"\| libev \|.* \| 1\.10\?† \| [^|]* \|$", table, re.M)
    assert "- no verdicts on ratios" in table


def test_scripts_bench_runs_without_numpy(tmp_path):
    """Its modules, imported where there is none."""
    for name in ("numpy", "scipy"):
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('no {name}')", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c",
         "from iobench import report, summary, ratios; print(ratios.MISSING)"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT / 'scripts'}"}, capture_output=True,
        text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "no verdicts on ratios: no numpy: scripts/install-deps bench\n"
