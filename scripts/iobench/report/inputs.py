"""What a report is made from: result sets and loose reports, whatever state they are in."""

import copy
from pathlib import Path

from iobench import figures, loose, resultset
from iobench.parts import PARTS
from iobench.report import measures, words


def check(found, name, number, sample):
    """Raises if a run lacks what reports show, or has it in another form: shows it alone."""
    alone = copy.copy(found)
    alone.samples = {other: {} for other in found.samples} | {name: {number: sample}}
    figures.check(alone.metrics(name), sample)
    cell = found.planned[name].cell
    measures.row(alone, PARTS[cell.part], cell, 0)
    measures.seconds(sample["client"]["started_at"])
    words.environment(alone)
    alone.warnings()


def has_runs(found):
    return any(found.samples.values()) or found.failures or found.left_out


def read_directory(path):
    """(sets, problems). A directory whose plan cannot be read may still hold reports."""
    try:
        return [resultset.load(path)], []
    except resultset.Unreadable as problem:
        planned = (path / "plan.json").exists()
        sets, problems = loose.load([path])
        if planned or not (sets or problems):
            problems.insert(0, str(problem) if planned else f"{path}: no results")
        return sets, problems


def label_apart(sets):
    """Two sets of one name are told apart by a number."""
    seen = {}
    for found in sets:
        found.label = str(found.label)
        seen[found.label] = seen.get(found.label, 0) + 1
        if seen[found.label] > 1:
            found.label += f" ({seen[found.label]})"


def read(paths):
    """(sets, problems) of directories and single reports; what is wrong within a set is among its
    own problems."""
    paths = [Path(path) for path in paths]
    files = [path for path in paths if not path.is_dir()]
    found = [read_directory(path) for path in paths if path.is_dir()]
    found += [loose.load(files)] if files else []
    sets = [one.sift(check) for some, _ in found for one in some]
    problems = [text for _, some in found for text in some]
    useful = [one for one in sets if has_runs(one)]
    problems += [text for one in sets if one not in useful
                 for text in one.problems or [f"{one.path}: no results"]]
    label_apart(useful)
    return useful, problems
