"""The targets and the plan of an event loop for an async runtime."""

import os
import re

from iobench import figures, fileio, tcp
from iobench.hdr import Histogram
from iobench.reproduce.network import SLEEPING, latency, qps, us
from iobench.reproduce.probes import IDLE
from iobench.reproduce.rows import LEAST, MOST, NOT_MEASURED, Figures, Row, each, foreign, median

CPUS = os.cpu_count() or 1
WORK, TIMERS = "20us", 1000  # of the mixed load: the plan names no figures


def batch_figures(samples):
    reports = figures.clients(samples.values())
    cpu_us = median([report["cpu"]["us_per_op"] for report in reports])
    calls = median([report["syscalls"]["per_request"] for report in reports])
    return Figures(each(qps, samples), {}, f"{cpu_us:.3f} us of CPU and {calls:.3f} system calls "
                   "per operation", {"cpu_us_per_op": cpu_us, "syscalls_per_op": calls})


def batch_rows(context, target):
    def row(name, title, engine, workers, **more):
        return Row(f"event_loop.batch_io_ops_s-{name}", title, "operations/s",
                   runs=[context.planned(fileio, engine=engine, workers=workers)],
                   figures=batch_figures, **more)

    asked = {"published": target, "kind": LEAST, "obstacle": foreign("Linux")}
    return [row("cached", "batches, io_uring, page cache, 1 thread", "io_uring", 1, **asked),
            row("cached-all", f"batches, io_uring, page cache, {CPUS} threads", "io_uring", CPUS,
                **asked),
            row("null", "batches that do nothing: this program alone", "null", 1)]


def idle_figures(samples):
    rss = median([sample["rss_bytes"] for sample in samples.values()])
    return Figures(each(lambda sample: sample["private_bytes"], samples), {},
                   f"Its own pages; with those of shared libraries {rss:,.0f} bytes",
                   {"rss_bytes": rss})


def concurrent_row(context, i, text, files):
    return Row(f"event_loop.plan-{i}", text, "operations/s", figures=batch_figures, runs=[
        context.planned(fileio, engine="io_uring", rw="randrw", files=files, depth=files,
                        size=files * 65536)], obstacle=foreign("Linux"))


def mixed_figures(samples):
    late = Histogram()
    for sample in samples.values():
        lateness = sample["server"]["timers"]["lateness_ns"]
        late.add(lateness["hdr"], lateness["max"])
    beside = latency(tcp, samples) | {"timer_late_p99_ns": late.percentile(99)}
    return Figures(each(qps, samples), {}, (
        f"100 connections, {WORK} of computation per request, {TIMERS:,} timers of 100 ms: P99 "
        f"{us(beside['p99_ns'])}, timers late by {us(beside['timer_late_p99_ns'])} at P99"), beside)


def mixed_row(context, i, text):
    return Row(f"event_loop.plan-{i}", text, "requests/s", figures=mixed_figures, runs=[
        context.planned(tcp, backend="epoll", work=WORK, **SLEEPING,
                        server_options=f"--timers {TIMERS}")])


def plan_row(context, i, text):
    concurrent = re.match(r"(\d+) concurrent file", text)
    if concurrent and 0 < int(concurrent[1]) <= 4096:
        return concurrent_row(context, i, text, int(concurrent[1]))
    if text.startswith("mixed load"):
        return mixed_row(context, i, text)
    return Row(f"event_loop.plan-{i}", text, obstacle=(
        NOT_MEASURED, "the plan gives no figure, and no program here does this"))


def event_loop(context):
    loop = context.published.entry("event_loop")
    targets, rows = loop.entry("targets"), []
    for name in targets.table:
        target = targets.number(name)
        if name == "batch_io_ops_s":
            rows += batch_rows(context, target)
        elif name == "base_memory_bytes":
            rows.append(Row(f"event_loop.{name}", "idle server, epoll, memory", "bytes", target,
                            kind=MOST, runs=[IDLE], figures=idle_figures,
                            obstacle=foreign("Linux")))
        else:
            rows.append(Row(f"event_loop.{name}", name.replace("_", " "), "", target, kind=MOST,
                            obstacle=(NOT_MEASURED, "there is no async runtime here")))
    return rows + [plan_row(context, i, str(text)) for i, text in enumerate(loop.list("plan"))]
