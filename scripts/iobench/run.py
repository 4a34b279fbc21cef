"""Starting and ending the programs, each by its own process id."""

import functools
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
USAGE, CANNOT_RUN_HERE, INTERRUPTED = 2, 77, 130  # exit statuses
SERVER, CLIENT = 0, 1  # the ends, as indices of CPUs
PATIENCE_S = 10  # for a server to be ready, and for a program to end when asked to


class Failed(Exception):
    """A program did not do what it was started for; the text is one line."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status  # exit status: 2 usage, 77 cannot run here
        self.member = None  # of a duet, whose program it was


def programs():
    """Where the programs are, unless a caller says otherwise."""
    return Path(os.environ.get("IOBENCH_BIN") or ROOT / "bin")


def program(name, directory=None):
    path = (directory or programs()) / name
    if not os.access(path, os.X_OK):
        raise Failed(f"{path} is not there: build it with make")
    return str(path)


@functools.cache
def knows(path, option):
    """Whether a program has an option: those of an older revision may not."""
    done = subprocess.run([path, "--help"], capture_output=True, text=True, check=False)
    return option in done.stdout


def reads_server(path):
    """Whether a client can measure the CPU time of another process: not on every system."""
    return sys.platform == "linux" and knows(path, "--server-pid")


class Place(NamedTuple):
    """Where something is run: whose programs, on which CPUs, in which directory for files."""

    programs: Path
    cpus: tuple | None  # of server and client; None: this system cannot bind
    scratch: Path
    gate: str | None = None  # a socket: in a duet, what opens for all clients at once
    reads_server: bool = True  # whether clients are to measure the CPU time of their servers

    def program(self, name):
        return program(name, self.programs)

    def usable_cpus(self):
        """How many; 1 where programs cannot be bound to them."""
        return len(os.sched_getaffinity(0)) if self.cpus else 1

    def gated(self):
        """Options of a client."""
        return ["--gate", self.gate] if self.gate else []

    def beside(self, name, pid):
        """Options of a client that also measures the CPU time of its server, where that can be."""
        known = self.reads_server and reads_server(self.program(name))
        return ["--server-pid", str(pid)] if known else []

    def pinned(self, end, threads=1, others=None):
        """Options that bind one end; several threads are bound if each finds a CPU of its own.
        others: threads of the other end, if they are not as many."""
        both = (threads, others or threads) if end == SERVER else (others or threads, threads)
        if both == (1, 1):
            return pinned(self.cpus, end)
        usable = sorted(os.sched_getaffinity(0)) if self.cpus else []
        mine = usable[:both[0]] if end == SERVER else usable[both[0]:sum(both)]
        return ["--cpus", ",".join(map(str, mine))] if len(usable) >= sum(both) else []


def report_files(stem, ends):
    return {end: f"{stem}.{end}.json" for end in ends}


def complaint(process):
    """What a program that has ended said was wrong."""
    lines = process.stderr.read().strip().splitlines()
    name = Path(process.args[0]).name
    return Failed(lines[-1] if lines else f"{name}: exit status {process.returncode}",
                  process.returncode)


def end(process, asked=False):
    """Asks it to end, unless it has been asked, so that it can write its report, and insists when
    it does not."""
    try:
        if not asked and process.poll() is None:
            process.terminate()
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


class Interrupts:
    """Ctrl-C, SIGTERM and SIGHUP end the script alike, with its processes ended and results kept.

    They wait while a process is being started: an exception just then would leave it to nobody.
    """

    def __init__(self):
        self.held = self.pending = False

    def catch(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self.arrive)

    def arrive(self, *_):
        self.pending = self.held
        if not self.held:
            raise KeyboardInterrupt

    def release(self):
        self.held = False
        if self.pending:
            raise KeyboardInterrupt


interrupts = Interrupts()


def guarded(name, work):
    """Does a script's work and returns its exit status; what ends it early is said in one line."""
    interrupts.catch()
    try:
        return work()
    except Failed as failed:
        print(f"{name}: {failed}", file=sys.stderr)
        return failed.status
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"{name}: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def leashed(command):
    """The command, told to end when this script does, even if it is killed: Linux can say so.

    If the script ended before that was said, the shell sees another parent and starts nothing.
    """
    setpriv = shutil.which("setpriv")
    if not setpriv:
        return command
    still_there = f'test $PPID -eq {os.getpid()} && exec "$@"'
    return [setpriv, "--pdeathsig", "TERM", "--", "sh", "-c", still_there, "sh", *command]


@contextmanager
def started(command):
    """A process in a session of its own: Ctrl-C reaches this script alone, which then ends it."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process, interrupts.held = None, True
    try:
        process = subprocess.Popen(leashed(command), text=True, start_new_session=True,
                                   **pipes)
        process.args = command  # without the leash
        interrupts.release()
        yield process
    finally:
        interrupts.held = False
        if process:
            with process:  # closes the pipes
                end(process)


@contextmanager
def server(command):
    """Runs a server as long as the block lasts; gives its port and its process id."""
    with started(command) as process:
        ready = select.select([process.stdout], [], [], PATIENCE_S)[0]
        found = re.search(r"listening on \S*:(\d+)\b", process.stdout.readline() if ready else "")
        if found:
            yield int(found[1]), process.pid
        end(process)
        if process.returncode or not found:
            raise complaint(process)


def finish(process, within_s, good=(0, 1)):
    """Waits for a client to end and returns its text. Of ours, exit status 1 is a result too."""
    try:
        process.wait(within_s)  # what it prints fits the pipe
    except subprocess.TimeoutExpired:
        name = Path(process.args[0]).name
        raise Failed(f"{name} did not end within {within_s:.0f} s") from None
    if process.returncode not in good:
        raise complaint(process)
    return process.stdout.read()


def client(command, within_s, good=(0, 1)):
    """Runs a client to its end and returns its text."""
    with started(command) as process:
        return finish(process, within_s, good)


def report(path):
    """The JSON report that a program has written."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failed(f"{path} is no report: {error}") from error


def probe(backend):
    """Why a backend cannot run here, as Failed; None when it can."""
    command = [program("bench_server"), "-H", "127.0.0.1", "-p", "0", "-b", backend]
    try:
        with server(command):
            return None
    except Failed as failed:
        return failed


def sysfs(cpu, name):
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/{name}")
    return path.read_text(encoding="ascii").strip() if path.exists() else None


def choose_cpus():
    """CPUs for server and client, two cores of one package if there are; None: cannot pin."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    first, *others = sorted(os.sched_getaffinity(0))

    def distance(cpu):
        package, core = (sysfs(cpu, name) == sysfs(first, name)
                         for name in ("physical_package_id", "thread_siblings_list"))
        return not package, core, cpu

    return first, min(others, key=distance, default=first)


def pinned(cpus, end_index):
    return ["--cpus", str(cpus[end_index])] if cpus else []
