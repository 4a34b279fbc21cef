"""Every cmocka test of tests/unit as a test of its own.

cmocka cannot list its tests, so each program is run once, when pytest collects, and its TAP output
is taken apart. A program that crashes, hangs, stops early or exits unlike its results (a
sanitizer's report does that) is a failed test beside those it got through.
"""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

BUILDS = [Path(path) for path in os.environ["IOBENCH_UNIT_BUILDS"].split()]
TIMEOUT_S = 120
STDERR_SHOWN = 4000  # characters, from the end: one sanitizer report, not fifty

PLAN = re.compile(r"^1\.\.(\d+)$", re.M)
# A test that prints without a newline leaves its text before "ok" on the same line.
RESULT = re.compile(r"(not ok|ok) \d+ (?:- (\w+)|# SKIP (\w+))(.*(?:\n# (?!ok|not ok).*)*)")


def run(program):
    """Exit status (or why there is none), standard output and standard error."""
    try:
        done = subprocess.run(
            [program],
            env=os.environ | {"CMOCKA_MESSAGE_OUTPUT": "TAP"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as late:
        out, err = ((text or b"").decode(errors="replace") for text in (late.stdout, late.stderr))
        return f"no end within {TIMEOUT_S} s", out, err
    return done.returncode, done.stdout, done.stderr[-STDERR_SHOWN:]


def results(program):
    """(name, outcome, details) of each test of a program, and of its end when that was wrong."""
    status, out, err = run(program)
    found = []
    for verdict, name, skipped, details in RESULT.findall(out):
        outcome = "skip" if skipped else "pass" if verdict == "ok" else "fail"
        found.append((name or skipped, outcome, f"{details.strip()}\n{err}"))

    planned = sum(int(count) for count in PLAN.findall(out))
    failed = any(outcome == "fail" for _, outcome, _ in found)
    if planned == 0 or len(found) != planned or failed != (status != 0):
        text = f"exit status {status}, {len(found)} results of {planned} planned\n{out}\n{err}"
        found.append(("runs_to_its_end", "fail", text))
    return found


def label(program):
    return f"{program.parent.parent.name}/{program.name}"


def cases():
    """The results of all programs of all builds; a build without any is a failure."""
    for build in BUILDS:
        programs = sorted(p for p in build.glob("tests/test_*") if p.is_file() and not p.suffix)
        if not programs:
            yield pytest.param("fail", f"no {build}/tests/test_*", id=f"{build.name}/built")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for program, found in zip(programs, pool.map(results, programs)):
                for name, outcome, details in found:
                    yield pytest.param(outcome, details, id=f"{label(program)}/{name}")


@pytest.mark.parametrize(("outcome", "details"), cases())
def test_unit(outcome, details):
    if outcome == "skip":
        pytest.skip("the unit test skips itself on this machine")
    if outcome == "fail":
        pytest.fail(details, pytrace=False)
