"""report.md: compact, for the comment of a pull request or the summary of a job."""

from iobench.outcomes import DIFFERENT
from iobench.report import words
from iobench.table import BLANK, escaped

MOST_ROWS = 24  # a longer table is folded
MOST_WARNINGS = 8


def line(*texts):
    return "| " + " | ".join(texts) + " |"


def with_interval(estimate, text):
    if estimate is None:
        return BLANK
    within = words.span(estimate, text)
    return text(estimate["median"]) + (f" ({within})" if within else "")


def ratio_text(row, of="rate"):
    """Of the metric of that name, or of the first whose name ends with it."""
    ratio = next((one for name, one in row["ratios"].items() if name.endswith(of)), None)
    if row["is_baseline"]:
        return "1"
    if not ratio:
        return BLANK
    return f"**{ratio['text']}**" if ratio["outcome"] in DIFFERENT else ratio["text"]


def cpu_text(row):
    return " / ".join(words.significant(one["median"]) for one in row["cpu"].values()) or BLANK


def cpu_heading(part):
    ends = next((row["cpu"] for load in part["loads"] for row in load["rows"] if row["cpu"]), {})
    return f"CPU µs per request ({' / '.join(ends)})" if len(ends) > 1 else "CPU µs per operation"


def percentile(row, name):
    return words.time_text(((row["latency"] or {}).get("percentiles") or {}).get(name))


def row_line(part, row, platforms):
    spread = row["spread_percent"]
    return line(
        words.rank_text(row["rank"]), escaped(platforms[row["set"]]), escaped(row["model"]),
        with_interval(row["rate"], words.short),
        words.significant(row["throughput"]["average"]),
        words.significant(row["throughput"]["peak"]),
        BLANK if spread is None else f"±{spread:.1f} %",
        percentile(row, "P50"), percentile(row, "P99"), cpu_text(row),
        words.remarks(row), ratio_text(row), ratio_text(row, "cpu_us"))


def part_table(part, platforms):
    baseline = part["loads"][0]["rows"][0]["baseline"]
    columns = ["rank", "platform", "I/O model", part["unit"], "average MiB/s", "peak MiB/s",
               "stability", "P50", "P99", cpu_heading(part), "remarks",
               f"rate to {escaped(baseline)}", f"CPU to {escaped(baseline)}"]
    made = [line(*columns), line("---:", ":---", ":---", *["---:"] * (len(columns) - 3))]
    for load in part["loads"]:
        made.append(line("", f"**{escaped(load['heading'])}**", *[""] * (len(columns) - 2)))
        rows = sorted(load["rows"], key=lambda row: -row["rate"]["median"])
        made += [row_line(part, row, platforms) for row in rows]
    return made


def part_lines(part, sets, platforms):
    made = ["", f"## {part['title']}", ""]
    for who, texts in words.headlines(part, sets).items():
        said = [f"{title}: {escaped(text)}" if title else f"**{escaped(text)}**"
                for title, text in texts]
        made.append(f"- {escaped(who)}: {'; '.join(said)}")
    made += ["", f"*{words.certainty(part)}*", ""]
    table = part_table(part, platforms)
    if len(table) > MOST_ROWS:
        return [*made, "<details><summary>Table</summary>", "", *table, "", "</details>"]
    return made + table


def environment_lines(sets):
    tables = [words.environment(found) for found in sets]
    labels = [escaped(found.label) for found in sets]
    made = ["", "## Environment", "", line("", *labels), line(":---", *[":---"] * len(sets))]
    for members in zip(*tables):
        made.append(line(members[0][0], *(escaped(text) for _, text in members)))
    return made


def warning_lines(found):
    bullets = [f"- {'⚠ ' * serious}{escaped(text)}" for serious, text in found]
    if len(bullets) <= MOST_WARNINGS:
        return bullets
    serious = sum(serious for serious, _ in found)
    first = bullets[:max(serious, 3)]
    rest = bullets[len(first):]
    return [*first, "", f"<details><summary>{len(rest)} more</summary>", "", *rest, "",
            "</details>"] if rest else first


def text(model):
    """The whole file."""
    sets = model["sets"]
    made = ["# I/O benchmark: " + ", ".join(escaped(found.label) for found in sets)]
    if model["warnings"]:
        made += ["", *warning_lines(model["warnings"])]
    for part in model["parts"]:
        made += part_lines(part, sets, model["platforms"])
    made += environment_lines(sets)
    made += ["", *(f"- {escaped(note)}" for note in words.NOTES), ""]
    return "\n".join(made)
