"""Other load on the machine: how much there is of it while something is measured, and some more."""

import os
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from iobench import run

STAT = Path("/proc/stat")
# As compilers do: busy for a while, in memory of its own, then waiting for a file.
HELPER = """
import random, time
draw = random.Random({seed})
while True:
    until = time.monotonic() + draw.uniform(0.02, 0.4)
    while time.monotonic() < until:
        sorted(draw.random() for _ in range(2000))
    time.sleep(draw.uniform(0.001, 0.05))
"""


@contextmanager
def helpers(count):
    """So many busy processes as long as the block lasts, and no longer if this script is killed."""
    with ExitStack() as stack:
        for seed in range(count):
            stack.enter_context(run.started([sys.executable, "-c", HELPER.format(seed=seed)]))
        yield


class Moment(NamedTuple):
    """What was counted until then, in seconds; of CPUs the sum of all."""

    wall: float
    programs: float  # in which any program had a CPU
    ours: float  # this script and what it started that has ended: not the helpers
    stolen: float  # the host of a virtual machine gave to others


def look():
    """None where the system does not say."""
    if not STAT.exists():
        return None
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    line = STAT.read_text(encoding="ascii").splitlines()[0]
    user, nice, system, *_, stolen = [int(word) * tick_s for word in line.split()[1:9]]
    return Moment(time.monotonic(), user + nice + system, sum(os.times()[:4]), stolen)


def between(first, last):
    """How many CPUs others had on average, and how many were stolen; None: not known."""
    if not first or not last or last.wall <= first.wall:
        return None
    wall, programs, ours, stolen = (new - old for old, new in zip(first, last))
    return {"others_cpus": max(0.0, (programs - ours) / wall), "stolen_cpus": stolen / wall}


def text(found):
    if found is None:
        return "other load: not known"
    return (f"other load: {found['others_cpus']:.2f} of {os.cpu_count()} CPUs, "
            f"{found['stolen_cpus']:.2f} stolen")
