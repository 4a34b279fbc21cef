"""The published TCP echo and UDP echo, and the claims about an io_uring dispatcher."""

import re

from iobench import figures, tcp, udp
from iobench.reproduce.rows import (
    CLAIM, NOT_MEASURED, TIMES, Figures, Row, each, foreign, median, ratios, system)

# The published programs' loops sleep when there is nothing to do, and so do ours here.
SLEEPING = {"mode": "throughput"}
ALIKE = SLEEPING | {"client": tcp.SAME}  # and had one backend at both ends
BACKENDS = {"Linux": {"epoll": "epoll", "io_uring": "io_uring"},
            "macOS": {"kqueue": "libev:kqueue"}}  # published name: ours
LARGE_BYTES = 1 << 18  # a message that no recv takes whole
OLD, NEW = "epoll", "io_uring"  # what the published ratios are of
MIB = 1 << 20


def obstacle(entry):
    """Why a row of the file is not run."""
    backend = entry.text("backend")
    found = foreign(entry.text("platform"))
    if not found and backend not in BACKENDS.get(system(), {}):
        return NOT_MEASURED, f"no backend '{backend}' in this suite"
    return found


def us(value_ns):
    return f"{figures.us_text(value_ns)} us"


def qps(sample):
    return sample["client"]["rate"]["qps"]


def metric(part, name, samples):
    return next(one for one in part.METRICS if one.name == name).of(list(samples.values()))


def latency(part, samples):
    return {name: metric(part, name, samples) for name in ("p50_ns", "p99_ns")}


# ---- TCP echo


def reads_s(sample):
    client = sample["client"]
    return client["totals"]["reads"] / client["window"]["duration_s"]


def echo_figures(samples):
    per_request = median([reads_s(sample) / qps(sample) for sample in samples.values()])
    mib_s = median([sample["client"]["throughput"]["both_mib_s"] for sample in samples.values()])
    beside = latency(tcp, samples) | {"both_mib_s": mib_s, "recvs_per_request": per_request}
    effect = ("so it counts right at this size" if abs(per_request - 1) < 0.005 else
              "each counted as one")
    text = (f"Recvs: {per_request:.3f} per request, {effect}. {mib_s:,.1f} MiB/s both ways; not "
            f"recorded then: P50 {us(beside['p50_ns'])}, P99 {us(beside['p99_ns'])}")
    return Figures(each(qps, samples), each(reads_s, samples), text, beside)


def echo_row(context, entry, i):
    backend = entry.text("backend")
    connections = entry.count("connections", 1000000)
    size, seconds = entry.count("message_bytes", 16 << 20), entry.number("duration_s", 3600)
    row = Row(f"tcp_echo.{i}", f"{backend}, {connections:,} x {figures.size_text(size)}",
              "requests/s", entry.number("qps"), entry.text("platform"), obstacle=obstacle(entry))
    if not row.obstacle:
        row.figures = echo_figures
        row.runs = [context.planned(tcp, seconds, backend=BACKENDS[system()][backend],
                                    connections=connections, size=size, **ALIKE)]
    return row


def ratio_figures(method, true, text):
    """Figures of a row of two runs: the one over the other, by the published method and truly."""

    def of(over, under):
        return Figures(ratios(each(true, over), each(true, under)),
                       ratios(each(method, over), each(method, under)),
                       text)

    return of


def pairs_of(rows, loads, entries, old, new):
    """(load, old row, new row): rows run here whose entries differ in the backend alone."""
    groups = {}
    for row, load, entry in zip(rows, loads, entries):
        if row.runs:
            groups.setdefault(load, {})[entry.text("backend")] = row
    return [(load, group[old], group[new]) for load, group in groups.items()
            if old in group and new in group]


def tcp_echo(context):
    entries = context.published.entries("tcp_echo")
    rows = [echo_row(context, entry, i) for i, entry in enumerate(entries)]
    loads = [(entry.get("connections"), entry.get("message_bytes")) for entry in entries]
    for (connections, size), old, new in pairs_of(rows, loads, entries, OLD, NEW):
        name = f"{connections}x{size}"
        rows.append(Row(f"tcp_echo.ratio-{name}", f"{NEW} / {OLD}, {connections:,} x "
                        f"{figures.size_text(size)}", TIMES,
                        round(new.published / old.published, 2), new.platform, kind=CLAIM,
                        runs=[*new.runs, *old.runs],
                        figures=ratio_figures(reads_s, qps, "Recvs, as above; rounds paired")))
        large = context.planned(tcp, backend=OLD, connections=connections, size=LARGE_BYTES,
                                **ALIKE)
        rows.append(Row(f"tcp_echo.large-{name}", f"{OLD}, {connections:,} x "
                        f"{figures.size_text(LARGE_BYTES)}", "requests/s", None, new.platform,
                        runs=[large], figures=echo_figures))
    return rows


# ---- UDP echo


def packets_s(sample):
    return 2 * qps(sample)


def published_packets_s(sample):
    return sample["client"]["published_method"]["packets_s"]


