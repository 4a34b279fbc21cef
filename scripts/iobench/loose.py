"""Single reports of the programs, and directories of them, as result sets made up on the fly.

What was not measured by scripts/bench carries no plan: the cells are read off the reports' own
configurations, reports of one cell are its rounds in the order they began, and reports of several
machines make several sets. Nothing says that the rounds were interleaved, so the sets are of no
session.
"""

from pathlib import Path

from iobench import cells, fileio, peers, resultset, tcp, udp
from iobench.cells import Timing
from iobench.matrix import Planned
from iobench.parts import PARTS
from iobench.resultset import Unreadable

PART_OF = {"bench_client": "tcp", "bench_udp": "udp", "bench_file_io": "file"}
NOT_REPORTS = ("plan.json", "summary.json")
# What differs from run to run without changing what is measured.
INCIDENTAL = {"json", "port", "host", "unix", "dir", "existing", "seed", "cpus", "quiet", "keep",
              "interval_ns", "duration_ns", "time_ns", "warmup_ns", "calibrate", "role", "gate",
              "server_pid"}


def backend(report):
    """As it was asked for, since that may carry options; what ran if any would do."""
    asked = report["backend"]["requested"]
    return report["backend"]["name"] if asked == "auto" else asked


def tcp_settings(config, report, server):
    served = backend(server or report)
    work_ns = server["config"].get("work_ns") if server else 0
    is_usual = backend(report) == tcp.BASELINE["client"] or backend(report) != served
    return {"backend": served, "client": backend(report) if is_usual else tcp.SAME,
            "size": config["size_bytes"], "work": f"{work_ns}ns" if work_ns else "0"}


def udp_settings(config, report, server):
    return {"backend": backend(report), "size": config["size_bytes"],
            "processes": 2 if server else 1,
            "how": udp.ONE_BY_ONE if config["batch"] == 1 else udp.BATCHED}


def file_settings(config, _, __):
    usual = fileio.BATCH.get(config["direct"]) == str(config["batch"])
    return {"block": config["block_bytes"], "size": config["size_bytes"],
            "existing": "on" if config.get("existing") else "off",
            "batch": fileio.BY_DIRECT if usual else str(config["batch"])}


SETTINGS = {"tcp": (tcp_settings, "client_options"), "udp": (udp_settings, "options"),
            "file": (file_settings, "options")}


class Loose:
    """A client's report with its server's, if there is one, and what it is a run of."""

    def __init__(self, path, report, server):
        self.path = path
        config, host = report["config"], report["host"]
        is_peer = report["tool"] == peers.TOOL
        self.part = PARTS[config["part"] if is_peer else PART_OF[report["tool"]]]
        self.sample = {"client": report} | ({"server": server} if server else {})
        of_part, self.options_key = SETTINGS[self.part.NAME]
        own = config["settings"] if is_peer else of_part(config, report, server)
        self.settings = {name: own.get(name, config.get(name, key.default))
                         for name, key in self.part.KEYS.items()}
        cells.make(self.part, self.settings)  # raises if it cannot be one
        # What no setting of the part stands for, as texts: lists do not hash.
        self.rest = {name: str(value) for name, value in config.items()
                     if name not in self.part.KEYS and name not in INCIDENTAL}
        self.host = tuple(str(host.get(name)) for name in ("name", "os", "cpu_model"))
        self.started_at = str(report["started_at"])
        length = report["window"]["duration_s"], report["window"].get("warmup_s") or 0
        self.duration_s, self.warmup_s = map(float, length)

    def key(self):
        return self.part.NAME, tuple(map(str, self.settings.values()))


def files_in(path):
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*.json") if file.name not in NOT_REPORTS)


def is_server(report):
    config = report.get("config")
    role = config.get("role") if isinstance(config, dict) else None
    return "server" in (role, report["tool"].removeprefix("bench_"))


def in_duet(report):
    config = report.get("config")
    return isinstance(config, dict) and bool(config.get("gate"))


def client_of(server_file):
    """Where the report of a server's client is."""
    return server_file.with_name(server_file.name.replace(".server.json", ".client.json"))


def read_pairs(files):
    """(path, client's report, server's or None) of each file that is a client's; and problems."""
    reports, problems = {}, []
    for file in files:
        try:
            reports[file] = resultset.read_report(file)
        except Unreadable as problem:
            problems.append(str(problem))
    crowded = {file for file, one in reports.items() if in_duet(one)}
    reports = {file: one for file, one in reports.items()
               if file not in crowded and client_of(file) not in crowded}
    problems += [f"{len(crowded)} reports of duets: what ran beside others is no round of its own"
                 ] * bool(crowded)
    servers = {file: one for file, one in reports.items() if is_server(one)}
    pairs = []
    for file in reports.keys() - servers.keys():
        partner = file.with_name(file.name.removesuffix(".client.json") + ".server.json")
        pairs.append((file, reports[file], servers.pop(partner, None)))
    problems += [f"{file}: a server's report without its client's: it has no rate"
                 for file in servers]
    return sorted(pairs, key=lambda pair: pair[0]), problems


def tell_apart(some):
    """Runs that differ in an option which is no setting are of different cells: the options that
    differ go into the setting for all others."""
    groups = {}
    for one in some:
        groups.setdefault(one.key(), []).append(one)
    for group in groups.values():
        names = [name for name in group[0].rest
                 if len({one.rest.get(name) for one in group}) > 1]
        for one in group:
            if names:
                one.settings[one.options_key] = " ".join(
                    f"{name}={one.rest.get(name)}" for name in names)


def make_set(label, some):
    tell_apart(some)
    by_cell = {}
    for one in sorted(some, key=lambda one: one.started_at):
        by_cell.setdefault(cells.make(one.part, one.settings), []).append(one)
    planned = [Planned(cell, Timing(len(runs), runs[0].duration_s, runs[0].warmup_s))
               for cell, runs in by_cell.items()]
    plan = resultset.plan_for(planned, seed=0, label=label)
    found = resultset.ResultSet(some[0].path.parent, plan | {
        "session": None, "created_at": min(one.started_at for one in some)})
    for cell, runs in by_cell.items():
        found.samples[cell.name] = {i: one.sample for i, one in enumerate(runs, 1)}
    return found


def load(paths):
    """(sets, problems) of files and directories; a set of each machine among them."""
    files = list(dict.fromkeys(file for path in map(Path, paths) for file in files_in(path)))
    pairs, problems = read_pairs(files)
    machines = {}
    for path, report, server in pairs:
        try:
            one = Loose(path, report, server)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            problems.append(f"{path}: not a whole report: {error!r}")
            continue
        machines.setdefault(one.host, []).append(one)
    first = Path(paths[0])
    name = first.resolve().name if len(paths) == 1 else "single reports"
    return [make_set(name if len(machines) == 1 else f"{name} ({host[0]})", some)
            for host, some in machines.items()], problems
