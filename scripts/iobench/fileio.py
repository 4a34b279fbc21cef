"""File I/O: one run of bench_file_io, its files on the disk that the results are kept on."""

import os
import shlex
import zlib
from contextlib import contextmanager
from pathlib import Path

from iobench import cells, figures, options, run
from iobench.cells import LOWER, Key, Metric, Timing
from iobench.table import BLANK, Table

NAME, TITLE, UNIT = "file", "File I/O", "operations/s"
TIMING = Timing(3, 0.4, 0.1, duets=24, solo=10)
BY_DIRECT = "by direct"  # --batch: what suits the page cache, and what suits a device
BATCH = {"off": "32", "on": "4"}
KEYS = {
    "engine": Key(options.backend, "sync", ""),
    "direct": Key(options.one_of(("off", "on")), "off", "direct-"),
    "rw": Key(options.backend, "randread"),
    "block": Key(options.size_bytes, 4096),
    "depth": Key(options.count(65536), 32),
    "batch": Key(options.text, BY_DIRECT),
    "workers": Key(options.count(1024), 1),
    "size": Key(options.file_bytes, 64 << 20),
    "files": Key(options.count(65535), 1),
    "existing": Key(options.one_of(("off", "on")), "off"),  # one file for all, to read
    "sync": Key(options.text, "none"),
    "rate": Key(options.rate, 0),
    "options": Key(options.text, ""),
}
COMPARED = ("engine",)
BASELINE = {"engine": "sync"}
STALLED_S = 60  # beyond warm-up and window: the file is written first
BLOCK_BYTES = 1 << 20  # in which the file that all read is written


def fit(table, given):
    return table | given


def ends(_):
    """Whose reports a run leaves."""
    return ("client",)


def batch(cell):
    return BATCH[cell["direct"]] if cell["batch"] == BY_DIRECT else cell["batch"]


def existing(cell, place):
    """The file that all read, written once: so that no run is measured while the disk is busy with
    it, and in large blocks, because a file written in small ones is slower to read from the page
    cache. Direct reads, which drop theirs from there, have another."""
    file = place.scratch / f"direct-{cell['direct']}-{cell['size']}"
    if not file.exists():
        scratch = file.with_suffix(".new")
        with scratch.open("wb", buffering=0) as out:
            for left in range(cell["size"], 0, -BLOCK_BYTES):
                out.write(os.urandom(min(left, BLOCK_BYTES)))
            os.fsync(out.fileno())
        scratch.rename(file)
    return file


def where(cell, place):
    if cell["existing"] == "off":
        return ["-s", str(cell["size"]), "--files", str(cell["files"]), "-d", str(place.scratch)]
    return ["--existing", str(existing(cell, place)), *["--invalidate"] * (cell["direct"] == "on")]


def seed(stem):
    """One for each run: storage below a virtual disk remembers blocks that it was asked for."""
    return zlib.crc32(Path(stem).name.encode())


def pinned(cell, place):
    """What has duets is bound in solo rounds as well: on a CPU of its own or on any is not the same
    experiment. What has none keeps its threads apart, or waits for a device."""
    return place.pinned(run.CLIENT) if not (cell["rate"] or why_no_duet(cell)) else []


def command(cell, timing, place, stem, file):
    words = [place.program("bench_file_io"), "-e", cell["engine"], "--rw", cell["rw"],
             "-w", str(cell["workers"]), "-b", str(cell["block"]), "--depth", str(cell["depth"]),
             "--batch", batch(cell), "--direct", cell["direct"], "--sync", cell["sync"],
             "--warmup", f"{timing.warmup_s:.9f}", "--time", f"{timing.duration_s:.9f}",
             "--seed", str(seed(stem)), "-q", "--json", file, *where(cell, place),
             *place.gated(), *pinned(cell, place)]
    return words + (["--rate", str(cell["rate"])] if cell["rate"] else []) + shlex.split(
        cell["options"])


@contextmanager
def under_way(cell, timing, place, stem):
    """Gives the process."""
    file = run.report_files(stem, ends(cell))["client"]
    with run.started(command(cell, timing, place, stem, file)) as process:
        yield process


def result(cell, stem):
    report = run.report(run.report_files(stem, ends(cell))["client"])
    if not report["totals"]["requests"]:
        raise run.Failed("bench_file_io: no operation was completed")
    if report["exit_status"] and not report["totals"]["errors"]:
        raise run.Failed(f"bench_file_io: exit status {report['exit_status']}")
    return {"client": report}


