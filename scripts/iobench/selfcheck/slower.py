"""A build that works longer on each request: what is found out about verdicts must really be there.
"""

import math
import shutil

import numpy as np

from iobench import inference, run
from iobench.cells import Timing
from iobench.selfcheck.plan import CPU

PROGRAM = {"tcp": "bench_server", "file": "bench_file_io"}  # that works longer
OPTION = "--work TIME"  # as its --help says; --workers is another
PROBE_NS = {"tcp": 1000, "file": 100}  # enough to show; the programs' work is exact on average
PROBING = Timing(0, 0.1, 0.03, 32, 0.15)


def why_not(programs, part):
    """Why the programs of a part cannot be slowed down; None if they can."""
    if run.knows(run.program(PROGRAM[part], programs), OPTION):
        return None
    return f"{PROGRAM[part]} has no option --work"


def slower(programs, folder, part, work_ns):
    """A directory of the same programs, of which one works so long on each request."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for program in programs.iterdir():
        (folder / program.name).symlink_to(program.resolve())
    slowed = folder / PROGRAM[part]
    slowed.unlink()
    slowed.write_text(f'#!/bin/sh\nexec "{programs.resolve() / slowed.name}" "$@" '
                      f"--work {work_ns}ns\n", encoding="utf-8")
    slowed.chmod(0o755)
    return folder


def growth(rounds, metric):
    """Of a metric from the base to the new: 0.1 is 10 % more."""
    logs = [math.log(one.new[metric] / one.base[metric]) for one in rounds if one.is_whole()]
    return math.expm1(inference.location(np.array(logs)))


def growth_by_ns(cell, probe):
    """Of CPU time per request, by each ns of work. probe gives the rounds beside a build that works
    so many ns."""
    work_ns = PROBE_NS[cell.part]
    found = growth(probe(work_ns), CPU[cell.part]) / work_ns
    if found <= 0:
        raise run.Failed(f"{cell.name}: {work_ns} ns of work on each request did not show: the "
                         "machine is too busy to calibrate on")
    return found


def work_for(share, by_ns):
    """How long to work on each request for its CPU time to grow by that share, in whole ns."""
    return max(1, round(share / by_ns))
