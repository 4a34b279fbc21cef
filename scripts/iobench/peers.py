"""Other people's programs as backends: a cell whose backend is "fio:io_uring" is run by fio.

fio:ENGINE           files, ENGINE one of ours; what follows it after commas are fio's own options
sockperf             TCP and UDP: ping-pong, full round trips
sockperf:throughput  UDP: one way; two datagrams that arrived count as an echo

A run leaves a report as our programs do, with null for what the peer does not tell. Each measures
in its own way:

fio       "lat": from the preparation of a request until its completion was seen; 64 bins per power
          of two. Its CPU time is that of its job's thread. The fastest known set-up of its io_uring
          engine is asked for, as ours uses it.
sockperf  takes whole seconds, and counts all but about the first and the last quarter of one. Of
          ping-pong its CPU time is not known, because it spins and writes a log at the end.
"""

import json
import math
import os
import platform
import re
import resource
import select
import shlex
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path

from iobench import fileio, hdr, run, udp
from iobench.parts import PARTS

TOOL = "iobench peer"  # of the reports that are written here
FIO_ENGINES = {"sync": "psync", "libaio": "libaio", "io_uring": "io_uring"}
FIO_URING = ["--fixedbufs", "--registerfiles", "--nonvectored=1"]
STALLED_S = 60  # beyond warm-up and window
SLEEPING, SPINNING = "throughput", "latency"  # modes of our programs; sockperf has no other
NO_CPU = {"user_s": None, "system_s": None}

# What a peer can do: the values of a setting, or None if any will do. All others are the defaults.
ONE_BY_ONE = (udp.ONE_BY_ONE, f"{udp.ONE_BY_ONE}+connected")
CAN_DO = {
    ("fio", "file"): {"rw": ("randread", "read"), "existing": ("on",), **dict.fromkeys(
        ("direct", "block", "depth", "batch", "size"))},
    ("sockperf", "tcp"): {"connections": (1,), "mode": (SLEEPING, SPINNING), "size": None},
    ("sockperf", "udp"): {"clients": (1,), "pipeline": (1,), "mode": (SLEEPING, SPINNING),
                          "how": ONE_BY_ONE, "processes": (2,), "size": None},
    (udp.ONE_WAY, "udp"): {"mode": (SLEEPING,), "how": ONE_BY_ONE, "processes": (2,),
                           **dict.fromkeys(("clients", "pipeline", "size"))},
}


def asked(cell):
    """What the cell names as its backend or engine."""
    return cell[PARTS[cell.part].COMPARED[0]]


def program(backend):
    """The peer's program that a backend or engine is of; None if it is one of ours."""
    name = backend.split(":")[0]
    return name if name in ("fio", "sockperf") else None


def of(cell):
    """The peer's program that runs the cell; None if ours do."""
    return program(asked(cell))


def is_one_way(cell):
    return asked(cell) == udp.ONE_WAY


def fio_engine(cell):
    """(our name of its engine, options of fio's)"""
    name, *more = asked(cell).removeprefix("fio").removeprefix(":").split(",")
    return name, [f"--{word}" for word in more]


def is_beside(own, other):
    """Whether a cell of ours, in the group of a peer's, does the same as that."""
    return not of(own) and (of(other) != "fio" or asked(own) == fio_engine(other)[0])


def ends(cell):
    """Whose reports a run leaves."""
    return ("client",) if of(cell) else PARTS[cell.part].ends(cell)


def fault(cell):
    """Why a peer cannot be told to do what the cell says; None if it can, and for our own."""
    if not of(cell):
        return None
    kind = "fio" if of(cell) == "fio" else asked(cell)
    can = CAN_DO.get((kind, cell.part))
    if can is None or kind == "fio" and fio_engine(cell)[0] not in FIO_ENGINES:
        known = [name for name, part in CAN_DO if part == cell.part]
        if cell.part == "file":
            known = [f"fio:{engine}" for engine in FIO_ENGINES]
        return f"'{asked(cell)}' is not one of its peers: {', '.join(known)}"
    if kind == "fio" and not fileio.batch(cell).isdigit():
        return f"{asked(cell)} cannot do batch = '{cell['batch']}': a number"
    part = PARTS[cell.part]
    for name, key in part.KEYS.items():
        allowed = can.get(name, (key.default,))
        if name != part.COMPARED[0] and allowed is not None and cell[name] not in allowed:
            return (f"{asked(cell)} cannot do {name} = '{cell[name]}': "
                    f"{' or '.join(map(str, allowed))}")
    return None


