"""What the parts of the matrix share: how rounds become the figures and texts of a cell."""

from iobench import stats
from iobench.hdr import Histogram
from iobench.table import BLANK

SPREAD_NOTE = ("spread: half of the rounds' max - min. Latency: percentiles of all rounds' "
               "{} together.")


def latency(reports, percentiles):
    """Percentiles of all requests of all rounds; averages of percentiles would mean nothing."""
    merged = Histogram()
    for report in reports:
        service = report["latency"]["service_ns"]
        merged.add(service["hdr"], service["max"])
    found = {name: merged.percentile(percent) for name, percent in percentiles.items()}
    return {"count": merged.count, **found, "max": merged.max}


def cpu_us(uses, requests):
    """uses: objects with user_s and system_s, such as a report's cpu."""
    return sum(use["user_s"] + use["system_s"] for use in uses) * 1e6 / requests


def rates(samples):
    by_round = {number: sample["client"]["rate"]["qps"] for number, sample in samples.items()}
    return stats.spread(by_round.values()) | {"by_round": by_round}


def start(part, cell, samples, failures, errors):
    """What is said of every cell, also of one without a round."""
    return {"part": part, "name": cell.name, **cell._asdict(), "rounds": len(samples),
            "failures": failures, "errors": errors + len(failures)}


def add_ratio(found, baseline):
    """The cell's QPS against the baseline's of the same round."""
    own, base = found["qps"]["by_round"], baseline["qps"]["by_round"]
    ratios = {number: own[number] / base[number] for number in own if number in base}
    if ratios:
        found["ratio"] = {"to": baseline["name"], "shown": stats.is_shown(ratios.values()),
                          **stats.spread(ratios.values()), "by_round": ratios}


def summary(summarise, cells, samples, failures):
    """The cells in order, each with its ratio to the baseline of its group."""
    found = {cell: summarise(cell, samples.get(cell, {}), failures.get(cell, []))
             for cell in cells}
    measured = [cell for cell in cells if cell in samples]
    baselines = {cell.group: cell for cell in measured if cell.is_baseline}
    for cell in measured:
        if baselines.get(cell.group, cell) != cell:
            add_ratio(found[cell], found[baselines[cell.group]])
    return list(found.values())


# ---- texts


def us_text(value_ns):
    return f"{value_ns / 1e3:,.1f}" if value_ns < 1e6 else f"{value_ns / 1e3:,.0f}"


def rate_texts(found):
    """Median and spread."""
    return [f"{found['qps']['median']:,.0f}",
            f"±{found['qps']['spread_percent']:.1f} %" if found["rounds"] > 1 else BLANK]


def ratio_text(found, is_baseline):
    if "ratio" not in found:
        return "1" if is_baseline else BLANK
    return f"{found['ratio']['median']:.2f}" if found["ratio"]["shown"] else "~"
