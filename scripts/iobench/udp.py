"""UDP echo: clients and server in one process of bench_udp, one by one or in batches."""

import argparse
import re
import shlex
from contextlib import contextmanager

from iobench import cells, figures, options, run
from iobench.cells import LOWER, Key, Metric, Timing
from iobench.table import BLANK, Table

NAME, TITLE, UNIT = "udp", "UDP echo over loopback", "echoes/s"
TIMING = Timing(3, 0.4, 0.1, duets=24, solo=10)
ONE_BY_ONE, BATCHED = "one-by-one", "batched"
ONE_WAY = "sockperf:throughput"  # a peer's backend
WAYS = {ONE_BY_ONE: "--batch 1", BATCHED: "", "gso": "--gso on --gro off",
        "gso-gro": "--gso on --gro on"}
BATCH_WAY = re.compile(r"batch-(\d+)")  # without GSO and GRO
BESIDE = {"connected": "--connected", "zerocopy": "--zerocopy on"}


def how_words(text):
    """The options that a way stands for, such as batch-64+connected."""
    way, *more = text.split("+")
    size = BATCH_WAY.fullmatch(way)
    words = f"--batch {size[1]} --gso off --gro off" if size else WAYS[way]
    return " ".join([words, *(BESIDE[name] for name in more)]).split()


def how(text):
    try:
        how_words(text)
    except KeyError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not one of {', '.join(WAYS)}, batch-N, with or without "
            f"+{', +'.join(BESIDE)}") from None
    return text


KEYS = {
    "backend": Key(options.backend, "epoll", ""),
    "how": Key(how, BATCHED, ""),
    "clients": Key(options.count(1000000), 100),
    "size": Key(options.size_bytes, 256),
    "pipeline": Key(options.count(1000), 10),
    "mode": Key(options.one_of(("throughput", "balanced", "latency")), "balanced"),
    "rate": Key(options.rate, 0),
    "threads": Key(options.count(1024), 1),
    "workers": Key(options.count(1024), 1),
    "processes": Key(options.count(2), 1),  # 2: client and server in one each
    "options": Key(options.text, ""),
}
COMPARED = ("backend", "how")
BASELINE = {"backend": "epoll", "how": ONE_BY_ONE}
STALLED_S = 30  # beyond warm-up and window


def fit(table, given):
    return table | given


def ends(cell):
    """Whose reports a run leaves."""
    return ("client", "server") if cell["processes"] == 2 else ("client",)


def both(cell, place, file):
    return [place.program("bench_udp"), "-b", cell["backend"], "--mode", cell["mode"],
            "--json", file, *how_words(cell["how"])]


def client_words(cell, timing, place):
    words = [*place.gated(), "-c", str(cell["clients"]), "-s", str(cell["size"]), "-P", str(cell["pipeline"]),
             "-t", str(cell["threads"]), "-d", f"{timing.duration_s:.9f}",
             "--warmup", f"{timing.warmup_s:.9f}", "-q"]
    words += ["--rate", str(cell["rate"])] if cell["rate"] else []
    return words + shlex.split(cell["options"])


@contextmanager
def in_one_process(cell, timing, place, files):
    words = [*both(cell, place, files["client"]), "-w", str(cell["workers"])]
    if place.cpus and (cell["threads"], cell["workers"]) == (1, 1):
        words += ["--cpus", f"{place.cpus[run.CLIENT]},{place.cpus[run.SERVER]}"]  # in this order
    with run.started(words + client_words(cell, timing, place)) as process:
        yield process


@contextmanager
def beside_a_server(cell, timing, place, files):
    """As other programs are. Linux shares a busy CPU out among sessions first: threads of one would
    get less of it than those of two."""
    server = [*both(cell, place, files["server"]), "--role", "server", "-h", "127.0.0.1", "-p", "0",
              "-w", str(cell["workers"]), *place.pinned(run.SERVER, cell["workers"]),
              *shlex.split(cell["options"])]
    with run.server(server) as (port, pid):
        client = [*both(cell, place, files["client"]), "--role", "client", "-h", "127.0.0.1",
                  "-p", str(port), *place.pinned(run.CLIENT, cell["threads"]),
                  *place.beside("bench_udp", pid)]
        with run.started(client + client_words(cell, timing, place)) as process:
            yield process


def under_way(cell, timing, place, stem):
    """A context that gives the process of the client."""
    how = beside_a_server if cell["processes"] == 2 else in_one_process
    return how(cell, timing, place, run.report_files(stem, ends(cell)))