def why_no_duet(cell):
    """By measurement: docs/method.md, "Duets"."""
    if cell["direct"] == "on":
        return "both would queue at one device"
    if cell["existing"] == "off":
        return "several files take more of the caches than the one of a program that is alone"
    if cell["workers"] > 1:
        return "workers that share a CPU do not run as they do apart"
    if cell["engine"].split(":")[0] == "threads" or "sqpoll" in cell["engine"] + cell["options"]:
        return "its threads would share the CPU of the worker"
    return None


# ---- what the samples say


def storage_text(asked, storage):
    """What was in force, whatever was asked for."""
    system = storage["filesystem"] or "unknown file system"
    if storage["direct_in_force"]:
        where = ", in memory" * (storage["cache_state"] == "memory")
        return f"direct I/O ({system}{where})"
    text = f"page cache ({system}, {storage['cache_state']})"
    return text + ", though direct I/O was asked for" if asked == "on" else text


METRICS = [
    figures.rate_metric(UNIT),
    *figures.latency_metrics(),
    Metric("cpu_us", "CPU us per operation", "us", LOWER, lambda samples:
           figures.cpu_us([r["cpu"] for r in figures.clients(samples)], figures.requests(samples))),
    Metric("syscalls", "system calls per operation", "", LOWER, lambda samples:
           figures.syscalls(figures.clients(samples), figures.requests(samples))),
]

def ratio_metrics(_):
    """Of which bench's table has ratios."""
    return "rate", "cpu_us"


def remarks(cell, samples):
    """None of a peer, which does not say what was in force."""
    texts = dict.fromkeys(storage_text(cell["direct"], report["file"]["storage"])
                          for report in figures.clients(samples) if "file" in report)
    return {"storage": "; ".join(texts)} if texts else {}


# ---- the table

COLUMNS = [
    ("", "engine"), ("IOPS", "median"), ("IOPS", "spread"), ("", "MiB/s"),
    ("latency, us", "P50"), ("latency, us", "P99"),
    ("per operation", "CPU us"), ("per operation", "system calls"),
    ("", "errors"), (f"to {BASELINE['engine']}", "IOPS"), (f"to {BASELINE['engine']}", "CPU"),
]
NOTES = [
    figures.SPREAD_NOTE.format("operations"),
    "sync has one operation in flight, and libaio's are asynchronous with direct I/O only.",
]


def row(found):
    engine = found["settings"]["engine"]
    if not found["rounds"]:
        return [engine, *[BLANK] * 7, f"{found['errors']:,}", BLANK, BLANK]
    metrics = found["metrics"]
    mib_s = found["rate"]["median"] * found["settings"]["block"] / (1 << 20)
    return [
        engine, *figures.rate_texts(found), f"{mib_s:,.0f}",
        *(figures.us_text(metrics[name]) for name in ("p50_ns", "p99_ns")),
        figures.number_text(metrics["cpu_us"], 2), figures.number_text(metrics["syscalls"], 3),
        f"{found['errors']:,}",
        *figures.ratio_texts(found, is_baseline, ratio_metrics),
    ]


def is_baseline(cell):
    return all(cell[name] == value for name, value in BASELINE.items())


def model(settings):
    """What a cell is among those of its load."""
    return settings["engine"]


def heading(settings):
    words = [f"{settings['rw']} of {figures.size_text(settings['block'])}",
             f"{settings['depth']} in flight", f"batches of {batch(settings)}",
             *["one file for all"] * (settings["existing"] == "on")]
    return ", ".join(words + cells.others(KEYS, settings, *COMPARED, "rw", "block", "depth",
                                          "batch", "direct", "existing"))


def lines(_):
    return ["files of 64 MiB unless said, on the disk of the results directory; cached "
            "reads of one thread on one CPU, others on any"]


def table(found, texts):
    groups, storage = {}, {}
    for cell in found:  # of a peer it is that of its neighbours
        load = heading(cell["settings"]), cell["settings"]["direct"]
        storage.setdefault(load, f"direct {load[1]}, no more is known")
        storage[load] = cell.get("storage", storage[load])
    for cell in found:
        load = heading(cell["settings"]), cell["settings"]["direct"]
        groups.setdefault(f"{cell.get('storage', storage[load])}: {load[0]}", []).append(row(cell))
    return Table(TITLE, texts, COLUMNS, groups, list(NOTES))
