"""What a report says in words: numbers with units, headlines, warnings, the environment."""

from iobench import ratios, summary
from iobench.outcomes import DIFFERENT, EQUAL, TOO_FEW, TOO_NOISY, UNCLEAR, equal_text, visible_text
from iobench.pairing import session
from iobench.table import BLANK

MINUS = "\N{MINUS SIGN}"
UNJUDGED = "not judged"
NOT_CONTROLLED = (
    "Not a controlled comparison: these results are of {} machines. What differs between them may "
    "be the hardware, the kernel, the load or the day as well as the I/O model; compare within a "
    "machine.")
NOT_INTERLEAVED = (
    "{} were measured one after the other, not interleaved: the machine may have changed in "
    "between. scripts/compare measures two builds interleaved.")
METRICS = [  # name, what it is called, more of it, less of it
    ("rate", None, "more", "fewer"),
    ("response_p99_ns", "P99 of the response time", "higher", "lower"),
    ("p99_ns", "P99 latency", "higher", "lower"),
    ("server_cpu_us", "server CPU per request", "higher", "lower"),
    ("client_cpu_us", "client CPU per request", "higher", "lower"),
    ("cpu_us", "CPU per operation", "higher", "lower"),
]


# ---- numbers


def number(value, digits=0):
    return BLANK if value is None else f"{value:,.{digits}f}"


def significant(value, digits=3):
    """So many significant digits; whole numbers keep all of theirs."""
    if value is None:
        return BLANK
    if value == 0 or value >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:#.{digits}g}".rstrip(".") if value >= 1e-3 else f"{value:.1e}"


def short(value):
    """117 k, 1.74 M"""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value is not None and value >= size:
            return significant(value / size) + letter
    return significant(value)


def time_text(ns):
    if ns is None:
        return BLANK
    for size, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if ns >= size:
            return f"{significant(ns / size)} {unit}"
    return f"{significant(ns)} ns"


def span(estimate, text):
    """The interval of an estimate; nothing without one."""
    if estimate is None or estimate["low"] is None:
        return ""
    return f"{text(estimate['low'])} to {text(estimate['high'])}"


def change(ratio):
    """+15 %, -3 %, or times when that is easier to read"""
    if ratio >= 2:
        return f"{significant(ratio)} times"
    percent = 100 * (ratio - 1)
    digits = 1 if abs(percent) < 9.95 else 0
    sign = MINUS if percent < 0 else "+"
    return f"{sign}{abs(percent):.{digits}f} %"


def changes(low, high):
    return change(low) if change(low) == change(high) else f"{change(low)} to {change(high)}"


def plural(count, noun):
    return f"{count:,} {noun}{'s' * (count != 1)}"


def rank_text(rank):
    if rank is None:
        return BLANK
    best, worst = rank
    return f"{best}" if best == worst else f"{best}\N{EN DASH}{worst}"


def remarks(row):
    """What to know of a cell before trusting it."""
    rounds = row["rounds"]
    texts = [row["void"], row["errors"] and plural(row["errors"], "error"),
             row["failures"] and f"{plural(row['failures'], 'run')} failed",
             row["client_limited"] and f"client-limited in {row['client_limited']} of {rounds}",
             row["unsteady"] and f"not steady in {row['unsteady']} of {rounds}"]
    return "; ".join(text for text in texts if text)


# ---- headlines


def compared(part, metric):
    """{(set, model, baseline): [(load, ratio in one metric)]}"""
    found = {}
    for load in part["loads"]:
        answers = any(row["ratios"].get("response_p99_ns") for row in load["rows"])
        if metric == "rate" and load["open"] or metric == "p99_ns" and answers:
            continue  # the schedule sets the rate; a user sees the response time
        for row in load["rows"]:
            ratio = row["ratios"].get(metric)
            if ratio:
                key = row["set"], row["model"], row["baseline"]
                found.setdefault(key, []).append((load, ratio))
    return found


