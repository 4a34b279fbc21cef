"""The published file I/O: every row as published, and with its conditions made alike."""

from iobench import figures, fileio
from iobench.reproduce.network import pairs_of, ratio_figures
from iobench.reproduce.rows import (
    CLAIM, NOT_MEASURED, TIMES, Figures, Row, each, foreign, median)

ENGINES = ("libaio", "io_uring")
DIRECT = {"libaio": "on"}  # what the published text compared: the others used the page cache
HOW = {"on": "O_DIRECT", "off": "page cache"}
OLD, NEW = "libaio", "io_uring"


# ---- file I/O


def read_iops(sample):
    return sample["client"]["read"]["iops"]


def polled_iops(sample):
    return sample["client"]["file"]["published"]["read_iops"]


def quota_figures(samples):
    reports = figures.clients(samples.values())
    polled_s = median([report["file"]["published"]["wall_s"] for report in reports])
    took_s = median([report["window"]["duration_s"] for report in reports])
    storage = reports[0]["file"]["storage"]
    conditions = fileio.storage_text("on" if storage["direct_asked"] else "off", storage)
    write_iops = median([report["write"]["iops"] for report in reports])
    text = (f"{reports[0]['read']['operations']:,} operations / {polled_s:.1f} s, in steps of "
            f"100 ms; they took {took_s:.3f} s. {conditions}")
    return Figures(each(read_iops, samples), each(polled_iops, samples), text,
                   {"took_s": took_s, "write_iops": write_iops, "storage": conditions})


def quota_run(context, load, engine, direct):
    workers, ops, batch, block = load
    return context.quota(fileio, engine=engine, direct=direct, rw="write-read", block=block,
                         depth=batch, batch=str(batch), workers=workers,
                         options=f"-n {ops} --published-method")


def load_of(entry):
    if entry.count("block_bytes", 64 << 20) % 512:
        entry.fail(f"block_bytes: {entry.get('block_bytes')} is not a multiple of 512")
    return (entry.count("workers", 1024), entry.count("ops_per_worker", 1 << 40),
            entry.count("batch", 256), entry.count("block_bytes", 64 << 20))


def load_text(load):
    workers, _, batch, _ = load
    return f"{workers} workers, batch {batch}"


def file_row(context, entry, i):
    engine, load = entry.text("backend"), load_of(entry)
    direct = DIRECT.get(engine, "off")
    row = Row(f"file_io.{i}", f"{engine}, {load_text(load)}, {HOW[direct]}", "read IOPS",
              entry.number("read_iops"), entry.text("platform"))
    row.obstacle = foreign(row.platform)
    if not row.obstacle and engine not in ENGINES:
        row.obstacle = NOT_MEASURED, f"no engine '{engine}' in this suite"
    if not row.obstacle:
        row.figures, row.runs = quota_figures, [quota_run(context, load, engine, direct)]
    return row


def alike_rows(context, load, old, new):
    """The published ratio, and what becomes of it when like is compared with like."""
    name = "x".join(map(str, load))
    rows = [Row(f"file_io.ratio-{name}", f"{NEW} cached / {OLD} O_DIRECT", TIMES,
                round(new.published / old.published, 2), new.platform, kind=CLAIM,
                runs=[*new.runs, *old.runs], figures=ratio_figures(
                    polled_iops, read_iops, "The page cache against a device, by a coarse clock"))]
    for direct, how in HOW.items():
        runs = [quota_run(context, load, engine, direct) for engine in (NEW, OLD)]
        for run in runs:
            if run.cell["direct"] != DIRECT.get(run.cell["engine"], "off"):
                engine = run.cell["engine"]
                rows.append(Row(f"file_io.{engine}-direct-{direct}-{name}",
                                f"{engine}, {load_text(load)}, {how}", "read IOPS", None,
                                new.platform, runs=[run], figures=quota_figures))
        rows.append(Row(f"file_io.ratio-direct-{direct}-{name}", f"{NEW} / {OLD}, both {how}",
                        TIMES, None, new.platform, runs=runs,
                        figures=ratio_figures(polled_iops, read_iops, (
                            f"Like with like: so much is left of {rows[0].published:.1f}"))))
    return rows


def file_io(context):
    entries = context.published.entries("file_io")
    rows = [file_row(context, entry, i) for i, entry in enumerate(entries)]
    for load, old, new in pairs_of(rows, map(load_of, entries), entries, OLD, NEW):
        rows += alike_rows(context, load, old, new)
    return rows