def obstacle(backend):
    """Failed if it is a peer's that is not here."""
    name = program(backend)
    if not name or shutil.which(name):
        return None
    return run.Failed(f"{name} is not installed (the package {name})", run.CANNOT_RUN_HERE)


@lru_cache
def version(name):
    done = subprocess.run([name, "--version"], capture_output=True, text=True, timeout=10,
                          check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else f"{name}, unknown version"


def number(name, pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise run.Failed(f"{name}: printed nothing like '{pattern}'")
    return float(found[1])


# ---- reports


def host():
    """What can be said of it without our programs."""
    cpus = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpus.read_text("utf-8")) if cpus.exists() else None
    return {"name": platform.node(), "os": f"{platform.system()} {platform.release()}",
            "arch": platform.machine(), "cpu_model": model and model[1],
            "cpus_online": os.cpu_count(), "load_1m": os.getloadavg()[0],
            "virtualisation": None, "steal_percent": None}


def report(cell, command, window, *, requests, sizes, counts, cpu, more=None):
    """window: (warm-up, duration); sizes: bytes (sent, received); counts: {latency in ns: how
    often}; cpu: with user_s and system_s."""
    warmup_s, duration_s = window
    sent, received = (size / duration_s / (1 << 20) for size in sizes)
    return {
        "schema_version": 1, "tool": TOOL, "version": version(of(cell)),
        "command": shlex.join(command), "config": {"part": cell.part, "settings": cell.settings},
        "backend": {"requested": asked(cell), "name": asked(cell), "features": []},
        "window": {"warmup_s": warmup_s, "duration_s": duration_s},
        "totals": {"requests": requests, "errors": 0, "tx_bytes": sizes[0], "rx_bytes": sizes[1]},
        "errors": {}, "syscalls": {"total": None}, "rate": {"qps": requests / duration_s},
        "throughput": {"tx_mib_s": sent, "rx_mib_s": received, "both_mib_s": sent + received},
        "latency": {"service_ns": hdr.block(counts)}, "cpu": cpu, "intervals": [],
        "client_limited": None, "client_limited_reason": None, "warnings": [], "exit_status": 0,
    } | (more or {})


def measure(cell, timing, place):
    """One run; its report. started_at and the load are of the moment before it."""
    if obstacle(asked(cell)):
        raise obstacle(asked(cell))
    before = {"started_at": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}", "host": host()}
    one = fio if of(cell) == "fio" else one_way if is_one_way(cell) else ping_pong
    return one(cell, timing, place) | before


# ---- fio


def fio_command(cell, timing, place):
    """Blocks are drawn anew each time. The job's name comes first: what stands before it would be
    of all jobs."""
    engine, more = fio_engine(cell)
    direct, depth = int(cell["direct"] == "on"), cell["depth"]
    words = ["fio", "--name=read", f"--filename={fileio.existing(cell, place)}",
             f"--size={cell['size']}", f"--rw={cell['rw']}", f"--bs={cell['block']}",
             f"--ioengine={FIO_ENGINES[engine]}", f"--direct={direct}", f"--invalidate={direct}",
             "--time_based", f"--runtime={timing.duration_s * 1000:.0f}ms",
             f"--ramp_time={timing.warmup_s * 1000:.0f}ms", "--norandommap", "--randrepeat=0",
             "--lat_percentiles=1", "--clat_percentiles=0", "--output-format=json+"]
    if engine != "sync":
        words += [f"--iodepth={depth}", f"--iodepth_batch={min(int(fileio.batch(cell)), depth)}",
                  "--iodepth_batch_complete_min=1", f"--iodepth_batch_complete_max={depth}"]
    words += [f"--cpus_allowed={cpus}" for cpus in fileio.pinned(cell, place)[1:]]
    return words + (FIO_URING if engine == "io_uring" else []) + more


def fio(cell, timing, place):
    out = place.scratch / "fio.json"
    out.unlink(missing_ok=True)
    command = [*fio_command(cell, timing, place), f"--output={out}"]
    run.client(command, timing.warmup_s + timing.duration_s + STALLED_S, good=(0,))
    try:
        text = out.read_text(encoding="utf-8")
        job = json.loads(text[text.index("{"):])["jobs"][0]
        read = job["read"]
        if job["error"] or not read["total_ios"]:
            raise run.Failed(f"fio: read nothing (error {job['error']})")
        duration_s = read["total_ios"] / read["iops"]
        cpu = {f"{name}_s": job[f"{short}_cpu"] / 100 * duration_s
               for name, short in (("user", "usr"), ("system", "sys"))}
        return report(cell, command, (timing.warmup_s, duration_s), requests=read["total_ios"],
                      sizes=(0, read["io_bytes"]), cpu=cpu, counts={
                          int(value): count for value, count in read["lat_ns"]["bins"].items()})
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise run.Failed(f"fio: no results in what it printed ({error})") from error


# ---- sockperf


def cpu_used():
    """Of all programs that were started here and have ended, with what their start took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"user_s": used.ru_utime, "system_s": used.ru_stime}


def since(before):
    return {name: value - before[name] for name, value in cpu_used().items()}


def free_port(is_tcp):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def sockperf_server(command):
    """Runs it as long as the block lasts; it is ready when it says how it waits for messages. Gives
    a list which, after the block, has what it said at its end."""
    with run.started(command) as process:
        seen, end_s = "", time.monotonic() + run.PATIENCE_S
        while "block on socket" not in seen:
            left_s = max(0, end_s - time.monotonic())
            ready = select.select([process.stdout], [], [], left_s)[0]
            more = os.read(process.stdout.fileno(), 65536) if ready else b""
            if not more:
                run.end(process)
                said = process.stderr.read().strip().splitlines() or ["it said nothing"]
                raise run.Failed(f"sockperf: its server did not start: {said[-1]}")
            seen += more.decode(errors="replace")
        said = []
        yield said
        process.send_signal(signal.SIGINT)  # at which it says what it has received
        run.end(process, asked=True)
        said.append(process.stdout.read())


def sockperf(cell, timing, place, kind, *more):
    """(the client's command, what it said, what the server said, CPU time of both)"""
    is_tcp = cell.part == "tcp"
    common = ["-i", "127.0.0.1", "-p", str(free_port(is_tcp)), *(["--tcp"] if is_tcp else []),
              *(["--nonblocked"] if cell["mode"] == SPINNING else [])]

    def pinned(end):
        return ["taskset", "-c", str(place.cpus[end])] if place.cpus else []

    seconds = max(1, math.ceil(timing.duration_s))
    client = [*pinned(run.CLIENT), "sockperf", kind, *common, "-t", str(seconds),
              "-m", str(cell["size"]), *more]
    start = cpu_used()
    with sockperf_server([*pinned(run.SERVER), "sockperf", "server", *common]) as said:
        text = run.client(client, seconds + STALLED_S, good=(0,))
        used, start = since(start), cpu_used()
    return client, text, said[0], (used, since(start))


def round_trips(log):
    """{ns: how often} of its log, whose lines are of what it calls valid."""
    counts = {}
    try:
        for line in log.read_text(encoding="utf-8").splitlines():
            if line[:1].isdigit():
                value_ns = round(1e3 * float(line.rsplit(",", 1)[1]))
                counts[value_ns] = counts.get(value_ns, 0) + 1
    except (OSError, ValueError, IndexError) as error:
        raise run.Failed(f"sockperf: no log of what it measured ({error})") from error
    return counts


def ping_pong(cell, timing, place):
    log = place.scratch / "sockperf.csv"
    log.unlink(missing_ok=True)
    command, text, _, _ = sockperf(cell, timing, place, "ping-pong", "--full-rtt",
                                   "--full-log", str(log))
    warmup_s = number("sockperf", r"Warm up time=(\d+) msec", text) / 1e3
    counted = text[max(0, text.find("[Valid Duration]")):]
    sent, received = (int(number("sockperf", rf"{name}Messages=(\d+)", counted))
                      for name in ("Sent", "Received"))
    length_s = number("sockperf", r"RunTime=([\d.]+)", counted)
    if not received or not length_s:
        raise run.Failed("sockperf: no message came back")
    return report(cell, command, (warmup_s, length_s), requests=received, cpu=NO_CPU,
                  sizes=(sent * cell["size"], received * cell["size"]), counts=round_trips(log),
                  more=udp_blocks(sent - received, NO_CPU, received))


def one_way(cell, timing, place):
    command, text, said, (client, server) = sockperf(cell, timing, place, "throughput")
    sent = int(number("sockperf", r"Total of (\d+) messages sent", text))
    length_s = number("sockperf", r"messages sent in ([\d.]+) sec", text)
    received = int(number("sockperf", r"Total (\d+) messages received", said))
    if received < 2 or not length_s:
        raise run.Failed("sockperf: no message arrived")
    return report(cell, command, (0, length_s), requests=received // 2, cpu=client, counts={},
                  sizes=(sent * cell["size"], 0),
                  more=udp_blocks(max(0, sent - received), server, received // 2))


def udp_blocks(lost, server, echoed):
    return {"packets": {"lost": lost}, "server": server | {"echoed": echoed}}