def not_different(ratio):
    """In words; what would have been seen is one figure or a range, see seen()."""
    if ratio["outcome"] == EQUAL:
        return equal_text(ratio["margin"])
    if ratio["outcome"] == UNCLEAR:
        return TOO_FEW if ratio["visible"] is None else TOO_NOISY
    return f"{UNJUDGED} ({change(ratio['ratio'])})"


def seen(some):
    """What the rounds would have shown, of ratios that it was too noisy to tell."""
    found = [ratio["visible"] for ratio in some if ratio["visible"] is not None]
    if not found or some[0]["outcome"] != UNCLEAR:
        return ""
    low, high = visible_text(min(found)), visible_text(max(found))
    return f" (would have seen {low if low == high else f'{low} to {high}'})"


def one_outcome(ratio, more, less):
    within = span(ratio, change)
    if ratio["outcome"] == EQUAL:
        return f"{not_different(ratio)} ({within})"
    if ratio["outcome"] not in DIFFERENT:
        return not_different(ratio) + seen([ratio])
    word = more if ratio["ratio"] > 1 else less
    return f"{word} ({change(ratio['ratio'])}; {within})"


def every(total):
    return "both loads" if total == 2 else f"all {total} loads"


def some_outcome(word, some, total):
    """Where, if that is one load alone; else in how many, and from what to what."""
    far = sorted(ratio["ratio"] for _, ratio in some)
    if len(some) == 1 < total:
        return f"{word} at {some[0][0]['short']} ({change(far[0])})"
    where = every(total) if len(some) == total else f"{len(some)} of {total} loads"
    return f"{word} in {where} ({changes(far[0], far[-1])})"


def rest_outcomes(rest, total):
    """Of the loads without a difference: how many of each kind."""
    kinds = {}
    for _, ratio in rest:
        kinds.setdefault(not_different(ratio), []).append(ratio)
    return [f"{kind} in {every(total) if len(some) == total else len(some)}{seen(some)}"
            for kind, some in sorted(kinds.items())]


def outcome(pairs, more, less):
    """Of a model's loads: in how many it differs, how far, and what is said of the others."""
    if len(pairs) == 1:
        return one_outcome(pairs[0][1], more, less)
    shown = [pair for pair in pairs if pair[1]["outcome"] in DIFFERENT]
    above = [pair for pair in shown if pair[1]["ratio"] > 1]
    below = [pair for pair in shown if pair[1]["ratio"] < 1]
    texts = [some_outcome(word, some, len(pairs))
             for word, some in ((more, above), (less, below)) if some]
    rest = [pair for pair in pairs if pair not in shown]
    return ", ".join(texts + rest_outcomes(rest, len(pairs)))


def headlines(part, sets):
    """{who against whom: [(metric, what came of it)]}, the rate first."""
    made = {}
    for name, title, more, less in METRICS:
        if name == "rate":
            title, more, less = None, f"{more} {part['unit']}", f"{less} {part['unit']}"
        for (index, model, baseline), pairs in compared(part, name).items():
            where = f"{sets[index].label}: " if len(sets) > 1 else ""
            made.setdefault(f"{where}{model} against {baseline}", []).append(
                (title, outcome(pairs, more, less)))
    return made


def in_short(texts):
    """Of one headline the rate and CPU time, which duets tell; else, in an open loop, the first."""
    some = [(title, text) for title, text in texts if not title or "CPU" in title]
    return "; ".join(f"{title}: {text}" if title else text for title, text in some or texts[:1])


def titles(outcomes):
    """Of the metrics of headlines, None for the rate, in the order of METRICS."""
    found = {title for texts in outcomes.values() for title, _ in texts}
    return [title for _, title, _, _ in METRICS if title in found]


def all_ratios(part):
    return [ratio for load in part["loads"] for row in load["rows"]
            for ratio in row["ratios"].values() if ratio]


def certainty(part):
    """How sure a part's headlines are."""
    found = all_ratios(part)
    if not found:
        return "Nothing can be compared: there is one sound result under each load."
    rounds = [ratio["rounds"] for ratio in found]
    least, most = min(rounds), max(rounds)
    text = f"{least} to {most} rounds each" if least != most else f"{plural(least, 'round')} each"
    if all(ratio["outcome"] == UNCLEAR and ratio["visible"] is None for ratio in found):
        return f"{text}: too few to show anything."
    return f"{text}. {ratios.guarantee(part['judged_together'])}".rstrip(". ") + "."


