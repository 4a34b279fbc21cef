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
STALLED_S = 60  # beyond warm-up and window; fio writes its file first


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


def fio_file(cell):
    """The options that name the file. Direct reads drop theirs from the page cache."""
    return [f"--name=direct-{cell['direct']}", f"--size={cell['size']}"]


def fio_lay_out(cell, folder):
    """Writes the file, so that no run is measured while the disk is busy with it; in large blocks,
    as ours does, because a file written in small ones is slower to read from the page cache."""
    if not list(folder.glob(f"direct-{cell['direct']}.*")):
        run.client(["fio", *fio_file(cell), f"--directory={folder}", "--rw=write", "--bs=1m",
                    "--end_fsync=1"], STALLED_S)


def fio_command(cell, timing, folder):
    depth, batch = cell["depth"], fileio.BATCH.get(cell["direct"])
    batch = int(batch if cell["batch"] == fileio.BY_DIRECT else cell["batch"])
    direct = int(cell["direct"] == "on")
    words = ["fio", *fio_file(cell), f"--rw={cell['rw']}", f"--bs={cell['block']}",
             f"--directory={folder}", "--time_based",
             f"--ioengine={FIO_ENGINES[cell['engine']]}", f"--direct={direct}",
             f"--invalidate={direct}", f"--runtime={timing.duration_s * 1000:.0f}ms",
             f"--ramp_time={timing.warmup_s * 1000:.0f}ms", "--norandommap", "--randrepeat=0",
             "--lat_percentiles=1", "--clat_percentiles=0", "--percentile_list=50",
             "--output-format=json"]
    if cell["engine"] == "sync":
        return words
    words += [f"--iodepth={depth}", f"--iodepth_batch={min(batch, depth)}",
              "--iodepth_batch_complete_min=1", f"--iodepth_batch_complete_max={depth}"]
    return words + (FIO_URING if cell["engine"] == "io_uring" else [])


def fio(cell, timing, place):
    fio_lay_out(cell, place.scratch)
    text = run.client(fio_command(cell, timing, place.scratch),
                      timing.warmup_s + timing.duration_s + STALLED_S)
    try:
        job = json.loads(text[text.index("{"):])["jobs"][0]
        if job["error"] or not job["read"]["iops"]:
            raise run.Failed(f"fio: read nothing (error {job['error']})")
        return Found(job["read"]["iops"], job["read"]["lat_ns"]["percentile"]["50.000000"])
    except (ValueError, KeyError, IndexError) as error:
        raise run.Failed(f"fio: no results in what it printed ({error})") from error


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
