"""Measures what result sets plan, in the order they say, and keeps each run at once."""

import shutil
from pathlib import Path
from typing import NamedTuple

from iobench import peers, resultset, run
from iobench.parts import PARTS
from iobench.progress import progress

START_STOP_S = 0.1  # of a run, beside warm-up and window: a guess for the first one


class Variant(NamedTuple):
    """A result set and the programs that it is of: sets with other programs are interleaved."""

    store: resultset.Store
    programs: Path


def sample_of(one, place, stem):
    """What one run found, with its reports left under stem."""
    if not peers.of(one.cell):
        return PARTS[one.cell.part].measure(one.cell, one.timing, place, stem)
    sample = {"client": peers.measure(one.cell, one.timing, place)}
    for end, file in run.report_files(stem, sample).items():
        resultset.write_json(Path(file), sample[end])
    return sample


def measure_one(variant, cpus, number, one):
    """One run; returns its outcome in words."""
    store, cell = variant.store, one.cell
    part = PARTS[cell.part]
    scratch = store.path / "files"
    scratch.mkdir(exist_ok=True)
    place = run.Place(variant.programs, cpus, scratch)
    try:
        sample = sample_of(one, place, store.stem(cell.name, number))
    except run.Failed as failed:
        if failed.status == run.USAGE:
            raise  # so will the next one
        outcome = resultset.FAILED
        if failed.status == run.CANNOT_RUN_HERE and not store.samples[cell.name]:
            outcome = resultset.LEFT_OUT
            store.left_out[cell.name] = str(failed)
        else:
            store.failures.setdefault(cell.name, []).append(str(failed))
        store.record(cell.name, number, outcome, str(failed))
        return f"{outcome}: {failed}"
    store.samples[cell.name][number] = sample
    store.record(cell.name, number, resultset.MEASURED)
    return f"{sample['client']['rate']['qps']:,.0f} {part.UNIT}"


def schedule(variants):
    """(variant, round, Planned) of what is not there yet; the variants in turn go first."""
    plan = variants[0].store
    for i, (number, one) in enumerate(resultset.order(list(plan.planned.values()),
                                                      plan.plan["seed"])):
        for variant in variants[i % len(variants):] + variants[:i % len(variants)]:
            if not variant.store.has(one.cell.name, number):
                yield variant, number, one


def measure(variants):
    """All that is left to do; KeyboardInterrupt passes through, with all that was measured kept."""
    left = list(schedule(variants))
    cpus = run.choose_cpus()
    total_s = sum(one.timing.warmup_s + one.timing.duration_s + START_STOP_S
                  for _, _, one in left)
    several = len(variants) > 1
    try:
        with progress(len(left), total_s / max(1, len(left))) as shown:
            for variant, number, one in left:
                text = f"round {number}, {one.cell.name}"
                text += f" ({variant.store.label})" if several else ""
                shown.begin(text)
                done = variant.store.has(one.cell.name, number)  # left out since
                shown.end(f"{text}: " + ("left out" if done else
                                         measure_one(variant, cpus, number, one)))
    finally:
        for variant in variants:
            shutil.rmtree(variant.store.path / "files", ignore_errors=True)