def datagram_figures(samples):
    first = next(iter(samples.values()))["client"]["published_method"]
    took_s = median([sample["client"]["window"]["duration_s"] for sample in samples.values()])
    lost = metric(udp, "lost", samples)
    beside = latency(udp, samples) | {"took_s": took_s, "lost": lost}
    text = (f"{first['packets']:,} packets / {first['wall_s']:g} s, whatever the speed; they took "
            f"{took_s:.2f} s. {lost:,} lost, P99 {us(beside['p99_ns'])}")
    return Figures(each(packets_s, samples), each(published_packets_s, samples), text, beside)


def datagram_known(entry):
    """What can be said of a row that does not tell its load."""
    packet = entry.number("throughput_mb_s") * MIB / entry.number("pkt_s")
    return NOT_MEASURED, (f"neither its load nor its program is told; {packet:,.0f} B per packet "
                          "by its own figures")


def datagram_rows(context, entry, i):
    backend = entry.text("backend")
    row = Row(f"udp_echo.{i}", backend, "packets/s", entry.number("pkt_s"), entry.text("platform"))
    if not entry.has("clients"):
        row.obstacle = foreign(row.platform) or datagram_known(entry)
        return [row]
    size, workers = entry.count("message_bytes", 65507), entry.count("server_workers", 1024)
    clients, pipeline = entry.count("clients", 100000), entry.count("pipeline", 10000)
    messages = entry.count("messages_per_client", (1 << 32) - 1)
    row.title = f"{backend}, {clients} x {messages:,} x {figures.size_text(size)}"
    row.obstacle = obstacle(entry)
    if row.obstacle:
        return [row]

    def run(how):
        return context.quota(udp, backend=BACKENDS[system()][backend], how=how, clients=clients,
                             size=size, pipeline=pipeline, workers=workers, **SLEEPING,
                             options=f"-n {messages} --published-method")

    row.runs, row.figures = [run(udp.ONE_BY_ONE)], datagram_figures
    batched = Row(f"{row.id}-batched", f"{backend}, the same, batched", row.unit, None,
                  row.platform, runs=[run(udp.BATCHED)], figures=datagram_figures)
    return [row, batched]


def udp_echo(context):
    return [row for i, entry in enumerate(context.published.entries("udp_echo"))
            for row in datagram_rows(context, entry, i)]


# ---- the claims about a dispatcher


def typical(claim):
    """A number of connections that a claim's words mean: half of the most, or twice the least."""
    numbers = [int(number) for number in re.findall(r"\d+", claim.text("load"))]
    if not numbers or len(numbers) > 2 or not 1 < numbers[-1] <= 500000:
        claim.fail(f"load: '{claim.text('load')}' names no number of connections")
    return numbers[0] * 2 if claim.text("load").startswith("over") else numbers[-1] // 2


def server_syscalls(samples):
    return metric(tcp, "server_syscalls", samples)


def speedup_figures(new, old):
    calls = {OLD: server_syscalls(old), NEW: server_syscalls(new)}
    text = "It was expected, not measured. Server's system calls per request: " + ", ".join(
        f"{name} {amount:.2f}" for name, amount in calls.items())
    return Figures(ratios(each(qps, new), each(qps, old)), {}, text, {"server_syscalls": calls})


def counter(of, says):
    """Figures of a counter of the server's: new's rounds, and old's in words."""

    def figures_of(new, old):
        before = median(list(each(of, old).values()))
        return Figures(each(of, new), {}, says.format(before), {OLD: before})

    return figures_of


COUNTERS = {  # published name: our name, and what is counted
    "syscalls_per_event": ("system calls per request", counter(
        lambda sample: server_syscalls({0: sample}),
        "By the server; " + OLD + " makes {:.2f} at the same load")),
    "cqes_per_iteration": ("completions per wait", counter(
        lambda sample: sample["server"]["loop"]["events_per_wait_mean"],
        "By the server; " + OLD + " sees {:.1f} events")),
}


def counter_row(counters, name, runs):
    """What the summary says of a counter; runs: new and old at one load."""
    after = counters.entry(name)
    after = after.range("after") if isinstance(after.get("after"), str) else after.number("after")
    row = Row(f"io_uring_dispatcher.{name}", name.replace("_", " "), "", after, kind=CLAIM)
    if name not in COUNTERS:
        row.obstacle = NOT_MEASURED, "no program of the suite counts it"
    elif not runs:
        row.obstacle = foreign("Linux")
    else:
        (row.title, row.figures), row.runs = COUNTERS[name], runs
    return row


def io_uring_dispatcher(context):
    dispatcher = context.published.entry("io_uring_dispatcher")
    rows = []
    for i, claim in enumerate(dispatcher.entries("claims")):
        connections = typical(claim)
        row = Row(f"io_uring_dispatcher.{i}", f"{claim.text('load')}: {connections:,}", TIMES,
                  claim.range("speedup"), "Linux", kind=CLAIM, obstacle=foreign("Linux"))
        if not row.obstacle:
            row.figures = speedup_figures
            row.runs = [context.planned(tcp, backend=backend, connections=connections,
                                        **ALIKE) for backend in (NEW, OLD)]
        rows.append(row)
    counters = dispatcher.entry("counters")
    runs = rows[len(rows) // 2].runs if rows else []
    return rows + [counter_row(counters, name, runs) for name in counters.table]
