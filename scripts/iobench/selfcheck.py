"""Records rounds of a build beside itself and beside a slower one, and counts compare's verdicts.

Rounds are recorded in sessions, each as `compare --rev` would measure it. A session's cells are
measured one after the other, since each is slowed by an amount of its own.
"""

import contextlib
import io
import math
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

from iobench import cells, inference, resultset, run, runner, tcp, verdicts
from iobench.cells import HIGHER
from iobench.matrix import Planned
from iobench.outcomes import BETTER, WORSE
from iobench.pairing import INTERLEAVED

BASE, SAME, SLOW = "base", "same", "slow"
PROBE_NS = 1000  # of work per message, to find out how much makes the slowdown that is wanted
CONNECTIONS = (1, 16)


class Plan(NamedTuple):
    sessions: int
    timing: cells.Timing  # of each
    calibration_rounds: int
    slowdown: float
    backend: str


def slower(programs, folder, work_ns):
    """A directory of the same programs whose server works so long on each message."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for program in programs.iterdir():
        (folder / program.name).symlink_to(program)
    server = folder / "bench_server"
    server.unlink()
    server.write_text(f'#!/bin/sh\nexec "{programs / "bench_server"}" "$@" --work {work_ns}ns\n',
                      encoding="utf-8")
    server.chmod(0o755)
    return folder


def session(cell, timing, variants, folder, seed):
    """{variant: [rate of each round, None if it failed]}"""
    stores, plan = [], [Planned(cell, timing)]
    for name in variants:
        text = resultset.plan_for(plan, seed=seed, session="selfcheck", label=name)
        stores.append(resultset.Store.create(folder / name, text))
    with contextlib.redirect_stdout(io.StringIO()):  # a line for each run
        runner.measure([runner.Variant(store, variants[store.label]) for store in stores])
    rates = {store.label: store.by_round(cell.name, "rate") for store in stores}
    for store in stores:
        shutil.rmtree(store.path)
    return {name: [some.get(number) for number in range(1, timing.rounds + 1)]
            for name, some in rates.items()}


def log_ratios(base, new):
    """{round: logarithm} of those with both."""
    return {number: math.log(now / old) for number, (old, now) in enumerate(zip(base, new))
            if old and now}


def work_for(cell, plan, programs, folder):
    """How long the server must work on a message for its rate to fall by the slowdown."""
    variants = {BASE: programs, SLOW: slower(programs, folder / "probe", PROBE_NS)}
    rates = session(cell, plan.timing._replace(rounds=plan.calibration_rounds), variants, folder, 1)
    logs = list(log_ratios(rates[BASE], rates[SLOW]).values())
    ratio = math.exp(inference.location(np.array(logs)))
    if not 0 < ratio < 1:
        raise run.Failed(f"{cell.name}: {PROBE_NS} ns of work per message did not slow it down: "
                         "the machine is too busy to calibrate on")
    # Time per message grows by what the server works.
    return max(1, round(PROBE_NS * (1 / (1 - plan.slowdown) - 1) / (1 / ratio - 1)))


def record(plan, programs, tell):
    """{"cells": {name: work_ns}, "sessions": [{cell name: {variant: rates}}]}"""
    some = [cells.make(tcp, {"backend": plan.backend, "connections": count})
            for count in CONNECTIONS]
    with tempfile.TemporaryDirectory(prefix="iobench-selfcheck-") as name:
        folder = Path(name)
        work_ns = {cell.name: work_for(cell, plan, programs, folder) for cell in some}
        tell(f"work per message for a rate {plan.slowdown:.0%} lower: " + ", ".join(
            f"{cell}: {value} ns" for cell, value in work_ns.items()))
        variants = {cell: {BASE: programs, SAME: programs,
                           SLOW: slower(programs, folder / f"slow-{cell.name}",
                                        work_ns[cell.name])} for cell in some}
        sessions = []
        for number in range(1, plan.sessions + 1):
            sessions.append({cell.name: session(cell, plan.timing, variants[cell], folder, number)
                             for cell in some})
            if number % 10 == 0:
                tell(f"{number} of {plan.sessions} sessions")
    return {"cells": work_ns, "sessions": sessions}


# ---- verdicts


def verdicts_on(tests, least_effect):
    """-1 slower, 1 faster, 0 neither, as compare gives them. tests: {round: log of the ratio}"""
    rule = verdicts.Rule(min_effect=least_effect)
    pairs = [verdicts.Test(INTERLEAVED, dict.fromkeys(test, 0.0), test, HIGHER) for test in tests]
    values = {BETTER: 1, WORSE: -1}
    return [values.get(one.outcome, 0) for one in verdicts.judge(pairs, rule)]


class Count(NamedTuple):
    what: str
    found: int
    of: int
    bound: float
    at_most: bool  # else at least

    def share(self):
        return self.found / self.of

    def interval(self):
        return stats.binomtest(self.found, self.of).proportion_ci(method="exact")

    def breached(self):
        """Shown to be beyond the bound: chance alone would do this in 2.5 % of the checks."""
        side = "greater" if self.at_most else "less"
        return stats.binomtest(self.found, self.of, self.bound, side).pvalue < 0.025

    def text(self):
        low, high = self.interval()
        word = "at most" if self.at_most else "at least"
        return (f"{self.what}: {self.found:,} of {self.of:,}, {self.share():.2%} "
                f"({low:.2%} to {high:.2%}; {word} {self.bound:.0%})"
                + (" BREACHED" if self.breached() else ""))

    def as_json(self):
        return {**self._asdict(), "share": self.share(), "interval": list(self.interval()),
                "breached": bool(self.breached())}


def joined(sessions, cell, base, new):
    """Their rounds one after the other, as if of one session."""
    sides = ([rate for one in sessions for rate in one[cell][side]] for side in (base, new))
    return log_ratios(*sides)


def relabelled(test, signs):
    """As if a coin had said which run of a round was whose."""
    return {number: value * signs[number] for number, value in test.items()}


def real_false(recorded, least_effect):
    """Each session is a comparison of a build with itself."""
    some = recorded["sessions"]
    wrong = sum(any(verdicts_on([joined([one], cell, BASE, SAME) for cell in one], least_effect))
                for one in some)
    return Count("false verdicts in any cell, of real comparisons of a build with itself", wrong,
                 len(some), 0.05, True)


def drawn(recorded, count, draw):
    """Sessions with replacement: what lies close together in time stays so."""
    return [recorded["sessions"][i] for i in draw.integers(0, len(recorded["sessions"]), count)]


def resampled_false(recorded, sessions, times, least_effect):
    draw, wrong = np.random.default_rng(1), 0
    for _ in range(times):
        some = drawn(recorded, sessions, draw)
        tests = [joined(some, cell, BASE, SAME) for cell in recorded["cells"]]
        signs = draw.choice((-1, 1), 1 + max(max(test, default=0) for test in tests))
        wrong += any(verdicts_on([relabelled(test, signs) for test in tests], least_effect))
    return Count("false verdicts in any cell, of resampled comparisons of a build with itself",
                 wrong, times, 0.05, True)


def resampled_found(recorded, sessions, times, least_effect):
    """How often the slowdown is found in all the cells that have it: {cell: how often}"""
    draw, found = np.random.default_rng(2), dict.fromkeys(recorded["cells"], 0)
    for _ in range(times):
        some = drawn(recorded, sessions, draw)
        tests = [joined(some, cell, BASE, SLOW) for cell in found]
        for cell, verdict in zip(found, verdicts_on(tests, least_effect)):
            found[cell] += verdict < 0
    return found


def real_found(recorded, sessions, least_effect):
    """The recorded sessions one after the other: {cell: how often}, and of how many."""
    every, found = recorded["sessions"], dict.fromkeys(recorded["cells"], 0)
    times = len(every) // sessions
    for i in range(times):
        some = every[i * sessions:(i + 1) * sessions]
        tests = [joined(some, cell, BASE, SLOW) for cell in found]
        for cell, verdict in zip(found, verdicts_on(tests, least_effect)):
            found[cell] += verdict < 0
    return found, times


def sessions_needed(recorded, times, least_effect):
    """The fewest whose rounds find the slowdown in 95 % of the resamples, in every cell."""

    def enough(count):
        found = resampled_found(recorded, count, times, least_effect)
        return min(found.values()) >= 0.96 * times  # a little more: it is counted again afterwards

    low, high, most = 0, 1, len(recorded["sessions"])
    while not enough(high):
        if high == most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