# ---- warnings and environment


def machine(found):
    host = found.host() or {}
    return tuple(str(host.get(name)) for name in ("name", "os", "cpu_model", "cpus_online"))


def cautions(sets):
    """About the comparison of sets with one another."""
    known = [found for found in sets if found.host()]
    machines = {machine(found) for found in known}
    made = [NOT_CONTROLLED.format(len(machines))] if len(machines) > 1 else []
    for one in machines:
        here = [found for found in known if machine(found) == one]
        sessions = {session(found) or object() for found in here}
        if len(here) > 1 and len(sessions) > 1:
            made.append(NOT_INTERLEAVED.format(" and ".join(found.label for found in here)))
    return made


def warnings(sets, problems):
    """[(serious, text)]"""
    made = [(True, text) for text in cautions(sets)]
    made += [(True, f"Not read: {text}") for text in problems]
    made += [(True, text) for text in [ratios.MISSING] if text]
    for found in sets:
        where = f"{found.label}: " if len(sets) > 1 else ""
        remarked = found.plan["remarks"] if isinstance(found.plan["remarks"], list) else []
        texts = [*map(str, remarked),
                 *(f"left out: {name}: {why}" for name, why in found.left_out.items()),
                 *(f"in {count} of {found.runs()} runs: {text}"
                   for text, count in found.warnings())]
        made += [(False, where + text) for text in texts]
    return made


def between(values, text):
    values = [value for value in values if value is not None]
    if not values:
        return BLANK
    low, high = text(min(values)), text(max(values))
    return low if low == high else f"{low} to {high}"


def pinning(found):
    if session(found) is None:
        return "not known (single reports)"
    return summary.where(found.plan["cpus"])


def rounds(found):
    """How often and how long, of the parts together if they are alike."""
    by_text = {}
    for part in found.parts():
        by_text.setdefault(summary.timings(found, part), []).append(part.NAME)
    if len(by_text) == 1:
        return next(iter(by_text))
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in by_text.items())


def environment(found):
    """[(what, text)] of one set."""
    reports = found.reports()
    host = found.host() or {}

    def known(name):
        return str(BLANK if host.get(name) is None else host[name])

    def everywhere(name):
        return [report["host"].get(name) for report in reports]

    memory = host.get("memory_bytes")
    return [
        ("machine", known("name")),
        ("system", f"{known('os')} {known('arch')}"),
        ("distribution", known("distribution")),
        ("processor", f"{known('cpu_model')}, {known('cpus_online')} CPUs"),
        ("memory", f"{memory / (1 << 30):.1f} GiB" if memory else BLANK),
        ("virtualisation", known("virtualisation")),
        ("frequency governor", known("governor")),
        ("clock source", known("clock_source")),
        ("load before runs", between(everywhere("load_1m"), lambda value: f"{value:.1f}")),
        ("CPU time stolen", between(everywhere("steal_percent"), lambda value: f"{value:.1f} %")),
        ("pinning", pinning(found)),
        ("rounds", rounds(found)),
        ("version", ", ".join(sorted({str(report.get("version")) for report in reports}))),
        ("measured", str(found.plan["created_at"])),
    ]


def platform(found):
    host = found.host() or {}
    return " ".join(str(host[name]) for name in ("os", "arch") if host.get(name)) or BLANK


NOTES = [
    "Rank: the places by rate that the data allow; what they do not separate shares its places. "
    "The pairs of a load are judged together, and apart from all ratios.",
    "Intervals: 95 % bootstrap intervals of the median over rounds; of fewer than six rounds "
    "little more than their range.",
    "Average: payload of both directions, MiB/s (2^20 bytes), median of the rounds; peak: the best "
    "reporting interval of any round. Stability: half of the rounds' max \N{MINUS SIGN} min.",
    "Latency: percentiles of all rounds' requests together; none with fewer than ten requests "
    "beyond it.",
    ratios.RULE,
]
