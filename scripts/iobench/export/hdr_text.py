"""HdrHistogram's own two text formats. Source: the Java library that defines them
(AbstractHistogram, PercentileIterator, HistogramLogWriter, HistogramLogReader).
https://github.com/HdrHistogram/HdrHistogram

.hgrm: the distribution of a cell, its rounds added. The values are in microseconds and are those
that the library prints of such a histogram: the upper edges of slots, also where the exact maximum,
which a histogram does not carry, lies below.

.hlog, version 1.3: a line for each cell and round, with the histogram as the report has it. The tag
is the cell; the maximum is exact, and in milliseconds as the library's writer has it. An interval
starts when the run's warm-up was over, by the second in which the program was started.
"""

import math
import re
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal

from iobench import figures, hdr

SUFFIXES = {"service_ns": "", "response_ns": "-response"}  # of names and tags
TICKS = 5  # lines per half of the distance to 100 %: the library's default
NS_PER_UNIT = 1000  # of an .hgrm
DIGITS = 2  # significant, as of all histograms of the suite
HIGHEST_NS = 3600 * 10**9  # trackable; it decides how many buckets there are said to be


def slot_middle(slot):
    """What the library takes a slot's values for when it forms a mean."""
    shift = max(slot // hdr.HALF - 1, 0)
    return hdr.slot_high(slot) + 1 - (1 << shift) + (1 << shift >> 1)


def levels():
    """Percentages in the library's steps: TICKS to 50 %, as many to 75 %, and so on."""
    level = 0.0
    while True:
        yield level
        halves = int(math.log(100 / (100 - level)) / math.log(2)) + 1
        level += 100 / (TICKS * 2**halves)


def distribution(histogram):
    """(value, percentage, count up to it) of each line; the last at 100 %."""
    slots = sorted(histogram.counts)
    wanted = levels()
    level, below = next(wanted), 0
    for slot in slots:
        below += histogram.counts[slot]
        while 100 * below / histogram.count >= level:
            yield hdr.slot_high(slot), level, below
            level = next(wanted)
            if below == histogram.count:
                break
    yield hdr.slot_high(slots[-1]), 100.0, histogram.count


def moments(histogram):
    """Mean and standard deviation as the library computes them, from the slots' middles."""
    middles = [(slot_middle(slot), count) for slot, count in sorted(histogram.counts.items())]
    mean = sum(value * count for value, count in middles) / histogram.count
    square = sum((value - mean) ** 2 * count for value, count in middles) / histogram.count
    return mean, math.sqrt(square)


def fixed(value, digits, width=12):
    """A number as Java's %f has it: halves go up, of the shortest decimal that is this number."""
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{rounded:{width}f}"


def percentile_lines(histogram):
    yield f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}"
    yield ""
    for value_ns, percent, below in distribution(histogram):
        share = percent / 100
        line = f"{fixed(value_ns / NS_PER_UNIT, DIGITS)} {fixed(share, 12)} {below:10d}"
        yield line if percent == 100 else f"{line} {fixed(1 / (1 - share), 2, 14)}"
    mean, deviation = (fixed(value / NS_PER_UNIT, DIGITS) for value in moments(histogram))
    highest = fixed(hdr.slot_high(max(histogram.counts)) / NS_PER_UNIT, DIGITS)
    halves = 2 * hdr.HALF
    yield f"#[Mean    = {mean}, StdDeviation   = {deviation}]"
    yield f"#[Max     = {highest}, Total count    = {histogram.count:12d}]"
    yield (f"#[Buckets = {(HIGHEST_NS // halves).bit_length() + 1:12d}, "
           f"SubBuckets     = {halves:12d}]")


def word(text):
    """A name that is one word in a log, and a file's name."""
    return re.sub(r"[^\w.+-]+", "_", text)


def hgrm(exported):
    """{file name: text}"""
    found = {}
    for one in exported:
        for source, suffix in SUFFIXES.items():
            histogram = figures.histogram(list(one.samples.values()), source)
            if histogram:
                found[f"{word(one.full_name)}{suffix}.hgrm"] = "\n".join(
                    [*percentile_lines(histogram), ""])
    return found


def intervals(exported):
    """(start in seconds since the epoch, tag, length, block of the report)"""
    for one in exported:
        for sample in one.samples.values():
            report = sample["client"]
            window = report["window"]
            start_s = datetime.fromisoformat(report["started_at"]).timestamp() + window["warmup_s"]
            for source, suffix in SUFFIXES.items():
                block = report["latency"].get(source)
                if block and block["count"]:
                    yield start_s, word(one.full_name) + suffix, window["duration_s"], block


def hlog(exported):
    lines = sorted(intervals(exported), key=lambda line: line[:2])
    base_s = math.floor(lines[0][0]) if lines else 0
    when = datetime.fromtimestamp(base_s, timezone.utc).strftime("%a %b %d %H:%M:%S UTC %Y")
    return "\n".join([
        "#[Logged by iobench, values in nanoseconds, Interval_Max in milliseconds]",
        "#[Histogram log format version 1.3]",
        f"#[BaseTime: {base_s:.3f} (seconds since epoch)]",
        f"#[StartTime: {base_s:.3f} (seconds since epoch), {when}]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
        *(f"Tag={tag},{start_s - base_s:.3f},{length_s:.3f},{block['max'] / 1e6:.3f},"
          f"{block['hdr']}" for start_s, tag, length_s, block in lines), ""])