def result(cell, stem):
    sample = {end: run.report(file) for end, file in run.report_files(stem, ends(cell)).items()}
    client = sample["client"]
    if not client["totals"]["requests"] or not servers([sample])[0]["echoed"]:
        raise run.Failed("bench_udp: nothing came back")
    if client["exit_status"] and not client["totals"]["errors"]:
        raise run.Failed(f"bench_udp: exit status {client['exit_status']}")
    return sample


def why_no_duet(cell):
    """By measurement: docs/method.md, "Duets"."""
    if cell["threads"] > 1 or cell["workers"] > 1:
        return "several threads do not share a CPU as they do apart"
    if cell["how"].split("+")[0] != ONE_BY_ONE:
        return "batches are larger where datagrams wait for a CPU"
    return None


# ---- what the samples say


def servers(samples):
    """Its block of the one report, or of its own."""
    return [sample.get("server", sample["client"])["server"] for sample in samples]


def whole_life_cpu_us(samples):
    uses = servers(samples)
    return figures.cpu_us(uses, sum(use["echoed"] for use in uses))


METRICS = [
    figures.rate_metric(UNIT),
    *figures.latency_metrics(),
    Metric("client_cpu_us", "client CPU us per echo", "us", LOWER, lambda samples:
           figures.cpu_us([r["cpu"] for r in figures.clients(samples)], figures.requests(samples))),
    Metric("server_cpu_us", "server CPU us per echo", "us", LOWER, lambda samples:
           figures.server_cpu_us(samples, whole_life_cpu_us)),
    Metric("lost", "lost", "", LOWER, lambda samples:
           sum(report["packets"]["lost"] for report in figures.clients(samples))),
]

def ratio_metrics(_):
    """Of which bench's table has ratios."""
    return "rate", "server_cpu_us"


def remarks(_, samples):
    return {"features": samples[-1]["client"]["backend"]["features"]}


# ---- the table

COLUMNS = [
    ("", "backend"), ("", "how"), ("echoes per s", "median"), ("echoes per s", "spread"),
    ("latency, us", "P50"), ("latency, us", "P99"),
    ("CPU us per echo", "client"), ("CPU us per echo", "server"),
    ("", "lost"), ("", "errors"), (f"to {BASELINE['backend']} {ONE_BY_ONE}", "echoes/s"),
    (f"to {BASELINE['backend']} {ONE_BY_ONE}", "server CPU"),
]
NOTES = [
    figures.SPREAD_NOTE.format("echoes"),
    "CPU: user and system, of client and server in the window.",
    f"{ONE_BY_ONE}: a datagram per system call (--batch 1). {BATCHED}: bench_udp's defaults, with "
    "GSO and GRO where the system has them. batch-N: without them.",
]
ONE_WAY_NOTE = f"{ONE_WAY}: nobody answers; two datagrams that arrived count as an echo."


def row(found):
    name = {key: found["settings"][key] for key in COMPARED}
    if not found["rounds"]:
        return [*name.values(), *[BLANK] * 7, f"{found['errors']:,}", BLANK, BLANK]
    metrics = found["metrics"]
    return [
        *name.values(), *figures.rate_texts(found),
        *(figures.us_text(metrics[metric]) for metric in ("p50_ns", "p99_ns")),
        figures.number_text(metrics["client_cpu_us"], 2),
        figures.number_text(metrics["server_cpu_us"], 2),
        f"{metrics['lost']:,}", f"{found['errors']:,}",
        *figures.ratio_texts(found, is_baseline, ratio_metrics),
    ]


def is_baseline(cell):
    return all(cell[name] == value for name, value in BASELINE.items())


def model(settings):
    """What a cell is among those of its load."""
    return f"{settings['backend']} {settings['how']}"


def heading(settings):
    clients = settings["clients"]
    words = [f"{clients:,} client{'s' * (clients > 1)}, {settings['pipeline']} in flight each, "
             f"{figures.size_text(settings['size'])}"]
    return ", ".join(words + cells.others(KEYS, settings, *COMPARED, "clients", "size", "pipeline"))


def lines(where):
    return [f"clients and server a thread each unless said, {where}"]


def table(found, texts):
    groups = {}
    for cell in found:
        groups.setdefault(heading(cell["settings"]), []).append(row(cell))
    one_way = any(cell["settings"]["backend"] == ONE_WAY for cell in found)
    return Table(TITLE, texts, COLUMNS, groups, NOTES + [ONE_WAY_NOTE] * one_way)
