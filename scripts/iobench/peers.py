"""Other people's programs at the work of one of our cells: fio for files, sockperf for TCP and UDP.

Each is told to do what the cell's settings say, and measures rate and P50 in its own way:

fio       "lat": from the preparation of a request until its completion was seen; 64 bins per power
          of two. The fastest known set-up of its io_uring engine is asked for, as ours uses it.
sockperf  ping-pong, full round trips. It takes whole seconds and counts all but about the first and
          the last quarter of one.
"""

import json
import math
import os
import re
import select
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import NamedTuple

from iobench import fileio, run

FIO_ENGINES = {"sync": "psync", "libaio": "libaio", "io_uring": "io_uring"}
FIO_URING = ["--fixedbufs", "--registerfiles", "--nonvectored=1"]
STALLED_S = 60  # beyond warm-up and window
LAY_OUT_S = 600  # for a file of some GiB


class Found(NamedTuple):
    rate: float  # per second
    p50_ns: float


def is_installed(name):
    return shutil.which(name) is not None


def version(name):
    done = subprocess.run([name, "--version"], capture_output=True, text=True, timeout=10,
                          check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def number(name, pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise run.Failed(f"{name}: printed nothing like '{pattern}'")
    return float(found[1])


# ---- fio


def fio_lay_out(*file):
    """Writes the file, so that no run is measured while the disk is busy with it; in large blocks,
    as ours does, because a file written in small ones is slower to read from the page cache."""
    run.client(["fio", *file, "--rw=write", "--bs=1m", "--end_fsync=1"], LAY_OUT_S)


def fio_words(file, engine, direct, timing):
    """What every run is told, of whatever file: to draw new blocks each time, and what to say. The
    job's name comes first: what stands before it would be of all jobs."""
    return ["fio", *file, f"--ioengine={FIO_ENGINES[engine]}", f"--direct={int(direct)}",
            f"--invalidate={int(direct)}", "--time_based",
            f"--runtime={timing.duration_s * 1000:.0f}ms",
            f"--ramp_time={timing.warmup_s * 1000:.0f}ms", "--norandommap", "--randrepeat=0",
            "--lat_percentiles=1", "--clat_percentiles=0", "--percentile_list=50:99",
            "--output-format=json"]


def fio_job(command, timing):
    """What it says of its job, whose "read" has some."""
    text = run.client(command, timing.warmup_s + timing.duration_s + STALLED_S)
    try:
        job = json.loads(text[text.index("{"):])["jobs"][0]
        if job["error"] or not job["read"]["iops"]:
            raise run.Failed(f"fio: read nothing (error {job['error']})")
        return job
    except (ValueError, KeyError, IndexError) as error:
        raise run.Failed(f"fio: no results in what it printed ({error})") from error


def percentile(job, percent):
    try:
        return job["read"]["lat_ns"]["percentile"][f"{percent:.6f}"]
    except KeyError as error:
        raise run.Failed(f"fio: no results in what it printed ({error})") from error


def fio_file(cell, folder):
    """The options that name the file. Direct reads drop theirs from the page cache."""
    return [f"--name=direct-{cell['direct']}", f"--size={cell['size']}", f"--directory={folder}"]


def fio_command(cell, timing, folder):
    depth, batch = cell["depth"], fileio.BATCH.get(cell["direct"])
    batch = int(batch if cell["batch"] == fileio.BY_DIRECT else cell["batch"])
    file = [*fio_file(cell, folder), f"--rw={cell['rw']}", f"--bs={cell['block']}"]
    words = fio_words(file, cell["engine"], cell["direct"] == "on", timing)
    if cell["engine"] == "sync":
        return words
    words += [f"--iodepth={depth}", f"--iodepth_batch={min(batch, depth)}",
              "--iodepth_batch_complete_min=1", f"--iodepth_batch_complete_max={depth}"]
    return words + (FIO_URING if cell["engine"] == "io_uring" else [])


def fio(cell, timing, place):
    if not list(place.scratch.glob(f"direct-{cell['direct']}.*")):
        fio_lay_out(*fio_file(cell, place.scratch))
    job = fio_job(fio_command(cell, timing, place.scratch), timing)
    return Found(job["read"]["iops"], percentile(job, 50))


# ---- sockperf


def free_port(is_tcp):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pinned(place, end):
    return ["taskset", "-c", str(place.cpus[end])] if place.cpus else []


@contextmanager
def sockperf_server(command):
    """Runs it as long as the block lasts; it is ready when it says how it waits for messages."""
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
        yield


def sockperf(cell, timing, place):
    is_tcp = cell.part == "tcp"
    common = ["-i", "127.0.0.1", "-p", str(free_port(is_tcp)), *(["--tcp"] if is_tcp else []),
              *(["--nonblocked"] if cell["mode"] == "latency" else [])]
    seconds = max(1, math.ceil(timing.duration_s))
    client = [*pinned(place, run.CLIENT), "sockperf", "ping-pong", *common, "--full-rtt",
              "-t", str(seconds), "-m", str(cell["size"])]
    with sockperf_server([*pinned(place, run.SERVER), "sockperf", "server", *common]):
        text = run.client(client, seconds + STALLED_S)
    counted = text[max(0, text.find("[Valid Duration]")):]
    received = number("sockperf", r"ReceivedMessages=(\d+)", counted)
    length_s = number("sockperf", r"RunTime=([\d.]+)", counted)
    if not received or not length_s:
        raise run.Failed("sockperf: no message came back")
    return Found(received / length_s,
                 1e3 * number("sockperf", r"percentile 50\.0+ =\s*([\d.]+)", counted))


PEERS = {"fio": fio, "sockperf": sockperf}
