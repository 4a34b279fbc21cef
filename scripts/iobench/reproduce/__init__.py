"""A reproduction: a result set of the cells that published figures need, and their rows.

Beside what every result set has, its directory holds a copy of the published figures
(published.json), the samples of the probes (probes.jsonl), and reproduce.json and reproduce.md.
"""

import json
import shutil
from datetime import datetime, timezone

from iobench import run, runner, schedule
from iobench.matrix import Planned
from iobench.progress import progress
from iobench.reproduce.copies import zero_copy
from iobench.reproduce.files import file_io
from iobench.reproduce.loop import event_loop
from iobench.reproduce.network import io_uring_dispatcher, tcp_echo, udp_echo
from iobench.reproduce.probes import Kept
from iobench.reproduce.rows import CANNOT, FAILED, MEASURED, Context, ratios, value, verdict

SECTIONS = {
    "tcp_echo": ("TCP echo", tcp_echo),
    "udp_echo": ("UDP echo", udp_echo),
    "file_io": ("File I/O", file_io),
    "io_uring_dispatcher": ("io_uring dispatcher: the speed-ups that its summary claims",
                            io_uring_dispatcher),
    "zero_copy": ("Zero copy", zero_copy),
    "event_loop": ("Event loop: the plan's targets", event_loop),
}
REPORT_VERSION = 1
PROBE_S = 1.0  # of a probe: a guess for the first one


def rows_of(published, timing):
    """Every row that the published figures ask for; Failed if they cannot be read."""
    context = Context(published, timing)
    made = [row for name, (_, make) in SECTIONS.items() if published.has(name)
            for row in make(context)]
    if not made:
        published.fail(f"has none of {', '.join(SECTIONS)}")
    return made


def chosen(rows, names):
    """The rows of these sections and ids; all without names."""
    for name in names or []:
        if not any(name in (row.section, row.id) for row in rows):
            known = ", ".join(dict.fromkeys(word for row in rows for word in (row.section, row.id)))
            raise run.Failed(f"--rows: '{name}' is not one of {known}", run.USAGE)
    return [row for row in rows if not names or row.section in names or row.id in names]


def planned(rows):
    """The cells of the rows, each once."""
    every = [one for row in rows if not row.obstacle for one in row.runs]
    return list({one.cell.name: one for one in every if isinstance(one, Planned)}.values())


def probes_of(rows):
    return list(dict.fromkeys(one for row in rows if not row.obstacle for one in row.runs
                              if not isinstance(one, Planned)))


# ---- what came of a row


class Found:
    """What was measured of all rows: the result set's samples and the probes'."""

    def __init__(self, store):
        self.store, self.kept = store, Kept(store.path)

    def samples(self, one):
        if isinstance(one, Planned):
            return self.store.samples.get(one.cell.name, {})
        return self.kept.samples.get(one.name, {})

    def failures(self, one):
        if isinstance(one, Planned):
            return self.store.failures.get(one.cell.name, [])
        return self.kept.failures.get(one.name, [])

    def obstacle(self, row):
        """Why the row has no figures, as (status, why); None when it has."""
        if row.obstacle:
            return row.obstacle
        for one in row.runs:
            if isinstance(one, Planned) and one.cell.name in self.store.left_out:
                return CANNOT, self.store.left_out[one.cell.name]
        for one in row.runs:
            if not self.samples(one):
                return FAILED, (self.failures(one) or ["no round of it ended"])[-1]
        return None

    def outcome(self, row):
        """The row as reproduce.json has it."""
        found = {"id": row.id, "section": row.section, "title": row.title,
                 "platform": row.platform, "unit": row.unit, "published": row.published,
                 "published_is": row.kind,
                 "status": MEASURED, "why": None, "published_way": None, "true": None,
                 "true_to_published_way": None, "verdict": "", "measured": "", "beside": {},
                 "runs": [one.cell.name if isinstance(one, Planned) else one.name
                          for one in row.runs],
                 "failures": [text for one in row.runs for text in self.failures(one)]}
        obstacle = self.obstacle(row)
        if obstacle:
            return found | dict(zip(("status", "why"), obstacle))
        figures = row.figures(*(self.samples(one) for one in row.runs))
        way, true = value(figures.way), value(figures.true)
        if not true:
            return found | {"status": FAILED, "why": "no round of all its runs ended"}
        return found | {
            "published_way": way, "true": true, "verdict": verdict(row, way, true),
            "true_to_published_way": value(ratios(figures.true, figures.way)) if way else None,
            "measured": figures.text, "beside": figures.beside}


def document(store, published, rows, interrupted):
    """reproduce.json as an object, but with Values as they are."""
    found = Found(store)
    outcomes = [found.outcome(row) for row in rows]
    sections = {name: {"title": SECTIONS[name][0], "caveat": caveat(published, name)}
                for name in dict.fromkeys(row.section for row in rows)}
    return {
        "schema_version": REPORT_VERSION, "kind": "iobench reproduction",
        "created_at": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
        "command": store.plan["command"], "interrupted": interrupted,
        "rounds": store.plan["reproduce"]["rounds"], "cpus": store.plan["cpus"],
        "seed": store.plan["seed"], "host": store.host(), "sections": sections,
        "rows": outcomes,
        "warnings": [{"text": text, "runs": count} for text, count in store.warnings()],
    }


def caveat(published, name):
    """What the file says of a section's method."""
    if published.has(f"{name}_caveat"):
        return published.text(f"{name}_caveat")
    section = published.get(name)
    return section.get("caveat", "") if isinstance(section, dict) else ""


# ---- running


def measure_probes(store, rows, rounds):
    kept = Kept(store.path)
    left = [(number, probe) for number in range(1, rounds + 1) for probe in probes_of(rows)
            if not kept.has(probe, number)]
    if not left:
        return
    scratch = store.path / "files"
    scratch.mkdir(exist_ok=True)
    place = run.Place(run.programs(), run.choose_cpus(), scratch)
    try:
        with progress(len(left), PROBE_S) as shown:
            for number, probe in left:
                text = f"round {number}, {probe.name}"
                shown.begin(text)
                shown.end(f"{text}: {kept.measure(probe, place, number)}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def measure(store, rows):
    """All that is left to do."""
    if store.planned:
        runner.measure([schedule.Variant(store, run.programs())])
    measure_probes(store, rows, store.plan["reproduce"]["rounds"])


def has_failed(row):
    """Of an outcome: whether it could run here, and did not in some round."""
    return row["status"] == FAILED or bool(row["failures"])


def as_json(found):
    """With Values as objects."""
    def plain(one):
        if isinstance(one, dict):
            return {str(name): plain(value) for name, value in one.items()}
        if isinstance(one, tuple) and hasattr(one, "_asdict"):
            return plain(one._asdict())
        return [plain(value) for value in one] if isinstance(one, (list, tuple)) else one

    return json.dumps(plain(found), indent=2) + "\n"
