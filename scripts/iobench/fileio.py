"""A file I/O cell: random reads of 4 KiB by one worker, through the page cache or around it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from iobench import figures, run
from iobench.table import BLANK, Table

NAME = "file"
ROUNDS, DURATION_S, WARMUP_S = 3, 0.4, 0.1
UNIT = "operations/s"
ENGINES = ["sync", "threads", "libaio", "io_uring"]
BASELINE = "sync"
BATCH = {"off": 32, "on": 4}  # --direct -> operations per submission
STALLED_S = 60  # beyond warm-up and window: the file is written first
PERCENTILES = {"p50": 50, "p99": 99}


class Cell(NamedTuple):
    engine: str
    direct: str  # as --direct: on or off

    @property
    def group(self):
        return self.direct

    @property
    def is_baseline(self):
        return self.engine == BASELINE

    @property
    def name(self):
        return f"file-{self.engine}-direct-{self.direct}"


def cells(*_):
    return [Cell(engine, direct) for direct in BATCH for engine in ENGINES]


def measure(cell, plan, _, stem):
    """One run, its file beside the results: there it is on a disk of the user's choice."""
    file = f"{stem}.json"
    with TemporaryDirectory(prefix="files-", dir=Path(stem).parent) as directory:
        command = [run.program("bench_file_io"), "-e", cell.engine, "--rw", "randread", "-w", "1",
                   "--depth", "32", "--batch", str(BATCH[cell.direct]), "--direct", cell.direct,
                   "-s", "64M", "--warmup", f"{plan.warmup_s:.9f}",
                   "--time", f"{plan.duration_s:.9f}", "-q", "--json", file, "-d", directory]
        run.client(command, plan.warmup_s + plan.duration_s + STALLED_S)
    report = run.report(file)
    if not report["totals"]["requests"]:
        raise run.Failed("bench_file_io: no operation was completed")
    if report["exit_status"] and not report["totals"]["errors"]:
        raise run.Failed(f"bench_file_io: exit status {report['exit_status']}")
    return {"client": report}


# ---- what the samples say


def storage_text(cell, storage):
    """What was in force, whatever was asked for."""
    if storage["direct_in_force"]:
        where = ", in memory" * (storage["cache_state"] == "memory")
        return f"direct I/O ({storage['filesystem']}{where})"
    text = f"page cache ({storage['filesystem']}, {storage['cache_state']})"
    return text + ", though direct I/O was asked for" if cell.direct == "on" else text


def summarise(cell, samples, failures):
    """One cell over its rounds. samples: round -> report; failures: texts."""
    reports = [sample["client"] for sample in samples.values()]
    found = figures.start(NAME, cell, samples, failures,
                          sum(report["totals"]["errors"] for report in reports))
    if not samples:
        return found
    operations = sum(report["totals"]["requests"] for report in reports)
    rates = figures.rates(samples)
    texts = dict.fromkeys(storage_text(cell, report["file"]["storage"]) for report in reports)
    return found | {
        "storage": "; ".join(texts),
        "qps": rates,
        "mib_s": rates["median"] * reports[0]["config"]["block_bytes"] / (1 << 20),
        "latency_ns": figures.latency(reports, PERCENTILES),
        "cpu_us_per_op": figures.cpu_us([report["cpu"] for report in reports], operations),
        "syscalls_per_op": sum(report["syscalls"]["total"] for report in reports) / operations,
    }


def summary(some, samples, failures):
    return figures.summary(summarise, some, samples, failures)


# ---- the table

COLUMNS = [
    ("", "engine"), ("IOPS", "median"), ("IOPS", "spread"), ("", "MiB/s"),
    ("latency, us", "P50"), ("latency, us", "P99"),
    ("per operation", "CPU us"), ("per operation", "system calls"),
    ("", "errors"), ("IOPS to", BASELINE),
]
NOTES = [
    figures.SPREAD_NOTE.format("operations"),
    "sync has one operation in flight, and libaio's are asynchronous with direct I/O only.",
]


def row(found):
    if not found["rounds"]:
        return [found["engine"], *[BLANK] * 7, f"{found['errors']:,}", BLANK]
    return [
        found["engine"], *figures.rate_texts(found), f"{found['mib_s']:,.0f}",
        *(figures.us_text(found["latency_ns"][percentile]) for percentile in PERCENTILES),
        f"{found['cpu_us_per_op']:.2f}", f"{found['syscalls_per_op']:.3f}",
        f"{found['errors']:,}",
        figures.ratio_text(found, found["engine"] == BASELINE),
    ]


def lines(*_):
    return ["one worker, not pinned, a file of 64 MiB in the results directory, 32 in flight, "
            f"submitted in batches of {BATCH['off']} (direct I/O: {BATCH['on']})"]


def table(found, texts):
    groups = {}
    for cell in found:
        heading = cell.get("storage", f"no round ended (--direct {cell['direct']})")
        groups.setdefault(heading, []).append(row(cell))
    return Table("File I/O: random reads of 4 KiB", texts, COLUMNS, groups, list(NOTES))
