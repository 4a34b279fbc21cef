"""Measures what result sets plan, in the order that schedule says, and keeps each run at once."""

import shutil
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from iobench import peers, resultset, run, schedule
from iobench.gate import Gate
from iobench.parts import PARTS
from iobench.progress import progress

SPOILT = 2  # duets that a member may make useless for the others
START_STOP_S = 0.1  # of a run, beside warm-up and window: a guess for the first one


class Stage(NamedTuple):
    """What all runs of a session have in common."""

    cpus: tuple | None
    scratch: Path  # one for all sets, so that what shares a file shares it with all it is compared to
    reads_server: bool  # all clients can: CPU time of the window is not set against one of a life
    failed: Counter  # how many duets a member has spoilt: {(its set's path, cell name): count}

    def place(self, variant, gate=None):
        self.scratch.mkdir(exist_ok=True)
        return run.Place(variant.programs, self.cpus, self.scratch, gate, self.reads_server)


def stage_of(variants):
    clients = [path for variant in variants for name in ("bench_client", "bench_udp")
               if (path := variant.programs / name).exists()]
    return Stage(run.choose_cpus(), variants[0].store.path / "files",
                 all(run.reads_server(str(path)) for path in clients), Counter())


def patience_s(cell, timing):
    """Within which a client ends."""
    return timing.warmup_s + timing.duration_s + PARTS[cell.part].STALLED_S


def sample_of(cell, timing, place, stem):
    """What one run found, with its reports left under stem."""
    part = PARTS[cell.part]
    if not peers.of(cell):
        with part.under_way(cell, timing, place, stem) as process:
            run.finish(process, patience_s(cell, timing))
        return part.result(cell, stem)
    sample = {"client": peers.measure(cell, timing, place)}
    for end, file in run.report_files(stem, sample).items():
        resultset.write_json(Path(file), sample[end])
    return sample


def solo(turn, stage):
    """[sample or Failed] of the one member."""
    (variant, one), = turn.members
    stem = variant.store.stem(one.cell.name, turn.number)
    try:
        return [sample_of(one.cell, one.timing, stage.place(variant), stem)]
    except run.Failed as failed:
        return [failed]


def timing_of(turn, one):
    return one.timing.of_duet(len(turn.members)) if turn.duet else one.timing


@contextmanager
def blaming(member):
    """Says of a failure that is nobody's yet whose it is."""
    try:
        yield
    except run.Failed as failed:
        failed.member = member if failed.member is None else failed.member
        raise


@contextmanager
def member_under_way(turn, member, stage, gate):
    variant, one = turn.members[member]
    stem = variant.store.stem(one.cell.name, turn.number, True)
    place = stage.place(variant, gate.path)
    with blaming(member), PARTS[one.cell.part].under_way(
            one.cell, timing_of(turn, one), place, stem) as process:
        yield process


def finish_all(turn, stage):
    """Starts all members, opens the gate and waits for their ends."""
    with Gate() as gate, ExitStack() as stack:
        processes = [stack.enter_context(member_under_way(turn, member, stage, gate))
                     for member in range(len(turn.members))]
        gate.begin(processes)
        for member, (process, (_, one)) in enumerate(zip(processes, turn.members)):
            with blaming(member):
                run.finish(process, patience_s(one.cell, timing_of(turn, one)))


def duet(turn, stage):
    """[sample or Failed] of each member; None of those that another's failure made useless."""
    found = []
    try:
        finish_all(turn, stage)
        for member, (variant, one) in enumerate(turn.members):
            with blaming(member):
                found.append(PARTS[one.cell.part].result(
                    one.cell, variant.store.stem(one.cell.name, turn.number, True)))
    except run.Failed as failed:
        if failed.member is None:  # it was no program's
            raise
        variant, one = turn.members[failed.member]
        stage.failed[variant.store.path, one.cell.name] += 1
        return [failed if member == failed.member else None for member in range(len(turn.members))]
    return found


def keep(turn, variant, one, found):
    """Puts what came of one member into its set; returns the line that is to be kept."""
    store, name = variant.store, one.cell.name
    outcome, why = resultset.MEASURED, None
    if found is None:
        outcome = resultset.ABANDONED
    elif not isinstance(found, run.Failed):
        store.rounds(name, turn.duet)[turn.number] = found
    elif found.status == run.CANNOT_RUN_HERE and not turn.duet and not store.samples[name]:
        outcome, why = resultset.LEFT_OUT, str(found)
        store.left_out[name] = why
    else:
        outcome, why = resultset.FAILED, str(found)
        store.failures.setdefault(name, []).append(why)
    return resultset.ended(name, turn.number, outcome, why, turn.duet)


def keep_all(turn, found):
    """What ended together is kept together."""
    lines = {}
    for (variant, one), sample in zip(turn.members, found):
        lines.setdefault(variant.store, []).append(keep(turn, variant, one, sample))
    for store, some in lines.items():
        store.record(some)


def in_words(one, found):
    """What came of one member."""
    if found is None:
        return resultset.ABANDONED
    if isinstance(found, run.Failed):
        return f"failed: {found}"
    return f"{found['client']['rate']['qps']:,.0f} {PARTS[one.cell.part].UNIT}"


def take(turn, stage):
    """Runs a turn's members, but for those that were left out since, and in a duet those that have
    spoilt too many; returns what came of them."""
    turn = turn._replace(members=[
        (variant, one) for variant, one in turn.members
        if one.cell.name not in variant.store.left_out
        and not (turn.duet and stage.failed[variant.store.path, one.cell.name] >= SPOILT)])
    if len(turn.members) < 1 + turn.duet:
        return "left out"
    found = (duet if turn.duet else solo)(turn, stage)
    for one in found:
        if isinstance(one, run.Failed) and one.status == run.USAGE:
            raise one  # so will the next one
    keep_all(turn, found)
    return "; ".join(in_words(one, sample) for (_, one), sample in zip(turn.members, found))


def seconds(turn):
    timings = [timing_of(turn, one) for _, one in turn.members]
    return START_STOP_S * len(timings) + max(one.warmup_s + one.duration_s for one in timings)


def title(turn, several):
    """What the progress says of it."""
    if turn.duet:
        one = turn.members[0][1]
        what = one.cell.name if several else f"{len(turn.members)} beside {one.cell.name}"
        return f"duet {turn.number}, {what}"
    (variant, one), = turn.members
    return f"round {turn.number}, {one.cell.name}" + f" ({variant.store.label})" * several


def measure(variants):
    """All that is left to do; KeyboardInterrupt passes through, with all that was measured kept."""
    left = [turn for turn in schedule.turns(variants) if not turn.has_ended()]
    stage = stage_of(variants)
    total_s = sum(map(seconds, left))
    try:
        with progress(len(left), total_s / max(1, len(left))) as shown:
            for turn in left:
                text = title(turn, len(variants) > 1)
                shown.begin(text)
                shown.end(f"{text}: {take(turn, stage)}")
    finally:
        shutil.rmtree(stage.scratch, ignore_errors=True)
