"""CSV as RFC 4180 has it: a row for each cell and round, as measured, nothing merged.

The columns are the same whatever a set holds, empty where a part has no such thing: first FIXED,
then a column setting_NAME for every setting of any part, then one for every metric, by its name.
"""

import csv
import io

from iobench import figures
from iobench.parts import PARTS

FIXED = ("set", "session", "part", "cell", "round", "started_at", "host", "version", "window_s",
         "requests", "errors", "client_limited")
SETTINGS = tuple(dict.fromkeys(key for part in PARTS.values() for key in part.KEYS))
METRICS = tuple(dict.fromkeys(metric.name for part in PARTS.values() for metric in part.METRICS))
COLUMNS = (*FIXED, *(f"setting_{key}" for key in SETTINGS), *METRICS)


def row(one, number, sample):
    report = sample["client"]
    limited = report.get("client_limited")  # files have no client
    found = {
        "set": one.set_name, "session": one.source.plan["session"], "part": one.cell.part,
        "cell": one.name, "round": number, "started_at": report["started_at"],
        "host": report["host"]["name"], "version": report["version"],
        "window_s": report["window"]["duration_s"], "requests": report["totals"]["requests"],
        "errors": figures.errors([sample]),
        "client_limited": limited if limited is None else str(limited).lower(),
    }
    found |= {f"setting_{key}": value for key, value in one.cell.settings.items()}
    return found | {figure.metric.name: figure.by_round.get(number) for figure in one.figures}


def rows(exported):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for one in exported:
        writer.writerows(row(one, number, sample)
                         for number, sample in sorted(one.samples.items()))
    return out.getvalue()
