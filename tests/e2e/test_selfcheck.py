"""scripts/selfcheck: the slowdown that verdicts must find is really there."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from iobench import cells, resultset, run, runner, selfcheck, tcp  # noqa: E402 (path first)
from iobench.matrix import Planned  # noqa: E402

BACKEND = "epoll" if sys.platform == "linux" else "libev"
WORK_NS = 2_000_000


def test_slower_programs_are_slower(tmp_path):
    """2 ms of work on each message leave fewer than 500 requests per second of one connection."""
    cell = cells.make(tcp, {"backend": BACKEND, "connections": 1})
    planned = [Planned(cell, cells.Timing(1, 0.1, 0))]
    programs = selfcheck.slower(run.programs(), tmp_path / "slower", WORK_NS)
    store = resultset.Store.create(tmp_path / "set", resultset.plan_for(planned, seed=1))
    runner.measure([runner.Variant(store, programs)])
    sample = store.samples[cell.name][1]
    assert sample["server"]["config"]["work_ns"] == WORK_NS
    assert 0 < sample["client"]["rate"]["qps"] <= 500
