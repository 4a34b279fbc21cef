"""Two revisions, each built in a work tree of its own and measured beside the other."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from iobench import pairing, resultset, run, runner, schedule
from iobench.compare import chosen
from iobench.matrix import part_of
from iobench.run import ROOT, USAGE, Failed

PROGRAMS = {"tcp": ("bench_server", "bench_client"), "udp": ("bench_udp",),
            "file": ("bench_file_io",)}


class Revision(NamedTuple):
    name: str  # as it was asked for
    commit: str

    @property
    def label(self):
        short = self.commit[:10]
        return short if self.commit.startswith(self.name) else f"{self.name} ({short})"


def git(*words, repository=ROOT):
    done = subprocess.run(["git", "-C", str(repository), *map(str, words)], capture_output=True,
                          text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Failed(f"git {words[0]}: {lines[-1] if lines else done.returncode}")
    return done.stdout.strip()


def resolve(name, repository=ROOT):
    try:
        commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}",
                     repository=repository)
    except Failed:
        raise Failed(f"--rev: '{name}' is not a revision of {repository}", USAGE) from None
    return Revision(name, commit)


@contextmanager
def work_tree(revision, folder, repository=ROOT):
    """A checkout that is gone after the block, however that ends."""
    path = folder / revision.commit
    try:
        git("worktree", "add", "--detach", path, revision.commit, repository=repository)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        git("worktree", "prune", repository=repository)


def built(revision, folder, output, repository=ROOT):
    """The directory of the revision's programs. What the build says goes into a log."""
    programs, log = folder / f"bin-{revision.commit}", output / f"build-{revision.commit[:10]}.log"
    if programs.exists():
        return programs
    print(f"building {revision.label}", flush=True)
    # What a make above this one told its own jobs is not for this one.
    own = {name: value for name, value in os.environ.items()
           if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    with work_tree(revision, folder, repository) as tree, log.open("wb") as file:
        command = ["make", "-C", str(tree), f"-j{os.cpu_count()}", "VARIANT=release", "all"]
        process = subprocess.Popen(
            run.leashed(command), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            env=own, start_new_session=True)
        try:
            status = process.wait()
        finally:
            run.end(process)
        if status or not (tree / "bin").is_dir():
            raise Failed(f"--rev: {revision.label} does not build: see {log}")
        shutil.move(tree / "bin", programs)
    return programs


def measurable(planned, folders):
    """The cells whose programs both revisions have, and remarks on the others."""
    lacking = {name for name, programs in PROGRAMS.items() for program in programs
               for folder in folders if not os.access(folder / program, os.X_OK)}
    left = [one for one in planned if part_of(one).NAME not in lacking]
    asked = {part_of(one).NAME for one in planned}
    if not left:
        raise Failed("--rev: no part of the matrix has its programs in both revisions")
    return left, [f"left out: {name}: not in both revisions" for name in sorted(lacking & asked)]


@contextmanager
def programs_of(revisions, output, repository=ROOT):
    """Their directories, which are gone after the block."""
    folder = Path(tempfile.mkdtemp(prefix="iobench-compare-"))
    try:
        yield [built(revision, folder, output, repository) for revision in revisions]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def has_gate(part, folders):
    """Whether the clients of a part can be told by both revisions when to begin."""
    return all(run.knows(str(folder / PROGRAMS[part.NAME][-1]), "--gate") for folder in folders)


def timed(one, folders, wanted, solo):
    """A cell with its rounds: duets and a few solo rounds for the absolute figures, or as many solo
    rounds where there are no duets, or where they would not tell of a metric that is wanted."""
    timing, part = one.timing, part_of(one)
    duets = 0 if solo or schedule.why_no_duet(one.cell, run.choose_cpus()) or not has_gate(
        part, folders) else timing.duets
    enough = duets and all(metric.name in pairing.DUET_METRICS
                           for metric in chosen(part, wanted))
    rounds = timing.rounds if enough else max(timing.rounds, timing.duets)
    return one._replace(timing=timing._replace(rounds=rounds, duets=duets))


def measure(revisions, planned, output, *, wanted, solo, seed, command):
    """Builds and measures both; returns their stores and whether all was measured. wanted: names of
    metrics; solo: no duets.

    Interrupted, it returns what was measured, if both sides have something.
    """
    output.mkdir(parents=True, exist_ok=True)
    with programs_of(revisions, output) as folders:
        planned, remarks = measurable(planned, folders)
        planned = [timed(one, folders, wanted, solo) for one in planned]
        session, stores = None, []
        for name, revision in zip(("base", "new"), revisions):
            plan = resultset.plan_for(planned, seed=seed, session=session, label=revision.label,
                                      cpus=run.choose_cpus(), remarks=remarks, command=command)
            session = plan["session"]
            stores.append(resultset.Store.create(output / name, plan))
        try:
            runner.measure([schedule.Variant(*pair) for pair in zip(stores, folders)])
        except KeyboardInterrupt:
            if not all(any(store.samples.values()) for store in stores):
                raise
            return stores, False
    return stores, True
