"""What test_rules.py must know of a workload: an adapter each, and nothing else is theirs.

A rule names what it wants (rate, duration, count, ...); the adapter says how its program spells
that, and where its report has the totals. Each thread of a load has one unit: a connection, a
client, or a worker with its file. A new workload is one more class in WORKLOADS.
"""

import contextlib
import re
from pathlib import Path

from harness import LOOPBACK, Program, Server, eventually


class Workload:
    name = program = None
    has_peer = True  # another process answers, which can be stopped by itself, or be missing
    names = {
        "rate": "-R", "duration": "-d", "count": "-n", "warmup": "--warmup", "cpus": "--cpus",
        "interval": "-i",
    }  # fmt: skip
    backend = "-b"
    backends = ["epoll", "io_uring", "libev"]
    spins = ["--mode", "latency"]  # waits without sleeping
    busy = []  # a load that takes all of the client's time, and less of the server's
    long = []  # requests that spend nearly all of a worker's time in flight

    def load(self, threads, in_flight):
        """The options for so many threads, and so many requests in flight for each of them."""
        raise NotImplementedError

    def start_peer(self, json_file, *args):
        """The process that answers, if there is one, with its own options in args."""

    def target(self, peer, folder):
        """The options that lead to the peer, or into a directory."""
        raise NotImplementedError

    def nowhere(self, folder):
        """The same, where nobody is; that is known soon."""
        return ["-h", LOOPBACK, "-p", 1, "--timeout", "100ms"]

    def asked(self, count, threads):
        """How many requests -n asks for in all."""
        return count * threads

    def counted(self, report):
        """How many requests the window has had."""
        return report["totals"]["requests"]


class Tcp(Workload):
    name, program = "tcp", "bench_client"
    busy = ["-c", 64, "-P", 16, "-s", "1k"]

    def load(self, threads, in_flight):
        return ["-t", threads, "-c", threads, "-P", in_flight]

    def start_peer(self, json_file, *args):
        return Server("auto", *args, json_file=json_file)

    def target(self, peer, folder):
        return peer.target

    def asked(self, count, threads):
        return count


class Udp(Workload):
    name, program = "udp", "bench_udp"
    busy = ["-c", 64, "-P", 64, "--batch", 1]

    def load(self, threads, in_flight):
        return ["--role", "client", "-t", threads, "-c", threads, "-P", in_flight]

    def start_peer(self, json_file, *args):
        args = ["--role", "server", "-w", 1, *args]
        peer = Program("bench_udp", *args, json_file=json_file)
        ready = re.search(r"listening on \S+:(\d+),", peer.read_until("\n") or "")
        assert ready, peer.wait()
        peer.port = int(ready[1])
        return peer

    def target(self, peer, folder):
        return ["-h", LOOPBACK, "-p", peer.port]

    def counted(self, report):
        """Messages that were sent in the window, though their answers may have come after it."""
        packets = report["packets"]
        assert packets["sent"] == packets["received"] + packets["lost"] + packets["in_flight"]
        return packets["received"]


class File(Workload):
    name, program = "file", "bench_file_io"
    has_peer = False
    names = Workload.names | {"duration": "--time"}
    backend = "-e"
    backends = ["sync", "threads", "libaio", "io_uring", "threads --threading split"]
    spins = ["--spin", "1ms"]
    long = ["-b", "64k"]

    def load(self, threads, in_flight):
        depth = ["--depth", in_flight, "--batch", min(in_flight, 4)]
        return ["-w", threads, *depth, "-s", "1M", "--rw", "randread"]

    def target(self, peer, folder):
        return ["--dir", folder]

    def nowhere(self, folder):
        return ["--dir", folder / "missing"]


WORKLOADS = {workload.name: workload for workload in (Tcp(), Udp(), File())}


class Bench:
    """A workload that is ready to be run: its peer answers, or its directory is there."""

    def __init__(self, workload, json_files, folder, stack, peer_args=()):
        self.workload = workload
        self.json_files = json_files
        self.folder = folder
        self.stack = stack
        self.peer = workload.start_peer(next(json_files), *peer_args)
        if self.peer:
            stack.callback(self.peer.kill)

    def start(self, *args, nowhere=False, prefix=(), threads=1, in_flight=4, **asked):
        """Begins a run, asked for as rate=2000, duration="1s", and more options of its own."""
        w = self.workload
        words = w.nowhere(self.folder) if nowhere else w.target(self.peer, self.folder)
        words = [*words, *w.load(threads, in_flight), w.names["warmup"], "0"]
        for what, value in asked.items():
            words += [w.names[what], value]
        json_file = next(self.json_files)
        run = Program(w.program, *words, *args, json_file=json_file, prefix=prefix)
        self.stack.callback(run.kill)
        return run

    def run(self, *args, **asked):
        """The report of a run that ends well."""
        outcome = self.start(*args, **asked).wait()
        assert (outcome.status, outcome.stderr) == (0, ""), outcome.stderr
        return outcome.report

    def pid(self, run, who):
        """Of the "client" of a run, or of the "server" that answers it."""
        return run.pid if who == "client" else self.peer.pid


@contextlib.contextmanager
def ready_to_run(workload, json_files, folder, peer_args=()):
    """A Bench, of which no process and no file is left afterwards."""
    folder = Path(folder)
    with contextlib.ExitStack() as stack:
        yield Bench(WORKLOADS[workload], json_files, folder, stack, peer_args)
    eventually(lambda: not list(folder.iterdir()), "an empty directory")
